"""The board as the guest's CPU sees it: devices are where `virt` has them, work, are saved and restored."""

import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytestmark = pytest.mark.guest_process

RTC, GPIO, FLASH, VIRTIO = 0x09010000, 0x09030000, 0x04000000, 0x0A000000


def test_clock_counts_seconds_and_interrupts(poke: Any) -> None:
    now = poke.read(RTC)
    assert now == 1_767_225_600
    poke.write(RTC + 0x10, 1)
    poke.write(RTC + 0x04, now + 2)
    assert not poke.pending(2)
    poke.settle(2_000_000)
    assert poke.read(RTC) == now + 2
    assert poke.pending(2)
    poke.write(RTC + 0x1C, 1)
    assert poke.read(RTC + 0x14) == 0


def test_keys_are_gpio_lines(poke: Any) -> None:
    poke.write(GPIO + 0x408, 0xFF)  # both edges
    poke.write(GPIO + 0x410, 0xFF)
    poke.board.hardware_key("power", True)
    poke.board.hardware_key("menu", True)  # this handset has none
    poke.settle()
    assert poke.read(GPIO + 0x3FC) == 1 << 3
    assert poke.pending(7)
    poke.write(GPIO + 0x41C, 0xFF)
    assert poke.read(GPIO + 0x418) == 0
    poke.board.hardware_key("power", False)
    poke.settle()
    assert poke.read(GPIO + 0x3FC) == 1 << 3, "a key is held for a while"
    poke.settle(31_000)
    assert poke.read(GPIO + 0x3FC) == 0


def test_second_flash_bank_is_written_by_commands(poke: Any) -> None:
    poke.write(FLASH, 0x00980098)
    assert [poke.read(FLASH + 4 * index) & 0xFF for index in (0x10, 0x11, 0x12)] == list(b"QRY")
    poke.write(FLASH, 0x00FF00FF)
    poke.write(FLASH + 0x40000, 0x00200020)
    poke.write(FLASH + 0x40000, 0x00D000D0)
    assert poke.read(FLASH) == 0x00800080
    poke.write(FLASH + 0x40004, 0x00400040)
    poke.write(FLASH + 0x40004, 0x12345678)
    poke.write(FLASH, 0x00FF00FF)
    assert poke.read(FLASH + 0x40004) == 0x12345678
    assert poke.read(FLASH + 0x40008) == 0xFFFFFFFF
    assert poke.flash[0x40004:0x40008] == struct.pack("<I", 0x12345678)


def test_first_flash_bank_cannot_be_written(poke: Any) -> None:
    poke.write(0x1000, 0x12345678)
    assert poke.read(0x1000) == 0


def test_framebuffer_is_shared(poke: Any) -> None:
    poke.write(0x0C000000 + 4 * 321, 0x00FF8040)
    assert poke.pixels[4 * 321 : 4 * 322] == b"\x40\x80\xff\x00"


def _start_driver(poke: Any, slot: int, buffers: int) -> None:
    """What a virtio driver does: features, an event queue of 64 and a status queue, buffers of 8 bytes."""
    base = VIRTIO + slot * 0x200
    assert [poke.read(base + offset) for offset in (0, 4, 8)] == [0x74726976, 2, 18]
    for status in (0, 1, 3):
        poke.write(base + 0x70, status)
    poke.write(base + 0x24, 1)
    poke.write(base + 0x20, 1)  # VERSION_1
    poke.write(base + 0x70, 11)
    assert poke.read(base + 0x70) == 11
    for queue in (0, 1):
        rings = _rings(slot, queue)
        poke.write(base + 0x30, queue)
        assert poke.read(base + 0x34) == 64
        poke.write(base + 0x38, 64)
        for register, address in zip((0x80, 0x90, 0xA0), rings, strict=True):
            poke.write(base + register, address)
        poke.write(base + 0x44, 1)
    poke.write(base + 0x70, 15)
    _give(poke, slot, 0, buffers)


def _rings(slot: int, queue: int) -> tuple[int, int, int]:
    start = 0x40100000 + (slot * 2 + queue) * 0x10000
    return start, start + 0x1000, start + 0x2000


def _buffer(slot: int, index: int) -> int:
    return 0x40200000 + slot * 0x10000 + index * 8


def _give(poke: Any, slot: int, first: int, count: int) -> None:
    """Make the buffers first to first + count - 1 available, and kick."""
    descriptors, available, _ = (address - 0x40000000 for address in _rings(slot, 0))
    for number in range(first, first + count):
        index = number % 64
        poke.ram[descriptors + 16 * index : descriptors + 16 * index + 16] = struct.pack(
            "<QIHH", _buffer(slot, index), 8, 2, 0
        )
        poke.ram[available + 4 + 2 * index : available + 6 + 2 * index] = struct.pack("<H", index)
    poke.ram[available + 2 : available + 4] = struct.pack("<H", first + count)
    poke.write(VIRTIO + slot * 0x200 + 0x50, 0)
    poke.board.serve_doorbells()
    poke.settle()


def _events(poke: Any, slot: int) -> list[tuple[int, int, int]]:
    """What the guest got so far."""
    used = _rings(slot, 0)[2] - 0x40000000
    (count,) = struct.unpack("<H", poke.ram[used + 2 : used + 4])
    events = []
    for number in range(count):
        index, length = struct.unpack_from("<II", poke.ram, used + 4 + 8 * (number % 64))
        assert length == 8
        events.append(struct.unpack_from("<HHI", poke.ram, _buffer(slot, index) - 0x40000000))
    return events


def test_touches_arrive_whole_and_interrupt(poke: Any) -> None:
    _start_driver(poke, 0, 64)
    poke.board.touch(10, 20, "down")
    poke.settle()
    touched = [
        (3, 0x2F, 0),
        (3, 0x39, 0),
        (3, 0x35, 10),
        (3, 0x36, 20),
        (1, 0x14A, 1),
        (3, 0, 10),
        (3, 1, 20),
        (0, 0, 0),
    ]
    assert _events(poke, 0) == touched
    assert poke.pending(16)
    assert poke.read(VIRTIO + 0x60) == 1
    poke.write(VIRTIO + 0x64, 1)
    assert not poke.read(VIRTIO + 0x60)


def test_what_has_no_room_waits_for_buffers(poke: Any) -> None:
    _start_driver(poke, 0, 9)
    poke.board.touch(10, 20, "down")
    for x in range(11, 200):
        poke.board.touch(x, 20, "move")
    poke.settle()
    assert len(_events(poke, 0)) == 8, "a burst comes whole or not at all"
    _give(poke, 0, 9, 40)
    assert _events(poke, 0)[8:] == [
        (3, 0x2F, 0),
        (3, 0x35, 199),
        (3, 0x36, 20),
        (3, 0, 199),
        (3, 1, 20),
        (0, 0, 0),
    ]


def test_keys_arrive_and_what_came_before_the_driver_does_not(poke: Any) -> None:
    poke.board.key(30, True)
    poke.board.key(30, False)
    _start_driver(poke, 1, 64)
    poke.board.key(48, True)
    poke.board.key(48, False)
    poke.board.key(48, False)
    poke.settle()
    assert _events(poke, 1) == [(1, 48, 1), (0, 0, 0), (1, 48, 0), (0, 0, 0)]


def test_configuration_shows_what_is_selected(poke: Any) -> None:
    base = VIRTIO + 0x100

    def shown(select: int, subselect: int) -> bytes:
        poke.write(base, select, 1)
        poke.write(base + 1, subselect, 1)
        size = poke.read(base + 2, 1)
        return bytes(poke.read(base + 8 + at, 1) for at in range(size))

    assert shown(0x01, 0) == b"Pocketvisor Touchscreen"
    assert struct.unpack("<5I", shown(0x12, 0x35)) == (0, 319, 0, 0, 0)
    assert struct.unpack("<5I", shown(0x12, 0x36)) == (0, 479, 0, 0, 0)
    assert shown(0x11, 4) == b""


def test_driver_that_breaks_its_queue_has_to_reset(poke: Any) -> None:
    _start_driver(poke, 0, 0)
    descriptors, available, _ = (address - 0x40000000 for address in _rings(0, 0))
    for index in range(64):  # all descriptors name what is no RAM
        poke.ram[descriptors + 16 * index : descriptors + 16 * index + 16] = struct.pack(
            "<QIHH", 0x1000, 8, 2, 0
        )
    poke.ram[available + 2 : available + 4] = struct.pack("<H", 64)
    poke.board.touch(1, 1, "down")
    poke.settle()
    poke.board.serve_doorbells()
    assert poke.read(VIRTIO + 0x70) & 64
    poke.board.touch(2, 2, "move")
    _start_driver(poke, 0, 64)
    assert poke.read(VIRTIO + 0x70) == 15
    poke.board.touch(3, 3, "down")
    poke.settle()
    assert len(_events(poke, 0)) == 8


def test_saved_board_goes_on_in_another(poke: Any, tmp_path: Path) -> None:
    from built_board import PokeBoard

    _start_driver(poke, 0, 9)
    poke.board.touch(10, 20, "down")
    poke.board.touch(11, 20, "move")
    poke.write(GPIO + 0x408, 0xFF)
    poke.write(GPIO + 0x410, 0xFF)
    poke.board.hardware_key("home", True)
    poke.write(FLASH, 0x00900090)
    poke.write(RTC + 0x10, 1)
    poke.write(RTC + 0x04, poke.read(RTC) + 1)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(poke.board.save()))

    other = PokeBoard(tmp_path)
    other.ram[:] = poke.ram[:]
    other.board.restore(state)
    assert other.board.save() == state
    assert other.machine.ticks() == poke.machine.ticks()
    assert other.read(FLASH) == 0x00890089
    assert other.read(GPIO + 0x3FC) == 1 << 1
    assert other.pending(7)
    other.settle(1_000_000)
    assert other.pending(2)
    other.board.serve_doorbells()
    _give(other, 0, 9, 40)
    assert _events(other, 0)[8:] == [
        (3, 0x2F, 0),
        (3, 0x35, 11),
        (3, 0x36, 20),
        (3, 0, 11),
        (3, 1, 20),
        (0, 0, 0),
    ]


def test_touch_of_a_stopped_guest_is_saved(poke: Any, tmp_path: Path) -> None:
    from built_board import PokeBoard

    _start_driver(poke, 0, 64)
    poke.board.touch(10, 20, "down")
    ticks = poke.machine.ticks()
    poke.machine.stop()
    state = poke.board.save()
    assert poke.machine.ticks() == ticks
    other = PokeBoard(tmp_path)
    other.ram[:] = poke.ram[:]
    other.board.restore(state)
    assert len(_events(other, 0)) == 8
    other.board.touch(10, 20, "up")
    other.board.serve_doorbells()
    other.settle()
    assert _events(other, 0)[-2:] == [(1, 0x14A, 0), (0, 0, 0)]


@pytest.mark.parametrize(
    "path", ["machine", "devices", "devices.pl031", "devices.pl061.mask", "virtio.0", "virtio.1.slot"]
)
def test_state_that_lacks_a_part_is_refused(poke: Any, path: str) -> None:
    state = poke.board.save()
    *way, last = path.split(".")
    part = state
    for step in way:
        part = part[step]
    part[last] = {"nonsense": -1} if isinstance(part[last], dict) else -1
    with pytest.raises(ValueError):
        poke.board.restore(state)


def test_device_of_ones_own_is_one_short_class(tmp_path: Path) -> None:
    """The example in devices/device.py, on the bus."""
    from built_board import PokeBoard
    from msgspec import Struct

    from pocketvisor.board import map as board_map
    from pocketvisor.devices.device import Device, Port

    class CounterState(Struct):
        count: int = 0

    class Counter(Device[CounterState]):
        name, size = "counter", 0x1000

        def __init__(self, port: Port) -> None:
            super().__init__(port, CounterState())

        def read(self, offset: int, size: int) -> int:
            return self.state.count

        def write(self, offset: int, size: int, value: int) -> None:
            self.state.count = value & 0xFFFFFFFF
            self.port.wire(self.state.count == 0)

    poke = PokeBoard(tmp_path)
    poke.board.add_device(board_map.Part(0x09050000, 0x1000, spi=9), Counter)
    poke.write(0x09050000, 7)
    assert poke.read(0x09050000) == 7
    assert not poke.pending(9)
    poke.write(0x09050000, 0)
    assert poke.pending(9)
    assert poke.board.save()["devices"]["counter"] == {"count": 0}
