"""A search through a guest's memory: in what is mapped, from an address on, and around to it again."""

import string
from collections.abc import Iterator, Mapping
from typing import Protocol

from pocketvisor.debug.page_tables import PageTables

RAM_BASE = 0x4000_0000
_CHUNK = 1 << 20
_MOST = 4 << 30


class Memory(Protocol):
    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes: ...


def needle_of(text: str) -> bytes | None:
    """What is typed: "words" or 'words', bytes in hexadecimal, or a number as 0x..., little end first."""
    words = text.strip()
    if len(words) > 2 and words[0] in "\"'" and words[-1] == words[0]:
        return words[1:-1].encode()
    if words.lower().startswith("0x"):
        digits = words[2:]
        if not digits or len(digits) > 16 or set(digits) - set(string.hexdigits):
            return None
        size = next(size for size in (1, 2, 4, 8) if len(digits) <= 2 * size)
        return int(digits, 16).to_bytes(max(size, 4) if size != 8 else 8, "little")
    try:
        return bytes.fromhex(words) or None
    except ValueError:
        return words.encode() if words else None


class Search:
    def __init__(
        self, memory: Memory, needle: bytes, registers: Mapping[str, int], ram_bytes: int, *, physical: bool
    ) -> None:
        self._memory = memory
        self._needle = needle
        self._registers = registers
        self._ram = [(RAM_BASE, RAM_BASE + ram_bytes)]
        self._physical = physical

    async def find(self, start: int) -> int | None:
        """Raises DebugError."""
        pieces = await self._pieces()
        behind = [(max(begin, start), end) for begin, end in pieces if end > start]
        before = [(begin, min(end, start + len(self._needle))) for begin, end in pieces if begin < start]
        for begin, end in _chunks([*behind, *before], len(self._needle) - 1):
            data = await self._memory.read(begin, end - begin, physical=self._physical)
            at = data.find(self._needle)
            if at >= 0:
                return begin + at
        return None

    async def _pieces(self) -> list[tuple[int, int]]:
        """What can be read at all: from where to where, joined where pages follow each other."""
        if self._physical:
            return self._ram
        tables = PageTables(self._registers, self._memory)
        if not tables.on:
            return self._ram
        pieces: list[tuple[int, int]] = []
        for each in await tables.ranges():
            if pieces and pieces[-1][1] == each.address:
                pieces[-1] = (pieces[-1][0], each.end)
            else:
                pieces.append((each.address, each.end))
        return pieces


def _chunks(pieces: list[tuple[int, int]], overlap: int) -> Iterator[tuple[int, int]]:
    """In parts that can be read at once; each begins a little before the end of the one in front."""
    left = _MOST
    for begin, end in pieces:
        at = begin
        while at < end and left > 0:
            size = min(_CHUNK, end - at)
            yield at, at + size
            left -= size
            at = at + size - overlap if at + size < end else end
