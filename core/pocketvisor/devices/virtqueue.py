"""A split virtqueue (VIRTIO 1.1, chapter 2.6), walked in the guest's RAM by a device that trusts nothing.

It only reads: what a device answers is a payload for EVENT_VIRTIO_USED, which the machine writes into the
guest at a logged tick. A descriptor is copied once and judged by the copy; a chain has at most as many
descriptors as the queue, so that one that loops ends; everything named lies in RAM.

Left out: packed queues, and VIRTIO_F_EVENT_IDX for kicks: the position that a device would write arrives
later than the kick that the driver leaves out because of it, and a kick costs next to nothing.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

NEXT: Final = 1
WRITE: Final = 2
INDIRECT: Final = 4
F_INDIRECT: Final = 1 << 28

_descriptor: Final = struct.Struct("<QIHH").unpack_from
_u16: Final = struct.Struct("<H").unpack_from
_piece: Final = tuple.__new__
_HEADER: Final = struct.Struct("<IHHHH")
_WRITE_HEADER: Final = struct.Struct("<QI")
_ELEMENT: Final = struct.Struct("<II")
_NO_QUEUE: Final = 0xFFFF
_ZEROS: Final = 0x8000_0000


Payload = list[bytes | memoryview]
"""What is posted to the machine, in pieces that follow each other: it copies them together itself."""


class VirtqueueError(Exception):
    """The driver's queue is not what the standard allows: the device needs a reset."""


class GuestMemory:
    """The guest's RAM, read only. Where parts of it may not be loaded yet, `require` waits for them."""

    def __init__(self, ram: memoryview, base: int, require: Callable[[int, int], None] | None = None) -> None:
        self._ram = ram
        self._base = base
        self._end = len(ram)
        self._require = require

    def complete(self) -> None:
        """All of it is loaded."""
        self._require = None

    @property
    def incomplete(self) -> bool:
        return self._require is not None

    def require(self, address: int, size: int) -> None:
        """Waits until a range that is in RAM is loaded; for who looks at it past read() and view()."""
        if self._require is not None:
            self._require(address, size)

    def contains(self, address: int, size: int) -> bool:
        return 0 <= address - self._base <= self._end - size

    def read(self, address: int, size: int) -> bytes:
        """A copy; raises VirtqueueError where it is not wholly in RAM."""
        at = address - self._base
        if not 0 <= at <= self._end - size:
            raise VirtqueueError(f"0x{address:x} with {size} bytes is outside of RAM")
        if self._require is not None:
            self._require(address, size)
        return bytes(self._ram[at : at + size])

    def view(self, address: int, size: int) -> memoryview:
        """As read(), without a copy: the guest may change it at any time, so it is looked at once."""
        at = address - self._base
        if not 0 <= at <= self._end - size:
            raise VirtqueueError(f"0x{address:x} with {size} bytes is outside of RAM")
        if self._require is not None:
            self._require(address, size)
        return self._ram[at : at + size]

    def unloaded_view(self, address: int, size: int) -> memoryview:
        """As view() of a range that is in RAM, for who require()s what it then looks at."""
        at = address - self._base
        return self._ram[at : at + size]


class Piece(NamedTuple):
    """Memory of the guest that a descriptor names."""

    address: int
    size: int


class Chain(Struct, frozen=True):
    """A request: what the device may read, then what it may write. `head` names it to the driver."""

    head: int
    readable: tuple[Piece, ...]
    writable: tuple[Piece, ...]

    @property
    def room(self) -> int:
        return sum(piece.size for piece in self.writable)


class Layout(NamedTuple):
    """A queue as the driver set it up; see Queue in _native.pyi."""

    size: int
    descriptors: int
    available: int
    indirect: bool = False


class Virtqueue:
    """The device's side of a queue. `position` is what it has taken up to, and is all of its state."""

    def __init__(self, memory: GuestMemory, layout: Layout, position: int = 0) -> None:
        size = layout.size
        if not 1 <= size <= 32768 or size & (size - 1):
            raise VirtqueueError(f"a queue cannot have {size} entries")
        if not memory.contains(layout.descriptors, 16 * size) or not memory.contains(
            layout.available, 6 + 2 * size
        ):
            raise VirtqueueError("a queue's rings are outside of RAM")
        # What each chain needs: the RAM and where in it, so that a descriptor costs one call.
        self._ram, self._base = memory._ram, memory._base
        self._table, self._available = layout.descriptors - self._base, layout.available - self._base
        self._size, self._indirect = size, layout.indirect
        self._unloaded = memory if memory.incomplete else None
        self.position = position & 0xFFFF

    def waiting(self) -> int:
        """How many chains the driver has made available and nobody has taken."""
        if self._unloaded is not None:
            self._load(self._unloaded)
        count: int = (_u16(self._ram, self._available + 2)[0] - self.position) & 0xFFFF
        if count > self._size:
            raise VirtqueueError(f"{count} chains are available in a queue of {self._size}")
        return count

    def _load(self, memory: GuestMemory) -> None:
        """The rings; once they are there they stay. The tables of indirect descriptors come and go."""
        memory.require(self._base + self._table, 16 * self._size)
        memory.require(self._base + self._available, 6 + 2 * self._size)
        if not memory.incomplete:
            self._unloaded = None

    def pop(self) -> Chain | None:
        """The next chain, or None if there is none."""
        position = self.position
        if not self.waiting():
            return None
        chain = self._walk(_u16(self._ram, self._available + 4 + 2 * (position & (self._size - 1)))[0])
        self.position = (position + 1) & 0xFFFF
        return chain

    def _walk(self, head: int) -> Chain:
        ram, base, table = self._ram, self._base, self._table
        end, size = len(ram), self._size
        index, left, nested = head, size, False
        readable: list[Piece] = []
        writable: list[Piece] = []
        while True:
            if index >= size:
                raise VirtqueueError(f"descriptor {index} is outside of a table of {size}")
            if left == 0:
                raise VirtqueueError("a chain of descriptors is longer than its queue, or a loop")
            left -= 1
            address, length, flags, following = _descriptor(ram, table + 16 * index)
            if not 0 <= address - base <= end - length:
                raise VirtqueueError(f"a descriptor names 0x{address:x} with {length} bytes, outside of RAM")
            if flags & INDIRECT:
                if nested or flags & NEXT or not self._indirect or length % 16 or not length:
                    raise VirtqueueError("an indirect descriptor is out of place")
                if self._unloaded is not None:
                    self._unloaded.require(address, length)
                # The table takes the place of its descriptor, and no more of it is used than the queue has.
                table, size, index, nested = address - base, length // 16, 0, True
                left += 1
                continue
            if flags & WRITE:
                writable.append(_piece(Piece, (address, length)))
            elif writable:
                raise VirtqueueError("a chain goes on to be read where it was to be written")
            else:
                readable.append(_piece(Piece, (address, length)))
            if not flags & NEXT:
                return Chain(head, tuple(readable), tuple(writable))
            index = following


def fill(chain: Chain, data: bytes) -> list[tuple[int, bytes]]:
    """`data` laid out over the chain's writable pieces, as far as they reach."""
    writes: list[tuple[int, bytes]] = []
    at = 0
    for piece in chain.writable:
        part = data[at : at + piece.size]
        if part:
            writes.append((piece.address, part))
        at += len(part)
    return writes


def used_payload(
    generation: int,
    queue: int,
    writes: Sequence[tuple[int, bytes | memoryview]],
    used: Sequence[tuple[int, int]],
) -> Payload:
    """What to post: the writes, then the used elements (head, bytes written)."""
    parts: Payload = [_HEADER.pack(generation, queue, len(writes), len(used), 0)]
    for address, data in writes:
        parts += (_WRITE_HEADER.pack(address, len(data)), data)
    parts += (_ELEMENT.pack(head, length) for head, length in used)
    return parts


def clearing_payload(
    generation: int, queue: int, ranges: Sequence[tuple[int, int]], used: Sequence[tuple[int, int]]
) -> Payload:
    """As used_payload(), with zeros written over ranges (address, size), whose pages go back to the host."""
    parts: Payload = [_HEADER.pack(generation, queue, len(ranges), len(used), 0)]
    parts += (_WRITE_HEADER.pack(address, size | _ZEROS) for address, size in ranges)
    parts += (_ELEMENT.pack(head, length) for head, length in used)
    return parts


def broken_payload(generation: int) -> Payload:
    """What to post where the driver made something impossible: the device will need a reset."""
    return used_payload(generation, _NO_QUEUE, (), ())
