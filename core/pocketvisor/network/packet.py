"""What a frame is, read strictly: only what can be judged whole has a reading, for whoever decides by it.

Left out, and no packet here: VLAN tags, IPv4 options, fragments, IPv6 extension headers, and lengths that do
not fit the frame. A packet of several is cut into such, or not sent, where somebody decides about it.
"""

import struct
from typing import Final, NamedTuple

from pocketvisor.devices.net_frame import ETHERNET, HEADER_SIZE, checksum

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
BROADCAST: Final = b"\xff" * 6
FRAGMENT: Final = "a fragment"
_ARP_SIZE: Final = 28
_PADDED: Final = 64
"""Frames are made this long at least, with whatever."""
_ARP_HEAD: Final = bytes.fromhex("000108000604")
_U16: Final = struct.Struct(">H")


class Packet(NamedTuple):
    """Offsets are of the frame, behind the virtio header. `kind` is an ICMP message's type; ports are 0 where
    there are none."""

    family: int
    source: bytes
    target: bytes
    protocol: int = 0
    source_port: int = 0
    target_port: int = 0
    kind: int = 0
    flags: int = 0
    """Of TCP."""
    start: int = 0
    """Of what IP carries."""
    payload: int = 0
    """Of what UDP or TCP carries."""
    end: int = 0

    @property
    def to_many(self) -> bool:
        return self.target[0] == 0xFF if self.family == IPV6 else self.target[0] >= 224


def read(message: bytes) -> Packet | str:
    """Of a sound message; or why there is no reading of it."""
    frame = memoryview(message)[HEADER_SIZE:]
    family = frame[12] << 8 | frame[13]
    if family == IPV4:
        return _ipv4(frame)
    if family == IPV6:
        return _ipv6(frame)
    if family == ARP:
        return _arp(frame)
    return f"protocol {family:#06x}"


def first_fragment(message: bytes) -> Packet | None:
    """From whom to whom, if a packet that read() calls a fragment is the first of several: whoever sends them
    is told once that they do not pass. What it carries is not read."""
    frame = memoryview(message)[HEADER_SIZE:]
    if frame[12] << 8 | frame[13] == IPV4:
        if (frame[20] & 0x1F) << 8 | frame[21]:
            return None
        return Packet(IPV4, bytes(frame[26:30]), bytes(frame[30:34]), end=len(frame))
    if len(frame) < ETHERNET + 48 or frame[56] << 8 | frame[57] & 0xF8:
        return None
    return Packet(IPV6, bytes(frame[22:38]), bytes(frame[38:54]), end=len(frame))


def _arp(frame: memoryview) -> Packet | str:
    if len(frame) < ETHERNET + _ARP_SIZE or len(frame) > _PADDED or frame[14:20] != _ARP_HEAD:
        return "a strange ARP packet"
    operation = frame[20] << 8 | frame[21]
    if operation not in (1, 2) or frame[22:28] != frame[6:12]:
        return "a strange ARP packet"
    return Packet(ARP, bytes(frame[28:32]), bytes(frame[38:42]), kind=operation)


def _ipv4(frame: memoryview) -> Packet | str:
    if len(frame) < ETHERNET + 20 or frame[14] >> 4 != 4:
        return "a cut packet"
    if frame[14] != 0x45:
        return "IP options"
    end = ETHERNET + (frame[16] << 8 | frame[17])
    if end > len(frame) or end < ETHERNET + 20:
        return "a cut packet"
    if (frame[20] << 8 | frame[21]) & 0xBFFF:  # all but "don't fragment"
        return FRAGMENT
    return _carried(frame, IPV4, bytes(frame[26:30]), bytes(frame[30:34]), frame[23], ETHERNET + 20, end)


def _ipv6(frame: memoryview) -> Packet | str:
    if len(frame) < ETHERNET + 40 or frame[14] >> 4 != 6:
        return "a cut packet"
    end = ETHERNET + 40 + (frame[18] << 8 | frame[19])
    if end > len(frame):
        return "a cut packet"
    return _carried(frame, IPV6, bytes(frame[22:38]), bytes(frame[38:54]), frame[20], ETHERNET + 40, end)


def _carried(
    frame: memoryview, family: int, source: bytes, target: bytes, protocol: int, start: int, end: int
) -> Packet | str:
    size = end - start
    if end < len(frame) and len(frame) > _PADDED:
        return "bytes behind a packet"
    if protocol == TCP and size >= 20:
        payload = start + (frame[start + 12] >> 4) * 4
        if payload < start + 20 or payload > end:
            return "a cut packet"
        ports = _U16.unpack_from(frame, start)[0], _U16.unpack_from(frame, start + 2)[0]
        return Packet(
            family,
            source,
            target,
            TCP,
            *ports,
            flags=frame[start + 13],
            start=start,
            payload=payload,
            end=end,
        )
    if protocol == UDP and size >= 8:
        if _U16.unpack_from(frame, start + 4)[0] != size:
            return "a cut packet"
        ports = _U16.unpack_from(frame, start)[0], _U16.unpack_from(frame, start + 2)[0]
        return Packet(family, source, target, UDP, *ports, start=start, payload=start + 8, end=end)
    if protocol == (ICMP if family == IPV4 else ICMPV6) and size >= 8:
        return Packet(
            family, source, target, protocol, kind=frame[start], start=start, payload=start + 8, end=end
        )
    if protocol in (TCP, UDP, ICMP, ICMPV6):
        return "a cut packet"
    if family == IPV6 and protocol in (0, 43, 44, 50, 51, 60, 135):
        return FRAGMENT if protocol == 44 else "IP options"
    return f"IP protocol {protocol}"


def built(
    family: int, macs: tuple[bytes, bytes], source: bytes, target: bytes, protocol: int, carried: bytes
) -> bytes:
    """A frame (to, from) around what IP carries, whose own checksum is filled in: at 16 for TCP, 6 for UDP
    and 2 for ICMP."""
    at = {TCP: 16, UDP: 6}.get(protocol, 2)
    body = bytearray(carried)
    _U16.pack_into(body, at, 0)
    total = 0
    if protocol != ICMP:
        total = sum(_U16.unpack_from(source + target, i)[0] for i in range(0, 2 * len(source), 2))
        total += protocol + len(body)
    value = checksum(body, total)
    _U16.pack_into(body, at, value or (0xFFFF if protocol == UDP else 0))
    if family == IPV6:
        head = struct.pack(">IHBB16s16s", 6 << 28, len(body), protocol, 64, source, target)
    else:
        head = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0, source, target
        )
        head = head[:10] + _U16.pack(checksum(head)) + head[12:]
    return b"".join((*macs, _U16.pack(family), head, body))
