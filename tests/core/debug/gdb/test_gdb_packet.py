"""What the parser of packets promises: it finds what was sent, whatever the pieces it comes in and whatever
lies between, and keeps no more than one packet."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.debug.gdb.packet import (
    PACKET_MAX,
    Ack,
    Broken,
    Event,
    Interrupt,
    Packet,
    PacketParser,
    escaped,
    framed,
    from_hex,
    number,
    numbers,
    plain,
)


def fed(parser: PacketParser, data: bytes, sizes: list[int]) -> list[Event]:
    events: list[Event] = []
    for size in sizes:
        events += parser.feed(data[:size])
        data = data[size:]
    return events + parser.feed(data)


sent = st.one_of(
    st.binary(max_size=200).map(lambda data: (framed(escaped(data)), Packet(data))),
    st.just((b"+", Ack(True))),
    st.just((b"-", Ack(False))),
    st.just((b"\x03", Interrupt())),
)


@given(st.lists(sent, max_size=20), st.lists(st.integers(0, 60), max_size=30))
def test_what_was_sent_is_found_in_whatever_pieces_it_comes(
    parts: list[tuple[bytes, Event]], sizes: list[int]
) -> None:
    found = fed(PacketParser(), b"".join(data for data, _ in parts), sizes)
    assert found == [event for _, event in parts]


@given(st.binary(max_size=2000), st.lists(st.integers(0, 60), max_size=30))
def test_garbage_is_passed_over_and_what_follows_is_found(garbage: bytes, sizes: list[int]) -> None:
    parser = PacketParser()
    fed(parser, garbage, sizes)
    events = parser.feed(b"#00" + framed(b"?"))
    assert events[-1] == Packet(b"?")


@settings(max_examples=20, deadline=None)
@given(st.integers(PACKET_MAX, 3 * PACKET_MAX), st.integers(500, 70_000))
def test_a_packet_that_is_too_long_is_told_and_not_kept(length: int, piece: int) -> None:
    parser, events = PacketParser(), []
    data = framed(b"X" * (length + 1)) + framed(b"g")
    for at in range(0, len(data), piece):
        events += parser.feed(data[at : at + piece])
        assert len(parser._kept) <= PACKET_MAX + piece + 4
    assert [type(event) for event in events] == [Broken, Packet]


def test_what_never_ends_in_single_bytes_takes_no_age() -> None:
    parser, began = PacketParser(), time.process_time()
    for _ in range(200_000):
        parser.feed(b"$")
    assert time.process_time() - began < 10
    assert parser.feed(b"#00" + framed(b"g"))[-1] == Packet(b"g")


@pytest.mark.parametrize("tail", [b"#00", b"#zz", b"# 7", b"#+7"])
def test_a_wrong_checksum_is_told(tail: bytes) -> None:
    assert [type(event) for event in PacketParser().feed(b"$g" + tail)] == [Broken]


def test_a_packet_that_was_given_up_ends_where_the_next_begins() -> None:
    assert PacketParser().feed(b"$m4000" + framed(b"?")) == [Packet(b"?")]


@given(st.binary(max_size=300))
def test_what_is_escaped_has_no_bytes_of_the_protocol(data: bytes) -> None:
    assert not set(escaped(data)) & set(b"#$*")
    assert PacketParser().feed(framed(escaped(data))) == [Packet(data)]


def test_a_sentence_goes_without_escapes() -> None:
    assert plain("5 * #1 is $2}, naïve") == b"5 ' '1 is '2', na?ve"


@pytest.mark.parametrize("text", [b"", b"0x1", b"-1", b"+1", b"1_0", b" 1", b"1\n", b"100000000", b"1" * 17])
def test_only_a_number_is_a_number(text: bytes) -> None:
    with pytest.raises(ValueError):
        number(text)


def test_numbers_are_as_many_as_are_wanted() -> None:
    assert numbers(b"ffffffff,10", 2) == [0xFFFF_FFFF, 16]
    for text in (b"1", b"1,2,3", b",", b""):
        with pytest.raises(ValueError):
            numbers(text, 2)


@pytest.mark.parametrize("digits", [b"0", b"0g", b"0x", b"00 00", b"\xff\xff"])
def test_only_hexadecimal_data_are_taken(digits: bytes) -> None:
    with pytest.raises(ValueError):
        from_hex(digits)
