"""A virtio device on a bench: queues in a few MiB of RAM, a driver's side to fill them, a host to answer it.

Nothing runs by itself: what a device wants to do later is done by later(), what it watches by readable().
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from pocketvisor.devices.device import State
from pocketvisor.devices.virtio import CONFIG, DRIVER_OK, NEEDS_RESET, STATUS, VirtioSlot
from pocketvisor.devices.virtqueue import NEXT, WRITE, GuestMemory, Layout, Payload

BASE = 0x40000000
RAM_SIZE = 4 << 20
SIZE = 16
_BUFFERS = BASE + (1 << 20)
_HEADER = struct.Struct("<IHHHH")
_ZEROS = 0x80000000
_NO_QUEUE = 0xFFFF


class Loop:
    """The devices' thread, by hand."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], Any]]] = []
        self.watched: dict[int, Callable[[], Any]] = {}

    def later(self, seconds: float, callback: Callable[[], Any]) -> None:
        self.timers.append((seconds, callback))

    def watch(self, fd: int, callback: Callable[[], Any]) -> None:
        self.watched[fd] = callback

    def unwatch(self, fd: int) -> None:
        self.watched.pop(fd, None)

    inline = False

    def offload(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        try:
            result = work()
        except OSError as error:
            result = error
        done(result)


class Bench:
    """`used` is what the driver got back by queue: (head, length, what the chain's buffers hold now)."""

    def __init__(self, device: Any, features: int | None = None, size: int = SIZE) -> None:
        self.ram = bytearray(RAM_SIZE)
        self.loop = Loop()
        self.reports: list[Any] = []
        self.full = False
        self.config_space = b""
        self.resets = 0
        self.size = size
        self._features = device.features if features is None else features
        self._status, self._generation = 0, 1
        self._next_buffer = _BUFFERS
        self._free: dict[int, list[int]] = {}
        self._available: dict[int, int] = {}
        self._chains: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._left_alone: set[int] = set()
        self.used: dict[int, list[tuple[int, int, bytes]]] = {}
        self.put_in(device)

    def put_in(self, device: Any) -> None:
        """Another device into the same slot, as after a restore in another process."""
        self.device = device
        self.loop = Loop()
        memory = GuestMemory(memoryview(self.ram).toreadonly(), BASE)
        self.slot = VirtioSlot(self, 0, device, memory, self.loop, self.reports.append)  # type: ignore[arg-type]

    # The driver

    def start(self, *, without: Sequence[int] = (), heard: bool = True) -> None:
        """heard: the host has come to hear of it already."""
        self._left_alone = set(without)
        for queue in range(len(self.device.queue_sizes)):
            self._free[queue] = list(range(self.size))
            self._available[queue] = 0
            self.used[queue] = []
        self._status = DRIVER_OK
        if heard:
            self.slot.serve(STATUS)

    def reset(self, *, heard: bool = True) -> None:
        self._status = 0
        self._generation += 1
        self.ram[: _BUFFERS - BASE] = bytes(_BUFFERS - BASE)
        if heard:
            self.slot.serve(STATUS)

    def give(self, queue: int, readable: Sequence[bytes] = (), writable: Sequence[int] = ()) -> int:
        """Makes a chain available, without a kick; answers its head."""
        pieces = [(self._buffer(len(data), data), len(data), 0) for data in readable]
        pieces += [(self._buffer(size), size, WRITE) for size in writable]
        return self.give_raw(queue, pieces)

    def give_raw(self, queue: int, pieces: Sequence[tuple[int, int, int]]) -> int:
        """A chain of descriptors (address, size, flags), as they are."""
        indices = [self._free[queue].pop(0) for _ in pieces]
        table, available = self._rings(queue)
        for number, (index, (address, size, flags)) in enumerate(zip(indices, pieces, strict=True)):
            last = number == len(pieces) - 1
            following = 0 if last else indices[number + 1]
            fields = (address, size, flags | (0 if last else NEXT), following)
            struct.pack_into("<QIHH", self.ram, table - BASE + 16 * index, *fields)
        count = self._available[queue]
        struct.pack_into("<H", self.ram, available - BASE + 4 + 2 * (count % self.size), indices[0])
        self._available[queue] = (count + 1) & 0xFFFF
        struct.pack_into("<H", self.ram, available - BASE + 2, self._available[queue])
        self._chains[queue, indices[0]] = [(address, size) for address, size, _ in pieces]
        return indices[0]

    def kick(self, queue: int) -> None:
        self.slot.serve(queue)

    def send(self, queue: int, *readable: bytes, writable: Sequence[int] = ()) -> None:
        """Gives and kicks."""
        self.give(queue, readable, writable)
        self.kick(queue)

    def take(self, queue: int) -> list[tuple[int, bytes]]:
        """(length, what was written) of what came back since the last call."""
        used, self.used[queue] = self.used[queue], []
        return [(length, data[:length]) for _, length, data in used]

    def write_config(self, offset: int, data: bytes) -> None:
        space = bytearray(self.config_space)
        space[offset : offset + len(data)] = data
        self.config_space = bytes(space)
        self.slot.serve(CONFIG)

    def page(self, number: int) -> memoryview:
        return memoryview(self.ram)[number * 4096 : (number + 1) * 4096]

    # The host

    def pass_time(self) -> list[float]:
        """Does what was to be done later; answers after how long each should have been."""
        timers, self.loop.timers = self.loop.timers, []
        for _, callback in timers:
            callback()
        return [seconds for seconds, _ in timers]

    def readable(self, fd: int) -> None:
        callback = self.loop.watched.get(fd)
        if callback is not None:
            callback()

    def save(self) -> State:
        return self.slot.save()

    def restore(self, device: Any, state: State) -> None:
        self.put_in(device)
        self.slot.restore(state)
        self.slot.serve(STATUS)

    # SlotMachine

    def fill(self, slot: int, device: Any) -> None:
        self.config_space = device.config

    def status(self, slot: int) -> tuple[int, int, int]:
        return self._status, self._generation, self._features

    def layout(self, slot: int, queue: int) -> Layout | None:
        if queue in self._left_alone:
            return None
        table, available = self._rings(queue)
        return Layout(self.size, table, available)

    def config(self, slot: int) -> bytes:
        return self.config_space

    def post_config(self, slot: int, config: bytes) -> bool:
        assert len(config) == len(self.config_space)
        self.config_space = config
        return True

    def post_used(self, slot: int, pieces: Payload) -> bool:
        if self.full:
            return False
        payload = b"".join(pieces)
        generation, queue, writes, used, _ = _HEADER.unpack_from(payload)
        assert generation == self._generation
        if queue == _NO_QUEUE:
            self.resets += 1
            self._status |= NEEDS_RESET
            return True
        at = _HEADER.size
        for _ in range(writes):
            address, size = struct.unpack_from("<QI", payload, at)
            at += 12
            data = bytes(size & ~_ZEROS) if size & _ZEROS else payload[at : at + size]
            at += 0 if size & _ZEROS else size
            assert BASE <= address <= BASE + RAM_SIZE - len(data), "written outside of RAM"
            self.ram[address - BASE : address - BASE + len(data)] = data
        for _ in range(used):
            head, length = struct.unpack_from("<II", payload, at)
            at += 8
            self._was_used(queue, head, length)
        assert at == len(payload)
        return True

    def _was_used(self, queue: int, head: int, length: int) -> None:
        pieces = self._chains.pop((queue, head))
        data = b"".join(bytes(self.ram[start - BASE : start - BASE + size]) for start, size in pieces)
        self.used[queue].append((head, length, data))
        table, _ = self._rings(queue)
        index = head
        for _ in pieces:
            self._free[queue].append(index)
            (following,) = struct.unpack_from("<H", self.ram, table - BASE + 16 * index + 14)
            index = following

    def _rings(self, queue: int) -> tuple[int, int]:
        start = BASE + queue * 0x8000
        return start, start + 16 * self.size

    def _buffer(self, size: int, data: bytes = b"") -> int:
        if self._next_buffer + size > BASE + RAM_SIZE:
            self._next_buffer = _BUFFERS
        address, self._next_buffer = self._next_buffer, self._next_buffer + size
        self.ram[address - BASE : address - BASE + len(data)] = data
        return address
