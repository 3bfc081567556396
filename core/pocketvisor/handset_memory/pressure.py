"""A handset that runs short of RAM asks its guests for some, through their balloons, before it refuses one.

Left out: memory of a guest that has no balloon, and swapping. Where guests do not do what they are asked, the
handset holds more than it has, says so, and takes no further guest.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pocketvisor.control.status import STATE_IDLE
from pocketvisor.errors import OutOfMemory
from pocketvisor.guest.listeners import Unsubscribe
from pocketvisor.guest.options import LIVE_STATES
from pocketvisor.handset_memory.figures import held_by
from pocketvisor.handset_memory.parts import Parts
from pocketvisor.handset_memory.plan import MIB, Holder, can_have, least_of, limits, reserve_of, used

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset

PATIENCE_SECONDS: Final = 15.0
_STEP_SECONDS: Final = 0.25
_NEAR: Final = 2 * MIB
_NEAR_RESERVES: Final = 3
_KEEPS_AVAILABLE: Final = 8 * MIB
_IDLE_BELOW: Final = 0.2


class _Seen(Struct):
    ticks: int = 0
    idle_ns: int = 0
    at: float = 0.0
    idle: bool = False
    over_since: float | None = None
    unwatch: Unsubscribe | None = None


class Pressure:
    """One handset's."""

    def __init__(self, handset: "Handset", parts: Parts) -> None:
        self._handset = handset
        self._parts = parts
        self._seen: dict[str, _Seen] = {}
        self._said_over = False
        self._is_near = False
        """There is little left: guests are asked how they are off."""

    # For the handset

    @property
    def used(self) -> int:
        """Bytes that are spoken for: what guests hold, and all of the RAM of one without a balloon."""
        return used(self._total, self.holders())

    @property
    def held(self) -> int:
        """Bytes that guests hold."""
        return sum(holder.held for holder in self.holders())

    def check(self, ram: int, *, balloon: bool, besides: "Guest | None" = None) -> None:
        """Raises OutOfMemory where there is no room for a guest of that RAM (bytes) even if the others give
        back what they can; `besides` gives its own back before."""
        others = [holder for holder in self.holders() if besides is None or holder.id != besides.id]
        wanted = least_of(ram) if balloon else ram
        total = self._total
        if ram > total or not can_have(total, others, wanted):
            raise self._full(total - sum(holder.least for holder in others), ram)

    async def make_room(self, ram: int, *, balloon: bool) -> None:
        """Asks the others for what a guest of that RAM lacks, and waits for it. Raises OutOfMemory."""
        wanted = least_of(ram) if balloon else ram
        until = time.monotonic() + PATIENCE_SECONDS
        while (free := self._total - self.held) < wanted:
            if time.monotonic() >= until:
                raise self._full(free, ram)
            self.look(time.monotonic(), wanted)
            await asyncio.sleep(_STEP_SECONDS)

    def look(self, now: float, wanted: int = 0) -> None:
        """Once in a while: asks whom the plan says."""
        for guest, held in held_by(self._handset.guests, self._parts).items():
            self._observe(guest, held, now)
        holders = self.holders()
        free = self._total - sum(holder.held for holder in holders) - wanted
        self._is_near = free < _NEAR_RESERVES * reserve_of(self._total)
        asked = limits(self._total, holders, wanted)
        for guest in self._handset.guests:
            if guest.id in asked and guest.has_balloon:
                guest.balloon.press((guest.ram_mib << 20) - asked[guest.id] >> 20)
        self._forget()
        self._say_over(holders)

    def holders(self) -> list[Holder]:
        held = held_by(self._handset.guests, self._parts)
        return [self._holder(guest, held[guest]) for guest in held if guest.state in LIVE_STATES]

    @property
    def _total(self) -> int:
        return self._handset.model.ram_mib << 20

    def _full(self, free: int, ram: int) -> OutOfMemory:
        return OutOfMemory(
            f"{self._handset.name} has {max(free, 0) >> 20} MiB of its {self._handset.model.ram_mib} MiB of "
            f"RAM left, the guest wants {ram >> 20}"
        )

    def _holder(self, guest: "Guest", held: int) -> Holder:
        ram = guest.ram_mib << 20
        seen = self._seen.get(guest.id, _Seen())
        if not guest.has_balloon:
            return Holder(id=guest.id, ram=ram, held=held, least=ram, limit=None)
        balloon = guest.balloon
        available = balloon.statistics.get("available")
        return Holder(
            id=guest.id,
            ram=ram,
            held=held,
            least=least_of(ram),
            limit=ram - (balloon.target_mib << 20),
            idle=seen.idle,
            foreground=guest is self._handset.foreground,
            spare=None if available is None else max(available - _KEEPS_AVAILABLE, 0),
            deaf=seen.over_since is not None and seen.at - seen.over_since > PATIENCE_SECONDS,
        )

    def _observe(self, guest: "Guest", held: int, now: float) -> None:
        """Whether it has been idle, and whether it keeps to what it is asked to."""
        seen = self._seen.setdefault(guest.id, _Seen(at=now))
        head = guest.status.head()
        if now - seen.at >= 1.0:
            waited = (head.idle_ns - seen.idle_ns) / 1e9 / (now - seen.at)
            # A wait is counted when it is over.
            seen.idle = waited > 1 - _IDLE_BELOW or (head.state == STATE_IDLE and waited < _IDLE_BELOW)
            seen.idle_ns, seen.at = head.idle_ns, now
        if not guest.has_balloon:
            return
        pressed = guest.balloon.pressed_mib << 20
        if pressed and held > (guest.ram_mib << 20) - pressed + _NEAR:
            seen.over_since = seen.over_since or now
        else:
            seen.over_since = None
        if (pressed or self._is_near) and seen.unwatch is None:
            seen.unwatch = guest.balloon.watch(lambda: None)  # so that it tells its statistics
        elif not pressed and not self._is_near and seen.unwatch is not None:
            seen.unwatch()
            seen.unwatch = None

    def _forget(self) -> None:
        here = {guest.id for guest in self._handset.guests}
        for gone in self._seen.keys() - here:
            seen = self._seen.pop(gone)
            if seen.unwatch is not None:
                seen.unwatch()

    def _say_over(self, holders: list[Holder]) -> None:
        held = sum(holder.held for holder in holders)
        over = held > self._total
        if over and not self._said_over:
            self._handset.say(
                f"{self._handset.name}'s guests hold {held - self._total >> 20} MiB more than its RAM: "
                "they were asked to give some back"
            )
        self._said_over = over
