"""The socket device: connections from both sides, credit, closing, floods and nonsense."""

import errno
import os
import random
import socket
import struct
from collections.abc import Iterator

import pytest
from queue_bench import BASE, Bench

from pocketvisor.devices import vsock_wire as wire
from pocketvisor.devices.virtio_vsock import EVENT, RX, TX, VirtioVsock
from pocketvisor.devices.vsock_channel import VsockChannel
from pocketvisor.devices.vsock_stream import (
    HOST_CID,
    OP_CREDIT_REQUEST,
    OP_CREDIT_UPDATE,
    OP_REQUEST,
    OP_RESPONSE,
    OP_RST,
    OP_RW,
    OP_SHUTDOWN,
    STREAM,
    Header,
)
from pocketvisor.devices.vsock_wire import FROM_HANDSET, STREAMS_MAX, WINDOW, Message

CID = 3
BUFFER = 1000


class Host:
    """The handset's end of the wire, and a guest's driver on a bench."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.wire, self._theirs = ours, theirs
        self.bench = Bench(self.device(), size=128)
        self.bench.start()
        self.buffers()
        assert self.said() == [Message(wire.RESET)]

    def device(self) -> VirtioVsock:
        self.channel = VsockChannel(self._theirs)
        return VirtioVsock(CID, self.channel)

    def close(self) -> None:
        self.wire.close()
        self._theirs.close()

    def buffers(self) -> None:
        while self.bench._free[RX]:
            self.bench.give(RX, writable=[BUFFER])
        self.bench.kick(RX)

    def said(self) -> list[Message]:
        """What has come over the wire."""
        messages = []
        while True:
            try:
                packet = self.wire.recv(1 << 20)
            except BlockingIOError:
                return messages
            message = wire.unpack(packet)
            assert message is not None
            messages.append(message)

    def says(self, *message: object) -> None:
        self.wire.send(wire.pack(Message(*message)))  # type: ignore[arg-type]
        for callback in list(self.bench.loop.watched.values()):
            callback()

    def guest(
        self,
        operation: int,
        guest_port: int = 1000,
        host_port: int = 52,
        data: bytes = b"",
        *,
        flags: int = 0,
        buffer: int = 1 << 18,
        forwarded: int = 0,
        cid: int = CID,
        to: int = HOST_CID,
        kind: int = STREAM,
    ) -> None:
        header = Header(
            cid, to, guest_port, host_port, len(data), kind, operation, flags, buffer, forwarded
        ).pack()
        self.bench.send(TX, header, *([data] if data else []))
        self.bench.take(TX)

    def heard(self) -> list[tuple[Header, bytes]]:
        """What the guest has got; its buffers go back."""
        packets = [data for _, data in self.bench.take(RX)]
        self.buffers()
        packets += [data for _, data in self.bench.take(RX)]
        return [(Header.unpack(packet), packet[44:]) for packet in packets]

    def operations(self) -> list[int]:
        return [header.operation for header, _ in self.heard()]

    def connected(self) -> int:
        """A connection of the guest's to port 52; its number on the wire."""
        self.guest(OP_REQUEST)
        (message,) = self.said()
        assert message == Message(wire.CONNECT, message.stream, 52)
        self.says(wire.ACCEPT, message.stream)
        assert self.operations() == [OP_RESPONSE]
        return message.stream


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.close()


def test_guest_connects_and_both_talk(host: Host) -> None:
    assert host.bench.config_space == struct.pack("<Q", CID)
    stream = host.connected()
    host.guest(OP_RW, data=b"hello")
    assert host.said() == [Message(wire.DATA, stream, 0, b"hello")]
    host.says(wire.DATA, stream, 0, b"hello yourself")
    ((header, data),) = host.heard()
    assert data == b"hello yourself"
    assert header == Header(HOST_CID, CID, 52, 1000, 14, STREAM, OP_RW, 0, WINDOW, 0)
    assert host.said() == [Message(wire.CREDIT, stream, 14)]


def test_host_connects(host: Host) -> None:
    number = FROM_HANDSET + 7
    host.says(wire.CONNECT, number, 22)
    ((header, _),) = host.heard()
    assert (header.operation, header.destination_port) == (OP_REQUEST, 22)
    host.guest(OP_RESPONSE, guest_port=22, host_port=header.source_port)
    assert host.said() == [Message(wire.ACCEPT, number, header.source_port)]
    host.says(wire.DATA, number, 0, b"x")
    assert [data for _, data in host.heard()] == [b"x"]
    host.says(wire.CONNECT, number + 1, 23)
    ((refused, _),) = host.heard()
    host.guest(OP_RST, guest_port=23, host_port=refused.source_port)
    assert host.said()[-1] == Message(wire.CLOSE, number + 1)


def test_host_refuses(host: Host) -> None:
    host.guest(OP_REQUEST)
    (message,) = host.said()
    host.says(wire.CLOSE, message.stream)
    assert host.operations() == [OP_RST]


def test_large_data_goes_as_the_guest_has_buffers_and_credit(host: Host) -> None:
    stream = host.connected()
    sent = random.Random(1).randbytes(WINDOW)
    host.guest(OP_CREDIT_UPDATE, buffer=10_000)
    host.says(wire.DATA, stream, 0, sent)
    packets = host.heard()
    got = b"".join(data for _, data in packets)
    assert got == sent[:10_000]
    assert packets[-1][0].operation == OP_CREDIT_REQUEST
    while len(got) < WINDOW:
        host.guest(OP_CREDIT_UPDATE, buffer=10_000, forwarded=len(got))
        got += b"".join(data for _, data in host.heard())
    assert got == sent
    assert sum(message.value for message in host.said()) == WINDOW


def test_the_guest_is_told_of_its_credit(host: Host) -> None:
    stream = host.connected()
    for _ in range(4):
        host.guest(OP_RW, data=bytes(WINDOW // 4))
    assert host.operations() == []
    host.says(wire.CREDIT, stream, WINDOW // 4)
    assert host.heard() == []
    host.guest(OP_CREDIT_REQUEST)
    ((header, _),) = host.heard()
    assert (header.operation, header.buffer, header.forwarded) == (OP_CREDIT_UPDATE, WINDOW, WINDOW // 4)
    host.says(wire.CREDIT, stream, WINDOW // 2)
    ((header, _),) = host.heard()
    assert header.forwarded == WINDOW * 3 // 4


def test_a_guest_that_sends_more_than_it_may_is_cut_off(host: Host) -> None:
    stream = host.connected()
    host.guest(OP_RW, data=bytes(WINDOW))
    host.guest(OP_RW, data=b"x")
    assert host.operations() == [OP_RST]
    assert host.said()[-1] == Message(wire.CLOSE, stream)


def test_closing(host: Host) -> None:
    stream = host.connected()
    host.guest(OP_SHUTDOWN, flags=2)
    assert host.said() == [Message(wire.SHUTDOWN, stream)]
    host.says(wire.DATA, stream, 0, b"last words")
    host.says(wire.CLOSE, stream)
    assert host.operations() == [OP_RW, OP_SHUTDOWN], "data comes before the end"
    host.guest(OP_RST)
    assert host.said()[-1] == Message(wire.CLOSE, stream)

    stream = host.connected()
    host.says(wire.SHUTDOWN, stream)
    ((header, _),) = host.heard()
    assert (header.operation, header.flags) == (OP_SHUTDOWN, 2)
    host.guest(OP_RW, data=b"still here")
    host.guest(OP_SHUTDOWN, flags=3)
    assert host.operations() == [OP_RST]
    assert host.said() == [
        Message(wire.DATA, stream, 0, b"still here"),
        Message(wire.CLOSE, stream),
    ]


def test_a_guest_that_does_not_close_is_closed(host: Host) -> None:
    stream = host.connected()
    host.says(wire.CLOSE, stream)
    host.heard()
    assert host.bench.pass_time() == [8.0]
    assert host.operations() == [OP_RST]


def test_connections_are_bounded(host: Host) -> None:
    for port in range(STREAMS_MAX + 5):
        host.guest(OP_REQUEST, guest_port=port)
    assert host.operations() == [OP_RST] * 5
    assert len(host.said()) == STREAMS_MAX
    host.says(wire.CONNECT, FROM_HANDSET, 1)
    assert host.said() == [Message(wire.CLOSE, FROM_HANDSET)]


def test_a_full_wire_leaves_packets_with_the_guest(host: Host) -> None:
    streams = []
    for port in range(20):
        host.guest(OP_REQUEST, guest_port=port)
        streams.append(host.said()[0].stream)
        host.says(wire.ACCEPT, streams[-1])
    host.heard()
    expected = 0
    for port in range(20):
        header = Header(CID, HOST_CID, port, 52, 60_000, STREAM, OP_RW, 0, 1 << 18, 0)
        host.bench.send(TX, header.pack(), bytes([port]) * 60_000)
        expected += 60_000
    assert host.channel.full
    assert len(host.channel._kept) == 1
    got = 0
    for _ in range(30):
        got += sum(len(message.data) for message in host.said())
        host.bench.pass_time()
    assert got == expected


@pytest.mark.parametrize("trouble", [errno.ENOBUFS, errno.ENOMEM])
def test_a_computer_short_of_memory_loses_nothing_on_the_wire(
    host: Host, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    stream = host.connected()

    class Short(socket.socket):
        def send(self, *_: object) -> int:
            raise OSError(trouble, os.strerror(trouble))

    wire_of = host.channel._socket
    assert wire_of is not None
    short = Short(fileno=os.dup(wire_of.fileno()))
    monkeypatch.setattr(host.channel, "_socket", short)
    for letter in (b"a", b"b"):
        host.guest(OP_RW, data=letter)
        host.bench.pass_time()
    monkeypatch.setattr(host.channel, "_socket", wire_of)
    short.close()
    for _ in range(3):
        host.bench.pass_time()
    assert host.said() == [Message(wire.DATA, stream, 0, letter) for letter in (b"a", b"b")]


def test_replies_that_nobody_fetches_are_bounded() -> None:
    host = Host()
    host.bench.reset()
    host.bench.start()
    for port in range(100):
        host.guest(OP_RW, guest_port=port, data=b"nonsense")
    assert len(host.bench.device._replies) == 64
    assert len(host.bench._free[TX]) < 128
    host.buffers()
    assert [header.operation for header, _ in host.heard()] == [OP_RST] * 100
    host.close()


def test_nonsense_is_reset_or_dropped(host: Host) -> None:
    host.guest(OP_RW, data=b"to nobody")
    host.guest(OP_REQUEST, kind=2)
    assert host.operations() == [OP_RST, OP_RST]
    host.guest(OP_REQUEST, cid=99)
    host.guest(OP_REQUEST, to=5)
    host.guest(OP_RST)
    assert host.heard() == []
    host.connected()
    host.guest(OP_REQUEST)
    assert host.operations() == [OP_RST]
    host.said()
    host.connected()
    host.guest(77)
    assert host.operations() == [OP_RST]


@pytest.mark.parametrize("length", [0, 43, 44 + (64 << 10) + 1])
def test_impossible_packets_need_a_reset(host: Host, length: int) -> None:
    host.bench.give_raw(TX, [(BASE + (1 << 21), length, 0)])
    host.bench.kick(TX)
    assert host.bench.resets == 1
    host.bench.reset()
    assert host.said() == [Message(wire.RESET)]


def test_a_packet_that_is_shorter_than_it_says(host: Host) -> None:
    header = Header(CID, HOST_CID, 1, 2, 100, STREAM, OP_RW, 0, 0, 0)
    host.bench.send(TX, header.pack(), b"short")
    assert host.bench.resets == 1


def test_a_restored_guest_is_told_that_its_connections_are_gone(host: Host) -> None:
    stream = host.connected()
    host.bench.give(EVENT, writable=[8])
    host.bench.kick(EVENT)
    assert host.bench.take(EVENT) == []
    host.bench.restore(host.device(), host.bench.save())
    assert host.bench.take(EVENT) == [(4, bytes(4))]
    assert host.said() == [Message(wire.RESET)]
    host.guest(OP_RW, data=b"old")
    assert host.operations() == [OP_RST]
    host.says(wire.DATA, stream, 0, b"old")
    assert host.heard() == []


def test_random_packets(host: Host) -> None:
    dice = random.Random(11)
    for _ in range(6000):
        if host.bench._free[TX][2:]:
            host.guest(
                dice.randrange(9),
                dice.randrange(4),
                dice.choice([52, 53, 1 << 30, (1 << 30) + 1]),
                bytes(dice.choice([0, 1, 2000, WINDOW])),
                flags=dice.randrange(5),
                buffer=dice.choice([0, 10, 5000, 0xFFFFFFFF]),
                forwarded=dice.choice([0, 1, 5000, 0xFFFFFFFF]),
            )
        message = Message(
            dice.randrange(9),
            dice.choice([0, 1, 2, 3, dice.randrange(2000), FROM_HANDSET, FROM_HANDSET + 1]),
            dice.choice([0, 1, 52, WINDOW, 0xFFFFFFFF]),
            bytes(dice.choice([0, 1, 100])),
        )
        host.says(*message)
        host.bench.pass_time()
        host.said()
        if dice.random() < 0.5:
            host.heard()
    assert len(host.bench.device._streams) <= STREAMS_MAX
    assert host.bench.resets == 0
