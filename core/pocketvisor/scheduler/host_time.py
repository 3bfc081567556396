"""What this computer gives a guest: its vCPU's time on a core, and the time that it waited for one.

Linux counts both for every thread, so a guest's process has no say in it. Where it does not tell, nothing
waits as far as anybody knows.
"""

import os
import threading
import time
from typing import Final

from msgspec import Struct

_TASKS_MOST: Final = 64
_FIELDS: Final = 96
_OFF_NS: Final = 60_000_000
"""Farther from what the vCPU says it ran, and it is another thread."""
_LOOKS: Final = 25
"""Between two searches: a process may say that its vCPU ran what none of its threads did."""
_TOLD_NS: Final = 20_000_000
"""A thread that ran less is not told from the others yet."""


class HostTime(Struct, frozen=True):
    """Since the thread began. `turns`: how often it was given a core."""

    ran_ns: int = 0
    waited_ns: int = 0
    turns: int = 0


def stood_in_line() -> float:
    """For how many seconds this thread was ready to run, so far, and others had the processors."""
    fd = _open(os.getpid(), threading.get_native_id())
    try:
        figures = _read(fd)
    finally:
        if fd >= 0:
            os.close(fd)
    return figures.waited_ns / 1e9 if figures is not None else 0.0


def own_time() -> float:
    """Seconds by a clock of this thread that stands while it is ready to run and others have the processors.

    Whoever has to stand in line just between the two readings takes them again: what it waited there would be
    missing from one of them, and be counted as the thread's own."""
    while True:
        waited = stood_in_line()
        now = time.monotonic()
        if stood_in_line() == waited:
            return now - waited


class OthersInLine:
    """How long this process's other threads, together, were ready to run while others had the processors."""

    def __init__(self) -> None:
        self._waited = _others_waited()

    def waited(self) -> float:
        """Seconds, since the last call."""
        before, self._waited = self._waited, _others_waited()
        return sum(max(ns - before.get(task, 0), 0) for task, ns in self._waited.items()) / 1e9


def _others_waited() -> dict[int, int]:
    """Nanoseconds, by thread."""
    own, found = threading.get_native_id(), {}
    for name in os.listdir("/proc/self/task"):
        if (task := int(name)) == own or (fd := _open(os.getpid(), task)) < 0:
            continue
        figures = _read(fd)
        os.close(fd)
        if figures is not None:
            found[task] = figures.waited_ns
    return found


class HostClock:
    """Of one guest, from process to process: its vCPU's thread, and the one that input comes through.
    close() lets its files go."""

    def __init__(self) -> None:
        self._pid = 0
        self._vcpu = self._main = -1
        self._patience = 0

    def read(self, pid: int, vcpu_ns: int) -> HostTime | None:
        """The vCPU's. `vcpu_ns`: about what it ran, by which it is told from the others. None: not known."""
        if pid != self._pid:
            self.close()
            self._pid = pid
        if not pid:
            return None
        self._patience = max(self._patience - 1, 0)
        if self._vcpu < 0 and not self._patience:
            self._vcpu = _vcpu_of(pid, vcpu_ns)
            self._patience = _LOOKS
        time = _read(self._vcpu)
        if time is not None and abs(time.ran_ns - vcpu_ns) > _OFF_NS:
            os.close(self._vcpu)
            self._vcpu, time = -1, None
        return time

    def main(self) -> HostTime | None:
        """The thread's that hears the handset, for the process that read() was asked for."""
        if self._main < 0 and self._pid:
            self._main = _open(self._pid, self._pid)
        return _read(self._main)

    def close(self) -> None:
        for fd in (self._vcpu, self._main):
            if fd >= 0:
                os.close(fd)
        self._pid, self._vcpu, self._main, self._patience = 0, -1, -1, 0


def _open(pid: int, task: int) -> int:
    try:
        return os.open(f"/proc/{pid}/task/{task}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def _read(fd: int) -> HostTime | None:
    try:
        ran, waited, turns = os.pread(fd, _FIELDS, 0).split()
        return HostTime(int(ran), int(waited), int(turns))
    except (OSError, ValueError):  # the thread has ended, or this kernel keeps no count
        return None


def _vcpu_of(pid: int, vcpu_ns: int) -> int:
    """A descriptor of its thread's figures; -1 where there is none, or it cannot be told yet."""
    if vcpu_ns < _TOLD_NS:
        return -1
    try:
        tasks = os.listdir(f"/proc/{pid}/task")[:_TASKS_MOST]
    except OSError:
        return -1
    best, best_off = -1, _OFF_NS
    for task in tasks:
        fd = _open(pid, int(task))
        time = _read(fd)
        off = abs(time.ran_ns - vcpu_ns) if time is not None else _OFF_NS
        if off < best_off:
            best, best_off, fd = fd, off, best
        if fd >= 0:
            os.close(fd)
    return best
