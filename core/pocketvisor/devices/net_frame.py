"""A frame on a guest's wire: virtio_net_hdr (VIRTIO 1.1, chapter 5.1.6) and an Ethernet frame, up to 64 KiB
with the segmentation left to whoever needs smaller ones. Whatever a driver claims of a frame is checked here.

Left out: VLAN tags and IPv6 extension headers before TCP (such frames are passed on as they are, and are
not segmented), UDP fragmentation offload.
"""

import struct
from typing import Final, NamedTuple

HEADER_SIZE: Final = 12
ETHERNET: Final = 14
FRAME_MAX: Final = 65535 + ETHERNET
MESSAGE_MAX: Final = HEADER_SIZE + FRAME_MAX

NEEDS_CHECKSUM: Final = 1
CHECKSUM_IS_GOOD: Final = 2
GSO_NONE: Final = 0
GSO_TCP4: Final = 1
GSO_TCP6: Final = 4
GSO_ECN: Final = 0x80

PLAIN: Final = bytes(10) + b"\x01\x00"
"""The header of a frame that is complete in itself."""
GOOD: Final = bytes((CHECKSUM_IS_GOOD,)) + PLAIN[1:]
"""As PLAIN, its checksums known to be right."""

_HEADER: Final = struct.Struct("<BBHHHHH")
_NOTHING: Final = bytes(10)
_IPV4, _IPV6, _TCP = 0x0800, 0x86DD, 6
_FIN, _PSH, _CWR = 0x01, 0x08, 0x80
_PIECE: Final = 4096
_SEGMENTS_MAX: Final = 256  # of one frame: more of them than any real driver wants
_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")


class Tcp(NamedTuple):
    """Where things are in a frame (without the virtio header) that holds a TCP segment."""

    version: int
    start: int
    payload: int
    end: int


def checksum(data: bytes | bytearray | memoryview, total: int = 0) -> int:
    """The Internet checksum (RFC 1071) of the bytes, as a number; `total` is a sum to begin with."""
    view = memoryview(data)
    convert = int.from_bytes
    for at in range(0, len(view) & ~1, _PIECE):  # a long number's remainder costs more than it saves
        total += convert(view[at : min(at + _PIECE, len(view) & ~1)], "big")
    if len(view) & 1:
        total += view[-1] << 8
    remainder = total % 0xFFFF
    return 0 if total and not remainder else 0xFFFF - remainder


def problem(message: bytes) -> str:
    """What is wrong with what came from a guest; nothing where it can be passed on."""
    size = len(message) - HEADER_SIZE
    if size < ETHERNET:
        return "short"
    if size > FRAME_MAX:
        return "long"
    if message[:10] == _NOTHING:
        return ""
    flags, gso, _, gso_size, start, offset, _ = _HEADER.unpack_from(message)
    if flags & ~(NEEDS_CHECKSUM | CHECKSUM_IS_GOOD):
        return "flags"
    if flags & NEEDS_CHECKSUM and (start < ETHERNET or start + offset + 2 > size):
        return "checksum"
    kind = gso & ~GSO_ECN
    if kind != GSO_NONE or gso:
        found = tcp(memoryview(message)[HEADER_SIZE:])
        wanted = {GSO_TCP4: 4, GSO_TCP6: 6}.get(kind)
        if found is None or found.version != wanted or not flags & NEEDS_CHECKSUM:
            return "segmentation"
        if start != found.start or offset != 16:
            return "segmentation"
        if gso_size * _SEGMENTS_MAX < found.end - found.payload:  # 0 too: there is a payload to cut
            return "segmentation"
    return ""


def from_guest(message: bytes) -> bytes:
    """A sound message with what a driver may not say removed: no guest vouches for its own checksums."""
    if message[:10] == _NOTHING:
        return message if message[10:12] == PLAIN[10:] else PLAIN + message[HEADER_SIZE:]
    return bytes((message[0] & NEEDS_CHECKSUM,)) + message[1:10] + PLAIN[10:] + message[HEADER_SIZE:]


def needs_work(message: bytes) -> bool:
    """Is it to be segmented or summed by whoever gets it?"""
    return bool(message[0] & NEEDS_CHECKSUM or message[1])


def tcp(frame: bytes | bytearray | memoryview) -> Tcp | None:
    """None where it holds no whole TCP segment."""
    size = len(frame)
    if size < ETHERNET + 40:
        return None
    kind = frame[12] << 8 | frame[13]
    if kind == _IPV4:
        first = frame[14]
        start = ETHERNET + (first & 15) * 4
        end = ETHERNET + (frame[16] << 8 | frame[17])
        fragment = (frame[20] << 8 | frame[21]) & 0x3FFF
        if first >> 4 != 4 or start < ETHERNET + 20 or frame[23] != _TCP or fragment:
            return None
        version = 4
    elif kind == _IPV6:
        start = ETHERNET + 40
        end = start + (frame[18] << 8 | frame[19])
        if frame[14] >> 4 != 6 or frame[20] != _TCP:
            return None
        version = 6
    else:
        return None
    if end > size or start + 20 > end:
        return None
    payload = start + (frame[start + 12] >> 4) * 4
    if payload < start + 20 or payload > end:
        return None
    return Tcp(version, start, payload, end)


def completed(message: bytes) -> bytes:
    """The frame as it would be on a cable, without the header: its checksum is filled in. One that is to be
    segmented stays whole."""
    flags, gso, _, _, start, offset, _ = _HEADER.unpack_from(message)
    if not flags & NEEDS_CHECKSUM:
        return message[HEADER_SIZE:]
    frame = bytearray(memoryview(message)[HEADER_SIZE:])
    if gso:  # what the driver left in the field is not the whole segment's
        found = tcp(frame)
        if found is not None:
            _sum_tcp(frame, found)
            return bytes(frame)
    end = len(frame)
    found = tcp(frame) if len(frame) < 64 else None
    if found is not None:
        end = found.end  # what pads a short frame is no part of it
    value = checksum(memoryview(frame)[start:end])
    _U16.pack_into(frame, start + offset, value or 0xFFFF)
    return bytes(frame)


def segments(message: bytes, most: int) -> list[bytes]:
    """The frames (without the header, complete) that go over a link which takes `most` bytes of IP packet,
    or of what the driver wants if that is less. What is no TCP stays as it is."""
    frame = message[HEADER_SIZE:]
    found = tcp(frame)
    if found is None:
        return [completed(message)]
    version, start, payload, end = found
    step = most - (payload - ETHERNET)
    wanted = _HEADER.unpack_from(message)[3] if message[1] else 0
    if wanted:
        step = min(step, wanted)
    step = max(step, 8)
    if end - payload <= step or frame[start + 13] & 0x06:  # SYN and RST are never cut
        return [completed(message)]
    made = []
    head = frame[:payload]
    sequence = _U32.unpack_from(frame, start + 4)[0]
    identity = frame[18] << 8 | frame[19]
    flags = frame[start + 13]
    for number, at in enumerate(range(payload, end, step)):
        last = at + step >= end
        piece = bytearray(head)
        piece += frame[at : min(at + step, end)]
        _U32.pack_into(piece, start + 4, (sequence + at - payload) & 0xFFFFFFFF)
        piece[start + 13] = flags & ~(0 if last else _FIN | _PSH) & ~(0 if number == 0 else _CWR)
        if version == 4:
            _U16.pack_into(piece, 16, len(piece) - ETHERNET)
            _U16.pack_into(piece, 18, (identity + number) & 0xFFFF)
            _U16.pack_into(piece, 24, 0)
            _U16.pack_into(piece, 24, checksum(memoryview(piece)[ETHERNET:start]))
        else:
            _U16.pack_into(piece, 18, len(piece) - start)
        _sum_tcp(piece, Tcp(version, start, payload, len(piece)))
        made.append(bytes(piece))
    return made


def _sum_tcp(frame: bytearray, found: Tcp) -> None:
    _U16.pack_into(frame, found.start + 16, 0)
    view = memoryview(frame)
    addresses = view[26:34] if found.version == 4 else view[22:54]
    total = int.from_bytes(addresses, "big") + _TCP + (found.end - found.start)
    value = checksum(view[found.start : found.end], total)
    view.release()
    _U16.pack_into(frame, found.start + 16, value)
