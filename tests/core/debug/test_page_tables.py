"""Walks of page tables that are made here: what an address becomes, with which rights, and why not."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.debug.page_tables import RANGES_MAX, PageTables, Range, Rights

RAM = 0x4000_0000
LEVEL1, LEVEL2, OTHER = RAM + 0x4000, RAM + 0x8000, RAM + 0xC000
SHORT = {"sctlr": 1, "ttbr0": LEVEL1, "dacr": 0x5}  # domains 0 and 1: client
LONG = {"sctlr": 1, "ttbcr": 1 << 31, "long_ttbr0": LEVEL1, "long_ttbr1": 0}


class Memory:
    """Physical memory of 64 KiB; nothing else is there."""

    def __init__(self) -> None:
        self.content = bytearray(1 << 16)

    def word(self, address: int, value: int) -> None:
        struct.pack_into("<I", self.content, address - RAM, value)

    def long(self, address: int, value: int) -> None:
        struct.pack_into("<Q", self.content, address - RAM, value)

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        assert physical
        at = address - RAM
        return bytes(self.content[at : at + size]) if 0 <= at < len(self.content) else b""


@pytest.fixture
def memory() -> Memory:
    return Memory()


async def test_without_an_mmu_an_address_is_itself(memory: Memory) -> None:
    tables = PageTables({"sctlr": 0}, memory)
    assert (await tables.walk(0x1234)).physical == 0x1234
    assert "off" in tables.described()
    assert [each.size for each in await tables.ranges()] == [1 << 32]


async def test_a_section(memory: Memory) -> None:
    memory.word(LEVEL1 + 4 * 0xC00, 0x4010_0000 | 0b01 << 10 | 0b11 << 2 | 1 << 12 | 1 << 5 | 2)
    walk = await PageTables(SHORT, memory).walk(0xC000_1234)
    assert walk.physical == 0x4010_1234
    assert walk.size == 1 << 20
    assert walk.rights == Rights("rwx", "---")
    assert (walk.domain, walk.domain_access) == (1, "client")
    assert walk.memory == "normal (TEX=1 C=1 B=1)"
    assert [(step.level, step.address) for step in walk.steps] == [(1, LEVEL1 + 4 * 0xC00)]


async def test_a_supersection(memory: Memory) -> None:
    for index in range(16):
        memory.word(LEVEL1 + 4 * (0xD00 + index), 0x5000_0000 | 1 << 18 | 0b11 << 10 | 1 << 4 | 2)
    walk = await PageTables(SHORT, memory).walk(0xD05F_0010)
    assert walk.physical == 0x505F_0010
    assert walk.rights == Rights("rw-", "rw-")
    assert [(each.address, each.size) for each in await PageTables(SHORT, memory).ranges()] == [
        (0xD000_0000, 16 << 20)
    ]


async def test_pages(memory: Memory) -> None:
    memory.word(LEVEL1, LEVEL2 | 1)
    memory.word(LEVEL2 + 4 * 5, 0x4000_5000 | 0b10 << 4 | 2)
    for index in range(16, 32):
        memory.word(LEVEL2 + 4 * index, 0x4003_0000 | 1 << 9 | 0b10 << 4 | 1 << 15 | 1)
    tables = PageTables(SHORT, memory)
    small = await tables.walk(0x5ABC)
    assert (small.physical, small.size) == (0x4000_5ABC, 4096)
    assert small.rights == Rights("rwx", "r-x")
    assert [step.level for step in small.steps] == [1, 2]
    large = await tables.walk(0x1_ABCD)
    assert (large.physical, large.size) == (0x4003_ABCD, 65536)
    assert large.rights == Rights("r--", "r--")
    assert await tables.ranges() == [
        Range(0x5000, 0x4000_5000, 0x1000, small.rights, 0x1000, small.memory),
        Range(0x1_0000, 0x4003_0000, 0x1_0000, large.rights, 0x1_0000, large.memory),
    ]
    assert await tables.mappings_of(0x4003_0004) == [0x1_0004]


@pytest.mark.parametrize(
    ("registers", "first", "words"),
    [
        ({}, 0, "first-level descriptor is empty"),
        ({}, 3, "reserved"),
        ({}, LEVEL2 | 1, "second-level descriptor is empty"),
        ({}, 0x9000_0001, "where no memory is"),
        ({"ttbr0": 0x9000_0000}, 0, "where no memory is"),
        ({"ttbcr": 1 << 4}, 2, "switched off"),
    ],
)
async def test_nothing_is_mapped_and_it_says_why(
    memory: Memory, registers: dict[str, int], first: int, words: str
) -> None:
    memory.word(LEVEL1, first)
    walk = await PageTables(SHORT | registers, memory).walk(0x1000)
    assert walk.physical is None
    assert words in walk.sentence


async def test_domains_and_the_access_flag(memory: Memory) -> None:
    memory.word(LEVEL1, 0x4000_0000 | 0b10 << 10 | 2)
    none = await PageTables(SHORT | {"dacr": 0}, memory).walk(0)
    assert (none.physical, none.rights) == (0x4000_0000, Rights("---", "---"))
    assert "DACR" in none.sentence
    manager = await PageTables(SHORT | {"dacr": 3}, memory).walk(0)
    assert manager.rights == Rights("rwx", "rwx")
    flag = await PageTables(SHORT | {"sctlr": 1 | 1 << 29}, memory).walk(0)
    assert "access flag" in flag.sentence


async def test_two_tables(memory: Memory) -> None:
    memory.word(LEVEL1 + 4, 0x4000_0000 | 1 << 10 | 2)
    memory.word(OTHER, 0)
    registers = SHORT | {"ttbcr": 2, "ttbr1": RAM}
    memory.word(RAM + 4 * 0x401, 0x4010_0000 | 1 << 10 | 2)
    tables = PageTables(registers, memory)
    assert (await tables.walk(0x0010_0004)).physical == 0x4000_0004
    assert (await tables.walk(0x4010_0004)).physical == 0x4010_0004
    assert "0x40000000" in tables.described()


async def test_long_descriptors(memory: Memory) -> None:
    memory.long(LEVEL1 + 8, 0x4000_0000 | 1 << 10 | 1)  # a block of 1 GiB
    memory.long(LEVEL1, LEVEL2 | 3)
    memory.long(LEVEL2, OTHER | 3)
    memory.long(OTHER + 8 * 2, 0x4000_2000 | 1 << 10 | 1 << 6 | 1 << 7 | 3)
    tables = PageTables(LONG, memory)
    block = await tables.walk(0x4123_4567)
    assert (block.physical, block.size) == (0x4123_4567, 1 << 30)
    assert block.rights == Rights("rwx", "---")
    page = await tables.walk(0x2345)
    assert (page.physical, page.rights) == (0x4000_2345, Rights("r-x", "r-x"))
    assert [step.level for step in page.steps] == [1, 2, 3]
    assert (await tables.walk(0x8000_0000)).physical is None
    assert [(each.address, each.size) for each in await tables.ranges()] == [
        (0x2000, 0x1000),
        (0x4000_0000, 1 << 30),
    ]


async def test_a_map_of_hostile_tables_has_an_end(memory: Memory) -> None:
    """Each first-level descriptor names the same table, whose pages fit together nowhere."""
    for index in range(4096):
        memory.word(LEVEL1 + 4 * index, OTHER | 1)
    for index in range(256):
        memory.word(OTHER + 4 * index, (index % 2) << 12 | 0b11 << 4 | 2)
    assert len(await PageTables(SHORT, memory).ranges()) == RANGES_MAX


@given(st.binary(min_size=64, max_size=64), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
async def test_any_tables_give_an_answer(pattern: bytes, address: int, long: bool) -> None:
    memory = Memory()
    memory.content[:] = pattern * (len(memory.content) // len(pattern))
    walk = await PageTables(LONG if long else SHORT, memory).walk(address)
    assert walk.sentence
