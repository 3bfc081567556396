"""A virtio-gpu and its driver, in a few MiB of RAM: queues as a driver lays them out, commands, pixels."""

import random
import struct
from collections.abc import Callable
from typing import Any

from pocketvisor.devices import virtio_gpu_protocol as gpu
from pocketvisor.devices.virtio import DRIVER_OK, STATUS, VirtioSlot
from pocketvisor.devices.virtio_gpu import CONTROL_QUEUE, CURSOR_QUEUE, VirtioGpu
from pocketvisor.devices.virtqueue import NEXT, WRITE, GuestMemory, Layout, Payload

BASE = 0x40000000
RAM_SIZE = 8 << 20
SIZE = 16
_RINGS = {CONTROL_QUEUE: BASE, CURSOR_QUEUE: BASE + 0x1000}
REQUEST, RESPONSE = BASE + 0x10000, BASE + 0x80000
PIXELS = BASE + 0x100000
_HEADER = struct.Struct("<IHHHH")


class Screen:
    """What the pane is told."""

    def __init__(self) -> None:
        self.scanouts: list[tuple[int, int, int]] = []
        self.damage: list[tuple[int, int, int, int]] = []

    def publish_scanout(self, width: int, height: int, stride: int) -> None:
        self.scanouts.append((width, height, stride))

    def publish_damage(self, rectangles: list[tuple[int, int, int, int]]) -> None:
        self.damage += rectangles


class Loop:
    """What is to be done later is done by run()."""

    def __init__(self) -> None:
        self.later_on: list[Callable[[], Any]] = []

    def later(self, seconds: float, callback: Callable[[], Any]) -> None:
        self.later_on.append(callback)

    def step(self) -> None:
        waiting, self.later_on = self.later_on, []
        for callback in waiting:
            callback()

    def run(self) -> None:
        while self.later_on:
            self.step()


def pixels(seed: int, count: int) -> bytes:
    return random.Random(seed).randbytes(count * 4)


def shown(driver: "Driver", width: int, height: int) -> bytes:
    return bytes(driver.scanout[: width * height * 4])


def cursor_picture() -> bytes:
    """Opaque white in the upper left quarter, half-transparent red beside it, nothing below."""
    rows = []
    for y in range(64):
        for x in range(64):
            white, red = b"\xff\xff\xff\xff", b"\x00\x00\x80\x80"
            rows.append((white if x < 32 else red) if y < 32 else bytes(4))
    return b"".join(rows)


class Driver:
    """It is the slot's machine at the same time."""

    def __init__(self, width: int = 96, height: int = 160, scanout_bytes: int = 1 << 20) -> None:
        self.ram = bytearray(RAM_SIZE)
        self.scanout = bytearray(scanout_bytes)
        self.screen = Screen()
        self.full = False  # the machine's queue of events
        self.broken = 0
        self.posts: list[tuple[int, int]] = []
        self._available = {CONTROL_QUEUE: 0, CURSOR_QUEUE: 0}
        self.generation, self._status = 1, 0
        self.config_space = b""
        self.configurations: list[bytes] = []
        self.require: Callable[[int, int], None] | None = None
        self.make(width, height)

    def make(self, width: int, height: int) -> None:
        """The device, new."""
        self.gpu = VirtioGpu(width, height, 254.0, memoryview(self.scanout), self.screen)
        self.loop = Loop()
        memory = GuestMemory(memoryview(self.ram).toreadonly(), BASE, self.require)
        self.slot = VirtioSlot(self, 2, self.gpu, memory, self.loop)  # type: ignore[arg-type]

    def start(self) -> None:
        self._status = DRIVER_OK
        self.slot.serve(STATUS)

    def reset(self) -> None:
        self._status = 0
        self.generation += 1
        self._available = {CONTROL_QUEUE: 0, CURSOR_QUEUE: 0}
        for ring in _RINGS.values():
            self.ram[ring - BASE : ring - BASE + 0x1000] = bytes(0x1000)
        self.slot.serve(STATUS)

    # SlotMachine

    def fill(self, slot: int, device: Any) -> None:
        self.config_space = device.config

    def status(self, slot: int) -> tuple[int, int, int]:
        return self._status, self.generation, self.gpu.features

    def layout(self, slot: int, queue: int) -> Layout | None:
        return Layout(SIZE, _RINGS[queue], _RINGS[queue] + 16 * SIZE)

    def config(self, slot: int) -> bytes:
        return self.config_space

    def post_config(self, slot: int, config: bytes) -> bool:
        self.config_space = config
        self.configurations.append(config)
        return True

    def post_used(self, slot: int, pieces: Payload) -> bool:
        if self.full:
            return False
        payload = b"".join(pieces)
        _, queue, writes, used, _ = _HEADER.unpack_from(payload)
        if queue == 0xFFFF:
            self.broken += 1
            return True
        at = _HEADER.size
        for _ in range(writes):
            address, size = struct.unpack_from("<QI", payload, at)
            at += 12
            assert REQUEST <= address <= BASE + RAM_SIZE - size, "written where nothing may be"
            self.ram[address - BASE : address - BASE + size] = payload[at : at + size]
            at += size
        for _ in range(used):
            self.posts.append(struct.unpack_from("<II", payload, at))
            at += 8
        assert at == len(payload)
        return True

    # Commands

    def offer(self, request: bytes, room: int = 2048, queue: int = CONTROL_QUEUE) -> None:
        """One chain; not kicked yet."""
        ring = _RINGS[queue] - BASE
        self.ram[REQUEST - BASE : REQUEST - BASE + len(request)] = request
        struct.pack_into("<QIHH", self.ram, ring, REQUEST, len(request), NEXT if room else 0, 1)
        struct.pack_into("<QIHH", self.ram, ring + 16, RESPONSE, room, WRITE, 0)
        index = self._available[queue]
        struct.pack_into("<H", self.ram, ring + 16 * SIZE + 4 + 2 * (index % SIZE), 0)
        self._available[queue] = index = (index + 1) & 0xFFFF
        struct.pack_into("<H", self.ram, ring + 16 * SIZE + 2, index)

    def send(self, kind: int, body: bytes = b"", *, fence: int | None = None, room: int = 2048) -> bytes:
        """A command; answers what the device wrote."""
        flags = gpu.FLAG_FENCE if fence is not None else 0
        self.posts.clear()
        self.offer(gpu.HEADER.pack(kind, flags, fence or 0, 7) + body, room)
        self.slot.serve(CONTROL_QUEUE)
        self.loop.run()
        [(_, length)] = self.posts
        return bytes(self.ram[RESPONSE - BASE : RESPONSE - BASE + length])

    def code(self, kind: int, body: bytes = b"") -> int:
        code: int = gpu.HEADER.unpack_from(self.send(kind, body))[0]
        return code

    def ok(self, kind: int, body: bytes = b"") -> None:
        assert self.code(kind, body) == gpu.OK_NODATA

    def cursor(self, kind: int, x: int, y: int, resource: int = 0) -> None:
        self.offer(
            gpu.HEADER.pack(kind, 0, 0, 0) + gpu.CURSOR.pack(0, x, y, resource, 3, 4), 0, queue=CURSOR_QUEUE
        )
        self.slot.serve(CURSOR_QUEUE)
        self.loop.run()

    def backing(self, resource: int, *entries: tuple[int, int]) -> bytes:
        return gpu.ATTACH.pack(resource, len(entries)) + b"".join(gpu.ENTRY.pack(*one) for one in entries)

    def picture(self, number: int, format: int, width: int, height: int, pixels: bytes) -> None:
        """A resource with this content, by way of the RAM at PIXELS."""
        self.ok(gpu.RESOURCE_CREATE_2D, gpu.CREATE.pack(number, format, width, height))
        self.ok(gpu.RESOURCE_ATTACH_BACKING, self.backing(number, (PIXELS, width * height * 4)))
        self.ram[PIXELS - BASE : PIXELS - BASE + len(pixels)] = pixels
        self.ok(gpu.TRANSFER_TO_HOST_2D, gpu.TRANSFER.pack(0, 0, width, height, 0, number))

    def show(self, number: int, x: int, y: int, width: int, height: int) -> None:
        self.ok(gpu.SET_SCANOUT, gpu.SCANOUT.pack(x, y, width, height, 0, number))

    def flush(self, number: int, x: int, y: int, width: int, height: int) -> None:
        self.ok(gpu.RESOURCE_FLUSH, gpu.FLUSH.pack(x, y, width, height, number))
