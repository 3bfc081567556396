"""A network card: frames go both ways as they are, wait where they have to, and no driver harms more than its
own card."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_bench import BASE, Bench

from pocketvisor.board.config import NetworkConfig
from pocketvisor.devices.net_frame import HEADER_SIZE, MESSAGE_MAX, PLAIN
from pocketvisor.devices.virtio_net import (
    F_GUEST_CSUM,
    F_GUEST_TSO4,
    F_GUEST_TSO6,
    F_MRG_RXBUF,
    F_MTU,
    F_VERSION_1,
    RECEIVE,
    TRANSMIT,
    Link,
    VirtioNet,
    Wire,
    WireClosed,
)

MAC = bytes.fromhex("020000000001")
FRAME = b"\xff" * 6 + MAC + b"\x08\x06" + bytes(46)


class Card(Bench):
    """A card on a bench, and the other end of its wire."""

    def __init__(self, *, without: int = 0, mtu: int = 0) -> None:
        self.far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.far.settimeout(0)
        self.net = VirtioNet(NetworkConfig(wire=near.detach(), mac=MAC, mtu=mtu))
        super().__init__(self.net, (self.net.features | F_VERSION_1) & ~without)
        self.start()

    def close(self) -> None:
        self.far.close()
        if self.net._wire is not None:
            self.net._wire.close()

    def arrive(self, *messages: bytes) -> None:
        for message in messages:
            self.far.send(message)
        self.run_wire()

    def run_wire(self) -> None:
        for callback in list(self.loop.watched.values()):
            callback()

    def sent(self) -> list[bytes]:
        messages = []
        while True:
            try:
                messages.append(self.far.recv(MESSAGE_MAX))
            except BlockingIOError:
                return messages

    def tell(self, message: msgspec.Struct, fd: int | None = None) -> None:
        self.net.control(msgspec.msgpack.encode(message), fd)


@pytest.fixture
def card() -> Iterator[Card]:
    card = Card()
    yield card
    card.close()


def test_what_the_driver_is_told() -> None:
    card = Card(mtu=9000)
    assert card.config_space == MAC + struct.pack("<HHH", 1, 1, 9000)
    assert card.net.features & F_MTU
    card.close()
    card = Card()
    assert not card.net.features & F_MTU
    card.close()


def test_a_frame_is_sent_in_whatever_pieces_it_lies(card: Card) -> None:
    card.send(TRANSMIT, PLAIN, FRAME[:3], FRAME[3:20], FRAME[20:])
    card.send(TRANSMIT, PLAIN + FRAME)
    assert card.sent() == [PLAIN + FRAME] * 2
    assert card.take(TRANSMIT) == [(0, b"")] * 2


def test_a_frame_arrives_in_one_buffer(card: Card) -> None:
    card.give(RECEIVE, writable=[1600])
    card.kick(RECEIVE)
    card.arrive(PLAIN + FRAME)
    assert card.take(RECEIVE) == [(HEADER_SIZE + len(FRAME), PLAIN + FRAME)]


def test_a_large_frame_takes_several_buffers_and_says_how_many(card: Card) -> None:
    for _ in range(4):
        card.give(RECEIVE, writable=[700, 800])
    card.kick(RECEIVE)
    large = FRAME + bytes(range(250)) * 14
    card.arrive(PLAIN + large)
    taken = card.take(RECEIVE)
    data = b"".join(data for _, data in taken)
    assert [length for length, _ in taken] == [1500, 1500, HEADER_SIZE + len(large) - 3000]
    assert data == PLAIN[:10] + b"\x03\x00" + large


def test_without_buffers_frames_wait_on_the_wire_in_their_order(card: Card) -> None:
    frames = [FRAME + bytes([number]) for number in range(10)]
    card.arrive(*(PLAIN + frame for frame in frames))
    assert card.take(RECEIVE) == [] and not card.loop.watched
    for number in range(10):
        card.give(RECEIVE, writable=[1600])
        card.kick(RECEIVE)
        card.run_wire()
        assert [data[HEADER_SIZE:] for _, data in card.take(RECEIVE)] == [frames[number]]


def test_a_full_event_queue_loses_nothing(card: Card) -> None:
    for _ in range(3):
        card.give(RECEIVE, writable=[1600])
    card.kick(RECEIVE)
    card.full = True
    card.arrive(PLAIN + FRAME, PLAIN + FRAME)
    card.kick(RECEIVE)
    card.kick(RECEIVE)
    assert len(card.loop.timers) == 1, "one more try is on its way, however often it is kicked"
    card.full = False
    card.pass_time()
    assert [data for _, data in card.take(RECEIVE)] == [PLAIN + FRAME] * 2


def test_a_full_wire_lets_the_driver_wait(card: Card) -> None:
    card.net._wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # type: ignore[union-attr]
    count = 12
    for number in range(count):
        card.give(TRANSMIT, [PLAIN + FRAME + bytes(2000) + bytes([number])])
    card.kick(TRANSMIT)
    done, arrived = len(card.take(TRANSMIT)), card.sent()
    assert 0 < done < count and len(arrived) == done
    for _ in range(count):
        card.pass_time()
        arrived += card.sent()
    assert [message[-1] for message in arrived] == list(range(count)) and not card.net.dropped


def test_a_closed_wire_is_a_link_that_is_down(card: Card) -> None:
    card.far.close()
    card.run_wire()
    assert card.config_space[6] == 0 and card.reports == [WireClosed()]
    card.send(TRANSMIT, PLAIN + FRAME)
    assert card.take(TRANSMIT) == [(0, b"")] and card.net.dropped == 1


def test_a_new_wire_takes_the_place_of_the_old_one(card: Card) -> None:
    card.far.close()
    card.run_wire()
    card.far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    card.far.settimeout(0)
    card.tell(Wire(), near.detach())
    card.tell(Link(True))
    card.give(RECEIVE, writable=[1600])
    card.kick(RECEIVE)
    card.arrive(PLAIN + FRAME)
    assert len(card.take(RECEIVE)) == 1 and card.config_space[6] == 1


def test_the_cable_goes_out_and_in(card: Card) -> None:
    card.tell(Link(False))
    assert card.config_space[6] == 0
    card.send(TRANSMIT, PLAIN + FRAME)
    assert card.sent() == []
    card.tell(Link(True))
    card.send(TRANSMIT, PLAIN + FRAME)
    assert card.config_space[6] == 1 and card.sent() == [PLAIN + FRAME]


@pytest.mark.parametrize("nonsense", [b"", b"\xc1", msgspec.msgpack.encode({"type": "Link"})])
def test_nonsense_from_the_handset_is_refused(card: Card, nonsense: bytes) -> None:
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        card.net.control(nonsense, None)


def test_a_driver_that_cannot_segment_gets_packets() -> None:
    from test_net_frame import message, tcp_frame, tcp_sum_is_right

    card = Card(without=F_GUEST_TSO4 | F_GUEST_TSO6 | F_GUEST_CSUM)
    for _ in range(3):
        card.give(RECEIVE, writable=[1600])
    card.kick(RECEIVE)
    card.arrive(message(tcp_frame(bytes(2500)), gso=1, size=1000))
    taken = [data for _, data in card.take(RECEIVE)]
    assert [len(data) - HEADER_SIZE - 54 for data in taken] == [1000, 1000, 500]
    assert all(data[:HEADER_SIZE] == PLAIN and tcp_sum_is_right(data[HEADER_SIZE:]) for data in taken)
    card.close()


def test_an_old_driver_has_a_shorter_header() -> None:
    card = Card(without=F_VERSION_1 | F_MRG_RXBUF)
    card.send(TRANSMIT, bytes(10) + FRAME)
    assert card.sent() == [bytes(12) + FRAME]
    card.give(RECEIVE, writable=[10, 1600])
    card.kick(RECEIVE)
    card.arrive(PLAIN + FRAME)
    assert card.take(RECEIVE) == [(10 + len(FRAME), bytes(10) + FRAME)]
    card.close()


def test_a_frame_too_large_for_buffers_that_are_not_merged_is_lost_alone() -> None:
    card = Card(without=F_MRG_RXBUF)
    for _ in range(2):
        card.give(RECEIVE, writable=[1600])
    card.kick(RECEIVE)
    card.arrive(PLAIN + bytes(4000), PLAIN + FRAME)
    assert card.take(RECEIVE)[-1] == (HEADER_SIZE + len(FRAME), PLAIN + FRAME) and card.net.dropped == 1
    card.close()


def test_saved_and_restored_with_a_frame_that_waits(card: Card) -> None:
    card.arrive(PLAIN + FRAME)
    card.tell(Link(False))
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(card.save()))
    other = VirtioNet(NetworkConfig(wire=os.dup(card.net._wire.fileno()), mac=MAC))  # type: ignore[union-attr]
    card.net._wire.close()  # type: ignore[union-attr]
    card.net = other
    card.restore(other, state)
    card.give(RECEIVE, writable=[1600])
    card.kick(RECEIVE)
    assert [data for _, data in card.take(RECEIVE)] == [PLAIN + FRAME]
    card.send(TRANSMIT, PLAIN + FRAME)
    assert card.sent() == [], "the cable is still out"


def test_an_impossible_state_changes_nothing(card: Card) -> None:
    for state in ({}, {"link": 1, "waiting": []}, {"link": True, "waiting": [bytes(MESSAGE_MAX + 1)]}):
        with pytest.raises(ValueError):
            card.net.restore(state)
    assert card.net.save() == {"link": True, "waiting": []}


@pytest.mark.parametrize("queue", [RECEIVE, TRANSMIT])
def test_buffers_of_the_wrong_kind_need_a_reset(card: Card, queue: int) -> None:
    if queue == RECEIVE:
        card.send(RECEIVE, b"readable")
        card.arrive(PLAIN + FRAME)
    else:
        card.send(TRANSMIT, PLAIN + FRAME, writable=[64])
    assert card.resets == 1
    card.reset()
    card.start()
    card.send(TRANSMIT, PLAIN + FRAME)
    assert card.sent() == [PLAIN + FRAME]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_random_chains_harm_nobody(data: st.DataObject) -> None:
    card = Card()
    try:
        for _ in range(data.draw(st.integers(1, 6))):
            queue = data.draw(st.sampled_from([RECEIVE, TRANSMIT]))
            pieces = data.draw(
                st.lists(
                    st.tuples(
                        st.sampled_from([BASE, BASE + (2 << 20), BASE + (4 << 20) - 10, 0, 1 << 40]),
                        st.sampled_from([0, 1, 12, 60, 1514, 65536, 0x7FFFFFFF]),
                        st.sampled_from([0, 0, 2, 4]),
                    ),
                    min_size=1,
                    max_size=4,
                )
            )
            if len(card._free[queue]) < len(pieces):
                break
            card.give_raw(queue, pieces)
            card.kick(queue)
            with suppress(BlockingIOError):  # the driver gives no buffers: the wire is full
                card.arrive(PLAIN + FRAME + bytes(data.draw(st.sampled_from([0, 900, 60000]))))
            card.sent()
        card.reset()
        card.start()
        card.send(TRANSMIT, PLAIN + FRAME)
        assert card.sent()[-1:] == [PLAIN + FRAME], "after a reset it works again"
    finally:
        card.close()
