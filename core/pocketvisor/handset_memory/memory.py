"""A handset's RAM: who holds what, what is the same is there once, and idle guests give some back first.

It runs in the handset's loop and asks; a guest is never ended for memory.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from pocketvisor.errors import GuestError
from pocketvisor.guest import sharing
from pocketvisor.guest.options import GuestState
from pocketvisor.handset_memory.figures import MemoryNow, memory_now
from pocketvisor.handset_memory.finder import Finder, Pass
from pocketvisor.handset_memory.parts import Parts
from pocketvisor.handset_memory.pool import Pool
from pocketvisor.handset_memory.pressure import Pressure
from pocketvisor.handset_memory.rest import Rest
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset

_log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_SEARCH_SECONDS: Final = (2.0, 60.0)
"""From one search to the next: longer each time that nothing came of it."""
_SWITCHED_OFF: Final = "Memory is not shared on this phone"


class HandsetMemory:
    """`Handset.memory`. now() is cheap enough for twice a second."""

    def __init__(self, handset: "Handset") -> None:
        self._handset = handset
        self._pool = Pool()
        self._finder = Finder(self._pool)
        self._share = True
        self._searching = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._rest: WeakKeyDictionary[Guest, Rest] = WeakKeyDictionary()
        self._search = 0.0
        self._parts = Parts()
        self.pressure = Pressure(handset, self._parts)

    # For front ends

    def now(self) -> MemoryNow:
        guests = tuple(self._handset.guests)
        return memory_now(
            self._handset.model.ram_mib << 20,
            guests,
            self._parts,
            [self.why_alone(guest) for guest in guests],
            share=self._share,
            search=self._search,
        )

    @property
    def share(self) -> bool:
        """The switch: whether guests of this handset have together what is the same."""
        return self._share

    async def set_share(self, on: bool) -> None:
        """Comes back when it is so; switched off, each guest's RAM is its own again, but for one that cannot
        be asked now: that follows. Switched on, what is the same is found in the next minutes."""
        self._share = on
        if not on:
            for guest in tuple(self._handset.guests):
                await self._take_apart(guest)
            self._pool.collect()

    def why_alone(self, guest: "Guest") -> str:
        """Why it shares nothing with others; empty where it may."""
        if not self._share:
            return _SWITCHED_OFF
        return guest.allows(Act.SHARE_MEMORY)

    async def search(self, *, bound: float = 1.0) -> Pass:
        """Looks for what is the same, twice, as fast as it goes: what it came to."""
        total = Pass()
        async with self._searching:  # else another search between the two would find what the first has seen
            for _ in range(2):
                found = await self._look_for_equals(bound)
                total.looked_at += found.looked_at
                total.shared += found.shared
                total.zeros += found.zeros
                total.seconds += found.seconds
        return total

    async def trim(self) -> None:
        """All of its guests give back what they can have again: translated code."""
        for guest in tuple(self._handset.guests):
            with suppress(GuestError):
                await sharing.trim(guest)

    # For the handset

    def pool_for(self, guest: "Guest") -> Pool | None:
        """Where a guest that starts shares its image's content; None where it may not."""
        return None if self.why_alone(guest) else self._pool

    def start(self) -> None:
        """Also where it has been started."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._keep(_LOOK_SECONDS, self._look)),
                asyncio.create_task(self._search_on()),
            ]

    async def stop(self) -> None:
        """Before the guests end."""
        self._finder.end()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def close(self) -> None:
        """When they have."""
        self._pool.close()

    # By itself

    @staticmethod
    async def _keep(seconds: float, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                with suppress(GuestError):  # it has ended, or does not respond: its handset says so
                    await look()
            except Exception:
                _log.exception("A look at a handset's memory failed")
            await asyncio.sleep(seconds)

    async def _look(self) -> None:
        self.pressure.look(time.monotonic())
        for guest in tuple(self._handset.guests):
            if self._is_apart(guest):
                await self._take_apart(guest)
            elif self._share and guest.state in (GuestState.RUNNING, GuestState.PAUSED):
                rest = self._rest.setdefault(guest, Rest())
                foreground = guest is self._handset.foreground
                if rest.begins(guest.counters(), time.monotonic(), foreground=foreground):
                    await sharing.trim(guest)

    async def _search_on(self) -> None:
        pause = _SEARCH_SECONDS[0]
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            found = Pass()
            with suppress(GuestError):
                async with self._searching:
                    found = await self._look_for_equals(None)
            self._search = found.seconds / (time.monotonic() - began + pause)
            pause = _SEARCH_SECONDS[0] if found.shared or found.zeros else min(pause * 2, _SEARCH_SECONDS[1])

    async def _look_for_equals(self, bound: float | None) -> Pass:
        guests = [guest for guest in self._handset.guests if self._may(guest)]
        if bound is None:
            return await self._finder.search(guests, may=self._may)
        return await self._finder.search(guests, bound=bound, may=self._may)

    def _may(self, guest: "Guest") -> bool:
        return guest.handset is self._handset and not self.why_alone(guest)

    def _is_apart(self, guest: "Guest") -> bool:
        """It has memory together with others, and is not to, or has it with those of another handset."""
        ram = guest.ram
        if ram is None or not ram.foreign:
            return False
        elsewhere = any(layer not in self._pool for layer in ram.foreign.values())
        return (elsewhere or bool(self.why_alone(guest))) and ram.foreign_bytes > 0

    async def _take_apart(self, guest: "Guest") -> None:
        with suppress(GuestError):  # it has ended, or does not respond: then it is looked at again
            await sharing.unshare_all(guest)
