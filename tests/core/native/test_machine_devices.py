"""Devices in Python, virtio slots and the framebuffer, as their guests and their hosts see them."""

import os
import select
import struct
import threading
import time
from typing import Any

import pytest
from native_machines import (
    CPU_INTERFACE,
    DEVICE,
    DEVICE_SPI,
    FRAMEBUFFER,
    RAM,
    STOP,
    STRIDE,
    UART,
    VIRTIO,
    VIRTIO_SPI,
    WAIT_FOR_R6,
    WFI,
    Guest,
    branch,
    gic_set_up,
    irq_vectors,
    load_constant,
    power_off,
    read,
    write,
)

from pocketvisor import _native
from pocketvisor.control.status import StatusPage

pytestmark = pytest.mark.guest_process


class Recorder:
    """Remembers its calls; its line follows what is written."""

    def __init__(self, machine: _native.Machine) -> None:
        self.machine = machine
        self.calls: list[Any] = []
        self.index = machine.add_device(DEVICE, 0x1000, self, "recorder")

    def read(self, offset: int, size: int) -> int:
        self.calls.append(("read", offset, size))
        return 0x1122_3344

    def write(self, offset: int, size: int, value: int) -> None:
        self.calls.append(("write", offset, size, value))
        if offset == 4:
            self.machine.set_line(DEVICE_SPI, bool(value))
        if offset == 8:
            self.machine.set_alarm(self.index, self.machine.now_ns() + value)

    def event(self, payload: bytes) -> None:
        self.calls.append(("event", payload, self.machine.ticks()))

    def alarm(self) -> None:
        self.calls.append(("alarm", self.machine.now_ns()))
        self.machine.set_line(DEVICE_SPI, True)

    def reset(self) -> None:
        self.calls.append("reset")


def test_a_python_device_serves_every_size() -> None:
    guest = Guest()
    device = Recorder(guest.machine)
    code = [
        word
        for size in (1, 2, 4)
        for word in [*read(DEVICE + 8 * size, size), *write(DEVICE + 0x100, 0xABCDEF01, size)]
    ]
    guest.place(code + power_off(), 0x100)
    assert guest.machine.run() == _native.RUN_POWER_OFF
    assert device.calls == [
        ("read", 8, 1),
        ("write", 0x100, 1, 0x01),
        ("read", 16, 2),
        ("write", 0x100, 2, 0xEF01),
        ("read", 32, 4),
        ("write", 0x100, 4, 0xABCDEF01),
    ]
    assert guest.words(3) == [0x44, 0x3344, 0x1122_3344]
    guest.machine.reset()
    assert device.calls[-1] == "reset"
    guest.close()


def waiting_guest(code: list[int], handler: list[int], line: int, **options: bool) -> Guest:
    """Waits until the handler has set r6."""
    set_up = [*gic_set_up(line), 0xE3A06000, *code]
    acknowledge = [*load_constant(2, CPU_INTERFACE), 0xE592800C]  # ldr r8, [r2, #0xc]
    end = [*load_constant(2, CPU_INTERFACE), 0xE5828010, 0xE3A06001]
    return Guest(set_up + WAIT_FOR_R6 + power_off(), irq_vectors(acknowledge + handler + end), **options)


def test_an_alarm_comes_at_its_time_and_raises_a_line() -> None:
    ends = []
    for _ in range(2):
        guest = waiting_guest(
            write(DEVICE + 8, 5_000_000),
            write(DEVICE + 4, 0),
            32 + DEVICE_SPI,
            deterministic=True,
            skip_idle=True,
        )
        device = Recorder(guest.machine)
        assert guest.machine.run() == _native.RUN_POWER_OFF
        alarms = [call for call in device.calls if call[0] == "alarm"]
        assert len(alarms) == 1
        assert 5_000_000 <= alarms[0][1] < 5_001_000
        ends.append((guest.machine.ticks(), alarms))
        guest.close()
    assert ends[0] == ends[1]


def test_events_reach_a_python_device_at_their_tick() -> None:
    guest = Guest([STOP], deterministic=True)
    device = Recorder(guest.machine)
    machine = guest.machine
    machine.record()
    machine.run(1000)
    assert machine.post(_native.EVENT_DEVICE, device.index, b"press")
    assert machine.post(_native.EVENT_DEVICE, 31, b"nobody")
    machine.run(2000)
    assert device.calls == [("event", b"press", 1000)]
    log = machine.take_log()
    again = Guest([STOP], deterministic=True)
    other = Recorder(again.machine)
    again.machine.replay(log)
    again.machine.run(2000)
    assert other.calls == device.calls
    guest.close()
    again.close()


@pytest.mark.parametrize("method", ["read", "write", "event", "alarm"])
def test_a_python_device_that_raises_ends_the_run(method: str) -> None:
    class Broken(Recorder):
        def _raise(self, *_: object) -> int:
            raise LookupError("no such thing")

    setattr(Broken, method, Broken._raise)
    guest = Guest(write(DEVICE + 8, 10) + read(DEVICE) + [STOP])
    device = Broken(guest.machine)
    guest.machine.post(_native.EVENT_DEVICE, device.index, b"")
    assert guest.machine.run(10_000) == _native.RUN_ERROR
    assert guest.machine.error == f"The device recorder failed in {method}(): LookupError: no such thing"
    guest.close()


def test_a_python_device_that_answers_nonsense() -> None:
    class Silly(Recorder):
        def read(self, offset: int, size: int) -> Any:
            return "text"

    guest = Guest([*read(DEVICE), STOP])
    Silly(guest.machine)
    assert guest.machine.run(10_000) == _native.RUN_ERROR
    assert "TypeError" in (guest.machine.error or "")
    guest.close()


def test_two_devices_cannot_share_addresses() -> None:
    guest = Guest()
    Recorder(guest.machine)
    with pytest.raises(ValueError, match=r"recorder.* overlaps"):
        Recorder(guest.machine)
    guest.close()


QUEUE = 0x4_0000  # in RAM: descriptors, available ring, used ring, a buffer


def virtio_driver() -> list[int]:
    """Brings queue 0 of slot 0 to life and kicks it."""
    at, ram = VIRTIO, RAM + QUEUE
    code = write(at + 0x70, 3) + write(at + 0x24, 1) + write(at + 0x20, 1) + write(at + 0x70, 11)
    code += write(at + 0x30, 0) + write(at + 0x38, 8)
    code += write(at + 0x80, ram) + write(at + 0x90, ram + 0x1000) + write(at + 0xA0, ram + 0x2000)
    return code + write(at + 0x44, 1) + write(at + 0x70, 15) + write(at + 0x50, 0)


def used(machine: _native.Machine, address: int, data: bytes) -> bytes:
    _, generation, _ = machine.virtio_status(0)
    head = struct.pack("<IHHHH", generation, 0, 1, 1, 0)
    return head + struct.pack("<QI", address, len(data)) + data + struct.pack("<II", 0, len(data))


def test_a_virtqueue_from_kick_to_interrupt() -> None:
    handler = [*read(VIRTIO + 0x60), *write(VIRTIO + 0x64, 1)]
    guest = waiting_guest(virtio_driver(), handler, 32 + VIRTIO_SPI)
    machine = guest.machine
    seen: list[Any] = []

    def device() -> None:
        while (0, 0) not in seen:
            assert select.select([machine.doorbell_fd], [], [], 10)[0]
            seen.extend(machine.take_doorbells())
        seen.append(machine.virtio_queue(0, 0))
        seen.append(machine.virtio_status(0))
        assert machine.post(_native.EVENT_VIRTIO_USED, 0, used(machine, RAM + QUEUE + 0x3000, b"pixels"))

    thread = threading.Thread(target=device)
    thread.start()
    assert machine.run() == _native.RUN_POWER_OFF
    thread.join()
    status, queue = seen.pop(), seen.pop()
    assert set(seen) == {(0, -1), (0, 0)}
    assert status == (15, 0, 1 << 32)
    assert queue == {
        "size": 8,
        "ready": True,
        "descriptors": RAM + QUEUE,
        "available": RAM + QUEUE + 0x1000,
        "used": RAM + QUEUE + 0x2000,
        "event_index": False,
    }
    assert guest.ram[QUEUE + 0x3000 : QUEUE + 0x3006] == b"pixels"
    assert guest.words(1, QUEUE + 0x2000) == [1 << 16]
    assert guest.words(1) == [1]
    assert not machine.take_doorbells()
    guest.close()


def test_who_follows_a_replay_hears_before_the_guest_has_it() -> None:
    guest = Guest([*virtio_driver(), STOP])
    guest.machine.record()
    guest.machine.run(1000)
    answer = used(guest.machine, RAM + QUEUE + 0x3000, b"pixels")
    assert guest.machine.post(_native.EVENT_VIRTIO_USED, 0, answer)
    assert guest.machine.post(_native.EVENT_CONSOLE_INPUT, 0, b"x")
    assert guest.machine.post(_native.EVENT_VIRTIO_CONFIG, 0, b"")
    assert guest.machine.run(2000) == _native.RUN_LIMIT
    log = guest.machine.take_log()
    guest.close()

    def replay(follow: Any) -> Guest:
        again = Guest([*virtio_driver(), STOP])
        again.machine.follow_replay(follow)
        again.machine.replay(log)
        return again

    heard: list[tuple[int, int, bytes, bytes]] = []
    again = replay(lambda *event: heard.append((*event, again.ram[QUEUE + 0x3000 : QUEUE + 0x3006])))
    assert again.machine.run(2000) == _native.RUN_LIMIT
    assert heard[0] == (_native.EVENT_VIRTIO_USED, 0, answer, bytes(6))
    assert [kind for kind, *_ in heard] == [_native.EVENT_VIRTIO_USED, _native.EVENT_VIRTIO_CONFIG]
    assert again.ram[QUEUE + 0x3000 : QUEUE + 0x3006] == b"pixels"
    again.machine.follow_replay(None)
    again.close()

    failing = replay(lambda *_: {}["disk"])
    assert failing.machine.run(2000) == _native.RUN_ERROR
    assert failing.machine.error == "What follows the replay failed: KeyError: 'disk'"
    failing.close()


def test_a_legacy_slot_answers_addresses_computed_from_a_page() -> None:
    at, page = VIRTIO + 0x200, (RAM + QUEUE) >> 12
    code = write(at + 0x70, 3) + write(at + 0x28, 4096) + write(at + 0x20, 0xFFFF_FFFF)
    code += write(at + 0x38, 8) + write(at + 0x3C, 4096) + write(at + 0x40, page) + write(at + 0x70, 7)
    guest = Guest([*code, *read(at + 4), STOP])
    machine = guest.machine
    machine.fill_virtio_slot(1, 2, 1 << 32 | 1 << 9, (64,), b"", legacy=True)
    machine.run(1000)
    assert guest.words(1) == [1]
    assert machine.virtio_status(1) == (7, 0, 1 << 9)
    queue = machine.virtio_queue(1, 0)
    assert (queue["size"], queue["ready"]) == (8, True)
    found = [queue["descriptors"], queue["available"], queue["used"]]
    assert found == [RAM + QUEUE, RAM + QUEUE + 128, RAM + QUEUE + 4096]
    guest.close()


def test_a_payload_is_posted_in_pieces() -> None:
    guest = Guest([STOP], deterministic=True)
    device, machine = Recorder(guest.machine), guest.machine
    pieces = [b"ab", memoryview(b"-cde-")[1:4], bytearray(b"f"), b""]
    for payload in (pieces, tuple(pieces), [], b"abcdef", memoryview(b"abcdef")):
        assert machine.post(_native.EVENT_DEVICE, device.index, payload)
    machine.run(100)
    assert [call[1] for call in device.calls] == [b"abcdef", b"abcdef", b"", b"abcdef", b"abcdef"]
    mebibyte = bytes(1 << 20)
    assert machine.post(_native.EVENT_DEVICE, device.index, [mebibyte] * 4)
    assert not machine.post(_native.EVENT_DEVICE, device.index, [mebibyte] * 4 + [b"x"])
    assert not machine.post(_native.EVENT_DEVICE, device.index, mebibyte * 5)
    bad: Any
    for bad in ("text", 7, [b"ab", "text"], [1]):
        with pytest.raises(TypeError):
            machine.post(_native.EVENT_DEVICE, device.index, bad)
    assert machine.counters()["events_refused"] == 2
    guest.close()


def test_a_hostile_payload_needs_a_reset() -> None:
    guest = Guest([*virtio_driver(), STOP], deterministic=True)
    machine = guest.machine
    machine.run(1000)
    for address in (UART, RAM - 1, 0xFFFF_FFFF_FFFF_FFF0):
        machine.post(_native.EVENT_VIRTIO_USED, 0, used(machine, address, b"secret"))
    machine.run(2000)
    assert machine.virtio_status(0)[0] & 64
    assert machine.counters()["virtio_refused"] == 1  # the rest is not looked at
    assert machine.take_console(0) == b""
    guest.close()


def test_configuration_from_outside_and_from_the_driver() -> None:
    guest = Guest([*virtio_driver(), *write(VIRTIO + 0x100, ord("C"), 1), STOP])
    machine = guest.machine
    machine.run(1000)
    assert (0, -2) in machine.take_doorbells()
    assert machine.virtio_config(0) == b"Config"
    machine.post(_native.EVENT_VIRTIO_CONFIG, 0, b"CONFIG")
    machine.run(2000)
    assert machine.virtio_config(0) == b"CONFIG"
    guest.close()


def test_sync_returns_at_a_doorbell() -> None:
    guest = Guest([*virtio_driver(), STOP])
    machine = guest.machine
    machine.set_sync(True)
    assert machine.run(100_000) == _native.RUN_SYNC
    assert machine.take_doorbells() == [(0, -1), (0, 0)]
    assert machine.run(100_000) == _native.RUN_LIMIT
    guest.close()


def stop_after_frames(guest: Guest, count: int) -> None:
    while count > 0 and select.select([guest.frame_fd], [], [], 60)[0]:
        count -= os.eventfd_read(guest.frame_fd)
    guest.machine.stop()


def test_drawing_becomes_damage() -> None:
    draw = [word for y in (10, 11) for word in write(FRAMEBUFFER + y * STRIDE + 20 * 4, 0xFFFFFF)]
    guest = Guest([*draw, WFI, STOP], with_status=True)
    machine, page = guest.machine, StatusPage(guest.fds["status"][1])
    stopper = threading.Thread(target=stop_after_frames, args=(guest, 1))
    stopper.start()
    assert machine.run() == _native.RUN_STOPPED
    stopper.join()
    sequence, rectangles = page.damage_since(0)
    assert sequence == 1
    assert rectangles == [(20, 10, 21, 12)]
    assert machine.counters()["frames"] == 1
    page.close()
    guest.close()


def test_the_last_frame_before_a_wait_is_shown() -> None:
    """However soon after the one before it comes."""
    guest = Guest(with_status=True)
    two = write(FRAMEBUFFER, 1) + write(UART, 1) + write(FRAMEBUFFER + 4, 2)
    guest.place([*two, WFI, STOP], 0x100)
    machine, page = guest.machine, StatusPage(guest.fds["status"][1])
    thread = threading.Thread(target=machine.run)
    thread.start()
    until = time.monotonic() + 10
    while page.damage_since(0)[1] not in ([(0, 0, 2, 1)], [(0, 0, 1, 1), (1, 0, 2, 1)]):
        assert time.monotonic() < until
        time.sleep(0.001)
    machine.stop()
    thread.join()
    page.close()
    guest.close()


def test_frames_are_at_most_sixty_a_second() -> None:
    code = [*load_constant(2, FRAMEBUFFER), 0xE2833001, 0xE5823000, branch(2, 0)]  # add; str; b
    guest = Guest(code, with_status=True)
    machine = guest.machine
    start = time.monotonic()
    stopper = threading.Thread(target=stop_after_frames, args=(guest, 20))
    stopper.start()
    machine.run()
    frames = machine.counters()["frames"]
    assert 20 <= frames <= (time.monotonic() - start) * 60 + 2
    stopper.join()
    guest.close()


def test_looking_for_damage_does_not_change_the_guest() -> None:
    ends = []
    for rate in (0, 5_000_000):  # some looks, and hundreds
        code = [*load_constant(2, FRAMEBUFFER), 0xE2833001, 0xE5823000, branch(2, 0)]
        guest = Guest(code, with_status=True, deterministic=True)
        guest.machine.set_rate(rate)
        assert guest.machine.run(4_000_000) == _native.RUN_LIMIT
        state = guest.machine.save()
        ends.append((state, guest.ram[:], guest.framebuffer[:], guest.machine.counters()["frames"]))
        guest.close()
    assert ends[0][:3] == ends[1][:3]
    assert ends[1][3] > ends[0][3]


def test_a_guest_that_draws_nothing_costs_no_frames() -> None:
    guest = Guest([WFI, STOP], with_status=True)
    threading.Timer(0.1, guest.machine.stop).start()
    guest.machine.run()
    assert guest.machine.counters()["frames"] == 0
    assert not select.select([guest.frame_fd], [], [], 0)[0]
    guest.close()
