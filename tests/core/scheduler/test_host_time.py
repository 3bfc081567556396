"""What this computer gave a thread, as the kernel counts it."""

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from pocketvisor.scheduler import host_time
from pocketvisor.scheduler.host_time import HostClock


def _ran_ns() -> int:
    return time.thread_time_ns()


def _work(ns: int) -> None:
    until = _ran_ns() + ns
    while _ran_ns() < until:
        pass


def test_a_thread_is_told_from_the_others_by_what_it_ran() -> None:
    ready, done, ran = threading.Event(), threading.Event(), [0]

    def worker() -> None:
        _work(200_000_000)
        ran[0] = _ran_ns()
        ready.set()
        done.wait()

    thread = threading.Thread(target=worker)
    thread.start()
    ready.wait()
    clock = HostClock()
    found = clock.read(os.getpid(), ran[0])
    done.set()
    thread.join()
    assert found is not None
    assert abs(found.ran_ns - ran[0]) < 20_000_000 and found.turns > 0
    own = clock.main()
    assert own is not None and own.turns > 0
    clock.close()


_SHARES_A_CORE = """
import os, select, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(flush=True)
if sys.argv[1] == "works":
    input()
    while time.process_time_ns() < 600_000_000: pass
else:
    while not select.select([0], [], [], 0)[0]: pass
print(time.process_time_ns(), flush=True)
sys.stdin.read()
"""


def test_two_that_share_a_core_wait_for_each_other() -> None:
    """One works from before the other begins until after that is through."""
    command = [sys.executable, "-c", _SHARES_A_CORE]
    two = [subprocess.Popen([*command, how], stdin=-1, stdout=-1, text=True) for how in ("spins", "works")]
    try:
        for process in two:
            assert process.stdout is not None and process.stdout.readline() == "\n"
        for process in reversed(two):
            assert process.stdout is not None and process.stdin is not None
            print(file=process.stdin, flush=True)
            ran = int(process.stdout.readline())
            clock = HostClock()
            found = clock.read(process.pid, ran)
            clock.close()
            assert found is not None and found.waited_ns > 100_000_000
    finally:
        for process in two:
            process.communicate(timeout=60)


def test_a_thread_knows_how_long_it_stood_in_line() -> None:
    core = min(os.sched_getaffinity(0))
    script = f"import os; os.sched_setaffinity(0, {{{core}}}); print(flush=True)\nwhile True: pass\n"
    other = subprocess.Popen([sys.executable, "-c", script], stdout=-1)
    waits: list[float] = []

    def worker() -> None:
        os.sched_setaffinity(0, {core})  # this thread's alone
        before = host_time.stood_in_line()
        _work(300_000_000)
        waits.append(host_time.stood_in_line() - before)

    try:
        assert other.stdout is not None
        other.stdout.readline()
        thread = threading.Thread(target=worker)
        thread.start()
        thread.join()
    finally:
        other.kill()
        other.communicate()
    assert waits[0] > 0.05


@pytest.mark.parametrize("at", range(6))
def test_who_stands_in_line_between_the_two_readings_took_no_time(
    monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Somebody else has the processor for two seconds, just before one of the readings of either clock."""
    readings, waited = 0, 0.0

    def passes() -> float:
        nonlocal readings, waited
        waited += 2.0 * (readings == at)
        readings += 1
        return waited

    monkeypatch.setattr(host_time, "stood_in_line", passes)
    monkeypatch.setattr(host_time, "time", SimpleNamespace(monotonic=lambda: 100.0 + passes()))
    assert [host_time.own_time() for _ in range(3)] == [100.0] * 3


def test_a_process_that_is_gone_is_not_known() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1)
    clock = HostClock()
    process.communicate(b"\n", timeout=20)
    assert clock.read(process.pid, 10**9) is None
    assert clock.read(0, 10**9) is None


def test_one_that_lies_about_itself_is_not_looked_for_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[int] = []
    monkeypatch.setattr(host_time, "_vcpu_of", lambda pid, ran: searches.append(pid) or -1)
    clock = HostClock()
    for _ in range(100):
        assert clock.read(os.getpid(), 1 << 60) is None
    assert len(searches) <= 5
