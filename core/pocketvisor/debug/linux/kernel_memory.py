"""A kernel's memory by the addresses that the kernel itself uses, whatever the CPU is about at the moment.

The kernel's own page table is walked here (short descriptors: this board has no others), as a process's
table may lack what the kernel has mapped since, and user code may be running. A hostile guest's tables say
what they like: all that can come of it is other bytes.
"""

import struct
from typing import Final

from pocketvisor.board.map import RAM_BASE
from pocketvisor.debug.symbols.file import Memory
from pocketvisor.errors import DebugError

_TABLE: Final = 0x4000
_PAGE: Final = 0x1000
_MEGABYTE: Final = 1 << 20
_L2_KEPT: Final = 256
READ_MAX: Final = 64 << 20
PIECES_MAX: Final = 100_000
BYTES_MAX: Final = 256 << 20
"""Of one look: more is read for nobody's lists."""


class KernelMemory:
    """refresh() once for each look, as tables change."""

    def __init__(self, memory: Memory, page_offset: int) -> None:
        self.memory = memory
        self.page_offset = page_offset
        self.table = 0
        self._first = b""
        self._second: dict[int, bytes] = {}
        self._pieces = self._bytes = 0

    async def find_table(self, known: int | None) -> bool:
        """`known`: the virtual address of swapper_pg_dir, if somebody told it. Else it is looked for below
        the kernel: the first that maps the kernel's own megabytes onto themselves."""
        candidates = range(RAM_BASE, RAM_BASE + (8 << 20), _TABLE)
        if known is not None:
            candidates = range(known - self.page_offset + RAM_BASE, RAM_BASE + (1 << 30), 1 << 30)
        for place in candidates:
            at = place + 4 * (self.page_offset >> 20)
            entries = await self.memory.read(at + 16, 16, physical=True)
            if len(entries) == 16 and _straight(entries):
                self.table = place
                await self.refresh()
                return True
        return False

    async def refresh(self) -> None:
        self._first = await self.memory.read(self.table, _TABLE, physical=True)
        self._second.clear()
        self._pieces = self._bytes = 0

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        """What is mapped from there on, possibly less than asked for. Raises DebugError over the bounds."""
        if physical:
            return await self.memory.read(address, size, physical=True)
        found = bytearray()
        size = max(0, min(size, READ_MAX, (1 << 32) - address))
        while len(found) < size:
            start, room = await self._run(address + len(found), size - len(found))
            if not room:
                break
            self._pieces, self._bytes = self._pieces + 1, self._bytes + room
            if self._pieces > PIECES_MAX or self._bytes > BYTES_MAX:
                raise DebugError("The lists in this guest's memory do not end: gave up")
            piece = await self.memory.read(start, room, physical=True)
            found += piece
            if len(piece) < room:
                break
        return bytes(found)

    async def _run(self, address: int, size: int) -> tuple[int, int]:
        """Where it is, and how many bytes from there on follow each other."""
        start, room = await self._translate(address)
        while 0 < room < size:
            following, more = await self._translate(address + room)
            if not more or following != start + room:
                break
            room += more
        return start, min(room, size)

    async def _translate(self, address: int) -> tuple[int, int]:
        """Physical address, and bytes up to the end of its page; (0, 0) where nothing is mapped."""
        number = address >> 20
        if number >= len(self._first) // 4:
            return 0, 0
        (entry,) = struct.unpack_from("<I", self._first, 4 * number)
        if entry & 2:  # a section, or one of sixteen parts of a supersection
            size = _MEGABYTE << 4 if entry & 1 << 18 else _MEGABYTE
            inside = address & size - 1
            return (entry & ~(size - 1) & 0xFFFFFFFF) + inside, _MEGABYTE - (address & _MEGABYTE - 1)
        if entry & 3 != 1:
            return 0, 0
        table = self._second.get(entry)
        if table is None:
            if len(self._second) >= _L2_KEPT:
                self._second.clear()
            table = self._second[entry] = await self.memory.read(entry & ~0x3FF, 1024, physical=True)
        index = address >> 12 & 0xFF
        if 4 * index + 4 > len(table):
            return 0, 0
        (page,) = struct.unpack_from("<I", table, 4 * index)
        if page & 2:
            return (page & ~0xFFF) + (address & 0xFFF), _PAGE - (address & 0xFFF)
        if page & 1:  # a large page
            return (page & ~0xFFFF) + (address & 0xFFFF), _PAGE - (address & 0xFFF)
        return 0, 0

    # Pieces of it

    async def word(self, address: int) -> int | None:
        data = await self.read(address, 4)
        return int.from_bytes(data, "little") if len(data) == 4 else None

    def in_kernel(self, address: int) -> bool:
        """Could a pointer of the kernel's own point there?"""
        return self.page_offset <= address < 0xFFF00000


def _straight(entries: bytes) -> bool:
    """Sections of RAM's fifth to eighth megabyte, at their own places, as the kernel maps its beginning."""
    found = struct.unpack("<4I", entries)
    return all(
        entry & 2 and not entry & 1 << 18 and entry & 0xFFF00000 == RAM_BASE + (4 + number) * _MEGABYTE
        for number, entry in enumerate(found)
    )
