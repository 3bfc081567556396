"""Host memory of two and of four Debians of one image at their shells, without sharing and with it; and two
Debians beside two sample phones on a handset of 256 MiB.

What is measured is the sum of PSS over the guests' processes, by the kernel (smaps_rollup). With sharing the
handset is left to itself: it searches by and by, within its bound on CPU, and guests at rest give back the
memory of what was translated. How much RAM that is there once makes of it is told beside it: the same against
guests that share nothing, but have given their translations back.
"""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from pocketvisor.errors import MissingImage, PocketvisorError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.handset_memory.rest import FOREGROUND_AFTER_SECONDS
from pocketvisor.images.catalogue import GuestImage, catalogue
from pocketvisor.models import load_models

from . import ours
from .bench import Bench, CannotMeasure
from .figures import Figure
from .memory import process_sizes

_SECONDS = 300.0
_SETTLED_SECONDS = FOREGROUND_AFTER_SECONDS + 5
_MIB = 1 << 20
_GOALS = {2: 40.0, 4: 60.0}


async def measure(bench: Bench) -> list[Figure]:
    """Megabytes (of a million bytes) and percent of them."""
    image = catalogue()["debian"]
    try:
        image.check()
    except MissingImage as missing:
        raise CannotMeasure(str(missing)) from missing
    figures = []
    for count in (2,) if bench.quick else (2, 4):
        bench.say(f"{count} Debians, each for itself")
        alone, resting, _ = await _cost(image, count, share=False)
        bench.say(f"{count} Debians that share")
        together, _, ram = await _cost(image, count, share=True)
        figures += [
            Figure(
                name=f"PSS of {count} Linux guests, sharing",
                unit="MB",
                ours=[together],
                peer=[alone],
                peer_name="not sharing",
            ),
            Figure(
                name=f"saved, {count} guests",
                unit="%",
                ours=[100 * (1 - together / alone)],
                judge="median",
                goal=_GOALS[count],
                more_is_better=True,
                note=f"{ram:.0f} MB of their RAM are there once that would be {count} times.",
            ),
            Figure(
                name=f"by RAM alone, {count} guests",
                unit="%",
                ours=[100 * (1 - together / resting)],
                more_is_better=True,
            ),
        ]
    bench.say("two Debians and two sample phones on 256 MiB")
    held, answered = await _small_phone(image)
    figures.append(
        Figure(name="held by 2 Linux and 2 small", unit="MiB", ours=[held], judge="worst", goal=256.0)
    )
    figures.append(Figure(name="the slowest of their answers", unit="ms", ours=[answered]))
    return figures


async def _cost(image: GuestImage, count: int, *, share: bool) -> tuple[float, float, float]:
    """PSS of all when nothing changes any more, then without translations, and what they have together."""
    model = msgspec.structs.replace(ours.model(), ram_mib=2048)
    phone = Handset(model)
    try:
        await phone.memory.set_share(share)
        guests = [await _booted(phone, image, ram_mib=256) for _ in range(count)]
        cost, settled = float("inf"), time.monotonic()
        while time.monotonic() - settled < _SETTLED_SECONDS:
            await asyncio.sleep(1.0)
            now = await _pss(guests)
            if now < 0.99 * cost:
                cost, settled = now, time.monotonic()
        saved = phone.memory.now().saved / 1e6
        await phone.memory.trim()
        return now, await _pss(guests), saved
    finally:
        await phone.close()


async def _pss(guests: Sequence[Guest]) -> float:
    return sum([(await asyncio.to_thread(process_sizes, guest.pid))[0] for guest in guests])


async def _small_phone(image: GuestImage) -> tuple[float, float]:
    """MiB that its guests hold, and how long the slowest of them took to answer."""
    phone = Handset(load_models()["palm-pre"])
    try:
        debians = [await _booted(phone, image, ram_mib=192, parts=("balloon",)) for _ in range(2)]
        small = [
            await phone.start(catalogue()[name], options=RunOptions(rate="max"))
            for name in ("personal", "work")
        ]
        waited = [await _answer(guest) for guest in debians] + [await _touched(guest) for guest in small]
        return phone.memory.now().held / _MIB, max(waited)
    except PocketvisorError as error:
        raise CannotMeasure(str(error)) from error
    finally:
        await phone.close()


async def _booted(phone: Handset, image: GuestImage, **options: object) -> Guest:
    guest = await phone.start(image, options=RunOptions(rate="max", **options))  # type: ignore[arg-type]
    await guest.console.expect(r"^debian:/root# ", _SECONDS)
    return guest


async def _answer(guest: Guest) -> float:
    began = time.monotonic()
    guest.console.write(b"echo al$((1))ive\r")
    await guest.console.expect("^al1ive", 60)
    return 1e3 * (time.monotonic() - began)


async def _touched(guest: Guest) -> float:
    """Until it shows another picture."""
    shown = asyncio.Event()
    stop = guest.on("frame", shown.set)
    began = time.monotonic()
    try:
        async with asyncio.timeout(30):
            while not shown.is_set():
                guest.touch(guest.panel.width / 2, guest.panel.height - 40, "down")
                guest.touch(guest.panel.width / 2, guest.panel.height - 40, "up")
                await asyncio.sleep(0.05)
    finally:
        stop()
    return 1e3 * (time.monotonic() - began)
