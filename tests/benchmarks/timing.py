"""The timing core: console lines stamped with wall and CPU time, and contenders that take turns.

It knows neither Pocketvisor nor QEMU: a contender is anything that runs once and answers numbers. Whatever
else the machine does while a benchmark runs hits all contenders alike, since they alternate (A B A B).
"""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

Samples = dict[str, list[float]]


def cpu_seconds(pid: int) -> float:
    """User and system time of a whole process so far, of its ended threads too, in nanosecond steps.

    Linux makes a CPU clock's id of a pid; it is the clock of clock_getcpuclockid(3).
    """
    return time.clock_gettime((~pid << 3) | 2)


def busy_seconds() -> float:
    """What all processes of the machine have used of all its cores so far."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = Path("/proc/stat").read_text().split()[1:9]
    ticks = sum(int(part) for part in (user, nice, system, irq, softirq))
    return ticks / os.sysconf("SC_CLK_TCK")


def process_clock(pid: int) -> Callable[[], float]:
    """cpu_seconds() of one process; when it has ended, the last answer stands."""
    last = 0.0

    def clock() -> float:
        nonlocal last
        with contextlib.suppress(OSError):
            last = cpu_seconds(pid)
        return last

    return clock


class Stamp(NamedTuple):
    """When a line came: wall time and the process's CPU time, in seconds."""

    wall: float
    cpu: float
    line: str


class LineStamps:
    """Splits a console's output into lines and stamps each at its arrival."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rest = b""
        self._all = bytearray()
        self._changed = asyncio.Event()
        self.stamps: list[Stamp] = []
        self.ended = False

    def feed(self, data: bytes) -> None:
        """New output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._all += data
        self._changed.set()
        if lines:
            wall, cpu = time.monotonic(), self._clock()
            self.stamps += [Stamp(wall, cpu, line.decode(errors="replace").rstrip("\r")) for line in lines]

    def end(self) -> None:
        """No more will come."""
        self.ended = True
        self._changed.set()

    async def line(self, pattern: str, seconds: float, start: int = 0) -> Stamp:
        """The first line that holds the pattern, of those from `start` on.

        RuntimeError shows the console's end if it does not come.
        """
        wanted, seen = re.compile(pattern), start
        try:
            async with asyncio.timeout(seconds):
                while True:
                    while seen < len(self.stamps):
                        stamp = self.stamps[seen]
                        seen += 1
                        if wanted.search(stamp.line):
                            return stamp
                    if self.ended:
                        raise RuntimeError(f"ended without {pattern!r} on its console:\n{self.tail()}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise RuntimeError(
                f"no {pattern!r} within {seconds:.0f} s on its console:\n{self.tail()}"
            ) from None

    async def text(self, pattern: str, seconds: float) -> None:
        """Wait for text that no line end has to follow, such as a dialog's."""
        wanted = re.compile(pattern.encode())
        try:
            async with asyncio.timeout(seconds):
                while not wanted.search(self._all):
                    if self.ended:
                        raise RuntimeError(f"ended without {pattern!r} on its console:\n{self.tail()}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise RuntimeError(
                f"no {pattern!r} within {seconds:.0f} s; the console:\n{self.tail()}"
            ) from None

    def tail(self) -> str:
        """The last lines, for error messages."""
        return "\n".join(stamp.line for stamp in self.stamps[-15:])


async def take_turns(
    contenders: Mapping[str, Callable[[], Awaitable[Mapping[str, float]]]],
    rounds: int,
    progress: Callable[[str], None],
) -> dict[str, Samples]:
    """Run all contenders `rounds` times, every second round backwards: {contender: {name: samples}}."""
    results: dict[str, Samples] = {name: {} for name in contenders}
    for number in range(rounds):
        order = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in order:
            progress(f"{name}, round {number + 1} of {rounds}")
            for key, value in (await contenders[name]()).items():
                results[name].setdefault(key, []).append(value)
    return results


def load_average() -> float:
    """Of the last minute: a report names it, since a busy machine's numbers mean less."""
    return os.getloadavg()[0]
