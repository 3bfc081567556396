"""What a gate did not let pass: told by destination, each once a minute at most, and few of them; and what
the guest is told in the place of what will not come, so that its programs need not wait for it."""

import struct
from typing import Final

from pocketvisor.devices.net_frame import ETHERNET, HEADER_SIZE, PLAIN
from pocketvisor.network import packet
from pocketvisor.network.packet import Packet

AGAIN_SECONDS: Final = 60.0
TOLD_A_MINUTE: Final = 8
_KEPT_MAX: Final = 64
OTHERS: Final = "others"

_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_QUOTED: Final = 64
_TCP: Final = struct.Struct(">HHIIBBHHH")


class Refusals:
    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        self._told: dict[str, float] = {}

    def add(self, what: str) -> None:
        if what not in self._waiting and len(self._waiting) >= _KEPT_MAX:
            what = OTHERS
        self._waiting[what] = self._waiting.get(what, 0) + 1

    def take(self, now: float) -> dict[str, int]:
        """What is to be told now, and how often it was."""
        self._told = {what: when for what, when in self._told.items() if now - when < AGAIN_SECONDS}
        found: dict[str, int] = {}
        for what in list(self._waiting):
            if what not in self._told and len(self._told) < TOLD_A_MINUTE:
                self._told[what] = now
                found[what] = self._waiting.pop(what)
        return found


def destination(read: Packet, shown: str) -> str:
    """As it is told."""
    if read.protocol in (packet.TCP, packet.UDP):
        where = f"[{shown}]" if ":" in shown else shown
        return f"{where}:{read.target_port}/{'tcp' if read.protocol == packet.TCP else 'udp'}"
    return shown


def unreachable(message: bytes, read: Packet, gateway: bytes) -> bytes | None:
    """To the guest: what it sent goes nowhere. None where nobody would read that."""
    frame = memoryview(message)[HEADER_SIZE:]
    macs = bytes(frame[6:12]), bytes(frame[0:6])
    if read.to_many or macs[1][0] & 1 or read.family == packet.ARP:
        return None
    if read.protocol == packet.TCP and not read.flags & _SYN:
        return _reset(frame, macs, read)
    if read.protocol in (packet.ICMP, packet.ICMPV6) and read.kind not in (8, 128):
        return None
    four = read.family == packet.IPV4
    quoted = bytes(frame[ETHERNET : min(read.end, ETHERNET + _QUOTED)])
    kind, protocol = (b"\3\x0d", packet.ICMP) if four else (b"\1\1", packet.ICMPV6)
    source = gateway if four and len(gateway) == 4 else read.target
    return PLAIN + packet.built(read.family, macs, source, read.source, protocol, kind + bytes(6) + quoted)


def _reset(frame: memoryview, macs: tuple[bytes, bytes], read: Packet) -> bytes | None:
    """A connection from before ends, and is not tried for a quarter of an hour."""
    if read.flags & _RST or not read.flags & _ACK:
        return None
    (acknowledged,) = struct.unpack_from(">I", frame, read.start + 8)
    head = _TCP.pack(read.target_port, read.source_port, acknowledged, 0, 5 << 4, _RST, 0, 0, 0)
    return PLAIN + packet.built(read.family, macs, read.target, read.source, packet.TCP, head)
