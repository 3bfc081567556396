"""A guest's RAM is taken together with others': asked by its handset, done by its process, which stands still
for a moment. What it holds, its dirty log and its ticks stay what they are.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pocketvisor.control.messages import RamShared, ShareRam, Trim, Trimmed, UnshareRam
from pocketvisor.errors import GuestError
from pocketvisor.guest.options import GuestState

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.ram import Ram
    from pocketvisor.handset_memory.pool import SharedLayer

BATCH: Final = 64
"""Blocks at a time: it stands still for some milliseconds."""
_STANDING: Final = (GuestState.RUNNING, GuestState.PAUSED)


class Outcome(Struct, frozen=True):
    """Blocks that a layer has now, and bytes of zeros that were given back."""

    shared: int = 0
    zeros: int = 0


def can_be_asked(guest: "Guest") -> bool:
    """Not while what it overwrites is kept, its process changes, or its memory is still on its way."""
    ram = guest.ram
    return (
        guest.state in _STANDING
        and not guest.held
        and not guest.not_responding
        and not guest.capturing.locked()
        and not guest.lifecycle.locked()
        and ram is not None
        and not ram.loading
    )


async def share_blocks(
    guest: "Guest", blocks: Sequence[tuple[int, "SharedLayer"]], zeros: Sequence[int] = ()
) -> Outcome:
    """At most BATCH of either; nothing for a guest that cannot be asked now. Raises GuestError."""
    if not can_be_asked(guest):
        return Outcome()
    async with guest.lifecycle, guest.capturing:
        ram = guest.ram
        assert ram is not None
        before = len(ram.layers)
        numbers = bytes(ram.attach(layer) for _, layer in blocks)
        message = ShareRam(
            layers=len(ram.layers) - before,
            blocks=_packed([block for block, _ in blocks]),
            numbers=numbers,
            zeros=_packed(zeros),
        )
        answer: RamShared = await guest.run.ask_with(message, RamShared, ram.layers[before:])
    return Outcome(answer.shared.count(1), answer.zeros)


async def unshare_all(guest: "Guest", ram: "Ram | None" = None) -> bool:
    """All of its RAM is its own. False where it cannot be asked now. Raises GuestError."""
    while True:
        if not can_be_asked(guest) or guest.ram is None:
            return False
        async with guest.lifecycle, guest.capturing:
            blocks = guest.ram.foreign_blocks[:BATCH]
            if blocks:
                await guest.run.ask(UnshareRam(_packed(blocks)), RamShared)
        if not blocks:
            return True


async def trim(guest: "Guest") -> bool:
    """The memory behind its translated code is given back. Raises GuestError."""
    if not can_be_asked(guest):
        return False
    async with guest.lifecycle, guest.capturing:
        answer: Trimmed = await guest.run.ask(Trim(), Trimmed)
    return answer.gave


def _packed(blocks: Sequence[int]) -> bytes:
    return struct.pack(f"={len(blocks)}I", *blocks)


__all__ = ["GuestError", "Outcome", "can_be_asked", "share_blocks", "trim", "unshare_all"]
