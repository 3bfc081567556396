"""Semihosting calls as ARM 100863 has them: bad pointers are the program's own problem, and no file opens."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices import semihosting as sh
from pocketvisor.devices.semihosting import Semihosting

VIRTUAL, PHYSICAL = 0x8000_0000, 0x4000_0000
SIZE = 1 << 16
FAILED = 0xFFFFFFFF


class Machine:
    """RAM at one virtual address; its first page is read only, its third not there."""

    def __init__(self) -> None:
        self.ram = bytearray(SIZE)
        self.now = 0
        self.exits: list[int] = []

    def load(self, address: int, size: int) -> bytes:
        at = address - PHYSICAL
        if at < 0 or at + size > SIZE:
            raise ValueError("outside")
        return bytes(self.ram[at : at + size])

    def store(self, address: int, data: bytes) -> None:
        at = address - PHYSICAL
        assert at >= 4096 and at + len(data) <= SIZE
        self.ram[at : at + len(data)] = data

    def translate(self, address: int) -> tuple[int, int] | None:
        at = address - VIRTUAL
        if not 0 <= at < SIZE + 4096 or at // 4096 == 2:
            return None
        return PHYSICAL + at, 1 if at < 4096 else 3

    def now_ns(self) -> int:
        return self.now

    def request_exit(self, code: int) -> None:
        self.exits.append(code)


class Bench:
    def __init__(self) -> None:
        self.machine = Machine()
        self.shown = bytearray()
        self.host = self.new()

    def new(self) -> Semihosting:
        return Semihosting(
            self.machine, self.shown.extend, command_line="prog a b", epoch=1000, heap=(1, 2), stack=(3, 4)
        )

    def put(self, offset: int, data: bytes) -> int:
        self.machine.ram[offset : offset + len(data)] = data
        return VIRTUAL + offset

    def call(self, operation: int, *words: int) -> int:
        return self.host.answer(operation, self.put(4096, struct.pack(f"<{len(words)}I", *words)))

    def open(self, name: bytes = b":tt", mode: int = 4) -> int:
        return self.call(sh.SYS_OPEN, self.put(5000, name + b"\0"), mode, len(name))

    def error(self) -> int:
        return self.host.answer(sh.SYS_ERRNO, 0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_output_reaches_the_console(bench: Bench) -> None:
    out = bench.open()
    assert bench.call(sh.SYS_WRITE, out, bench.put(6000, b"written "), 8) == 0
    bench.host.answer(sh.SYS_WRITE0, bench.put(0xFFFF - 4096, b"a line\0"))
    bench.host.answer(sh.SYS_WRITEC, bench.put(20, b"!"))
    assert bench.shown == b"written a line!"
    assert bench.call(sh.SYS_ISTTY, out) == 1
    assert bench.call(sh.SYS_CLOSE, out) == 0
    assert bench.call(sh.SYS_WRITE, out, VIRTUAL, 8) == 8


def test_exit_codes(bench: Bench) -> None:
    bench.host.answer(sh.SYS_EXIT, sh.APPLICATION_EXIT)
    bench.host.answer(sh.SYS_EXIT, 0x20023)  # a run-time error
    bench.call(sh.SYS_EXIT_EXTENDED, sh.APPLICATION_EXIT, 42)
    bench.call(sh.SYS_EXIT_EXTENDED, 0x20023, 42)
    assert bench.machine.exits == [0, 1, 42, 1]


def test_extensions_are_announced(bench: Bench) -> None:
    features = bench.open(b":semihosting-features", 0)
    assert bench.call(sh.SYS_FLEN, features) == 5
    assert bench.call(sh.SYS_READ, features, VIRTUAL + 6000, 4) == 0
    assert bench.machine.ram[6000:6004] == b"SHFB"
    assert bench.call(sh.SYS_SEEK, features, 4) == 0
    assert bench.call(sh.SYS_READ, features, VIRTUAL + 6000, 4) == 3
    assert bench.machine.ram[6000] == 3
    assert bench.call(sh.SYS_WRITE, features, VIRTUAL + 6000, 4) == 4


@pytest.mark.parametrize("name", [b"/etc/passwd", b":tt/../x", b"", b"\xff" * 300])
def test_no_file_of_the_host_opens(bench: Bench, name: bytes) -> None:
    assert bench.open(name) == FAILED
    assert bench.error() == 2


@pytest.mark.parametrize("operation", [0x0E, 0x0F, 0x12, 0x0D, 0x0B, 0x17, 0xFFFFFFFF])
def test_what_is_not_had_fails(bench: Bench, operation: int) -> None:
    assert bench.call(operation, VIRTUAL, 4, 4) == FAILED


def test_input_is_at_its_end(bench: Bench) -> None:
    assert bench.call(sh.SYS_READ, bench.open(mode=0), VIRTUAL + 6000, 10) == 10
    assert bench.host.answer(sh.SYS_READC, 0) == FAILED


def test_time_is_the_guests(bench: Bench) -> None:
    bench.machine.now = 12_345_678_901
    assert bench.host.answer(sh.SYS_CLOCK, 0) == 1234
    assert bench.host.answer(sh.SYS_TIME, 0) == 1012
    assert bench.host.answer(sh.SYS_TICKFREQ, 0) == 1_000_000_000
    assert bench.host.answer(sh.SYS_ELAPSED, VIRTUAL + 6000) == 0
    assert struct.unpack_from("<Q", bench.machine.ram, 6000) == (12_345_678_901,)


def test_command_line_and_room(bench: Bench) -> None:
    assert bench.call(sh.SYS_GET_CMDLINE, VIRTUAL + 6000, 9) == 0
    assert bench.machine.ram[6000:6009] == b"prog a b\0"
    assert struct.unpack_from("<I", bench.machine.ram, 4100) == (8,)
    assert bench.call(sh.SYS_GET_CMDLINE, VIRTUAL + 6000, 8) == FAILED
    assert bench.call(sh.SYS_HEAPINFO, VIRTUAL + 6000) == 0
    assert struct.unpack_from("<4I", bench.machine.ram, 6000) == (1, 2, 4, 3)


@pytest.mark.parametrize("address", [0, VIRTUAL + 2 * 4096, VIRTUAL + SIZE - 2, 0xFFFFFFFE])
def test_a_bad_pointer_fails_the_call(bench: Bench, address: int) -> None:
    out = bench.open()
    for call, words in (
        (sh.SYS_WRITE, (out, address, 100)),
        (sh.SYS_HEAPINFO, (address,)),
        (sh.SYS_OPEN, (address, 0, 3)),
        (sh.SYS_GET_CMDLINE, (address, 100)),
    ):
        assert bench.call(call, *words) == FAILED
        assert bench.error() == 14
    assert bench.host.answer(sh.SYS_EXIT_EXTENDED, address) == FAILED
    assert not bench.machine.exits
    assert not bench.shown


def test_what_a_program_cannot_write_is_not_written_for_it(bench: Bench) -> None:
    assert bench.call(sh.SYS_HEAPINFO, VIRTUAL) == FAILED
    assert bench.call(sh.SYS_HEAPINFO, VIRTUAL + 4090 - 4096 + 2) == FAILED


def test_handles_are_bounded_and_saved(bench: Bench) -> None:
    opened = [bench.open() for _ in range(32)]
    assert opened == list(range(1, 33))
    assert (bench.open(), bench.error()) == (FAILED, 24)
    state = bench.host.save()
    bench.host = bench.new()
    bench.host.restore(state)
    assert bench.host.save() == state
    assert bench.call(sh.SYS_WRITE, 32, bench.put(6000, b"on"), 2) == 0
    bench.host.reset()
    assert bench.open() == 1
    with pytest.raises(ValueError, match="handles"):
        bench.host.restore({"error": 0})


_WORD = st.one_of(st.integers(0, 0xFFFFFFFF), st.integers(VIRTUAL, VIRTUAL + SIZE), st.integers(0, 40))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 0x40), _WORD, _WORD, _WORD), max_size=20))
def test_a_hostile_program_gets_answers(calls: list[tuple[int, int, int, int]]) -> None:
    bench = Bench()
    for operation, *words in calls:
        assert 0 <= bench.call(operation, *words) <= FAILED
        assert 0 <= bench.host.answer(operation, words[0]) <= FAILED
    bench.new().restore(bench.host.save())
