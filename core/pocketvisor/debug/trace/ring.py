"""The memory of a trace: written by a guest's process (core/native/trace.h has the same layout), read here
while it is written.

A ring keeps the newest records. Whoever reads too late, or asks for fewer than there are, loses the oldest,
and is told how many. What stands here is a guest's process's, which a hostile guest may have taken over:
numbers out of bounds lead to an empty answer, never further.

Left out: more than one writer, and records of a process that another one has replaced.
"""

import enum
import mmap
import os
import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

MAGIC: Final = 0x52545650
VERSION: Final = 1
SIZE: Final = 0x1604000
ACCESSES_MAX: Final = 1 << 16
EXCEPTIONS_MAX: Final = 1 << 16
SAMPLES_MAX: Final = 1 << 14
BLOCKS_MAX: Final = 1 << 18
DEVICES_MAX: Final = 128
FRAMES_MAX: Final = 14
STACK_MAX: Final = 440
NO_DEVICE: Final = 0xFFFF

_HEAD = struct.Struct("<IIIIQQQI")
_COUNTS_AT: Final = 0x40
_COUNTS = struct.Struct("<5Q")
_BY_KIND_AT: Final = 0x80
_BY_KIND = struct.Struct("<16Q")
_DEVICES_AT: Final = 0x1000
_DEVICE = struct.Struct("<32sIIQQ8x")
_ACCESSES_AT: Final = 0x4000
_ACCESS = struct.Struct("<QQIIIHBB8x")
_EXCEPTIONS_AT: Final = 0x284000
_EXCEPTION = struct.Struct("<QQIIIIBB6x")
_SAMPLES_AT: Final = 0x504000
_SAMPLE = struct.Struct(f"<QQIIIIII{FRAMES_MAX}I8III{STACK_MAX}s")
_BLOCKS_AT: Final = 0xE04000
_BLOCK = struct.Struct("<QQIIIHH")

T = TypeVar("T")


class Kinds(enum.IntFlag):
    """What is written down."""

    MMIO = 1
    EXCEPTIONS = 2
    COVERAGE = 4
    PROFILE = 8


class RawDevice(NamedTuple):
    name: str
    base: int
    size: int
    reads: int
    writes: int


class RawAccess(NamedTuple):
    """`position`: clock bytes. `offset`: an address where `device` is NO_DEVICE."""

    position: int
    value: int
    pc: int
    context: int
    offset: int
    device: int
    size: int
    write: int


class RawException(NamedTuple):
    position: int
    clock_ns: int
    pc: int
    context: int
    address: int
    status: int
    kind: int
    mode: int


class RawSample(NamedTuple):
    """`frames`: return addresses by frame pointers, the nearest first. `saved`: r4 to r11; `stack`: what was
    there from `sp` up."""

    position: int
    clock_ns: int
    pc: int
    lr: int
    sp: int
    cpsr: int
    context: int
    frames: tuple[int, ...]
    saved: tuple[int, ...] = (0,) * 8
    stack: bytes = b""


class RawBlock(NamedTuple):
    """`runs`: how often it was begun. `size` in bytes, `context` where it was first
    translated. `kind`: that of another part of the same block is another."""

    runs: int
    position: int
    pc: int
    physical: int
    context: int
    size: int
    kind: int

    @property
    def thumb(self) -> bool:
        return bool(self.kind & 1)


class Records(NamedTuple):
    """`next`: what to read from the next time. `lost`: how many were overwritten, or left out as too many."""

    next: int
    lost: int
    records: list[Any]


def _sample(fields: tuple[Any, ...]) -> RawSample:
    position, clock_ns, pc, lr, sp, cpsr, context, count, *rest = fields
    frames, saved, size, stack = rest[:FRAMES_MAX], rest[FRAMES_MAX:-3], rest[-3], rest[-1]
    return RawSample(
        position, clock_ns, pc, lr, sp, cpsr, context, tuple(frames[:count]), tuple(saved), stack[:size]
    )


class TraceMemory:
    """A mapping of one guest's trace."""

    def __init__(self, fd: int) -> None:
        """The descriptor stays the caller's. Raises ValueError where it is too small."""
        if os.fstat(fd).st_size < SIZE:
            raise ValueError(f"a trace has {SIZE} bytes")
        self._map = mmap.mmap(fd, SIZE, mmap.MAP_SHARED, mmap.PROT_READ)

    def close(self) -> None:
        self._map.close()

    @property
    def valid(self) -> bool:
        """Whether a guest's process of our version has written here."""
        return _HEAD.unpack_from(self._map, 0)[:2] == (MAGIC, VERSION)

    @property
    def kinds(self) -> Kinds:
        """What is written down now; none where it has ended."""
        return Kinds(_HEAD.unpack_from(self._map, 0)[2] & 0xF) if self.valid else Kinds(0)

    @property
    def period(self) -> int:
        """Ticks between two samples."""
        return int(_HEAD.unpack_from(self._map, 0)[4])

    @property
    def begun(self) -> tuple[int, int]:
        """The position, and the guest's time in nanoseconds, at which it began."""
        _, _, _, _, _, position, clock_ns, _ = _HEAD.unpack_from(self._map, 0)
        return position, clock_ns

    @property
    def tick_ps(self) -> int:
        return int(_HEAD.unpack_from(self._map, 0)[7])

    @property
    def totals(self) -> dict[str, int]:
        """How many there were since it began; blocks: how many are known, and how many found no room."""
        names = ("accesses", "exceptions", "samples", "blocks", "blocks_lost")
        return dict(zip(names, _COUNTS.unpack_from(self._map, _COUNTS_AT), strict=True))

    def by_kind(self) -> tuple[int, ...]:
        """Counts of exceptions by their kind's number."""
        return _BY_KIND.unpack_from(self._map, _BY_KIND_AT)

    def devices(self) -> list[RawDevice]:
        count = min(_HEAD.unpack_from(self._map, 0)[3], DEVICES_MAX)
        found = []
        for index in range(count):
            name, base, size, reads, writes = _DEVICE.unpack_from(
                self._map, _DEVICES_AT + index * _DEVICE.size
            )
            text = name.partition(b"\0")[0].decode("ascii", "replace")
            found.append(RawDevice("".join(c for c in text if c.isprintable()), base, size, reads, writes))
        return found

    def accesses(self, since: int = 0, limit: int = ACCESSES_MAX) -> Records:
        return self._ring(0, _ACCESSES_AT, ACCESSES_MAX, _ACCESS, RawAccess._make, since, limit)

    def exceptions(self, since: int = 0, limit: int = EXCEPTIONS_MAX) -> Records:
        return self._ring(1, _EXCEPTIONS_AT, EXCEPTIONS_MAX, _EXCEPTION, RawException._make, since, limit)

    def samples(self, since: int = 0, limit: int = SAMPLES_MAX) -> Records:
        return self._ring(2, _SAMPLES_AT, SAMPLES_MAX, _SAMPLE, _sample, since, limit)

    def blocks(self) -> list[RawBlock]:
        """All of them, as they stand now."""
        count = min(_COUNTS.unpack_from(self._map, _COUNTS_AT)[3], BLOCKS_MAX)
        data = self._map[_BLOCKS_AT : _BLOCKS_AT + count * _BLOCK.size]
        return [RawBlock._make(fields) for fields in _BLOCK.iter_unpack(data)]

    def _written(self, which: int) -> int:
        return int(_COUNTS.unpack_from(self._map, _COUNTS_AT)[which])

    def _ring(
        self,
        which: int,
        at: int,
        capacity: int,
        entry: struct.Struct,
        make: Callable[[Any], T],
        since: int,
        limit: int,
    ) -> Records:
        written = self._written(which)
        if since > written:  # begun anew
            since = 0
        first = max(since, written - capacity, written - limit, 0)
        data = self._copy(at, capacity, entry.size, first, written)
        after = self._written(which)
        # The writer went on meanwhile, and may be in the midst of one more than it says.
        intact = min(max(first, after - capacity + 1), written)
        if after < written:
            return Records(after, 0, [])
        records = [make(fields) for fields in entry.iter_unpack(data[(intact - first) * entry.size :])]
        return Records(written, intact - since, records)

    def _copy(self, at: int, capacity: int, size: int, first: int, end: int) -> bytes:
        """Entries first to end, at most as many as there are."""
        begin, stop = first % capacity, first % capacity + (end - first)
        piece = self._map[at + begin * size : at + min(stop, capacity) * size]
        return piece + self._map[at : at + (stop - capacity) * size] if stop > capacity else piece
