"""The images in the repository are what their sources give, and are what guest.toml says they are."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from pocketvisor.api import catalogue

SOURCES = Path(__file__).parents[2] / "sample_guests"
GUESTS = ("personal", "work", "hostile", "keys", "template", "bench_mmio", "self_test")
LARGEST = 400_000
WRITE, EXECUTE = 2, 1


def recorded_toolchain() -> str:
    found = re.search(r"(?m)^TOOLCHAIN = (\S+)$", (SOURCES / "Makefile").read_text())
    assert found, "the Makefile names the compiler of the images"
    return found[1]


def installed_toolchain() -> str:
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        return ""
    version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, timeout=120)
    return version.stdout.strip()


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wanted, installed = recorded_toolchain(), installed_toolchain()
    if installed != wanted:
        pytest.skip(f"needs arm-none-eabi-gcc {wanted}, and there is {installed or 'none'}")
    folder = tmp_path_factory.mktemp("sample_guests")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    command = ["make", "-s", "-j2", "-C", str(SOURCES), f"BUILD={folder}"]
    subprocess.run(command, check=True, capture_output=True, timeout=600, env=environment)
    return folder


@pytest.mark.parametrize("guest", GUESTS)
def test_the_image_is_rebuilt_byte_for_byte(rebuilt: Path, guest: str) -> None:
    built, held = (rebuilt / f"{guest}.elf").read_bytes(), (SOURCES / guest / f"{guest}.elf").read_bytes()
    assert built == held, "the sources changed: make -C sample_guests install"


@pytest.mark.parametrize("guest", GUESTS)
def test_the_image_is_in_the_catalogue_with_its_digest(guest: str) -> None:
    entry = catalogue()[guest]
    entry.check()
    digest = hashlib.sha256((SOURCES / guest / f"{guest}.elf").read_bytes()).hexdigest()
    assert entry.digests["elf"] == f"sha256:{digest}"


@pytest.mark.parametrize("guest", GUESTS)
def test_the_image_is_small_and_stripped(guest: str) -> None:
    path = SOURCES / guest / f"{guest}.elf"
    assert path.stat().st_size < LARGEST
    with path.open("rb") as file:
        names = [section.name for section in ELFFile(file).iter_sections()]
    assert not [name for name in names if name.startswith((".debug", ".symtab", ".note", ".comment"))]


@pytest.mark.parametrize("guest", [guest for guest in GUESTS if guest != "template"])
def test_nothing_is_both_writable_and_executable(guest: str) -> None:
    """The template is left out: it runs with the MMU off, where rights mean nothing."""
    with (SOURCES / guest / f"{guest}.elf").open("rb") as file:
        flags = [
            segment["p_flags"] for segment in ELFFile(file).iter_segments() if segment["p_type"] == "PT_LOAD"
        ]
    assert flags
    assert not [flag for flag in flags if flag & WRITE and flag & EXECUTE]
