"""A device in a replay: told what a live one answered, it comes to the live one's state, and says nothing."""

import os
import random
import weakref
from typing import Any

import msgspec
import pytest
from disk_bench import CONTENT, SECTOR, Drive, Held, new_file
from queue_bench import BASE, Bench

from pocketvisor.board.config import NetworkConfig
from pocketvisor.devices.console_ends import NoEnd
from pocketvisor.devices.keyboard import Keyboard
from pocketvisor.devices.touch import TouchScreen
from pocketvisor.devices.virtio import STATUS
from pocketvisor.devices.virtio_balloon import SetTarget, VirtioBalloon
from pocketvisor.devices.virtio_blk import VirtioBlock
from pocketvisor.devices.virtio_console import (
    CONTROL_IN,
    CONTROL_OUT,
    DEVICE_READY,
    PORT_OPEN,
    PORT_READY,
    Port,
    Resized,
    VirtioConsole,
)
from pocketvisor.devices.virtio_input import VirtioInput
from pocketvisor.devices.virtio_net import Link, VirtioNet
from pocketvisor.devices.virtio_replay import ReplayedSlot
from pocketvisor.devices.virtqueue import GuestMemory
from pocketvisor.storage.files import FileStore, MissingStore

IN, OUT, FLUSH, DISCARD = 0, 1, 4, 11


class Shadow:
    """Another device, which hears of what a bench's answers before its driver does."""

    def __init__(self, bench: Bench, device: Any, state: Any = None) -> None:
        self.reports: list[Any] = []
        self.device = device
        memory = GuestMemory(memoryview(bench.ram).toreadonly(), BASE)
        self.slot = ReplayedSlot(_Facts(bench), 0, device, memory, bench.loop)  # type: ignore[arg-type]
        if state is not None:
            self.slot.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
        self.slot.serve(STATUS)
        answer, configure = bench.post_used, bench.post_config

        def post_used(slot: int, pieces: Any) -> bool:
            if not bench.full:
                self.slot.serve(STATUS)
                self.slot.replayed(b"".join(pieces))
            return answer(slot, pieces)

        def post_config(slot: int, config: bytes) -> bool:
            self.slot.replayed_config(config)
            return configure(slot, config)

        bench.post_used, bench.post_config = post_used, post_config  # type: ignore[method-assign]

    @property
    def state(self) -> Any:
        return self.slot.save()


class _Facts:
    """What a bench says of its driver, to who may not answer it."""

    def __init__(self, bench: Bench) -> None:
        self.status, self.layout, self.config = bench.status, bench.layout, bench.config

    def fill(self, slot: int, device: Any) -> None:
        pass


def shadow_disk(drive: Drive, state: Any = None) -> tuple[Shadow, int]:
    file = new_file(drive.content())
    weakref.finalize(drive, os.close, file)
    device = VirtioBlock(FileStore(file, len(CONTENT), read_only=False), "serial-1")
    return Shadow(drive.bench, device, state), file


def content(file: int) -> bytes:
    return os.pread(file, len(CONTENT), 0)


def test_a_disk_is_written_as_it_was() -> None:
    drive, chance = Drive(), random.Random(2)
    shadow, file = shadow_disk(drive)
    for _ in range(200):
        kind = chance.choice((IN, OUT, OUT, FLUSH, DISCARD, 99))
        sector = chance.randrange(2040) & ~7
        data = chance.randbytes(SECTOR * chance.randrange(1, 8)) if kind == OUT else b""
        if kind == DISCARD:
            data = sector.to_bytes(8, "little") + (8).to_bytes(4, "little") + bytes(4)
        drive.ask(kind, sector, data, SECTOR if kind == IN else 0)
        assert content(file) == drive.content()
    assert shadow.state == drive.bench.save()


def test_a_write_that_failed_is_not_done() -> None:
    drive = Drive()
    _, file = shadow_disk(drive)
    drive.device._store.write = _fails  # type: ignore[union-attr, method-assign]
    assert drive.ask(OUT, 0, b"x" * SECTOR)[2] == b"\1"
    assert content(file) == CONTENT


def _fails(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_what_waits_for_a_flush_is_done_and_waits_on() -> None:
    """Answers overtake it. Whoever goes on from the replay's state flushes again, and answers."""
    drive = Drive()
    held = Held(drive)
    shadow, file = shadow_disk(drive)
    drive.give(FLUSH)
    drive.bench.kick(0)
    drive.ask(OUT, 5, b"y" * SECTOR)
    assert content(file) == drive.content()
    assert shadow.state == drive.bench.save()
    assert len(shadow.state["device"]["flushes"]) == 1
    another, _ = shadow_disk(drive, shadow.state)
    held.end()
    assert drive.statuses == [b"\0"]
    assert shadow.state == another.state == drive.bench.save()
    assert shadow.state["device"]["flushes"] == []


def test_an_answer_that_had_no_room_is_not_done_twice() -> None:
    drive = Drive()
    drive.bench.full = True
    drive.give(OUT, 3, b"z" * SECTOR)
    drive.bench.kick(0)
    state = drive.bench.save()
    assert state["device"]["used"], "it is done, and its driver does not know"
    shadow, file = shadow_disk(drive, state)
    drive.bench.full = False
    drive.give(OUT, 4, b"w" * SECTOR)
    drive.bench.pass_time()
    drive.bench.kick(0)
    assert len(drive.bench.used[0]) == 2
    assert content(file) == drive.content()
    assert shadow.state == drive.bench.save()


def test_a_disk_that_is_not_there_answers_by_the_log_alone() -> None:
    drive = Drive()
    device = VirtioBlock(MissingStore(len(CONTENT), read_only=False), "serial-1")
    shadow = Shadow(drive.bench, device)
    assert drive.ask(OUT, 1, b"a" * SECTOR)[2] == b"\0"
    assert drive.ask(IN, 1, room=SECTOR)[1] == b"a" * SECTOR
    assert shadow.state == drive.bench.save()


def test_a_driver_that_changes_what_it_gave_away_harms_nobody() -> None:
    drive = Drive()
    held = Held(drive)
    shadow, _ = shadow_disk(drive)
    drive.give(FLUSH)
    drive.bench.kick(0)
    drive.bench.ram[: 16 * 16] = b"\xff" * 256  # its descriptors
    held.end()
    assert shadow.state["slot"] == drive.bench.save()["slot"]
    drive.bench.reset()
    drive.bench.start()
    drive.ask(IN, 0, room=SECTOR)
    assert shadow.state == drive.bench.save()


@pytest.mark.parametrize(
    "payload", [b"", b"\1", bytes(11), b"\xff" * 12, b"\1\0\0\0\0\0\xff\xff\xff\xff\0\0"]
)
def test_a_log_may_say_anything(payload: bytes) -> None:
    drive = Drive()
    shadow, _ = shadow_disk(drive)
    shadow.slot.replayed(payload)
    shadow.slot.replayed_config(payload)
    assert drive.ask(IN, 0, room=SECTOR)[2] == b"\0"


def test_who_presses_what_is_known_and_let_go_of_by_who_goes_on() -> None:
    """Nobody's finger is on the panel of a branch."""
    for source, act in (
        (TouchScreen(320, 480), lambda one: one.touch(5, 6, "down", 0)),
        (Keyboard(), lambda one: one.key(30, True)),
    ):
        bench = Bench(VirtioInput(source))
        bench.start()
        for size in [8] * 12:
            bench.give(0, writable=[size])
        shadow = Shadow(
            bench, VirtioInput(type(source)(320, 480) if isinstance(source, TouchScreen) else Keyboard())
        )
        assert act(source)
        bench.device.flush()
        heard = bench.take(0)
        known = bench.save()["device"]["known"]
        assert known and shadow.state["device"]["known"] == known
        assert shadow.state["slot"] == bench.save()["slot"]
        branch = VirtioInput(type(source)(320, 480) if isinstance(source, TouchScreen) else Keyboard())
        bench.restore(branch, shadow.state)
        assert len(bench.take(0)) > 1 and heard, "it is told that they are gone"
        assert not bench.save()["device"]["known"]


def test_a_console_knows_which_ports_are_open() -> None:
    def ports() -> list[Port]:
        return [Port("first", NoEnd(), True), Port("second", NoEnd(), False)]

    bench = Bench(VirtioConsole(ports()))
    bench.start()
    shadow = Shadow(bench, VirtioConsole(ports()))
    for _ in range(12):
        bench.give(CONTROL_IN, writable=[64])
    for number, event, value in (
        (0, DEVICE_READY, 1),
        (0, PORT_READY, 1),
        (1, PORT_READY, 1),
        (1, PORT_OPEN, 1),
    ):
        bench.send(CONTROL_OUT, number.to_bytes(4, "little") + bytes((event, 0, value, 0)))
    bench.device.control(msgspec.msgpack.encode(Resized(columns=120, rows=40)), None)
    bench.send(1, b"hello")
    assert shadow.state == bench.save()
    assert shadow.state["device"]["ports"][1] == {"ready": True, "open": True, "taken": 0, "held": b""}
    assert shadow.state["device"]["size"] == [120, 40] or shadow.state["device"]["size"] == (120, 40)


def test_a_card_knows_whether_its_cable_is_in() -> None:
    bench = Bench(VirtioNet(NetworkConfig()))
    bench.start()
    shadow = Shadow(bench, VirtioNet(NetworkConfig()))
    bench.device.control(msgspec.msgpack.encode(Link(up=False)), None)
    bench.send(1, bytes(12) + bytes(60))
    assert shadow.state == bench.save()
    assert shadow.state["device"]["link"] is False
    shadow.slot.replayed_config(b"none of a card's")
    assert shadow.state == bench.save()


def test_a_balloon_knows_what_it_should_hold() -> None:
    bench = Bench(VirtioBalloon(0, 1024))
    bench.start()
    shadow = Shadow(bench, VirtioBalloon(0, 1024))
    bench.device.control(msgspec.msgpack.encode(SetTarget(pages=100)), None)
    bench.send(0, (0x40200).to_bytes(4, "little"))
    assert shadow.state == bench.save()
    assert shadow.state["device"]["target"] == 100
