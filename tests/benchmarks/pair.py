"""Two guests at once on two cores, each against alone: the work it gets done in a second of wall time.

Two Linux guests in a shell loop without end, unthrottled. Measured is the guest's ticks in a window of host
time, which no scheduling of the guest's own can bend.
"""

import asyncio
import os
import time
from typing import NamedTuple

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage

from . import ours
from .bench import Bench, CannotMeasure
from .figures import Figure
from .guest_files import linux_files
from .linux import guest_image
from .timing import busy_seconds, cpu_seconds

_GOAL = 0.85
_OPTIONS = RunOptions(rate="max", ram_mib=192)


async def measure(bench: Bench) -> list[Figure]:
    """Speeds in million ticks a second; the peer is the same guest alone."""
    if len(os.sched_getaffinity(0)) < 2:
        raise CannotMeasure("this needs two cores")
    try:
        image = guest_image(linux_files(bench.folder), "bench=spin")
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    window = 2.0 if bench.quick else 5.0
    alone: list[_Speed] = []
    together: list[_Speed] = []
    for number in range(bench.rounds(4, 1)):
        bench.say(f"round {number + 1}")
        for sample in (alone, together) if number % 2 == 0 else (together, alone):
            sample += await _speeds(image, 1 if sample is alone else 2, window)
    wall = Figure(name="speed of one of two guests", unit="M ticks/s", ours=[one.wall for one in together])
    wall.peer, wall.peer_name = [one.wall for one in alone], "alone"
    wall.judge, wall.goal, wall.more_is_better = "ratio", _GOAL, True
    cpu = Figure(name="the same, a second of CPU", unit="M ticks/s", ours=[one.cpu for one in together])
    cpu.peer, cpu.peer_name, cpu.more_is_better = [one.cpu for one in alone], "alone", True
    others = Figure(name="other processes meanwhile", unit="cores", ours=[one.others for one in together])
    others.peer = [one.others for one in alone]
    others.note = "What other processes use is missing to the two guests: judge on a machine that is quiet."
    return [wall, cpu, others]


class _Speed(NamedTuple):
    """Million ticks a second of host time, and of the vCPU thread's CPU time; cores that others used.

    Where only the first of the two falls, the guests had no core each: something else ran.
    """

    wall: float
    cpu: float
    others: float


async def _speeds(image: GuestImage, guests: int, window: float) -> list[_Speed]:
    """Of so many guests at once, each on a handset of its own."""
    async with ours.handset() as first, ours.handset() as second:
        running = [await ours.start(phone, image, _OPTIONS) for phone in (first, second)[:guests]]
        for one in running:
            await one.console.line("^SLICE", 120)
        busy = busy_seconds() - _own_seconds(running)
        begun, before = time.monotonic(), [one.guest.counters() for one in running]
        await asyncio.sleep(window)
        took, after = time.monotonic() - begun, [one.guest.counters() for one in running]
        others = max(busy_seconds() - _own_seconds(running) - busy, 0.0) / took
        speeds = []
        for then, now in zip(before, after, strict=True):
            ticks = (now.ticks - then.ticks) / 1e6
            speeds.append(_Speed(ticks / took, ticks / ((now.cpu_ns - then.cpu_ns) / 1e9), others))
        return speeds


def _own_seconds(running: list[ours.Ours]) -> float:
    return time.process_time() + sum(cpu_seconds(one.pid) for one in running)
