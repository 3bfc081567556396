"""A virtqueue's walk: right where the driver is right, an error and nothing else where it is not."""

import struct
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices.virtqueue import (
    INDIRECT,
    NEXT,
    WRITE,
    Chain,
    GuestMemory,
    Layout,
    Piece,
    Virtqueue,
    VirtqueueError,
    broken_payload,
    fill,
    used_payload,
)

BASE = 0x40000000
SIZE = 8
DESCRIPTORS, AVAILABLE, TABLE, BUFFER = BASE, BASE + 0x100, BASE + 0x400, BASE + 0x800

Descriptor = tuple[int, int, int, int]


class Driver:
    """The driver's side, in a few KiB of RAM."""

    def __init__(self, indirect: bool = False) -> None:
        self.ram = bytearray(0x1000)
        self.memory = GuestMemory(memoryview(self.ram), BASE)
        self.queue = Virtqueue(self.memory, Layout(SIZE, DESCRIPTORS, AVAILABLE, indirect))

    def describe(self, *descriptors: Descriptor, at: int = DESCRIPTORS) -> None:
        for index, fields in enumerate(descriptors):
            struct.pack_into("<QIHH", self.ram, at - BASE + 16 * index, *fields)

    def make_available(self, *heads: int) -> None:
        (index,) = struct.unpack_from("<H", self.ram, AVAILABLE - BASE + 2)
        for head in heads:
            struct.pack_into("<H", self.ram, AVAILABLE - BASE + 4 + 2 * (index % SIZE), head)
            index = (index + 1) & 0xFFFF
        struct.pack_into("<H", self.ram, AVAILABLE - BASE + 2, index)


def test_chain_in_order() -> None:
    driver = Driver()
    driver.describe((BUFFER, 4, NEXT, 2), (BUFFER + 16, 8, WRITE, 0), (BUFFER + 4, 2, NEXT, 1))
    assert driver.queue.pop() is None
    driver.make_available(0, 1)
    assert driver.queue.waiting() == 2
    assert driver.queue.pop() == Chain(0, (Piece(BUFFER, 4), Piece(BUFFER + 4, 2)), (Piece(BUFFER + 16, 8),))
    assert driver.queue.pop() == Chain(1, (), (Piece(BUFFER + 16, 8),))
    assert driver.queue.pop() is None


def test_position_wraps() -> None:
    driver = Driver()
    driver.describe(*[(BUFFER, 8, WRITE, 0)] * SIZE)
    driver.queue.position = 0xFFFE
    struct.pack_into("<H", driver.ram, AVAILABLE - BASE + 2, 0xFFFE)
    driver.make_available(1, 2, 3)
    heads = [chain.head for _ in range(3) if (chain := driver.queue.pop())]
    assert heads == [1, 2, 3]
    assert driver.queue.position == 1


def test_indirect_table() -> None:
    driver = Driver(indirect=True)
    driver.describe((BUFFER, 4, NEXT, 1), (TABLE, 32, INDIRECT, 0))
    driver.describe((BUFFER + 8, 4, NEXT, 1), (BUFFER + 16, 8, WRITE, 0), at=TABLE)
    driver.make_available(0)
    assert driver.queue.pop() == Chain(0, (Piece(BUFFER, 4), Piece(BUFFER + 8, 4)), (Piece(BUFFER + 16, 8),))


@pytest.mark.parametrize(
    "descriptors",
    [
        [(BUFFER, 4, NEXT, 0)],
        [(BUFFER, 4, NEXT, 1), (BUFFER, 4, NEXT, 0)],
        [(BUFFER, 4, NEXT, SIZE)],
        [(BUFFER, 4, NEXT, 0xFFFF)],
        [(0, 4, 0, 0)],
        [(BASE - 1, 4, 0, 0)],
        [(BASE + 0xFFD, 4, 0, 0)],
        [(BUFFER, 0xFFFFFFFF, 0, 0)],
        [(0xFFFFFFFFFFFFFFFF, 4, 0, 0)],
        [(BUFFER, 4, WRITE | NEXT, 1), (BUFFER, 4, 0, 0)],
        [(TABLE, 16, INDIRECT | NEXT, 0)],
        [(TABLE, 15, INDIRECT, 0)],
        [(TABLE, 0, INDIRECT, 0)],
        [(0x1000, 16, INDIRECT, 0)],
        [(BASE, 16, INDIRECT, 0)],
    ],
    ids=str,
)
def test_impossible_chain(descriptors: Sequence[Descriptor]) -> None:
    driver = Driver(indirect=True)
    driver.describe(*descriptors)
    driver.make_available(0)
    with pytest.raises(VirtqueueError):
        driver.queue.pop()


def test_indirect_table_that_was_not_agreed_on() -> None:
    driver = Driver()
    driver.describe((TABLE, 16, INDIRECT, 0))
    driver.make_available(0)
    with pytest.raises(VirtqueueError):
        driver.queue.pop()


def test_indirect_chain_is_no_longer_than_the_queue() -> None:
    driver = Driver(indirect=True)
    driver.describe((TABLE, 16 * 60, INDIRECT, 0))
    driver.describe(*[(BUFFER, 4, NEXT, index + 1) for index in range(60)], at=TABLE)
    driver.make_available(0)
    with pytest.raises(VirtqueueError, match="longer"):
        driver.queue.pop()


@pytest.mark.parametrize("head", [SIZE, 0xFFFF])
def test_impossible_head(head: int) -> None:
    driver = Driver()
    driver.make_available(head)
    with pytest.raises(VirtqueueError):
        driver.queue.pop()


def test_more_than_fits_is_available() -> None:
    driver = Driver()
    struct.pack_into("<H", driver.ram, AVAILABLE - BASE + 2, SIZE + 1)
    with pytest.raises(VirtqueueError):
        driver.queue.waiting()


@pytest.mark.parametrize(
    "layout",
    [Layout(3, BASE, BASE), Layout(0, BASE, BASE), Layout(8, 0, BASE), Layout(8, BASE, BASE + 0xFF0)],
)
def test_impossible_layout(layout: Layout) -> None:
    with pytest.raises(VirtqueueError):
        Virtqueue(Driver().memory, layout)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=0x300, max_size=0x300), st.booleans())
def test_random_rings_end_in_chains_or_one_error(ram: bytes, indirect: bool) -> None:
    memory = GuestMemory(memoryview(ram), BASE)
    queue = Virtqueue(memory, Layout(SIZE, BASE, BASE + 0x100, indirect))
    try:
        for _ in range(SIZE + 1):
            chain = queue.pop()
            if chain is None:
                return
            assert len(chain.readable) + len(chain.writable) <= SIZE
            for piece in chain.readable + chain.writable:
                assert memory.contains(piece.address, piece.size)
        pytest.fail("more chains than the queue has")
    except VirtqueueError:
        pass


GRANULE = 64


class LateMemory:
    """RAM that holds something else than `ram` until it is required."""

    def __init__(self, ram: bytes) -> None:
        self._ram = ram
        self.seen = bytearray(b"\xaa" * len(ram))
        self.memory = GuestMemory(memoryview(self.seen), BASE, self._require)

    def _require(self, address: int, size: int) -> None:
        first, end = (address - BASE) // GRANULE * GRANULE, address - BASE + size
        for at in range(first, end, GRANULE):
            self.seen[at : at + GRANULE] = self._ram[at : at + GRANULE]


def walk(memory: GuestMemory, indirect: bool) -> list[tuple[Chain, bytes] | str]:
    queue = Virtqueue(memory, Layout(SIZE, BASE, BASE + 0x100, indirect))
    seen: list[tuple[Chain, bytes] | str] = []
    try:
        while len(seen) <= SIZE and (chain := queue.pop()):
            read = b"".join(memory.read(*piece) for piece in chain.readable)
            seen.append((chain, read + b"".join(memory.view(*piece) for piece in chain.writable)))
    except VirtqueueError as error:
        seen.append(str(error))
    return seen


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32), st.booleans())
def test_what_is_looked_at_is_loaded_before(seed: int, indirect: bool) -> None:
    chance = Random(seed)
    ram = bytearray(chance.randbytes(0x1000))
    for index in range(SIZE * 3):
        at = 16 * index if index < SIZE else 0x400 + 16 * (index - SIZE)
        flags = chance.choice((0, NEXT, WRITE, WRITE | NEXT, INDIRECT if indirect else 0))
        place = (BASE + 0x400, 16 * chance.randrange(1, 9)) if flags == INDIRECT else (BASE + 0x800, 100)
        struct.pack_into("<QIHH", ram, at, place[0], place[1], flags, chance.randrange(SIZE))
    struct.pack_into("<HH", ram, 0x100, 0, chance.randrange(SIZE + 1))
    for index in range(SIZE):
        struct.pack_into("<H", ram, 0x104 + 2 * index, chance.randrange(SIZE))
    content = bytes(ram)
    assert walk(LateMemory(content).memory, indirect) == walk(
        GuestMemory(memoryview(content), BASE), indirect
    )


def test_nothing_is_required_of_memory_that_is_complete() -> None:
    late = LateMemory(bytes(0x1000))
    assert late.memory.incomplete
    late.memory.complete()
    assert not late.memory.incomplete and late.memory.read(BASE, 4) == b"\xaa" * 4
    late.memory.require(BASE, 4)
    assert late.seen[0] == 0xAA
    assert GuestMemory(memoryview(b"abcd"), BASE).unloaded_view(BASE + 1, 2) == b"bc"


def test_payloads() -> None:
    chain = Chain(5, (), (Piece(BUFFER, 4), Piece(BUFFER + 16, 8)))
    assert chain.room == 12
    writes = fill(chain, b"abcdefg")
    assert writes == [(BUFFER, b"abcd"), (BUFFER + 16, b"efg")]
    payload = b"".join(used_payload(7, 1, writes, [(5, 7)]))
    assert struct.unpack_from("<IHHHH", payload) == (7, 1, 2, 1, 0)
    assert payload[12:28] == struct.pack("<QI", BUFFER, 4) + b"abcd"
    assert payload[-8:] == struct.pack("<II", 5, 7)
    assert struct.unpack("<IHHHH", b"".join(broken_payload(7))) == (7, 0xFFFF, 0, 0, 0)
