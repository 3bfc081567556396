"""Bytes are found wherever they are in a guest's memory, at the edges of pieces and behind holes too."""

import pytest

from pocketvisor.debug.memory_search import mapped_spans, ram_spans, search
from pocketvisor.errors import DebugError


class Memory:
    """Mapped from 0 on, but for a hole."""

    def __init__(self, size: int, hole: tuple[int, int] = (0, 0)) -> None:
        self.content = bytearray(size)
        self.hole = hole

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        begin, end = self.hole
        if begin <= address < end:
            return b""
        data = bytes(self.content[address : address + size])
        return data[: begin - address] if address < begin else data


async def test_all_places_in_order() -> None:
    memory = Memory(3 << 20)
    places = [0, 5, (1 << 20) - 2, (2 << 20) - 4, (3 << 20) - 4]
    for place in places:
        memory.content[place : place + 4] = b"word"
    assert await search(memory, b"word", [(0, 3 << 20)]) == places
    assert await search(memory, b"word", [(0, 3 << 20)], limit=2) == places[:2]
    assert await search(memory, b"word", [(1, 100), (2 << 20, 1 << 20)]) == [5, (3 << 20) - 4]


async def test_places_that_overlap() -> None:
    memory = Memory(4096)
    memory.content[10:14] = b"aaaa"
    assert await search(memory, b"aa", [(0, 4096)]) == [10, 11, 12]


async def test_behind_a_hole() -> None:
    memory = Memory(4 << 20, (0x1000, 0x3000))
    memory.content[0x3000:0x3004] = b"word"
    memory.content[0x2000:0x2004] = b"word"  # not mapped
    assert await search(memory, b"word", [(0, 4 << 20)]) == [0x3000]


@pytest.mark.parametrize("size", [0, 5000])
async def test_a_needle_has_a_size(size: int) -> None:
    with pytest.raises(DebugError):
        await search(Memory(100), bytes(size), [(0, 100)])


async def test_without_page_tables_it_is_the_ram() -> None:
    assert await mapped_spans({"sctlr": 0}, Memory(0), 16) == ram_spans(16) == [(0x4000_0000, 16 << 20)]
