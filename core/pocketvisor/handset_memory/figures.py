"""Where a handset's RAM is: read from the kernel and from maps, without asking any guest's process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pocketvisor.control.memory_calls import GuestMemoryNow, MemoryNow
from pocketvisor.guest.options import LIVE_STATES
from pocketvisor.guest.ram import Ram
from pocketvisor.handset_memory.parts import Parts, Split
from pocketvisor.handset_memory.pool import IMAGE
from pocketvisor.storage.lazy import BLOCK

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


def live_rams(guests: Sequence["Guest"]) -> dict["Guest", Ram]:
    return {guest: guest.ram for guest in guests if guest.state in LIVE_STATES and guest.ram is not None}


def held_by(guests: Sequence["Guest"], parts: Parts) -> dict["Guest", int]:
    """Bytes of their handset's RAM that each takes, as GuestMemoryNow.held; 0 for one that is off."""
    rams = live_rams(guests)
    split = parts.of(tuple(rams.values()))
    return {
        guest: rams[guest].private_bytes + split.parts[rams[guest]] if guest in rams else 0
        for guest in guests
    }


def memory_now(
    ram: int, guests: Sequence["Guest"], parts: Parts, alone: Sequence[str], *, share: bool, search: float
) -> MemoryNow:
    """`alone`: for each guest, why it shares nothing."""
    rams = live_rams(guests)
    split = parts.of(tuple(rams.values()))
    shown = [
        _guest_now(guest, rams[guest], why, split)
        for guest, why in zip(guests, alone, strict=True)
        if guest in rams
    ]
    held = sum(one.held for one in shown)
    return MemoryNow(
        ram=ram,
        held=held,
        free=max(ram - held, 0),
        over=max(held - ram, 0),
        private=sum(one.private for one in shown),
        shared=split.shared,
        merged=split.merged,
        saved=sum(one.saved for one in shown),
        balloon=sum(one.balloon for one in shown),
        share=share,
        search=search,
        guests=tuple(shown),
    )


def _guest_now(guest: "Guest", ram: Ram, why: str, split: Split) -> GuestMemoryNow:
    private, part, blocks = ram.private_bytes, split.parts[ram], ram.blocks
    merged = sum(blocks.count(number) for number, layer in ram.foreign.items() if layer.kind != IMAGE) * BLOCK
    shared = ram.shared_bytes - merged
    balloon = guest.balloon if guest.has_balloon else None
    return GuestMemoryNow(
        id=guest.id,
        name=guest.name,
        ram=ram.size,
        held=private + part,
        private=private,
        shared=shared,
        merged=merged,
        saved=shared + merged - part,
        balloon=int(balloon.actual_mib * (1 << 20)) if balloon is not None else 0,
        limit=ram.size - (balloon.target_mib << 20 if balloon is not None else 0),
        alone=why,
    )


__all__ = ["GuestMemoryNow", "MemoryNow", "held_by", "memory_now"]
