"""The console: ports as the driver finds them, data both ways with backpressure, a modem, hostile drivers."""

import errno
import os
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from queue_bench import Bench

from pocketvisor.devices.console_ends import ModemEnd, NoEnd, WireEnd
from pocketvisor.devices.modem.state import CallEnded, IncomingCall, MessageSent, Network
from pocketvisor.devices.virtio_console import (
    CONSOLE_PORT,
    CONTROL_IN,
    CONTROL_OUT,
    DEVICE_ADD,
    DEVICE_READY,
    F_SIZE,
    MODEM_PORT,
    PORT_NAME,
    PORT_OPEN,
    PORT_READY,
    RESIZE,
    Connected,
    Port,
    Resized,
    VirtioConsole,
)

CONSOLE_IN, CONSOLE_OUT = 0, 1
MODEM_IN, MODEM_OUT = 4, 5
CHANNEL_IN, CHANNEL_OUT = 6, 7


class Setup:
    """A console on a wire, a modem, a channel on a wire."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.reports: list[Any] = []
        self.console, console = socket.socketpair()
        self.channel, channel = socket.socketpair()
        self.wires = (console, channel)
        for wire in (self.console, self.channel):
            wire.setblocking(False)

    def device(self, *, channel_connected: bool = False) -> VirtioConsole:
        console = WireEnd(self.wires[0].fileno(), True)
        channel = WireEnd(self.wires[1].fileno(), channel_connected)
        modem = ModemEnd(lambda: self.time, self.reports.append)
        return VirtioConsole(
            [Port("", console, True), Port(MODEM_PORT, modem, True), Port("com.example", channel, False)]
        )

    def close(self) -> None:
        for wire in (self.console, self.channel, *self.wires):
            wire.close()


@pytest.fixture
def world() -> Iterator[Setup]:
    setup = Setup()
    yield setup
    setup.close()


@pytest.fixture
def bench(world: Setup) -> Bench:
    """A driver that is there, and has asked for all ports."""
    bench = Bench(world.device())
    bench.start()
    for queue in (CONSOLE_IN, CONTROL_IN, MODEM_IN, CHANNEL_IN):
        for _ in range(12):
            bench.give(queue, writable=[100])
        bench.kick(queue)
    say(bench, 0, DEVICE_READY, 1)
    for number in range(3):
        say(bench, number, PORT_READY, 1)
    return bench


def say(bench: Bench, number: int, event: int, value: int) -> None:
    bench.send(CONTROL_OUT, struct.pack("<IHH", number, event, value))


def heard(bench: Bench) -> list[tuple[int, int, int, bytes]]:
    messages = [data for _, data in bench.take(CONTROL_IN)]
    return [(*struct.unpack_from("<IHH", data), data[8:]) for data in messages]


def tell(bench: Bench, message: object) -> None:
    bench.device.control(msgspec.msgpack.encode(message), None)


def text(bench: Bench, queue: int) -> bytes:
    return b"".join(data for _, data in bench.take(queue))


def test_ports_as_the_driver_finds_them(bench: Bench) -> None:
    assert struct.unpack("<HHII", bench.config_space) == (80, 25, 3, 0)
    assert heard(bench) == [
        (0, DEVICE_ADD, 1, b""),
        (1, DEVICE_ADD, 1, b""),
        (2, DEVICE_ADD, 1, b""),
        (0, CONSOLE_PORT, 1, b""),
        (0, RESIZE, 0, struct.pack("<HH", 80, 25)),
        (0, PORT_OPEN, 1, b""),
        (1, CONSOLE_PORT, 1, b""),
        (1, PORT_NAME, 1, MODEM_PORT.encode()),
        (1, PORT_OPEN, 1, b""),
        (2, PORT_NAME, 1, b"com.example"),
    ]


def test_console_both_ways(bench: Bench, world: Setup) -> None:
    bench.send(CONSOLE_OUT, b"login", b": ")
    assert world.console.recv(100) == b"login: "
    assert bench.take(CONSOLE_OUT) == [(0, b"")]
    world.console.send(b"root\n" * 50)
    bench.readable(world.wires[0].fileno())
    assert text(bench, CONSOLE_IN) == b"root\n" * 50


def test_nothing_is_read_that_the_guest_has_no_buffer_for(bench: Bench, world: Setup) -> None:
    fd = world.wires[0].fileno()
    world.console.send(b"x" * 3000)
    bench.readable(fd)
    assert len(text(bench, CONSOLE_IN)) == 1200
    assert fd not in bench.loop.watched
    assert len(world.wires[0].recv(9999, socket.MSG_PEEK)) == 1800
    for _ in range(12):
        bench.give(CONSOLE_IN, writable=[1000])
    bench.kick(CONSOLE_IN)
    assert len(text(bench, CONSOLE_IN)) == 1800
    assert fd in bench.loop.watched


def test_console_output_is_always_taken(bench: Bench, world: Setup) -> None:
    """A Linux driver spins until it is."""
    for _ in range(400):
        bench.send(CONSOLE_OUT, b"x" * 4096)
        assert bench.take(CONSOLE_OUT) == [(0, b"")]
    world.console.setblocking(False)
    assert world.console.recv(10) == b"x" * 10


def test_a_channel_waits_for_its_reader(bench: Bench, world: Setup) -> None:
    tell(bench, Connected("com.example", True))
    say(bench, 2, PORT_OPEN, 1)
    assert heard(bench)[-1] == (2, PORT_OPEN, 1, b"")
    sent = 0
    while True:
        bench.send(CHANNEL_OUT, bytes([sent % 251]) * 5000)
        sent += 1
        if not bench.take(CHANNEL_OUT):
            break
    got = b""
    while len(got) < 5000 * sent:
        got += world.channel.recv(1 << 20)
        bench.pass_time()
    assert got == b"".join(bytes([number % 251]) * 5000 for number in range(sent))
    assert bench.take(CHANNEL_OUT) == [(0, b"")]


def test_a_channel_that_nobody_has_opened_gets_nothing(bench: Bench, world: Setup) -> None:
    tell(bench, Connected("com.example", True))
    world.channel.send(b"early")
    bench.readable(world.wires[1].fileno())
    assert text(bench, CHANNEL_IN) == b""
    say(bench, 2, PORT_OPEN, 1)
    assert text(bench, CHANNEL_IN) == b"early"
    tell(bench, Connected("com.example", False))
    assert heard(bench)[-1] == (2, PORT_OPEN, 0, b"")


def test_the_other_side_of_a_wire_is_gone(bench: Bench, world: Setup) -> None:
    world.console.close()
    bench.readable(world.wires[0].fileno())
    bench.send(CONSOLE_OUT, b"hello?")
    assert bench.take(CONSOLE_OUT) == [(0, b"")]
    assert world.wires[0].fileno() not in bench.loop.watched


@pytest.mark.parametrize("trouble", [errno.ENOBUFS, errno.ENOMEM])
def test_a_computer_short_of_memory_loses_nothing_of_a_channel(
    bench: Bench, world: Setup, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    tell(bench, Connected("com.example", True))
    say(bench, 2, PORT_OPEN, 1)

    def short(*_: object) -> int:
        raise OSError(trouble, os.strerror(trouble))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        bench.send(CHANNEL_OUT, b"hello")
        assert bench.take(CHANNEL_OUT) == []
    bench.pass_time()
    assert bench.take(CHANNEL_OUT) == [(0, b"")] and world.channel.recv(100) == b"hello"


def test_a_wire_that_is_torn_off_is_one_that_nobody_is_at(
    bench: Bench, world: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> int:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", torn)
        bench.send(CONSOLE_OUT, b"hello?")
    assert bench.take(CONSOLE_OUT) == [(0, b"")]


def test_modem(bench: Bench, world: Setup) -> None:
    bench.send(MODEM_OUT, b"AT+CSQ\r")
    assert text(bench, MODEM_IN) == b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n"
    tell(bench, Network(signal=3))
    tell(bench, IncomingCall("123"))
    assert text(bench, MODEM_IN) == b"\r\nRING\r\n"
    world.time += 5
    assert len(bench.pass_time()) == 1
    assert text(bench, MODEM_IN) == b"\r\nRING\r\n"
    bench.send(MODEM_OUT, b"ATH;+CMGF=1;+CMGS=123\r")
    bench.send(MODEM_OUT, b"hello\x1a")
    assert text(bench, MODEM_IN).endswith(b"+CMGS: 1\r\n\r\nOK\r\n")
    assert world.reports[-1] == MessageSent("123", "hello")


def test_a_modem_rings_without_a_driver_and_gives_up(world: Setup) -> None:
    bench = Bench(world.device())
    tell(bench, IncomingCall("123"))
    while bench.loop.timers:
        world.time += 5
        bench.pass_time()
    assert world.reports == [CallEnded("123", "nobody")]


def test_resize(bench: Bench) -> None:
    heard(bench)
    tell(bench, Resized(132, 43))
    assert heard(bench) == [(0, RESIZE, 0, struct.pack("<HH", 132, 43))]
    assert struct.unpack_from("<HH", bench.config_space) == (132, 43)


def test_a_driver_of_one_port(world: Setup) -> None:
    bench = Bench(world.device(), F_SIZE)
    bench.start()
    bench.send(CONSOLE_OUT, b"hello")
    assert world.console.recv(100) == b"hello"
    world.console.send(b"back")
    bench.send(CONSOLE_IN, writable=[10])
    assert text(bench, CONSOLE_IN) == b"back"


def test_saved_and_restored_with_data_on_the_way(bench: Bench, world: Setup) -> None:
    tell(bench, Connected("com.example", True))
    say(bench, 2, PORT_OPEN, 1)
    sent = 0
    while not sent or bench.take(CHANNEL_OUT):
        bench.send(CHANNEL_OUT, bytes([sent % 251]) * 5000)
        sent += 1
    bench.send(MODEM_OUT, b"AT+CMEE=2;+CM")
    bench.full = True
    world.console.send(b"typed")
    bench.readable(world.wires[0].fileno())
    bench.full = False

    bench.restore(world.device(channel_connected=True), bench.save())
    assert text(bench, CONSOLE_IN) == b"typed"
    got = b""
    while len(got) < 5000 * sent:
        got += world.channel.recv(1 << 20)
        bench.pass_time()
    assert got == b"".join(bytes([number % 251]) * 5000 for number in range(sent))
    bench.send(MODEM_OUT, b"EE?\r")
    assert b"+CMEE: 2" in text(bench, MODEM_IN)


def test_control_messages_that_nobody_fetches_are_bounded(world: Setup) -> None:
    bench = Bench(world.device())
    bench.start()
    answered = 0
    for _ in range(200):
        if bench._free[CONTROL_OUT]:
            say(bench, 0, DEVICE_READY, 1)
        answered += len(bench.take(CONTROL_OUT))
    assert 0 < answered < 100
    assert len(bench.device._pending) < 100
    for _ in range(400):
        if bench._free[CONTROL_IN]:
            bench.give(CONTROL_IN, writable=[64])
            bench.kick(CONTROL_IN)
    assert bench.device._pending == []


@pytest.mark.parametrize(
    ("queue", "pieces"), [(CONTROL_OUT, [4]), (CONSOLE_IN, [0]), (CONSOLE_OUT, None), (CONTROL_IN, [3])]
)
def test_impossible_chains_need_a_reset(world: Setup, queue: int, pieces: list[int] | None) -> None:
    bench = Bench(world.device())
    bench.start()
    say(bench, 0, PORT_READY, 1)
    if pieces is None:
        bench.give_raw(queue, [(0, 100, 0)])
    elif queue == CONTROL_OUT:
        bench.give(queue, [bytes(pieces[0])])
    else:
        bench.give(queue, writable=pieces)
    bench.kick(queue)
    assert bench.resets == 1
    bench.reset()
    bench.start()
    assert bench.slot.queue(0) is not None


def test_random_messages(world: Setup) -> None:
    dice = random.Random(7)
    bench = Bench(world.device())
    bench.start()
    for _ in range(4000):
        queue = dice.randrange(8)
        if bench._free[queue]:
            if queue % 2 and dice.random() < 0.97:
                message = struct.pack(
                    "<IHH", dice.choice([0, 1, 2, 3, 0xFFFFFFFF]), dice.randrange(10), dice.randrange(3)
                )
                bench.give(
                    queue, [message] if queue == CONTROL_OUT else [dice.randbytes(dice.randrange(200))]
                )
            else:
                bench.give(queue, writable=[dice.choice([8, 64, 64, 64])])
        bench.kick(queue)
        with suppress(BlockingIOError):
            world.console.send(b"x")
        tell(bench, dice.choice([Connected("com.example", dice.random() < 0.5), Resized(1, 2), Network(3)]))
        for fd in list(bench.loop.watched):
            bench.readable(fd)
        bench.pass_time()
        for queue in bench.used:
            bench.take(queue)
        if bench.slot.queue(0) is None:
            bench.reset()
            bench.start()
    with pytest.raises(msgspec.MsgspecError):
        bench.device.control(b"nonsense", None)


def test_without_an_end_output_is_dropped() -> None:
    bench = Bench(VirtioConsole([Port("", NoEnd(), True)]))
    bench.start()
    bench.send(CONSOLE_OUT, b"hello")
    assert bench.take(CONSOLE_OUT) == [(0, b"")]
