"""A guest moves from one handset to another while it runs.

The target is other hardware: a CPU of another rate, a panel of another size, less RAM. A guest with a GPU is
told of the panel and turns its layout; the picture of one with a framebuffer is scaled. Where the target has
too little RAM left, the guest's balloon gives back what is missing, or the move is refused.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from pocketvisor.errors import GuestError, OutOfMemory
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import LIVE_STATES, GuestState
from pocketvisor.guest.transit import check_movable
from pocketvisor.handset import Handset
from pocketvisor.policies.act import Act

_BALLOON_SECONDS: Final = 20.0

Progress = Callable[[str, float | None], None]


class MoveReport(Struct, frozen=True, kw_only=True):
    """How a move went. `downtime_ms`: how long the guest stood still; `seconds`: all of it; processes by
    number, 0 where there was none."""

    guest: str
    source: str
    target: str
    downtime_ms: float
    seconds: float
    ram_mib: int
    state_bytes: int
    pid_before: int
    pid_after: int
    balloon_mib: int = 0
    """What it gave back to fit."""


async def move(guest: Guest, target: Handset, progress: Progress = lambda words, done: None) -> MoveReport:
    """The guest is on `target` when this comes back, in a new process, and the old one is gone.

    Cancelled, or where it fails, the guest is where it was and goes on. Raises GuestError, OutOfMemory."""
    began = time.monotonic()
    source = guest.handset
    check_move(guest, target)
    async with guest.lifecycle:
        check_move(guest, target)
        progress(f"Making room on {target.name}", 0.1)
        before = guest.balloon_mib
        await _make_room(guest, target)
        given = guest.balloon_mib - before
        downtime_ns = state_bytes = 0
        pid_before = pid_after = guest.pid
        if guest.state in LIVE_STATES:
            progress(f"Preparing {target.name}", 0.4)
            try:
                guest.check(Act.MOVE, model=target.model)  # room may have been waited for
                transit = await guest.change_process(target.model)
            except BaseException:
                if given:
                    guest.balloon.set(before)
                raise
            downtime_ns, state_bytes = transit.downtime_ns, transit.state_bytes
            pid_before, pid_after = transit.pid_before, transit.pid_after
        source.gone(guest)
        target.arrived(guest)
    progress(f"On {target.name}", 1.0)
    return MoveReport(
        guest=guest.name,
        source=source.name,
        target=target.name,
        downtime_ms=downtime_ns / 1e6,
        seconds=time.monotonic() - began,
        ram_mib=guest.ram_mib,
        state_bytes=state_bytes,
        pid_before=pid_before,
        pid_after=pid_after,
        balloon_mib=given,
    )


def check_move(guest: Guest, target: Handset) -> None:
    """Raises GuestError, Refused or OutOfMemory with the reason why not; the balloon may still fail."""
    if target is guest.handset:
        raise GuestError(f"{guest.name} is on {target.name} already")
    if guest.state is GuestState.STARTING:
        raise GuestError(f"{guest.name} is starting: it can move when it runs")
    if guest.state is GuestState.STOPPED:
        raise GuestError(f"{guest.name} was removed from its handset")
    check_movable(guest)
    guest.check(Act.MOVE, model=target.model)
    missing = missing_mib(guest, target)
    if not missing:
        return
    least = guest.image.least_ram_mib
    room = f"{target.name} has {max(target.ram_free_mib, 0)} MiB of RAM left"
    if not guest.has_balloon or guest.state is not GuestState.RUNNING:
        raise OutOfMemory(f"{room}, and {guest.name} holds {guest.ram_held_mib} MiB")
    if guest.ram_held_mib - missing < least:
        raise OutOfMemory(f"{room}, and {guest.name} needs at least {least} MiB")


def missing_mib(guest: Guest, target: Handset) -> int:
    """What the guest has to give back to fit there."""
    if guest.state not in LIVE_STATES:
        return 0
    return max(guest.ram_held_mib - target.ram_free_mib, 0)


async def _make_room(guest: Guest, target: Handset) -> None:
    missing = missing_mib(guest, target)
    if not missing:
        return
    balloon = guest.balloon
    before = balloon.target_mib
    wanted = guest.ram_mib - guest.ram_held_mib + missing
    reached = asyncio.Event()
    unsubscribe = balloon.watch(lambda: reached.set() if balloon.actual_mib >= wanted else None)
    try:
        balloon.set(wanted)
        async with asyncio.timeout(_BALLOON_SECONDS):
            await reached.wait()
    except BaseException as error:
        with suppress(GuestError):
            balloon.set(before)
        if isinstance(error, TimeoutError):
            raise OutOfMemory(
                f"{target.name} has {target.ram_free_mib} MiB of RAM left, and {guest.name} gave back "
                f"{balloon.actual_mib:.0f} MiB of the {wanted} that it would have to"
            ) from None
        raise
    finally:
        unsubscribe()
