"""virtio-balloon (VIRTIO 1.1, chapter 5.5; free page reporting as in 1.2, 5.5.6.7): memory that a guest gives
back to its host, and what it says of its memory.

What a guest puts into the balloon, or reports as free, becomes zeros at the tick of the answer, and the
host's memory behind it is given up: an event like any other, so that a replay has the same memory. A page
that comes out of the balloon is zero and needs nothing: for that reason the device does not ask to be told
before (MUST_TELL_HOST). A guest is asked, never forced.

Left out: free page hints and page poisoning. Where a queue was not agreed on, Linux moves the later ones up,
the standard does not: the last one is taken for the reports either way.
"""

import struct
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.virtio import VirtioSlot, Windows
from pocketvisor.devices.virtio_replay import Replayable
from pocketvisor.devices.virtqueue import Chain, Piece, Virtqueue, VirtqueueError

F_STATS_VQ: Final = 1 << 1
F_DEFLATE_ON_OOM: Final = 1 << 2
F_REPORTING: Final = 1 << 5

PAGE_SIZE: Final = 4096
PFNS_MAX: Final = 4096
"""Pages in one request; Linux sends at most 256."""

STATISTICS: Final = (
    "swap_in",
    "swap_out",
    "major_faults",
    "minor_faults",
    "free",
    "total",
    "available",
    "disk_caches",
    "hugetlb_allocations",
    "hugetlb_failures",
)
"""By tag; memory in bytes."""

INFLATE, DEFLATE, STATS = range(3)
_QUEUE_SIZE: Final = 128
_CONFIG: Final = struct.Struct("<II")
_STATISTIC: Final = struct.Struct("<HQ")
_STATISTICS_MAX: Final = 32 * _STATISTIC.size
_CLEAR_MAX: Final = 1 << 30

_Pages = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]


class _Request(Struct, tag=True, frozen=True):
    pass


class SetTarget(_Request, frozen=True):
    """From the handset: how many pages the balloon should hold."""

    pages: _Pages


class AskStatistics(_Request, frozen=True):
    """From the handset. A guest that has none to tell does not answer."""


class BalloonReport(Struct, frozen=True):
    """To the handset, whenever one of it changed. `statistics`: those of STATISTICS that the guest told."""

    target: _Pages
    actual: _Pages
    statistics: dict[str, int] = {}


class BalloonState(Struct):
    target: _Pages = 0
    actual: _Pages = 0
    statistics: dict[str, int] = {}


class VirtioBalloon(Replayable):
    device_id = 5
    features = F_STATS_VQ | F_DEFLATE_ON_OOM | F_REPORTING
    queue_sizes: tuple[int, ...] = (_QUEUE_SIZE,) * 5
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, target: int, ram_pages: int) -> None:
        """`target`: pages that the balloon should hold from the start on."""
        self._ram_pages = ram_pages
        self._state = BalloonState(target=min(target, ram_pages))
        self.config = _CONFIG.pack(self._state.target, 0)

    def activate(self) -> None:
        for queue in range(len(self.queue_sizes)):
            self.kick(queue)

    def deactivate(self) -> None:
        """Its memory is its own again, whatever was in the balloon."""
        self._state.actual = 0
        self._state.statistics = {}

    def kick(self, queue: int) -> None:
        available = self.port.queue(queue)
        if available is None:
            return
        if queue == STATS and self.port.features & F_STATS_VQ:
            self._read_statistics(available)
            return
        for _ in range(_QUEUE_SIZE):
            position = available.position
            chain = available.pop()
            if chain is None:
                return
            if not self.port.clear(queue, self._given_back(queue, chain), [(chain.head, 0)]):
                available.position = position
                break
        self.port.retry(queue)

    def configured(self) -> None:
        actual = _CONFIG.unpack(self.port.written_config())[1]
        self._state.actual = min(actual, self._ram_pages)
        self._report()

    def control(self, data: bytes, fd: int | None) -> None:
        request = msgspec.msgpack.decode(data, type=SetTarget | AskStatistics)
        if isinstance(request, SetTarget):
            self._state.target = min(request.pages, self._ram_pages)
            actual = _CONFIG.unpack(self.port.written_config())[1]
            self.port.configure(_CONFIG.pack(self._state.target, actual))
            self._report()
            return
        try:
            self._ask_statistics()
        except VirtqueueError:
            self.port.broken()

    def save(self) -> State:
        return plain(self._state)

    def restore(self, state: State) -> None:
        self._state = from_plain(state, BalloonState)

    def replayed_config(self, config: bytes) -> None:
        self._state.target = min(_CONFIG.unpack(config)[0], self._ram_pages)

    def _given_back(self, queue: int, chain: Chain) -> list[tuple[int, int]]:
        """Memory that a chain gives back."""
        if queue == INFLATE:
            return self._inflated(chain)
        if queue == DEFLATE or not self.port.features & F_REPORTING:
            return []
        return [
            (piece.address + at, min(_CLEAR_MAX, piece.size - at))
            for piece in chain.writable
            for at in range(0, piece.size, _CLEAR_MAX)
        ]

    def _inflated(self, chain: Chain) -> list[tuple[int, int]]:
        memory = self.port.memory
        data = _content(self.port, chain.readable, 4 * PFNS_MAX)
        if data is None or len(data) % 4:
            raise VirtqueueError("the balloon is given pages in a way that cannot be")
        ranges = list(_runs(sorted(set(struct.unpack(f"<{len(data) // 4}I", data)))))
        for address, size in ranges:
            if not memory.contains(address, size):
                raise VirtqueueError("the balloon is given pages outside of RAM")
        return ranges

    # The driver leaves one buffer in the queue of statistics. It stays there, so that nothing is on the way
    # when the device is saved: it is looked at when it comes, and taken when new ones are wanted.

    def _read_statistics(self, available: Virtqueue) -> None:
        position = available.position
        chain = available.pop()
        available.position = position
        if chain is None:
            return
        data = _content(self.port, chain.readable, _STATISTICS_MAX) or b""
        told = {}
        for at in range(0, len(data) - _STATISTIC.size + 1, _STATISTIC.size):
            tag, value = _STATISTIC.unpack_from(data, at)
            if tag < len(STATISTICS) and value < 1 << 63:  # all ones: it has none
                told[STATISTICS[tag]] = value
        self._state.statistics = told
        self._report()

    def _ask_statistics(self) -> None:
        available = self.port.queue(STATS)
        if available is None or not self.port.features & F_STATS_VQ:
            return
        position = available.position
        chain = available.pop()
        if chain is not None and not self.port.answer(STATS, [(chain, (), 0)]):
            available.position = position

    def _report(self) -> None:
        state = self._state
        self.port.report(BalloonReport(state.target, state.actual, dict(state.statistics)))


def _content(port: VirtioSlot, pieces: tuple[Piece, ...], limit: int) -> bytes | None:
    """What the pieces hold, None where that is more than the limit."""
    if sum(piece.size for piece in pieces) > limit:
        return None
    return b"".join(port.memory.read(piece.address, piece.size) for piece in pieces)


def _runs(pages: Iterable[int]) -> Iterable[tuple[int, int]]:
    """(address, size) of pages that follow each other."""
    start = end = -1
    for page in pages:
        if page != end:
            if start >= 0:
                yield start * PAGE_SIZE, (end - start) * PAGE_SIZE
            start = page
        end = page + 1
    if start >= 0:
        yield start * PAGE_SIZE, (end - start) * PAGE_SIZE
