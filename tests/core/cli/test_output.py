"""Standard output that cannot be written: exit code and sentence are ours, not those of Python's end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "pocketvisor.cli"]
FULL = Path("/dev/full")


def ran(stdout: int, *arguments: str) -> tuple[int, str]:
    """With an output that Python keeps until its end, as it does unless it is told otherwise."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=os.environ | {"PYTHONUNBUFFERED": ""},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", [("--version",), ("guests", "list", "--json")], ids=" ".join)
def test_nobody_reads_it(arguments: tuple[str, ...]) -> None:
    """As behind `| head`: no complaint."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert ran(writing, *arguments) == (1, "")
    finally:
        os.close(writing)


@pytest.mark.skipif(not FULL.exists(), reason="this machine has no /dev/full")
@pytest.mark.parametrize("arguments", [("--version",), ("guests", "list", "--json")], ids=" ".join)
def test_there_is_no_room_for_it(arguments: tuple[str, ...]) -> None:
    with FULL.open("wb") as full:
        code, said = ran(full.fileno(), *arguments)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("pocketvisor: ") and "No space left on device" in said


def test_an_error_is_told_though_nobody_reads_the_answer() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        code, said = ran(writing, "run", "no-such-guest", "--headless")
    finally:
        os.close(writing)
    assert code == 1 and said.startswith("pocketvisor: There is no guest 'no-such-guest'")
