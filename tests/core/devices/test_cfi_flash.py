"""The flash by its commands, as U-Boot, Linux and UEFI use it."""

import struct

import pytest

from pocketvisor.devices.cfi_flash import SECTOR, CfiFlash
from pocketvisor.devices.device import Port

SIZE = 4 * SECTOR


class Bench:
    def __init__(self) -> None:
        self.content = bytearray(b"\xff" * SIZE)
        self.flash = CfiFlash(Port(lambda _: None, lambda: 0, lambda _: None), memoryview(self.content))

    def command(self, *cycles: tuple[int, int]) -> None:
        """(offset, value) of each cycle, told to both chips."""
        for offset, value in cycles:
            self.flash.write(offset, 4, value | value << 16)

    def read(self, offset: int, size: int = 4) -> int:
        return self.flash.read(offset, size)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_array_is_shown_at_power_on(bench: Bench) -> None:
    bench.content[8:12] = b"\1\2\3\4"
    assert bench.read(8) == 0x04030201
    assert [bench.read(8 + at, 1) for at in range(4)] == [1, 2, 3, 4]
    assert bench.read(10, 2) == 0x0403


def test_query_describes_two_chips(bench: Bench) -> None:
    bench.command((0x55 * 4, 0x98))
    table = [bench.read(4 * index) & 0xFF for index in range(0x40)]
    assert bench.read(0x40) == ord("Q") | ord("Q") << 16
    assert bytes(table[0x10:0x13]) == b"QRY"
    assert 2 * (1 << table[0x27]) == SIZE
    assert table[0x2D] + 1 == SIZE // SECTOR
    assert 2 * (table[0x2F] << 8 | table[0x30] << 16) == SECTOR
    assert bytes(table[0x31:0x34]) == b"PRI"
    bench.command((0, 0x90))
    assert (bench.read(0), bench.read(4), bench.read(0, 2)) == (0x00890089, 0x00180018, 0x89)


def test_programming_clears_bits_and_erasing_sets_them(bench: Bench) -> None:
    bench.command((SECTOR, 0x40))
    bench.flash.write(SECTOR, 4, 0x0F0F0F0F)
    assert bench.read(0) == 0x00800080
    bench.command((SECTOR, 0x10))
    bench.flash.write(SECTOR, 4, 0xFF00FF00)
    bench.command((0, 0xFF))
    assert bench.read(SECTOR) == 0x0F000F00
    bench.content[0:4] = bytes(4)
    bench.command((SECTOR + 100, 0x20), (SECTOR + 100, 0xD0), (0, 0xFF))
    assert bench.read(SECTOR) == 0xFFFFFFFF
    assert bench.read(0) == 0, "the other sectors stay"


def test_buffered_program(bench: Bench) -> None:
    words = list(range(0x1000, 0x1020))
    bench.command((SECTOR, 0xE8))
    assert bench.read(SECTOR) == 0x00800080
    bench.command((SECTOR, len(words) - 1))
    for index, word in enumerate(words):
        bench.flash.write(SECTOR + 4 * index, 4, word)
    assert bench.content[SECTOR : SECTOR + 4] == b"\xff" * 4, "not before it is confirmed"
    bench.command((SECTOR, 0xD0), (0, 0xFF))
    assert bench.content[SECTOR : SECTOR + 128] == struct.pack("<32I", *words)


def test_wrong_sequence_is_an_error_that_is_cleared(bench: Bench) -> None:
    bench.command((0, 0x20), (0, 0x12))
    assert bench.read(0) == 0x00B000B0
    bench.command((0, 0x50), (0, 0x70))
    assert bench.read(0) == 0x00800080
    bench.command((0, 0xE8), (0, 0xFFFF))
    assert bench.read(0) & 0x30
    assert bench.content == b"\xff" * SIZE


def test_command_under_way_is_saved(bench: Bench) -> None:
    bench.command((0, 0xE8), (0, 1))
    bench.flash.write(0, 4, 0x11111111)
    other = Bench()
    other.flash.restore(bench.flash.save())
    assert other.flash.save() == bench.flash.save()
    other.flash.write(4, 4, 0x22222222)
    other.command((0, 0xD0), (0, 0xFF))
    assert other.content[:8] == b"\x11" * 4 + b"\x22" * 4


def test_who_keeps_the_content_is_told_of_changes_alone() -> None:
    told: list[bool] = []
    content = memoryview(bytearray(SIZE))
    flash = CfiFlash(Port(lambda _: None, lambda: 0, lambda _: None), content, lambda: told.append(True))
    for offset, value in ((0, 0x98), (0, 0xFF), (0, 0x20), (0, 0xFF)):  # looked at, and an erase given up
        flash.write(offset, 4, value)
    assert not told
    for cycle in (0x20, 0xD0, 0x40, 0x12345678):
        flash.write(0, 4, cycle)
    assert len(told) == 2


def test_an_array_that_is_read_is_shown_until_the_next_command() -> None:
    shown: list[memoryview | None] = []
    content = memoryview(bytearray(SIZE))
    flash = CfiFlash(Port(lambda _: None, lambda: 0, lambda _: None, shown.append), content)
    flash.read(0, 4)
    assert shown[-1] is content
    for cycle, seen in ((0x70, None), (0xFF, None)):
        flash.write(0, 4, cycle)
        assert shown[-1] is seen
    flash.write(0, 4, 0x98)
    flash.read(0, 4)
    assert shown[-1] is None
    flash.write(0, 4, 0xFF)
    flash.read(0, 4)
    assert shown[-1] is content
    flash.reset()
    assert shown[-1] is None
