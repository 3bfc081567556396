"""What an open workbench does when it is asked about a guest's balloon."""

import asyncio
from contextlib import suppress
from typing import Final

from pocketvisor.control.balloon_calls import BalloonRequest, BalloonShown, SetBalloon
from pocketvisor.guest.guest import Guest

_ANSWER_SECONDS: Final = 1.0


async def answer(guest: Guest, request: BalloonRequest) -> BalloonShown:
    """Sets it, or asks the guest for new statistics. Raises GuestError."""
    balloon = guest.balloon
    if isinstance(request, SetBalloon):
        balloon.set(request.mib)
    else:
        told = asyncio.Event()
        stop = balloon.watch(told.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await told.wait()
        stop()
    return BalloonShown(
        guest=guest.name,
        target_mib=balloon.target_mib,
        actual_mib=balloon.actual_mib,
        ram_mib=guest.ram_mib,
        touched_mib=guest.counters().ram_bytes / (1 << 20),
        statistics=balloon.statistics,
    )
