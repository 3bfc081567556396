"""The status page: what a guest's process tells without being asked, and the rate it is given.

One memfd of 4096 bytes a guest, little endian. The guest's process writes below 0x800 (core/native/status.h),
the handset from there on. A reader never waits: each field is one aligned word, so it is whole, though two
fields may be a moment apart.

    0x000 u32 magic "PVST"    0x004 u32 version
    0x008 u64 ticks           0x010 u64 clock_ns    0x018 u64 idle_ns    0x020 u64 cpu_ns
    0x028 u32 state           0x02c u32 reason of the last return
    0x030 u64 CLOCK_MONOTONIC ns at which it wakes by itself, where it is idle; all ones: not before input
    0x038 u64 touches and keys that it was told of since its process began
    0x040 u64 counters, in the order of COUNTERS
    0x200 u64 frames published    0x208 u64 CLOCK_MONOTONIC ns of the last
    0x210 u32 source (0: the framebuffer, 1: the scanout), u32 width, height, stride of the scanout,
          u32 generation: odd while these change
    0x240 64 entries {u64 sequence, u16 x0, y0, x1, y1}: damage, the frame's entry at sequence % 64
    0x800 u64 rate in ticks a second, 0 for no limit
"""

import mmap
import os
import struct
from typing import Final, NamedTuple

from msgspec import Struct

PAGE_SIZE: Final = 4096
MAGIC: Final = 0x54535650
VERSION: Final = 1

STATE_NEW: Final = 0
STATE_RUNNING: Final = 1
STATE_IDLE: Final = 2
STATE_STOPPED: Final = 3

COUNTERS: Final = (
    "blocks",
    "fills",
    "first_fetches",
    "irqs",
    "data_aborts",
    "prefetch_aborts",
    "supervisor_calls",
    "undefined",
    "traps",
    "waits",
    "mmio",
    "external_aborts",
    "empty_accesses",
    "dirty_marks",
    "frames",
    "events",
    "events_refused",
    "virtio_refused",
    "input_dropped",
    "output_dropped",
)

_HEAD = struct.Struct("<IIQQQQIIQQ")
_COUNTERS = struct.Struct(f"<{len(COUNTERS)}Q")
_COUNTERS_AT = 0x40
_FRAMES = struct.Struct("<QQ")
_FRAMES_AT = 0x200
_SHOWN = struct.Struct("<IIIII")
_SHOWN_AT = 0x210
_DAMAGE = struct.Struct("<QHHHH")
_DAMAGE_AT = 0x240
_DAMAGE_ENTRIES = 64
_RATE_AT = 0x800
_WORD = struct.Struct("<Q")

SOURCE_FRAMEBUFFER: Final = 0
SOURCE_SCANOUT: Final = 1
_TRIES: Final = 8

Rectangle = tuple[int, int, int, int]


class Shown(NamedTuple):
    """Which memory the pane shows, and the scanout's measures: those of the guest's process, unchecked."""

    source: int
    width: int
    height: int
    stride: int


class StatusHead(Struct, frozen=True):
    """The page's first fields, as they stood when they were read."""

    ticks: int
    clock_ns: int
    idle_ns: int
    cpu_ns: int
    state: int
    reason: int
    idle_until: int = 0
    inputs: int = 0

    def is_late(self, monotonic_ns: int) -> bool:
        """It should have woken by then: it waits for a processor of this computer, or is on its way."""
        return self.state == STATE_IDLE and monotonic_ns >= self.idle_until


class StatusPage:
    """A mapping of one guest's status page."""

    def __init__(self, fd: int) -> None:
        if os.fstat(fd).st_size < PAGE_SIZE:
            raise ValueError(f"a status page has {PAGE_SIZE} bytes")
        self._map: mmap.mmap | bytearray = mmap.mmap(
            fd, PAGE_SIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE
        )

    def move_to(self, fd: int) -> None:
        """Another page from now on, for all who read here."""
        before = self._map
        self._map = mmap.mmap(fd, PAGE_SIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        if isinstance(before, mmap.mmap):
            before.close()

    def close(self) -> None:
        """Lets go of the memory. What it held last can still be read: a graph may be a moment late."""
        if isinstance(self._map, mmap.mmap):
            mapping, self._map = self._map, bytearray(self._map[:])
            mapping.close()

    @property
    def valid(self) -> bool:
        """Whether a guest's process of our version has written here."""
        return bytes(self._map[0:8]) == struct.pack("<II", MAGIC, VERSION)

    def head(self) -> StatusHead:
        _, _, *fields = _HEAD.unpack_from(self._map, 0)
        return StatusHead(*fields)

    def counters(self) -> dict[str, int]:
        return dict(zip(COUNTERS, _COUNTERS.unpack_from(self._map, _COUNTERS_AT), strict=True))

    @property
    def frame_sequence(self) -> int:
        return int(_FRAMES.unpack_from(self._map, _FRAMES_AT)[0])

    @property
    def frame_time_ns(self) -> int:
        """CLOCK_MONOTONIC of the last published frame."""
        return int(_FRAMES.unpack_from(self._map, _FRAMES_AT)[1])

    def shown(self) -> Shown | None:
        """None where it was changing all the time, or its writer died in the midst of a change."""
        for _ in range(_TRIES):
            *fields, generation = _SHOWN.unpack_from(self._map, _SHOWN_AT)
            if not generation & 1 and _SHOWN.unpack_from(self._map, _SHOWN_AT) == (*fields, generation):
                return Shown(*fields)
        return None

    def damage_since(self, sequence: int) -> tuple[int, list[Rectangle] | None]:
        """(newest sequence, rectangles damaged since `sequence`); None for everything: too far back, or the
        ring was overtaken while it was read."""
        newest = self.frame_sequence
        if newest == sequence:
            return newest, []
        if sequence > newest or newest - sequence > _DAMAGE_ENTRIES // 2:
            return newest, None
        rectangles = []
        for number in range(sequence + 1, newest + 1):
            at = _DAMAGE_AT + (number % _DAMAGE_ENTRIES) * _DAMAGE.size
            found, *corners = _DAMAGE.unpack_from(self._map, at)
            if found != number:
                return newest, None
            x0, y0, x1, y1 = corners
            if x0 < x1 and y0 < y1:
                rectangles.append((x0, y0, x1, y1))
        return newest, rectangles

    @property
    def rate(self) -> int:
        return int(_WORD.unpack_from(self._map, _RATE_AT)[0])

    @rate.setter
    def rate(self, ticks_per_second: int) -> None:
        _WORD.pack_into(self._map, _RATE_AT, ticks_per_second)

    def clear(self) -> None:
        """As new, for the next process of the same guest; only when no process writes here."""
        self._map[0:_RATE_AT] = bytes(_RATE_AT)
