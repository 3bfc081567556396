"""Frames that a driver left unfinished come out as a cable would have them, and lies about them are found."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices import net_frame
from pocketvisor.devices.net_frame import (
    FRAME_MAX,
    GSO_TCP4,
    GSO_TCP6,
    HEADER_SIZE,
    NEEDS_CHECKSUM,
    PLAIN,
    checksum,
    completed,
    from_guest,
    problem,
    segments,
    tcp,
)

MACS = bytes.fromhex("020000000002020000000001")


def reference_sum(data: bytes) -> int:
    """RFC 1071, word by word."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_frame(payload: bytes, version: int = 4, flags: int = 0x18, options: bytes = b"") -> bytes:
    """Without a checksum."""
    head = struct.pack(">HHIIBBHHH", 1000, 80, 0xFFFFFF00, 7, (5 + len(options) // 4) << 4, flags, 512, 0, 0)
    segment = head + options + payload
    if version == 6:
        return MACS + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(segment), 6, 64) + bytes(32) + segment
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0xFFFF, 0, 64, 6, 0) + bytes(range(10, 18))
    ip = ip[:10] + struct.pack(">H", reference_sum(ip)) + ip[12:]
    return MACS + b"\x08\x00" + ip + segment


def message(
    frame: bytes, *, flags: int = 1, gso: int = 0, size: int = 0, start: int = 34, at: int = 16
) -> bytes:
    return struct.pack("<BBHHHHH", flags, gso, 54, size, start, at, 0) + frame


def tcp_sum_is_right(frame: bytes) -> bool:
    found = tcp(frame)
    assert found is not None
    addresses = frame[26:34] if found.version == 4 else frame[22:54]
    segment = frame[found.start : found.end]
    return reference_sum(addresses + struct.pack(">HH", 6, len(segment)) + segment) == 0


@given(st.binary(max_size=9000))
def test_the_checksum_is_that_of_the_standard(data: bytes) -> None:
    assert checksum(data) % 0xFFFF == reference_sum(data) % 0xFFFF


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("size", [1, 1448, 1449, 60000])
def test_a_large_segment_becomes_packets_that_say_the_same(version: int, size: int) -> None:
    payload = bytes(index * 7 % 251 for index in range(size))
    frame = tcp_frame(payload, version, flags=0x98 | 1, options=bytes(12))
    found = tcp(frame)
    assert found is not None
    whole = message(frame, gso=GSO_TCP4 if version == 4 else GSO_TCP6, size=1428, start=found.start)
    assert problem(whole) == ""
    together, expected = b"", 0xFFFFFF00
    pieces = segments(whole, 1500)
    for number, piece in enumerate(pieces):
        part = tcp(piece)
        assert part is not None and part.end == len(piece) <= 14 + 1500
        assert struct.unpack_from(">I", piece, part.start + 4)[0] == expected & 0xFFFFFFFF
        last = number == len(pieces) - 1
        assert piece[part.start + 13] == 0x10 | (9 if last else 0) | (0x80 if number == 0 else 0)
        assert tcp_sum_is_right(piece)
        if version == 4:
            assert reference_sum(piece[14:34]) == 0
        together += piece[part.payload : part.end]
        expected += part.end - part.payload
    assert together == payload


def test_a_segment_that_fits_is_left_whole() -> None:
    frame = tcp_frame(b"hello")
    assert segments(message(frame, flags=0), 1500) == [frame]


def test_a_partial_checksum_is_completed() -> None:
    frame = bytearray(tcp_frame(b"x" * 601))
    pseudo = bytes(frame[26:34]) + struct.pack(">HH", 6, len(frame) - 34)
    struct.pack_into(">H", frame, 50, ~reference_sum(pseudo) & 0xFFFF)
    assert tcp_sum_is_right(completed(message(bytes(frame))))


def test_a_whole_super_frame_gets_the_checksum_of_the_whole() -> None:
    whole = message(tcp_frame(bytes(range(256)) * 200), gso=GSO_TCP4, size=1448)
    assert tcp_sum_is_right(completed(whole))


@pytest.mark.parametrize(
    ("lie", "what"),
    [
        (bytes(HEADER_SIZE) + bytes(13), "short"),
        (bytes(5), "short"),
        (bytes(HEADER_SIZE) + bytes(FRAME_MAX + 1), "long"),
        (message(tcp_frame(b"x"), flags=4), "flags"),
        (message(tcp_frame(b"x"), start=5), "checksum"),
        (message(tcp_frame(b"x"), start=65535, at=65535), "checksum"),
        (message(tcp_frame(b"x"), start=54), "checksum"),
        (message(tcp_frame(b"x" * 3000), gso=GSO_TCP4, size=0), "segmentation"),
        (message(tcp_frame(b"x" * 60000), gso=GSO_TCP4, size=1), "segmentation"),
        (message(tcp_frame(b"x" * 3000), gso=GSO_TCP6, size=1000), "segmentation"),
        (message(tcp_frame(b"x" * 3000), gso=3, size=1000), "segmentation"),
        (message(tcp_frame(b"x" * 3000), flags=0, gso=GSO_TCP4, size=1000), "segmentation"),
        (message(tcp_frame(b"x" * 3000), gso=GSO_TCP4, size=1000, start=36), "segmentation"),
        (message(MACS + b"\x08\x06" + bytes(46), gso=GSO_TCP4, size=1000), "segmentation"),
        (message(tcp_frame(b"x" * 99)[:80], gso=GSO_TCP4, size=1000), "segmentation"),
    ],
)
def test_what_is_wrong_is_found(lie: bytes, what: str) -> None:
    assert problem(lie) == what


def test_no_guest_vouches_for_its_checksums() -> None:
    assert from_guest(b"\x02" + PLAIN[1:] + bytes(60))[:HEADER_SIZE] == PLAIN
    assert from_guest(message(tcp_frame(b"x"), flags=3))[0] == NEEDS_CHECKSUM


@settings(max_examples=200)
@given(st.binary(max_size=12), st.binary(max_size=200), st.sampled_from([4, 6]), st.integers(0, 120))
def test_no_bytes_at_all_are_too_much(head: bytes, tail: bytes, version: int, cut: int) -> None:
    """Whatever problem() lets pass can be completed and cut, in bounded work."""
    for frame in (tail, tcp_frame(tail, version)[:cut], tcp_frame(tail, version)):
        whole = head.ljust(HEADER_SIZE, b"\0") + frame
        if not problem(whole):
            passed = from_guest(whole)
            assert len(completed(passed)) == len(frame)
            assert len(segments(passed, 1500)) <= max(net_frame._SEGMENTS_MAX, len(frame) // 8)
