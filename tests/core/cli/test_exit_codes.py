"""A program's exit code, told by semihosting, is that of `pocketvisor run`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = shutil.which("arm-none-eabi-gcc")
_FLAGS = (
    *("-march=armv7-a", "-mfloat-abi=soft", "--specs=rdimon.specs"),
    *("-Wl,-Ttext-segment=0x40010000", "-Wl,--section-start=.init=0x40010000"),
)
SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    char *room = malloc(1 << 20);
    if (!room || argc != 3)
        return 99;
    memset(room, 1, 1 << 20);
    fprintf(stderr, "%s and %s\n", argv[1], argv[2]);
    if (fopen("/etc/passwd", "r"))
        return 98;
    return atoi(argv[2]);
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as programs for QEMU's semihosting are, but for the address."""
    if COMPILER is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    folder = tmp_path_factory.mktemp("program")
    (folder / "main.c").write_text(SOURCE)
    done = subprocess.run(
        [COMPILER, *_FLAGS, "main.c", "-o", "main.elf"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"there is no newlib for it: {done.stderr[-300:]}")
    return folder / "main.elf"


def run(program: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pocketvisor.cli", "run", "--headless", "--elf", str(program)]
    return subprocess.run(
        [*command, "--timeout", "30", "--rate", "max", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("code", [0, 7, 255])
def test_a_programs_exit_code_is_the_commands(program: Path, code: int) -> None:
    done = run(program, "--semihosting", "--append", f"code {code}")
    assert done.returncode == code, done.stderr
    assert f"code and {code}" in done.stdout


def test_the_same_run_ends_at_the_same_tick(program: Path) -> None:
    ends = set()
    for _ in range(2):
        done = run(program, "--semihosting", "--append", "code 3", "--deterministic", "--json")
        [guest] = json.loads(done.stdout)["guests"]
        assert (done.returncode, guest["reason"], guest["code"]) == (3, "exit", 3)
        ends.add(guest["ticks"])
    assert len(ends) == 1


@pytest.mark.parametrize("exact", [(), ("--deterministic",)])
def test_a_replay_knows_what_the_recorded_run_was(
    program: Path, tmp_path: Path, exact: tuple[str, ...]
) -> None:
    """Whether its calls were answered, and whether it was a deterministic one, which another tree tells."""
    record = str(tmp_path / "record")
    line = ("--append", "code 5")
    first = run(program, "--semihosting", *exact, *line, "--record", record, "--digest", "--json")
    again = run(program, *line, "--replay", record, "--digest", "--json")
    assert (first.returncode, again.returncode) == (5, 5), again.stderr
    [was], [now] = (json.loads(done.stdout)["guests"] for done in (first, again))
    assert (now["ticks"], now["digest"], now["code"]) == (was["ticks"], was["digest"], 5)


def test_a_code_that_a_process_cannot_have_is_still_a_failure(program: Path) -> None:
    done = run(program, "--semihosting", "--append", "code 256", "--json")
    [guest] = json.loads(done.stdout)["guests"]
    assert (done.returncode, guest["code"]) == (1, 256)


def test_without_being_asked_for_there_is_none(program: Path) -> None:
    done = run(program, "--append", "code 7", "--timeout", "2")
    assert done.returncode == 16
    assert "code and" not in done.stdout
