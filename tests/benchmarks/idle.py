"""Host CPU of four guests that wait: their processes and the handset's own work, in percent of one core.

Each sample is five seconds. Debian wakes six times a second, for its own timers: most of what is left.
"""

import asyncio
import time

from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.images.catalogue import catalogue
from pocketvisor.models import load_models

from .bench import Bench
from .figures import Figure
from .timing import cpu_seconds

_MIXES = {
    "four phones": ("personal", "work", "personal", "work"),
    "two phones, two Debians": ("personal", "work", "debian", "debian"),
    "four Debians": ("debian",) * 4,
}
_BOOT_SECONDS = 120.0
_SETTLING = 45.0
"""What is alike in the guests' memory is found by then: that is work of the handset's, and it ends."""
_SAMPLE = 5.0
_GOAL = 3.0


async def measure(bench: Bench) -> list[Figure]:
    """Percent."""
    figures = []
    for title, images in _MIXES.items():
        if not all(catalogue()[image].available for image in images):
            continue
        bench.say(title)
        figures.append(
            Figure(
                name=title,
                unit="% of a core",
                ours=await _idle(images, bench.rounds(6, 2)),
                judge="median",
                goal=_GOAL,
            )
        )
    return figures


async def _idle(images: tuple[str, ...], rounds: int) -> list[float]:
    phone = Handset(load_models()["galaxy-s2"])
    try:
        guests = []
        for number, image in enumerate(images):
            debian = image == "debian"
            options = RunOptions(ram_mib=192 if debian else None)
            guest = await phone.start(catalogue()[image], name=f"Guest {number}", options=options)
            if debian:
                await guest.console.expect("root# ", _BOOT_SECONDS)
            guests.append(guest)
        await asyncio.sleep(_SETTLING)
        samples = []
        for _ in range(rounds):
            began, before = time.monotonic(), _used(guests)
            await asyncio.sleep(_SAMPLE)
            samples.append((_used(guests) - before) / (time.monotonic() - began) * 100)
        return samples
    finally:
        await phone.close()


def _used(guests: list[Guest]) -> float:
    """CPU seconds of the handset and of the guests so far."""
    return time.process_time() + sum(cpu_seconds(guest.pid) for guest in guests)
