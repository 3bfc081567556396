"""A guest's RAM is taken together with others': asked by its handset, done by its process, which stands still
for a moment. What it holds, its dirty log and its ticks stay what they are.
"""

import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

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
_SILENT_SECONDS: Final = 60.0
_silent: "WeakKeyDictionary[Ram, float]" = WeakKeyDictionary()
"""Whose process was asked and did not answer, or could not do it, and when: it is left alone for a while."""
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
        and time.monotonic() - _silent.get(ram, -_SILENT_SECONDS) >= _SILENT_SECONDS
    )


async def share_blocks(
    guest: "Guest", blocks: Sequence[tuple[int, "SharedLayer"]], zeros: Sequence[int] = ()
) -> Outcome:
    """At most BATCH of either; nothing for a guest that cannot be asked now. Raises GuestError."""
    if not can_be_asked(guest):
        return Outcome()
    async with guest.capturing:
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
        answer: RamShared = await _ask(guest, ram, message, RamShared, ram.layers[before:])
    return Outcome(answer.shared.count(1), answer.zeros)


async def unshare_all(guest: "Guest") -> bool:
    """All of its RAM is its own. False where it cannot be asked now. Raises GuestError."""
    while True:
        if not can_be_asked(guest) or guest.ram is None:
            return False
        async with guest.capturing:
            ram = guest.ram
            blocks = ram.foreign_blocks[:BATCH]
            if blocks:
                await _ask(guest, ram, UnshareRam(_packed(blocks)), RamShared)
        if not blocks:
            return True


async def trim(guest: "Guest") -> bool:
    """The memory behind its translated code is given back. Raises GuestError."""
    if not can_be_asked(guest) or guest.ram is None:
        return False
    async with guest.capturing:
        answer: Trimmed = await _ask(guest, guest.ram, Trim(), Trimmed)
    return answer.gave


async def _ask(guest: "Guest", ram: "Ram", message: Any, answer: type, fds: Sequence[int] = ()) -> Any:
    """The lifecycle is not held: whoever ends the guest meanwhile does not wait, and this comes back then."""
    try:
        return await guest.run.ask_with(message, answer, fds)
    except GuestError:
        _silent[ram] = time.monotonic()
        raise


def _packed(blocks: Sequence[int]) -> bytes:
    return struct.pack(f"={len(blocks)}I", *blocks)


__all__ = ["GuestError", "Outcome", "can_be_asked", "share_blocks", "trim", "unshare_all"]
