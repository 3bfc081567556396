"""A driver that keeps to the standard (VIRTIO 1.1, chapters 3.1.1, 2.6 and 4.2), for any device.

It starts one, and asks of it what each of its kind must answer."""

import random
import struct
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from campaign_board import RAM_END, EquippedBoard
from campaign_storm import ARENA, READ, WORD

from pocketvisor.board.map import RAM_BASE, VIRTIO, VIRTIO_SLOT_SIZE
from pocketvisor.devices.virtqueue import NEXT, WRITE

FEATURES, FEATURES_SELECT, DRIVER, DRIVER_SELECT = 0x10, 0x14, 0x20, 0x24
PAGE_SIZE, SELECT, LIMIT, NUMBER, ALIGN, PAGE, READY, NOTIFY = 0x28, 0x30, 0x34, 0x38, 0x3C, 0x40, 0x44, 0x50
STATUS = 0x70
DESCRIPTORS, AVAILABLE, USED = 0x80, 0x90, 0xA0
CONFIG = 0x100
NEEDS_RESET: Final = 64

BUFFERS: Final = ARENA + 0x10_0000
"""Below lie the queues."""


class Request(NamedTuple):
    """What a device of a kind answers at once: what is read, how much it may write, and on which queue."""

    queue: int
    readable: tuple[bytes, ...]
    room: int = 0


def _vsock_reset() -> bytes:
    return struct.pack("<QQIIIHHIII", 5, 2, 1000, 1, 0, 1, 3, 0, 65536, 0)


REQUESTS: Final[dict[int, Callable[[bool], Request]]] = {
    1: lambda legacy: Request(1, (bytes(10 if legacy else 12), bytes(60))),
    2: lambda legacy: Request(0, (struct.pack("<IIQ", 0, 0, 1),), 513),
    3: lambda legacy: Request(1, (b"hello",)),
    4: lambda legacy: Request(0, (), 32),
    5: lambda legacy: Request(0, (struct.pack("<I", BUFFERS >> 12),)),
    16: lambda legacy: Request(0, (struct.pack("<IIQII", 0x100, 0, 0, 0, 0),), 408),
    18: lambda legacy: Request(1, (struct.pack("<HHI", 0x11, 0, 1),)),
    19: lambda legacy: Request(1, (_vsock_reset(),)),
}
"""By device id. A new kind of device is a line here: the campaign refuses one that it does not know."""


class Ring(NamedTuple):
    """A queue in RAM: guest physical addresses."""

    size: int
    descriptors: int
    available: int
    used: int


class Driver:
    """Of one slot. `rings` are its queues while the device is alive."""

    def __init__(self, board: EquippedBoard, number: int) -> None:
        self.board = board
        self.number = number
        self.device_id = board.slots[number].device.device_id
        self.base = VIRTIO.base + number * VIRTIO_SLOT_SIZE
        self.legacy = board.config.devices.legacy
        self.rings: list[Ring] = []

    def reset(self) -> None:
        self.board.storm.write(self.base + STATUS, 0)
        self.rings = []

    def status(self) -> int:
        return self.board.storm.read(self.base + STATUS)

    def start(self, rng: random.Random) -> None:
        """Reset, negotiate all that is offered, set up all queues, each of some size."""
        at, storm = self.base, self.board.storm
        queues = len(self.board.slots[self.number].device.queue_sizes)
        script = [(WORD, at + STATUS, value) for value in (0, 1, 3)]
        script += [(WORD, at + FEATURES_SELECT, 0), (READ, at + FEATURES, 0)]
        script += [(WORD, at + FEATURES_SELECT, 1), (READ, at + FEATURES, 0)]
        for queue in range(queues):
            script += [(WORD, at + SELECT, queue), (READ, at + LIMIT, 0)]
        answers = storm.script(script)
        limits = answers[8::2]
        script = [(WORD, at + DRIVER_SELECT, 0), (WORD, at + DRIVER, answers[4])]
        script += [(WORD, at + DRIVER_SELECT, 1), (WORD, at + DRIVER, answers[6])]
        script += [(WORD, at + PAGE_SIZE, 4096)] if self.legacy else [(WORD, at + STATUS, 11)]
        self.rings = self._place(rng, limits)
        for queue, ring in enumerate(self.rings):
            script += [(WORD, at + SELECT, queue), (WORD, at + NUMBER, ring.size)]
            if self.legacy:
                script += [(WORD, at + ALIGN, 4096), (WORD, at + PAGE, ring.descriptors >> 12)]
                continue
            places = ((DESCRIPTORS, ring.descriptors), (AVAILABLE, ring.available), (USED, ring.used))
            for register, place in places:
                script += [(WORD, at + register, place), (WORD, at + register + 4, 0)]
            script.append((WORD, at + READY, 1))
        script.append((WORD, at + STATUS, 7 if self.legacy else 15))
        storm.script(script)
        self.board.pump()
        assert self.status() & 0x44 == 4, f"{self!r} does not come to life"

    def kick(self, queue: int) -> None:
        self.board.storm.write(self.base + NOTIFY, queue)

    def descriptor(self, queue: int, index: int, address: int, size: int, flags: int, following: int) -> None:
        self.put(
            self.rings[queue].descriptors + 16 * index, struct.pack("<QIHH", address, size, flags, following)
        )

    def publish(self, queue: int, heads: Sequence[int]) -> None:
        ring = self.rings[queue]
        index = self.word(ring.available + 2)
        for number, head in enumerate(heads):
            self.put(
                ring.available + 4 + 2 * ((index + number) % ring.size), struct.pack("<H", head & 0xFFFF)
            )
        self.put(ring.available + 2, struct.pack("<H", (index + len(heads)) & 0xFFFF))

    def offer(self, queue: int, readable: Sequence[bytes], room: int) -> None:
        """A good chain in the first descriptors."""
        address, pieces = BUFFERS, []
        for data in readable:
            self.put(address, data)
            pieces.append((address, len(data), 0))
            address += (len(data) + 15) & ~15
        if room:
            pieces.append((address, room, WRITE))
        for index, (start, size, flags) in enumerate(pieces):
            last = index == len(pieces) - 1
            self.descriptor(queue, index, start, size, flags if last else flags | NEXT, index + 1)
        self.publish(queue, [0])

    def works(self, rng: random.Random) -> None:
        """After a reset the device answers a good request, whatever was before."""
        self.start(rng)
        request = REQUESTS[self.device_id](self.legacy)
        self.offer(request.queue, request.readable, request.room)
        self.kick(request.queue)
        used = self.rings[request.queue].used + 2
        self.board.pump_until(lambda: self.word(used) == 1)
        assert self.word(used) == 1, f"{self!r} does not answer after a reset"
        assert self.status() & 0x44 == 4, f"{self!r} refuses a good request"

    def word(self, address: int) -> int:
        return int(struct.unpack_from("<H", self.board.ram, address - RAM_BASE)[0])

    def put(self, address: int, data: bytes) -> None:
        self.board.ram[address - RAM_BASE : address - RAM_BASE + len(data)] = data

    def _place(self, rng: random.Random, limits: Sequence[int]) -> list[Ring]:
        rings, at = [], ARENA
        for limit in limits:
            size = min(limit, 1 << rng.randint(2, 7))
            descriptors = at
            available = descriptors + 16 * size
            used = (available + 6 + 2 * size + 4095) & ~4095
            rings.append(Ring(size, descriptors, available, used))
            at = (used + 6 + 8 * size + 4095) & ~4095
        assert at <= BUFFERS < RAM_END
        self.put(ARENA, bytes(at - ARENA))
        return rings

    def __repr__(self) -> str:
        return f"the device {self.device_id} in slot {self.number}"
