"""What a guest is promised, against what it gets: 60 % reserved while the neighbour spins, over any second.

Both guests spin. Their instructions are read every 10 ms; each window of one second that ends at one of
those moments is a sample: how far the first guest's part of what both ran is from 60 %, in points.
On a phone whose rate this computer can give, on one whose rate it cannot, and there with all vCPUs on one of
its cores. The last two figures are the foreground's wait for a core, beside three guests that spin on it,
with the automatic mode off and on.
"""

import asyncio
import os
import time
from bisect import bisect_right
from contextlib import suppress

from msgspec import structs

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import GuestImage, catalogue
from pocketvisor.models import load_models

from .bench import Bench
from .figures import Figure

_RESERVED = 0.6
_SETTLING = 2.0
_EVERY = 0.01
_TARGET_MS = 5.0
_WITHIN = "Points from 60 %, each window of a second; every one of them is judged."


async def measure(bench: Bench) -> list[Figure]:
    """Points, and milliseconds."""
    seconds = 8.0 if bench.quick else 30.0
    figures = []
    for title, model, one_core in (
        ("60 % reserved", "htc-dream", False),
        ("60 % reserved, a phone too fast", "nexus-one", False),
        ("60 % reserved, on one core", "nexus-one", True),
    ):
        bench.say(title)
        away, given = await _away(model, seconds, one_core=one_core)
        figure = Figure(name=title, unit="points", ours=away, judge="worst", goal=2.0)
        figure.note = f"{_WITHIN} {title}: the host gave {given:.0%} of the phone's rate."
        figures.append(figure)
    for title, target in (("foreground's wait", None), ("the same, 5 ms asked for", _TARGET_MS)):
        bench.say(title)
        waits = await _waits(seconds, target)
        figures.append(Figure(name=title, unit="ms", ours=waits, judge="none"))
    return figures


def spinning() -> GuestImage:
    return structs.replace(catalogue()["hostile"], append="hostile=spin")


async def _away(model: str, seconds: float, *, one_core: bool) -> tuple[list[float], float]:
    phone = Handset(load_models()[model])
    try:
        options = RunOptions(ram_mib=32)
        first, second = [
            await phone.start(spinning(), name=name, options=options) for name in ("Work", "Spins")
        ]
        if one_core:
            _put_on_one_core([first, second])
        first.set_qos(reservation=int(phone.model.mips * _RESERVED))
        await asyncio.sleep(_SETTLING)
        times, ran = await _watch([first, second], seconds)
        used = sum(ran[-1]) - sum(ran[0])
        given = used / (times[-1] - times[0]) / (phone.model.mips * 1e6)
        return [abs(part - _RESERVED) * 100 for part in _parts(times, ran)], given
    finally:
        await phone.close()


async def _watch(guests: list[Guest], seconds: float) -> tuple[list[float], list[list[int]]]:
    times: list[float] = []
    ran: list[list[int]] = []
    while not times or times[-1] - times[0] < seconds:
        times.append(time.monotonic())
        ran.append([guest.ticks for guest in guests])
        await asyncio.sleep(_EVERY)
    return times, ran


def _parts(times: list[float], ran: list[list[int]]) -> list[float]:
    """The first one's of all, in each window of a second."""
    parts = []
    for end, at in enumerate(times):
        if at - times[0] < 1.0:
            continue
        begin = bisect_right(times, at - 1.0) - 1
        counts = [after - before for before, after in zip(ran[begin], ran[end], strict=True)]
        parts.append(counts[0] / sum(counts))
    return parts


async def _waits(seconds: float, target: float | None) -> list[float]:
    """Of a phone that answers touches, once a look, while three others spin on its core."""
    phone = Handset(load_models()["nexus-one"])
    try:
        front = await phone.start(catalogue()["personal"])
        others = [
            await phone.start(spinning(), name=f"Spins {number}", options=RunOptions(ram_mib=32))
            for number in range(3)
        ]
        _put_on_one_core([front, *others])
        phone.scheduler.set_response(target)
        front.console.write(b"anim on\r")
        await asyncio.sleep(_SETTLING)
        waits = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            waits += [share.wait_ms for share in phone.scheduler.now() if share.foreground]
        return waits
    finally:
        await phone.close()


def _put_on_one_core(guests: list[Guest]) -> None:
    core = {min(os.sched_getaffinity(0))}
    for guest in guests:
        for task in os.listdir(f"/proc/{guest.pid}/task"):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task), core)
