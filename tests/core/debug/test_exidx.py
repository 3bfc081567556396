"""The ARM unwinder's tables: each code that they are made of, and tables that were made to confuse."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.debug import exidx

TABLE, EXTRA, CODE, STACK = 0x1000, 0x2000, 0x3000, 0x8000
REGISTERS = {number: 0x100 + number for number in range(13)} | {13: STACK, 14: 0xAAA0, 15: CODE + 0x20}


class Pieces:
    def __init__(self, **words: list[int]) -> None:
        self.data = bytearray(0x10000)
        for at in range(0, 0x1000, 4):  # the stack holds its own addresses
            struct.pack_into("<I", self.data, STACK + at, STACK + at)
        for name, values in words.items():
            struct.pack_into(f"<{len(values)}I", self.data, int(name[1:], 16), *values)

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        del physical
        return bytes(self.data[address : address + size])


def relative(target: int, at: int) -> int:
    return (target - at) & 0x7FFFFFFF


def table(*entries: tuple[int, int]) -> list[int]:
    words = []
    for number, (function, how) in enumerate(entries):
        words += [relative(function, TABLE + 8 * number), how]
    return words


async def unwound(codes: bytes) -> exidx.Registers | None:
    """With up to three bytes of codes in place."""
    word = 0x80000000 | int.from_bytes(codes.ljust(3, b"\xb0"), "big")
    memory = Pieces(_1000=table((0x500, 1), (CODE, word), (CODE + 0x1000, 1)))
    return await exidx.step(memory, (TABLE, 24), REGISTERS)


@pytest.mark.parametrize(
    ("codes", "sp", "registers"),
    (
        (b"\x00", STACK + 4, {15: 0xAAA0}),
        (b"\x3f", STACK + 0x100, {}),
        (b"\x41", STACK - 8, {}),
        (b"\x84\x00", STACK + 4, {14: STACK, 15: STACK}),
        (b"\x88\x01", STACK + 8, {4: STACK, 15: STACK + 4}),
        (b"\x80\x81", STACK + 8, {4: STACK, 11: STACK + 4}),
        (b"\x97", 0x107, {}),
        (b"\xa3", STACK + 16, {4: STACK, 7: STACK + 12, 15: 0xAAA0}),
        (b"\xab", STACK + 20, {7: STACK + 12, 14: STACK + 16, 15: STACK + 16}),
        (b"\xb1\x03", STACK + 8, {0: STACK, 1: STACK + 4}),
        (b"\xb2\x01", STACK + 0x208, {}),
        (b"\xb3\x81", STACK + 20, {}),
        (b"\xb9", STACK + 20, {}),
        (b"\xc9\x82", STACK + 24, {}),
        (b"\xd1", STACK + 16, {}),
        (b"\x00\xb0\x00", STACK + 4, {}),
    ),
)
async def test_each_code(codes: bytes, sp: int, registers: dict[int, int]) -> None:
    found = await unwound(codes)
    assert found is not None and found[13] == sp
    assert {number: found[number] for number in registers} == registers


async def test_all_registers_are_popped_as_an_exception_saves_them() -> None:
    """sp among them, which then is where the stack goes on."""
    found = await unwound(b"\x8f\xff")
    assert found is not None
    assert (found[4], found[13], found[15]) == (STACK, STACK + 36, STACK + 44)


@pytest.mark.parametrize("codes", (b"\x80\x00", b"\x9d", b"\x9f", b"\xb1\x00", b"\xb1\x10", b"\xb4", b"\xe0"))
async def test_what_makes_no_sense_is_no_way(codes: bytes) -> None:
    assert await unwound(codes) is None


@pytest.mark.parametrize(
    ("extra", "sp"),
    (
        ([0x800001B0], STACK + 4 + 8),
        ([0x81010102, 0x03B0B0B0], STACK + 8 + 12 + 16),
        ([relative(0x400, EXTRA), 0x01000102, 0x03B0B0B0], STACK + 4 + 8 + 12 + 16),
    ),
)
async def test_more_codes_are_elsewhere(extra: list[int], sp: int) -> None:
    memory = Pieces(_1000=table((CODE, relative(EXTRA, TABLE + 4))), _2000=extra)
    found = await exidx.step(memory, (TABLE, 8), REGISTERS)
    assert found is not None and found[13] == sp


@pytest.mark.parametrize("pc", (0, 0x4FF, 0x500, CODE + 0x1000, 0xFFFFFFFF))
async def test_where_nothing_is_said_there_is_no_caller(pc: int) -> None:
    memory = Pieces(_1000=table((0x500, 1), (CODE, 0x80B0B0B0), (CODE + 0x1000, 1)))
    assert await exidx.step(memory, (TABLE, 24), REGISTERS | {15: pc}) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=40),
    st.integers(0, 1 << 32),
    st.integers(0, 0xFFFFFFFF),
)
async def test_any_table_is_survived(words: list[int], size: int, pc: int) -> None:
    memory = Pieces(_1000=words, _2000=words)
    found = await exidx.step(memory, (TABLE, size), REGISTERS | {15: pc})
    assert found is None or all(0 <= value < 1 << 32 for value in found.values())
