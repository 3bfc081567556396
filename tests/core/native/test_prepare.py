"""An engine opened ahead is as good as one opened for its machine, in forks too."""

import os

import pytest
from native_machines import COUNT_FOREVER, Guest

from pocketvisor import _native

pytestmark = pytest.mark.guest_process


def state() -> tuple[dict[str, int], int]:
    """Of a guest that ran a while in a machine made now."""
    guest = Guest(COUNT_FOREVER, deterministic=True, skip_idle=True)
    assert guest.machine.run(1_000_001) == _native.RUN_LIMIT
    ended = guest.machine.registers(), guest.machine.ticks()
    guest.close()
    return ended


def test_the_next_machine_and_those_after_it_run_alike() -> None:
    usual = state()
    _native.prepare()
    _native.prepare()  # one is enough
    assert [state(), state()] == [usual, usual]


def test_each_fork_has_it_as_its_own() -> None:
    usual = state()
    _native.prepare()
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if state() == state() == usual else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert state() == usual
