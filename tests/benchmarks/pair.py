"""Two guests at once on two cores, each against alone: the work it gets done in a second of wall time.

Two Linux guests in a shell loop without end, unthrottled. Measured is the guest's ticks in a window of host
time, which no scheduling of the guest's own can bend.
"""

import asyncio
import os
import time

from pocketvisor.errors import MissingImage
from pocketvisor.guest.options import RunOptions
from pocketvisor.images.catalogue import GuestImage

from . import ours
from .bench import Bench, CannotMeasure
from .figures import Figure
from .guest_files import linux_files
from .linux import guest_image

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
    alone: list[float] = []
    together: list[float] = []
    for number in range(bench.rounds(4, 1)):
        bench.say(f"round {number + 1}")
        for sample in (alone, together) if number % 2 == 0 else (together, alone):
            sample += await _speeds(image, 1 if sample is alone else 2, window)
    return [
        Figure(
            name="speed of one of two guests",
            unit="M ticks/s",
            ours=together,
            peer=alone,
            peer_name="alone",
            judge="ratio",
            goal=_GOAL,
            more_is_better=True,
        )
    ]


async def _speeds(image: GuestImage, guests: int, window: float) -> list[float]:
    """Of so many guests at once, each on a handset of its own."""
    async with ours.handset() as first, ours.handset() as second:
        running = [await ours.start(phone, image, _OPTIONS) for phone in (first, second)[:guests]]
        for one in running:
            await one.console.line("^SLICE", 120)
        begun, ticks = time.monotonic(), [one.guest.ticks for one in running]
        await asyncio.sleep(window)
        took = time.monotonic() - begun
        return [(one.guest.ticks - before) / took / 1e6 for one, before in zip(running, ticks, strict=True)]
