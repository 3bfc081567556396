"""Where a handset's RAM is: read from the kernel and from maps, without asking any guest's process."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pocketvisor.control.memory_calls import GuestMemoryNow, MemoryNow
from pocketvisor.guest.memory import touched_bytes
from pocketvisor.guest.options import LIVE_STATES
from pocketvisor.guest.ram import Ram
from pocketvisor.handset_memory.pool import IMAGE, SharedLayer
from pocketvisor.storage.lazy import BLOCK

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


class _Sharers:
    """How many guests have each block of the layers, and each clone's layer."""

    def __init__(self, rams: Sequence[Ram]) -> None:
        self.blocks: Counter[tuple[SharedLayer, int]] = Counter()
        self.clones: Counter[int] = Counter()
        self.clone_sizes: dict[int, int] = {}
        for ram in rams:
            self.blocks.update(foreign_places(ram))
            layers = _clone_layers(ram)
            self.clones.update(layers.keys())
            self.clone_sizes |= layers


def foreign_places(ram: Ram) -> list[tuple[SharedLayer, int]]:
    if not ram.foreign:
        return []
    layers = ram.foreign
    return [(layers[place], block) for block, place in enumerate(ram.blocks) if place in layers]


def _clone_layers(ram: Ram) -> dict[int, int]:
    """Bytes by inode."""
    own = [fd for number, fd in enumerate(ram.layers, 1) if number not in ram.foreign]
    return {os.fstat(fd).st_ino: touched_bytes(fd) for fd in own}


def held_by(guest: "Guest") -> int:
    """Bytes of its handset's RAM that one guest takes: as GuestMemoryNow.held, for itself alone."""
    ram = guest.ram
    if ram is None or guest.state not in LIVE_STATES:
        return 0
    rams = [other.ram for other in guest.handset.guests if other.ram is not None]
    sharers = _Sharers(rams) if ram.layers else None
    return ram.private_bytes + (_part(ram, sharers) if sharers is not None else 0)


def _part(ram: Ram, sharers: _Sharers) -> int:
    part = sum(BLOCK / sharers.blocks[place] for place in foreign_places(ram))
    part += sum(size / sharers.clones[inode] for inode, size in _clone_layers(ram).items())
    return int(part)


def memory_now(
    ram: int, guests: Sequence["Guest"], alone: Sequence[str], *, share: bool, search: float
) -> MemoryNow:
    """`alone`: for each guest, why it shares nothing."""
    live = [
        (guest, guest.ram, why)
        for guest, why in zip(guests, alone, strict=True)
        if guest.state in LIVE_STATES and guest.ram is not None
    ]
    sharers = _Sharers([ram for _, ram, _ in live])
    shown = [_guest_now(guest, its, why, sharers) for guest, its, why in live]
    once = Counter[str]()
    for layer, _ in sharers.blocks:
        once["shared" if layer.kind == IMAGE else "merged"] += BLOCK
    held = sum(one.held for one in shown)
    return MemoryNow(
        ram=ram,
        held=held,
        free=max(ram - held, 0),
        over=max(held - ram, 0),
        private=sum(one.private for one in shown),
        shared=once["shared"] + sum(sharers.clone_sizes.values()),
        merged=once["merged"],
        saved=sum(one.saved for one in shown),
        balloon=sum(one.balloon for one in shown),
        share=share,
        search=search,
        guests=tuple(shown),
    )


def _guest_now(guest: "Guest", ram: Ram, why: str, sharers: _Sharers) -> GuestMemoryNow:
    private = ram.private_bytes
    part = _part(ram, sharers)
    blocks = ram.blocks
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


__all__ = ["GuestMemoryNow", "MemoryNow", "foreign_places", "held_by", "memory_now"]
