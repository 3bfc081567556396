"""A trace's memory as a guest's process would have written it, and as a hostile one would."""

import mmap
import os
import struct
from collections.abc import Sequence

from pocketvisor.debug.trace import ring

HEAD_AT, COUNTS_AT, BY_KIND_AT, DEVICES_AT = 0, 0x40, 0x80, 0x1000
ACCESSES_AT, EXCEPTIONS_AT, SAMPLES_AT, BLOCKS_AT = 0x4000, 0x284000, 0x504000, 0xE04000


class MadeTrace:
    def __init__(self, kinds: int = 15) -> None:
        fd = os.memfd_create("trace")
        os.ftruncate(fd, ring.SIZE)
        self.map = mmap.mmap(fd, ring.SIZE)
        self.memory = ring.TraceMemory(fd)
        os.close(fd)
        self.counts = [0, 0, 0, 0, 0]
        struct.pack_into("<IIIIQQQI", self.map, 0, ring.MAGIC, ring.VERSION, kinds, 0, 1000, 8, 16, 1000)

    def close(self) -> None:
        self.memory.close()
        self.map.close()

    def devices(self, devices: Sequence[tuple[bytes, int, int, int, int]]) -> None:
        struct.pack_into("<I", self.map, 12, len(devices))
        for index, fields in enumerate(devices):
            struct.pack_into("<32sIIQQ8x", self.map, DEVICES_AT + 64 * index, *fields)

    def count(self, which: int, value: int) -> None:
        self.counts[which] = value
        struct.pack_into("<5Q", self.map, COUNTS_AT, *self.counts)

    def access(self, *fields: int) -> None:
        """position, value, pc, context, offset, device, size, write"""
        at = self.counts[0] % ring.ACCESSES_MAX
        struct.pack_into("<QQIIIHBB8x", self.map, ACCESSES_AT + 40 * at, *fields)
        self.count(0, self.counts[0] + 1)
