"""The repository itself: small files, nothing of one person's machine, every package in the build."""

import os
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LARGEST_FILE = 2 * 1024 * 1024
LONGEST_SOURCE = 500

SOURCES = (".py", ".pyi", ".c", ".h", ".S", ".inc", ".toml", ".md", ".sh", ".ld", "Makefile", "run")
# Hosts that texts may name: where a licence is from, or a name that is kept for examples.
ALLOWED_HOSTS = ("fsf.org", "gnu.org", "scripts.sil.org", "openfontlicense.org", "rsms.me")
ALLOWED_HOSTS += ("example.org", "mirror.example", "www.freedesktop.org", "www.w3.org")
HOST = re.compile(r"\b(?:https?|ftp|git|ssh)://([A-Za-z0-9.-]+)", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.<{$)])(/home/(?!phone\b)\w+|/root/|/Users/|/work/)")


def tracked() -> list[Path]:
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60)
    if run.returncode:
        pytest.skip("this is no git repository")
    return [path for name in run.stdout.split(b"\0") if name and (path := ROOT / os.fsdecode(name)).is_file()]


def sources() -> list[Path]:
    return [path for path in tracked() if path.name.endswith(SOURCES)]


def test_no_file_is_large() -> None:
    large = {str(path): size for path in tracked() if (size := path.stat().st_size) > LARGEST_FILE}
    assert not large


def test_a_source_can_be_read_in_one_sitting() -> None:
    data = {"font_data.c", "uv.lock"}
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if path.suffix in (".py", ".c", ".h") and path.name not in data
        if (lines := path.read_bytes().count(b"\n")) > LONGEST_SOURCE
    }
    assert not long


def test_no_source_names_a_host_or_a_path_of_one_machine() -> None:
    found = []
    for path in sources():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(ROOT)}:{number}"
            for host in HOST.findall(line):
                if not host.lower().endswith((*ALLOWED_HOSTS, "localhost")):
                    found.append(f"{where}: names the host {host}")
            if path != Path(__file__) and MACHINE_PATH.search(line):
                found.append(f"{where}: {line.strip()}")
    assert not found


def test_nothing_built_is_tracked() -> None:
    built = [str(path) for path in tracked() if path.suffix in (".so", ".o", ".pyc", ".d", ".whl", ".deb")]
    assert not built


def test_every_package_is_in_the_build() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {"pocketvisor.resources", "pocketvisor.sample_guests"}
    for top in (ROOT / "core" / "pocketvisor", ROOT / "workbench" / "pocketvisor_workbench"):
        for path in top.rglob("__init__.py"):
            found.add(".".join(path.parent.relative_to(top.parent).parts))
    assert set(settings["packages"]) == found


def test_test_modules_have_names_of_their_own() -> None:
    """pytest imports them by name alone: of two with the same name, one would hide the other."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for top in ("core/pocketvisor", "workbench/pocketvisor_workbench")
        for path in (ROOT / top).rglob("*.py")
        if not path.read_text().startswith(('"""', 'r"""'))
    ]
    assert not silent


def test_links_in_documents_lead_somewhere() -> None:
    lost = []
    for path in tracked():
        if path.suffix == ".md":
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
                if "://" not in target and not (path.parent / target).exists():
                    lost.append(f"{path.relative_to(ROOT)}: {target}")
    assert not lost
