"""Equal memory is looked for behind the guests' backs, and taken together: the same block of 64 KiB at the
same place in several guests' RAM, and pages of zeros.

A block counts once it was the same in two looks, so that what is at work stays alone. What is found here is a
guess, for a guest may write at any time: its process compares before it takes the other's (sharer.py).
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from msgspec import Struct

from pocketvisor.errors import GuestError
from pocketvisor.guest import sharing
from pocketvisor.guest.ram import Ram
from pocketvisor.handset_memory.pool import FOUND, Pool, SharedLayer, digest_of
from pocketvisor.storage.lazy import BLOCK, PRESENT

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

BOUND: Final = 0.02
"""Of one core, what the search may take on the average."""
_SLICE_SECONDS: Final = 0.002
_PAGE: Final = 4096
_ZEROS: Final = bytes(BLOCK)
_ZERO_PAGE: Final = bytes(_PAGE)


class Found(Struct, frozen=True):
    """One block: its digest, and whether there are pages of zeros in it, or nothing but."""

    digest: bytes
    zeros: bool
    empty: bool


class Pass(Struct):
    """What one search came to, in blocks, and in bytes of zeros; `seconds` of a core."""

    looked_at: int = 0
    shared: int = 0
    zeros: int = 0
    seconds: float = 0.0


class Finder:
    """One handset's. A search at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seen: WeakKeyDictionary[Ram, dict[int, Found]] = WeakKeyDictionary()
        self._ticks: WeakKeyDictionary[Ram, int] = WeakKeyDictionary()
        self._ended = threading.Event()

    def end(self) -> None:
        """A search that waits comes back."""
        self._ended.set()

    async def search(
        self,
        guests: Sequence["Guest"],
        *,
        bound: float = BOUND,
        may: Callable[["Guest"], bool] = lambda _: True,
    ) -> Pass:
        """Once through the guests' own memory. Whoever is busy otherwise is left for the next time. `may`:
        whether a guest may share yet; a look takes long, and its policy may be another one then."""
        outcome = Pass()
        stable: dict[Ram, dict[int, Found]] = {}
        taking = [guest for guest in guests if sharing.can_be_asked(guest)]
        for guest in taking:
            if sharing.can_be_asked(guest) and guest.ram is not None:
                stable[guest.ram] = await self._look_at(guest, guest.ram, bound, outcome)
        began = time.thread_time()
        for guest in taking:
            if guest.ram in stable and not may(guest):
                del stable[guest.ram]
        taken = self._match(stable)
        outcome.seconds += time.thread_time() - began
        for guest in taking:
            ram = guest.ram
            if ram is not None and ram in stable:
                going = {block for block, _ in taken.get(ram, [])}
                zeros = [block for block, found in stable[ram].items() if found.zeros and block not in going]
                await self._take(guest, taken.get(ram, []), zeros, outcome, may)
        self._pool.collect()
        return outcome

    async def _look_at(self, guest: "Guest", ram: Ram, bound: float, outcome: Pass) -> dict[int, Found]:
        """Its blocks that are what they were."""
        ticks = guest.ticks
        if self._ticks.get(ram) == ticks and ram in self._seen:
            return self._seen[ram]  # it has not run since, and zeros are gone
        boot = guest.run.boot
        boot.hold()
        try:
            seen = await asyncio.to_thread(self._read, ram, bound, outcome)
        finally:
            boot.close()
        before = self._seen.get(ram, {})
        self._seen[ram], self._ticks[ram] = seen, ticks
        return {block: found for block, found in seen.items() if before.get(block) == found}

    def _read(self, ram: Ram, bound: float, outcome: Pass) -> dict[int, Found]:
        """On another thread, a little at a time."""
        seen: dict[int, Found] = {}
        began = time.thread_time()
        for block, stretches in _data(ram.own, ram.size).items():
            if self._ended.is_set():
                break
            if ram.place(block) != PRESENT:
                continue
            try:
                seen[block] = _look(ram.read(block * BLOCK, min(BLOCK, ram.size - block * BLOCK)), stretches)
            except GuestError:
                continue
            outcome.looked_at += 1
            spent = time.thread_time() - began
            if spent > _SLICE_SECONDS and bound < 1.0:
                outcome.seconds += spent
                self._ended.wait(spent / bound - spent)
                began = time.thread_time()
        outcome.seconds += time.thread_time() - began
        return seen

    def _match(self, stable: dict[Ram, dict[int, Found]]) -> dict[Ram, list[tuple[int, SharedLayer]]]:
        taken: dict[Ram, list[tuple[int, SharedLayer]]] = {}
        sharers: dict[tuple[int, bytes], list[Ram]] = {}
        for ram, blocks in stable.items():
            for block, found in blocks.items():
                if found.empty or ram.place(block) != PRESENT:
                    continue
                layer = self._pool.find(block, found.digest)
                if layer is not None:
                    taken.setdefault(ram, []).append((block, layer))
                else:
                    sharers.setdefault((block, found.digest), []).append(ram)
        for (block, digest), rams in sharers.items():
            layer = self._copy(block, digest, rams[0]) if len(rams) > 1 else None
            for ram in rams if layer is not None else ():
                assert layer is not None
                taken.setdefault(ram, []).append((block, layer))
        return taken

    def _copy(self, block: int, digest: bytes, ram: Ram) -> SharedLayer | None:
        """A layer that has the block now, if it still is what it was."""
        try:
            content = ram.read(block * BLOCK, min(BLOCK, ram.size - block * BLOCK))
        except (GuestError, ValueError):
            return None
        return self._pool.add(block, content, digest, FOUND) if digest_of(content) == digest else None

    async def _take(
        self,
        guest: "Guest",
        blocks: list[tuple[int, SharedLayer]],
        zeros: list[int],
        outcome: Pass,
        may: Callable[["Guest"], bool],
    ) -> None:
        for at in range(0, max(len(blocks), len(zeros)), sharing.BATCH):
            upto = at + sharing.BATCH
            if not may(guest):
                return
            try:
                done = await sharing.share_blocks(guest, blocks[at:upto], zeros[at:upto])
            except GuestError:
                return  # it has ended, or does not respond
            outcome.shared += done.shared
            outcome.zeros += done.zeros


def _look(content: bytes, stretches: list[tuple[int, int]]) -> Found:
    """`stretches`: what of it takes memory. Where nothing does it reads as zeros."""
    if content == _ZEROS[: len(content)]:
        return Found(b"", True, True)
    zeros = any(
        content[at : at + _PAGE] == _ZERO_PAGE for start, end in stretches for at in range(start, end, _PAGE)
    )
    return Found(digest_of(content), zeros, False)


def _data(fd: int, size: int) -> dict[int, list[tuple[int, int]]]:
    """Blocks that take memory, and where in them."""
    blocks: dict[int, list[tuple[int, int]]] = {}
    at = 0
    while at < size:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
            end = os.lseek(fd, at, os.SEEK_HOLE)
        except OSError:  # a hole up to the end
            break
        while at < end:
            block = at // BLOCK
            stop = min((block + 1) * BLOCK, end)
            blocks.setdefault(block, []).append((at - block * BLOCK, stop - block * BLOCK))
            at = stop
    return blocks
