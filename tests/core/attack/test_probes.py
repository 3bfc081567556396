"""Each probe of a process that was taken over comes to nothing behind the sandbox, and does what it is after
without it."""

import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest
from unguarded import probed

from pocketvisor.attack.kinds import RUNS, Way

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls by x86-64's numbers")

PROBES = [(run.kind.name, run.command) for run in RUNS if run.way is Way.PROBE]


@pytest.fixture(scope="module")
def target() -> Iterator[int]:
    """A process that is none of the attacker's business."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


@pytest.mark.parametrize(("name", "module"), PROBES)
def test_it_is_held(name: str, module: str, target: int) -> None:
    told = probed(module, name, confined=True, target=target)
    assert told.attempts >= 5
    assert (told.reached, told.sentence) == (0, "")


@pytest.mark.parametrize(("name", "module"), PROBES)
def test_without_the_sandbox_it_succeeds(name: str, module: str, target: int) -> None:
    """Each system call there is would do harm: those that do none stand for them."""
    name = "harmless-calls" if name == "system-calls" else name
    told = probed(module, name, confined=False, target=target)
    assert told.reached > 0
    assert told.sentence


def test_a_process_with_other_threads_outlives_its_forks(target: int) -> None:
    """As a guest's process is one: in a fork of it nobody gives Python's lock back. In some containers a
    sixth is refused: those that want namespaces of their own."""
    told = probed("processes", "forks", confined=False, target=target, busy=True)
    assert (told.attempts, told.reached) in ((96, 96), (96, 80))


def test_what_a_call_reaches_is_told(target: int) -> None:
    told = probed("files", "files", confined=False, target=target)
    assert told.sentence == "open / worked"
    assert told.reached + sum(told.stopped_by.values()) == told.attempts
