"""What installs the system's packages for make: it waits for what passes, and for nothing else.

apt-get and its like are programs of these tests, as the real ones change the machine.
"""

import os
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "tools" / "need-packages"
BUSY = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"
AWAY = "W: Failed to fetch file:/lists: Temporary failure resolving"
UNKNOWN = "E: Unable to locate package thing"


class Machine:
    """A Debian on which nothing is installed."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._asked = folder / "asked"
        self._program("dpkg-query", "exit 1")
        self._program("id", "echo 0")
        self._program("sleep", f'echo "sleep $1" >> {self._asked}')

    def answers(self, **said: list[str]) -> None:
        """What apt-get's verbs say, one call after the other; then they do it, without a word."""
        for verb, sentences in said.items():
            for number, sentence in enumerate(sentences, 1):
                (self._bin / f"{verb}.{number}").write_text(sentence + "\n")
        self._program(
            "apt-get",
            f"""for verb; do case $verb in install | update) break ;; esac; done
            echo $verb >> {self._asked}
            said={self._bin}/$verb.$(grep -c $verb {self._asked})
            [ ! -e $said ] || {{ cat $said; exit 100; }}""",
        )

    def needs(self, package: str = "thing") -> subprocess.CompletedProcess[str]:
        path = f"{self._bin}:{os.environ['PATH']}"
        return subprocess.run(
            [PROGRAM, "a test", package],
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def asked(self) -> list[str]:
        return self._asked.read_text().splitlines()

    def _program(self, name: str, script: str) -> None:
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_lists_are_fetched_only_where_what_is_there_does_not_do(machine: Machine) -> None:
    machine.answers()
    assert machine.needs().returncode == 0
    assert machine.asked == ["install"]


def test_stale_lists_are_fetched_anew(machine: Machine) -> None:
    machine.answers(install=[UNKNOWN])
    assert machine.needs().returncode == 0
    assert machine.asked == ["install", "update", "install"]


@pytest.mark.parametrize("problem", [BUSY, AWAY])
def test_lists_that_somebody_reads_or_a_network_that_is_away_are_waited_for(
    machine: Machine, problem: str
) -> None:
    machine.answers(install=[UNKNOWN, UNKNOWN, UNKNOWN], update=[problem])
    assert machine.needs().returncode == 0
    assert machine.asked == ["install", "update", "install", "sleep 5", "install", "update", "install"]


def test_a_download_that_breaks_off_begins_anew(machine: Machine) -> None:
    machine.answers(install=[AWAY, AWAY])
    assert machine.needs().returncode == 0
    assert machine.asked == ["install", "update", "install", "sleep 5", "install"]


def test_a_package_that_is_nowhere_is_said_at_once(machine: Machine) -> None:
    machine.answers(install=[UNKNOWN] * 9)
    ran = machine.needs()
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [UNKNOWN, "apt-get could not install thing; a test needs it"]
    assert machine.asked == ["install", "update", "install"]


def test_a_network_that_stays_away_is_given_up(machine: Machine) -> None:
    machine.answers(install=[AWAY] * 9, update=[AWAY] * 9)
    assert machine.needs().returncode == 1
    assert machine.asked.count("update") == 3
    assert [line for line in machine.asked if line.startswith("sleep")] == ["sleep 5", "sleep 20"]
