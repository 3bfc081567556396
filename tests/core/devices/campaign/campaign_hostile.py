"""What a driver may get wrong with its queues: chains of any shape, and single mistakes to be noticed."""

import random
import struct
from collections.abc import Callable, Iterator
from typing import Final

from campaign_board import RAM_END
from campaign_driver import BUFFERS, REQUESTS, Driver, Ring

from pocketvisor.board.map import RAM_BASE, VIRTIO
from pocketvisor.devices.virtqueue import F_INDIRECT, INDIRECT, NEXT, WRITE

_TABLES: Final = BUFFERS + 0x1_0000
_FREE: Final = BUFFERS + 0x2_0000
"""Indirect tables, and from where on buffers lie."""
_SIZES: Final = (0, 0, 1, 2, 4, 8, 10, 12, 16, 17, 24, 32, 44, 48, 64, 408, 511, 512, 513, 1024, 4096, 65536)
_LARGE: Final = (1 << 20, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
_OUTSIDE: Final = (
    0,
    VIRTIO.base,
    RAM_BASE - 1,
    RAM_END,
    RAM_END - 1,
    0xFFFF_FFFF,
    1 << 32,
    (1 << 64) - 1,
    (1 << 64) - 512,
)


def _words(rng: random.Random, form: str, *choices: tuple[int, ...]) -> bytes:
    return struct.pack(form, *(rng.choice(choice) for choice in choices))


_U32: Final = (0, 1, 2, 3, 64, 128, 1024, 4096, 0x7FFF_FFFF, 0xFFFF_FFFF)
_U64: Final = (0, 1, 8, 511, 2047, 2048, 1 << 20, 1 << 63, (1 << 64) - 1)
_GPU_COMMANDS: Final = (*range(0x100, 0x10C), 0x200, 0x300, 0x301, 0xFFFF)

HEADERS: Final[dict[int, Callable[[random.Random], bytes]]] = {
    1: lambda rng: _words(
        rng, "<BBHHHH", (0, 1, 2, 255), (0, 1, 3, 4, 128), *[(0, 20, 60, 1514, 0xFFFF)] * 4
    ),
    2: lambda rng: _words(rng, "<IIQQII", (0, 1, 4, 8, 11, 13, 14, 99), _U32, _U64, _U64, _U32, _U32),
    3: lambda rng: _words(rng, "<IHH", (0, 1, 2, 3, 4, 5, 0xFFFF_FFFF), tuple(range(9)), (0, 1, 2, 0xFFFF)),
    5: lambda rng: struct.pack("<4I", *(rng.choice((*_U32, BUFFERS >> 12, RAM_END >> 12)) for _ in range(4))),
    16: lambda rng: (
        _words(rng, "<IIQII", _GPU_COMMANDS, (0, 1, 2), _U64, _U32, (0, 1))
        + struct.pack("<12I", *(rng.choice((*_U32, BUFFERS)) for _ in range(12)))
    ),
    18: lambda rng: _words(rng, "<HHI", (0, 1, 3, 0x11, 0xFFFF), (0, 1, 0xFFFF), _U32),
    19: lambda rng: _words(
        rng, "<QQIIIHHIII", (2, 5, 9), (2, 5), *[_U32] * 3, (0, 1, 2), tuple(range(9)), *[_U32] * 3
    ),
}
"""The beginning of a request that a device of a kind may take for one."""


def _direction(device_id: int, queue: int) -> str:
    """What buffers of a queue are for: to be read, to be written, or first one and then the other."""
    ways = {1: "wr", 3: "wr" * 8, 4: "w", 5: "rrrbw", 18: "wr", 19: "wrw"}.get(device_id, "bb")
    return ways[queue]


class Hostile:
    def __init__(self, rng: random.Random, driver: Driver) -> None:
        self._rng = rng
        self._driver = driver
        self.descriptors = 0

    def round(self) -> None:
        """Some chains into some queues, and kicks."""
        rng, driver = self._rng, self._driver
        for queue, ring in enumerate(driver.rings):
            if rng.random() < 0.4:
                continue
            heads = [self._chain(queue, ring) for _ in range(rng.randint(1, min(4, ring.size)))]
            if rng.random() < 0.02:
                heads.append(rng.choice((ring.size, ring.size - 1, 0xFFFF, rng.randrange(0x10000))))
            driver.publish(queue, heads)
            if rng.random() < 0.01:
                driver.put(ring.available, rng.randbytes(4))
            driver.kick(queue)
        if rng.random() < 0.1:
            driver.kick(rng.choice((0, 1, 7, 31, 0xFFFF, 0xFFFF_FFFF)))

    def _chain(self, queue: int, ring: Ring) -> int:
        rng, driver = self._rng, self._driver
        head = rng.randrange(ring.size)
        count = rng.randint(1, min(6, ring.size))
        split = self._split(queue, count)
        header = HEADERS.get(driver.device_id)
        for number in range(count):
            index = (head + number) % ring.size
            address, size = self._buffer()
            if number == 0 and split and header is not None:
                data = header(rng)
                if address in range(BUFFERS, RAM_END - len(data)):
                    driver.put(address, data)
                size = rng.choice((len(data),) * 6 + (16, 24, 44, size))
            flags = (NEXT if number < count - 1 else 0) | (WRITE if number >= split else 0)
            self._put(driver.rings[queue].descriptors, index, address, size, flags, (index + 1) % ring.size)
        agreed = driver.board.slots[driver.number].features & F_INDIRECT
        if rng.random() < (0.2 if agreed else 0.01):
            self._indirect(queue, head)
        return head

    def _split(self, queue: int, count: int) -> int:
        """How many of so many buffers are to be read; mostly as the device wants it."""
        way = _direction(self._driver.device_id, queue)
        if self._rng.random() < 0.05 or (way == "b" and count < 2):
            return self._rng.randint(0, count)
        return {"r": count, "w": 0}[way] if way != "b" else self._rng.randint(1, count - 1)

    def _indirect(self, queue: int, index: int) -> None:
        rng, driver = self._rng, self._driver
        table, entries = _TABLES + 4096 * rng.randrange(8), rng.choice((0, *range(1, 9), *range(1, 9)))
        split = self._split(queue, entries)
        for entry in range(entries):
            address, size = self._buffer()
            flags = (NEXT if entry < entries - 1 else 0) | (WRITE if entry >= split else 0)
            self._put(table, entry, address, size, flags, entry + 1)
        length = 16 * entries + (rng.choice((1, 8)) if rng.random() < 0.05 else 0)
        flags = INDIRECT | (rng.choice((NEXT, WRITE)) if rng.random() < 0.05 else 0)
        self._put(driver.rings[queue].descriptors, index, table, length, flags, 0)

    def _buffer(self) -> tuple[int, int]:
        rng = self._rng
        size = rng.choice(_SIZES) if rng.random() < 0.995 else rng.choice(_LARGE)
        if rng.random() < 0.01:
            return rng.choice((*_OUTSIDE, RAM_END - size + 1, rng.getrandbits(64))) & ((1 << 64) - 1), size
        return rng.randrange(_FREE, RAM_END - min(size, 65536)), size

    def _put(self, table: int, index: int, address: int, size: int, flags: int, following: int) -> None:
        """A descriptor, of which now and then one field is anything."""
        rng = self._rng
        if rng.random() < 0.01:
            flags = rng.choice((rng.randrange(8), rng.randrange(0x10000)))
        if rng.random() < 0.005:
            following = rng.choice((index, 0, rng.randrange(0x10000)))
        self._driver.put(
            table + 16 * index, struct.pack("<QIHH", address, size & 0xFFFF_FFFF, flags, following)
        )
        self.descriptors += 1

    def mistakes(self) -> dict[str, Callable[[], None]]:
        """What to do to a request that is good and was just offered, so that the device must notice."""
        driver = self._driver
        request = REQUESTS[driver.device_id](driver.legacy)
        queue, ring = request.queue, driver.rings[request.queue]
        count = len(request.readable) + bool(request.room)
        first = struct.unpack_from("<QIHH", driver.board.ram, ring.descriptors - RAM_BASE)
        last = count - 1
        at, size, flags, _ = struct.unpack_from(
            "<QIHH", driver.board.ram, ring.descriptors - RAM_BASE + 16 * last
        )
        mistakes: dict[str, Callable[[], None]] = {
            "a loop": lambda: driver.descriptor(queue, last, at, size, flags | NEXT, last),
            "outside of RAM": lambda: driver.descriptor(queue, last, RAM_END, size, flags, 0),
            "over RAM's end": lambda: driver.descriptor(queue, last, RAM_END - size + 1, size, flags, 0),
            "below RAM": lambda: driver.descriptor(queue, last, RAM_BASE - 1, size, flags, 0),
            "an address that wraps": lambda: driver.descriptor(queue, last, (1 << 64) - 1, size, flags, 0),
            "a next outside of the table": lambda: driver.descriptor(
                queue, last, at, size, flags | NEXT, ring.size
            ),
            "a head outside of the table": lambda: driver.put(
                ring.available + 4, struct.pack("<H", ring.size)
            ),
            "more chains than the queue has": lambda: driver.put(
                ring.available + 2, struct.pack("<H", ring.size + 1)
            ),
            "an indirect table of no entries": lambda: self._table(queue, [], 0),
            "an indirect table of a part of one": lambda: self._table(queue, [first], 17),
            "an indirect table that goes on": lambda: self._table(queue, [first], 16, INDIRECT | NEXT),
            "an indirect table in an indirect one": lambda: self._table(
                queue, [(_TABLES + 256, 16, INDIRECT, 0)], 16
            ),
            "an indirect table outside of RAM": lambda: driver.descriptor(
                queue, 0, RAM_END - 8, 16, INDIRECT, 0
            ),
            "reading behind what is written": lambda: self._backwards(queue),
        }
        if not driver.board.slots[driver.number].features & F_INDIRECT:
            mistakes["an indirect table that was not agreed on"] = lambda: self._table(queue, [first], 16)
        return mistakes

    def _table(self, queue: int, entries: list[tuple[int, ...]], length: int, flags: int = INDIRECT) -> None:
        for index, entry in enumerate(entries):
            self._driver.put(_TABLES + 16 * index, struct.pack("<QIHH", *entry))
        self._driver.descriptor(queue, 0, _TABLES, length, flags, 1)

    def _backwards(self, queue: int) -> None:
        self._driver.descriptor(queue, 0, BUFFERS, 64, NEXT | WRITE, 1)
        self._driver.descriptor(queue, 1, BUFFERS + 64, 64, 0, 0)

    # What a device may write to

    def named(self) -> Iterator[tuple[int, int]]:
        """(address, size) of all that the tables name for writing, and of the used rings."""
        ram = self._driver.board.ram
        pages: list[int] = []
        for ring in self._driver.rings:
            yield ring.used, 6 + 8 * ring.size
            for address, size, flags, _ in _entries(ram, ring.descriptors, ring.size):
                if flags & WRITE:
                    yield address, size
                elif self._driver.device_id == 5:
                    pages += _pages(ram, address, size)
                if flags & INDIRECT:
                    for inner, length, inner_flags, _ in _entries(ram, address, min(size // 16, 512)):
                        if inner_flags & WRITE:
                            yield inner, length
                        elif self._driver.device_id == 5:
                            pages += _pages(ram, inner, length)
        for page in pages:  # a balloon's, which are zeros from then on
            yield page << 12, 4096


def _within(address: int, size: int) -> tuple[int, int]:
    start = max(address, RAM_BASE) - RAM_BASE
    end = min(address + size, RAM_END) - RAM_BASE
    return start, max(start, end)


def _entries(ram: memoryview, table: int, count: int) -> Iterator[tuple[int, ...]]:
    start, end = _within(table, 16 * count)
    yield from struct.iter_unpack("<QIHH", ram[start : start + (end - start) // 16 * 16])


def _pages(ram: memoryview, address: int, size: int) -> list[int]:
    start, end = _within(address, min(size, 65536))
    return [page for (page,) in struct.iter_unpack("<I", ram[start : start + (end - start) // 4 * 4])]


def written_elsewhere(before: bytearray, ram: memoryview, named: Iterator[tuple[int, int]]) -> int | None:
    """The first address that changed and was not named. `before` is changed."""
    for address, size in named:
        start, end = _within(address, size)
        before[start:end] = ram[start:end]
    if before == ram:
        return None
    return RAM_BASE + next(at for at in range(len(before)) if before[at] != ram[at])
