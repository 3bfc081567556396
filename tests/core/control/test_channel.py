"""The channel carries typed messages whole, and closes at the first that makes no sense."""

import asyncio
import socket
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.control.channel import MESSAGE_MAX, BlockingChannel, Channel, Framer, frame
from pocketvisor.control.messages import Console, FromDevice, FromGuest, FromHandset, Hello, Key, Pong
from pocketvisor.errors import ControlError


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(1, 64))
@settings(max_examples=50, deadline=None)
def test_messages_come_out_whole_however_the_stream_is_cut(payloads: list[bytes], size: int) -> None:
    stream = b"".join(frame(Console(payload)) for payload in payloads)
    framer: Framer[Console] = Framer(FromGuest)
    found = [
        message.data for at in range(0, len(stream), size) for message in framer.feed(stream[at : at + size])
    ]
    assert found == payloads
    assert not framer.unfinished


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_garbage_is_a_control_error_and_nothing_else(garbage: bytes) -> None:
    framer: Framer[object] = Framer(FromGuest)
    try:
        framer.feed(struct.pack("<I", len(garbage)) + garbage)
    except ControlError as error:
        assert "made no sense" in str(error)


def test_text_that_is_none_is_a_control_error() -> None:
    """msgspec says that by an error of another family."""
    payload = frame(FromDevice("abcd", b""))[4:].replace(b"abcd", b"\xff\xfe\xc0\x80")
    framer: Framer[object] = Framer(FromGuest)
    with pytest.raises(ControlError, match="made no sense"):
        framer.feed(struct.pack("<I", len(payload)) + payload)


def test_a_length_over_the_limit_is_refused_before_anything_is_read() -> None:
    framer: Framer[object] = Framer(FromGuest)
    with pytest.raises(ControlError, match="over the limit"):
        framer.feed(struct.pack("<I", MESSAGE_MAX + 1))


def test_a_message_of_the_other_direction_is_refused() -> None:
    framer: Framer[object] = Framer(FromGuest)
    with pytest.raises(ControlError):
        framer.feed(frame(Key(30, True)))


def test_fields_out_of_bounds_are_refused() -> None:
    framer: Framer[object] = Framer(FromHandset)
    payload = msgspec.msgpack.encode({"type": "Key", "code": 70000, "pressed": True})
    with pytest.raises(ControlError):
        framer.feed(struct.pack("<I", len(payload)) + payload)


async def test_both_kinds_of_ends_understand_each_other() -> None:
    ours, theirs = socket.socketpair()
    channel = await Channel.open(ours, FromGuest)
    with theirs:
        blocking: BlockingChannel[object, object] = BlockingChannel(theirs, FromHandset)
        blocking.send(Hello(1, "engine"))
        assert await channel.receive() == Hello(1, "engine")
        channel.send(Key(30, True))
        assert await asyncio.to_thread(blocking.receive) == [Key(30, True)]
    assert await channel.receive() is None
    channel.close()


async def test_an_end_in_the_middle_of_a_message_is_told() -> None:
    ours, theirs = socket.socketpair()
    channel = await Channel.open(ours, FromGuest)
    with theirs:
        theirs.sendall(frame(Pong(1)) + frame(Pong(2))[:-1])
    assert await channel.receive() == Pong(1)
    with pytest.raises(ControlError, match="middle of a message"):
        await channel.receive()
    with pytest.raises(ControlError):
        channel.send(Key(1, True))


async def test_who_does_not_read_is_given_up_without_waiting() -> None:
    ours, theirs = socket.socketpair()
    channel = await Channel.open(ours, FromGuest)
    with theirs, pytest.raises(ControlError, match="does not read"):
        for _ in range(100):
            channel.send(Console(bytes(1 << 20)))
    assert channel.closed
