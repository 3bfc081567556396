"""Instructions as text, of ARM and Thumb, and lines for whatever bytes there are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.debug.disassembly import disassemble, disassemble_at

ARM = bytes.fromhex("08009fe5 feffffeb 0000a0e1 1eff2fe1 78563412 ffffffff")
THUMB = bytes.fromhex("00f000f8 0148 08bf 0120 00bf 78563412")


class Names:
    """One function and a word of data; the rest is unknown."""

    def label(self, address: int) -> str:
        return {0x8000: "main", 0x8004: "main+0x4", 0x12345678: "table"}.get(address, "")

    def source(self, address: int) -> tuple[str, int] | None:
        return ("main.c", 12) if address == 0x8000 else None

    def mode(self, address: int) -> str:
        return "data" if address == 0x8010 else ""


class Memory:
    """Mapped from 0x8000 on, as far as there is content."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        return self.content[address - 0x8000 :][:size] if address >= 0x8000 else b""


def test_arm() -> None:
    lines = disassemble(ARM, 0x8000)
    assert [line.text for line in lines] == [
        "ldr r0, [pc, #8]  ; = 0x12345678",
        "bl #0x8004",
        "mov r0, r0",
        "bx lr",
        "eorsne r5, r4, #120, #12",
        ".word 0xffffffff",
    ]
    assert [line.address for line in lines] == list(range(0x8000, 0x8018, 4))
    assert lines[1].target == 0x8004
    assert lines[0].raw == "e59f0008"


def test_thumb_with_an_it_block() -> None:
    lines = disassemble(THUMB, 0x8001, thumb=True)
    assert [line.text for line in lines[:5]] == [
        "bl #0x8004",
        "ldr r0, [pc, #4]  ; = 0x12345678",
        "it eq",
        "moveq r0, #1",
        "nop",
    ]
    assert lines[0].raw == "f000 f800"
    assert [line.size for line in lines[:5]] == [4, 2, 2, 2, 2]


def test_symbols_and_lines_are_woven_in() -> None:
    lines = disassemble(ARM, 0x8000, symbols=Names())
    assert (lines[0].label, lines[0].source) == ("main", ("main.c", 12))
    assert lines[0].note == "= 0x12345678 table"
    assert lines[1].note == "main+0x4"
    assert lines[4].text == ".word 0x12345678  ; table"


def test_a_limit_is_kept() -> None:
    assert len(disassemble(ARM * 1000, 0x8000, limit=700)) == 700


async def test_lines_in_front_of_an_address() -> None:
    lines = await disassemble_at(Memory(ARM), 0x8008, 2, before=5)
    assert [line.address for line in lines] == [0x8000, 0x8004, 0x8008, 0x800C]
    lines = await disassemble_at(Memory(THUMB), 0x8008, 1, before=2, thumb=True)
    assert [line.text for line in lines] == ["ldr r0, [pc, #4]  ; = 0x12345678", "it eq", "movs r0, #1"]


async def test_nothing_is_mapped() -> None:
    assert await disassemble_at(Memory(b""), 0x8000, 10, before=10) == []
    assert await disassemble_at(Memory(b""), 0, 10, before=10) == []


@given(st.binary(max_size=300), st.integers(0, 2**32 - 300), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_lines_without_a_gap(data: bytes, address: int, thumb: bool) -> None:
    lines = disassemble(data, address, thumb=thumb)
    assert b"".join(line.data for line in lines) == data
    assert all(line.text for line in lines)


@pytest.mark.parametrize("thumb", [False, True])
def test_what_is_no_instruction_at_the_end(thumb: bool) -> None:
    assert disassemble(b"\xff", 0x8000, thumb=thumb)[0].text == ".byte 0xff"
