"""What the debugging panes say and understand: registers, calls, things to search for, rows of code."""

import asyncio

import pytest

from pocketvisor.debug.disassembly import disassemble
from pocketvisor_workbench.debug.code_lines import row_at, rows_of
from pocketvisor_workbench.debug.code_stretch import CodeStretch
from pocketvisor_workbench.debug.memory_search import RAM_BASE, Search, needle_of
from pocketvisor_workbench.debug.register_words import (
    GROUPS,
    fault_words,
    group_of,
    meaning_of,
    parse_value,
    status_words,
)
from pocketvisor_workbench.debug.stepping import call_size


def test_registers_are_in_the_group_where_one_looks_for_them() -> None:
    for name, group in (("r0", 0), ("cpsr", 0), ("sp_irq", 1), ("spsr_svc", 1), ("d31", 2), ("fpscr", 2)):
        assert group_of(name) == GROUPS[group], name
    assert group_of("sctlr") == group_of("tpidruro") == group_of("dfsr") == GROUPS[3]


def test_status_and_faults_are_in_words() -> None:
    assert status_words(0x600001D3) == "nZCvq AIF svc"
    assert status_words(0x80000030) == "Nzcvq aif usr Thumb"
    assert status_words(0) == "" and "no mode" in status_words(0x1)
    assert (
        fault_words(0x805) == "translation, section" and fault_words(0x406) == "asynchronous external abort"
    )
    assert meaning_of("d0", 0x3FF8000000000000) == "1.5"
    assert meaning_of("r0", 0xFFFFFFFF) == "-1" and meaning_of("sctlr", 1) == "on: MMU"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("r0", "c0ffee", 0xC0FFEE),
        ("r0", "0xC0FFEE", 0xC0FFEE),
        ("r0", "#10", 10),
        ("r0", "-1", 0xFFFFFFFF),
        ("d0", "1_0000_0000", 1 << 32),
        ("r0", "1_0000_0000", None),
        ("r0", "", None),
        ("r0", "#", None),
        ("r0", "xyz", None),
        ("r0", "9" * 5000, None),
    ],
)
def test_a_value_is_read_as_it_is_shown_or_as_a_decimal_with_a_sign(
    name: str, text: str, value: int | None
) -> None:
    assert parse_value(name, text) == value


@pytest.mark.parametrize(
    ("code", "thumb", "size"),
    [
        ("ebe80114", False, 4),  # bl
        ("e12fff33", False, 4),  # blx r3
        ("fa000000", False, 4),  # blx to Thumb code
        ("ef000000", False, 4),  # svc
        ("e12fff13", False, None),  # bx r3
        ("ea000000", False, None),  # b
        ("f1080080", False, None),  # cpsie, of the space of no condition
        ("4798", True, 2),  # blx r3
        ("df00", True, 2),  # svc
        ("4718", True, None),  # bx r3
    ],
)
def test_what_one_steps_over(code: str, thumb: bool, size: int | None) -> None:
    assert call_size(bytes.fromhex(code)[::-1], thumb=thumb) == size


def test_a_thumb_call_is_two_halfwords_and_half_of_one_is_none() -> None:
    assert call_size(bytes.fromhex("00f000f8"), thumb=True) == 4
    assert call_size(bytes.fromhex("00f0"), thumb=True) is None and call_size(b"", thumb=False) is None


def test_things_to_search_for_are_text_bytes_or_numbers() -> None:
    assert needle_of('"Linux"') == b"Linux" and needle_of("0a 1b2c") == b"\x0a\x1b\x2c"
    assert needle_of("0xc0ffee") == b"\xee\xff\xc0\x00" and needle_of("0x1_") is None
    assert needle_of("0x0123456789") == bytes.fromhex("8967452301000000")
    assert needle_of("swapper") == b"swapper" and needle_of("") is None and needle_of("0x") is None


class Ram:
    """Physical memory with something at its end, read in bounded pieces."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.asked: list[int] = []

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        self.asked.append(size)
        assert physical and size <= 1 << 20
        return bytes(self.data[address - RAM_BASE : address - RAM_BASE + size])


def test_a_search_finds_across_pieces_and_comes_round_to_where_it_began() -> None:
    ram = Ram(3 << 20)
    place = (1 << 20) - 3  # across the end of the first piece
    ram.data[place : place + 6] = b"needle"
    search = Search(ram, b"needle", {}, len(ram.data), physical=True)
    assert asyncio.run(search.find(RAM_BASE)) == RAM_BASE + place
    assert asyncio.run(search.find(RAM_BASE + place + 1)) == RAM_BASE + place
    assert asyncio.run(Search(ram, b"haystack", {}, len(ram.data), physical=True).find(0)) is None


def test_rows_hold_labels_and_source_lines_above_their_instructions() -> None:
    class Symbols:
        def label(self, address: int) -> str:
            return "main" if address == 0x8000 else f"main+{address - 0x8000:#x}"

        def source(self, address: int) -> tuple[str, int] | None:
            return "src/main.c", 10 + (address - 0x8000) // 8

        def mode(self, _: int) -> str:
            return "arm"

    lines = disassemble(bytes.fromhex("0000a0e1") * 4, 0x8000, symbols=Symbols())
    rows = rows_of(lines, source=True, text=lambda name, number: f"line {number} of {name}")
    assert [row.kind for row in rows] == ["label", "source", "code", "code", "source", "code", "code"]
    assert rows[1].words == "main.c:10  line 10 of src/main.c"
    assert row_at(rows, 0x8004) == 3 and row_at(rows, 0x8006) == 3
    assert row_at(rows, 0x7FFC) is None and row_at(rows, 0x8010) is None
    assert [row.kind for row in rows_of(lines, source=False)].count("source") == 0


def test_code_beside_a_hole_in_memory_is_shown_and_so_is_the_hole() -> None:
    stretch = CodeStretch()
    stretch.begin, stretch.end = 0x1000, 0x4000
    pieces = [(0x1000, bytes.fromhex("0000a0e1") * 1024), (0x2000, b""), (0x3000, b"")]
    assert stretch.take(pieces, thumb=False, symbols=None, version=1)
    assert len(stretch.lines) == 1025 and stretch.lines[-1].address == 0x2000
    assert "nothing is mapped" in stretch.lines[-1].mnemonic
    assert not stretch.take(pieces, thumb=False, symbols=None, version=1)
    assert stretch.take(pieces, thumb=False, symbols=None, version=2)


def test_a_stretch_grows_at_both_ends_but_not_for_ever() -> None:
    stretch = CodeStretch()
    stretch.around(0x8000, None)
    for _ in range(200):
        stretch.extend(before=False)
    assert stretch.end - stretch.begin <= 0x4400 and 0x8000 not in stretch
    for _ in range(500):
        stretch.extend(before=True)
    assert stretch.begin == 0 and stretch.end <= 0x4000
    assert not stretch.extend(before=True)
