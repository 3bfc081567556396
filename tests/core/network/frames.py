"""Frames as guests and networks send them, for tests: a virtio header, Ethernet, IP and what that carries."""

import ipaddress
import struct

from pocketvisor.devices.net_frame import PLAIN
from pocketvisor.network import packet
from pocketvisor.network.packet import ICMP, ICMPV6, IPV4, IPV6, TCP, UDP

MAC = bytes((2, 0, 0, 0, 0, 1))
ROUTER_MAC = bytes((2, 0, 0, 0, 0, 99))
GUEST, ROUTER, RESOLVER = "192.0.2.2", "192.0.2.1", "10.9.9.53"
GUEST6 = "fd00::2"
SYN, RST, ACK, PSH = 0x02, 0x04, 0x10, 0x08


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def ip(
    source: str, target: str, protocol: int, carried: bytes, *, inwards: bool = False, mac: bytes = MAC
) -> bytes:
    family = IPV6 if ":" in target else IPV4
    macs = (MAC, ROUTER_MAC) if inwards else (ROUTER_MAC, mac)
    return PLAIN + packet.built(family, macs, packed(source), packed(target), protocol, carried)


def tcp(
    target: str,
    port: int,
    *,
    source: str | None = None,
    source_port: int = 40000,
    flags: int = SYN,
    data: bytes = b"",
    inwards: bool = False,
    mac: bytes = MAC,
) -> bytes:
    head = struct.pack(">HHIIBBHHH", source_port, port, 1000, 2000, 5 << 4, flags, 65535, 0, 0)
    return ip(source or _own(target), target, TCP, head + data, inwards=inwards, mac=mac)


def udp(
    target: str,
    port: int,
    data: bytes = b"x",
    *,
    source: str | None = None,
    source_port: int = 40000,
    inwards: bool = False,
    mac: bytes = MAC,
) -> bytes:
    head = struct.pack(">HHHH", source_port, port, 8 + len(data), 0)
    return ip(source or _own(target), target, UDP, head + data, inwards=inwards, mac=mac)


def echo(target: str, *, source: str | None = None, kind: int | None = None, inwards: bool = False) -> bytes:
    six = ":" in target
    protocol = ICMPV6 if six else ICMP
    number = kind if kind is not None else 128 if six else 8
    carried = bytes((number, 0, 0, 0, 0, 1, 0, 1)) + b"ping"
    return ip(source or _own(target), target, protocol, carried, inwards=inwards)


def arp(operation: int = 1, source: str = GUEST, target: str = ROUTER, mac: bytes = MAC) -> bytes:
    body = (
        struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + mac + packed(source) + bytes(6) + packed(target)
    )
    return PLAIN + b"\xff" * 6 + mac + b"\x08\x06" + body


def dhcp(target: str = "255.255.255.255") -> bytes:
    return udp(target, 67, bytes(300), source="0.0.0.0", source_port=68)


def name_bytes(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def query(name: str, kind: int = 1, identity: int = 7, *, flags: int = 0x0100, more: bytes = b"") -> bytes:
    count = 1 if more else 0
    return (
        struct.pack(">HHHHHH", identity, flags, 1, 0, 0, count)
        + name_bytes(name)
        + struct.pack(">HH", kind, 1)
        + more
    )


def ask(name: str, kind: int = 1, identity: int = 7, **words: object) -> bytes:
    """A frame with a question to the resolver."""
    return udp(RESOLVER, 53, query(name, kind, identity), **words)  # type: ignore[arg-type]


def reply(
    name: str,
    addresses: list[str],
    identity: int = 7,
    *,
    kind: int = 1,
    seconds: int = 60,
    aliases: tuple[tuple[str, str], ...] = (),
    owner: str | None = None,
) -> bytes:
    """What a resolver says: an answer's bytes."""
    records = b"".join(
        name_bytes(alias) + struct.pack(">HHIH", 5, 1, seconds, len(name_bytes(real))) + name_bytes(real)
        for alias, real in aliases
    )
    for address in addresses:
        data = packed(address)
        records += (
            name_bytes(owner or name)
            + struct.pack(">HHIH", 28 if len(data) == 16 else 1, 1, seconds, len(data))
            + data
        )
    head = struct.pack(">HHHHHH", identity, 0x8180, 1, len(addresses) + len(aliases), 0, 0)
    return head + name_bytes(name) + struct.pack(">HH", kind, 1) + records


def answer(
    name: str, addresses: list[str], identity: int = 7, *, source: str = RESOLVER, **words: object
) -> bytes:
    """The frame with it."""
    data = reply(name, addresses, identity, **words)  # type: ignore[arg-type]
    return udp(GUEST, 40000, data, source=source, source_port=53, inwards=True)


def _own(target: str) -> str:
    return GUEST6 if ":" in target else GUEST
