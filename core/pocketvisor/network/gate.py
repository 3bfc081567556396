"""What of a governed guest's frames passes: to the hosts that its rules name, from them, and what it takes to
find them. Everything else is dropped and counted; what cannot be read as a whole packet is something else.

Names are learned from answers of one resolver to questions that the guest asked and that this gate has
written anew, so that a question carries nothing but an allowed name. What was learned is good for a while and
as long as it is used. Nobody from outside connects to the guest.

Between guests there is nothing to go by: on a switch anybody can say that he has an address. A gate lets
nothing pass there.

Left out: names by other ways than DNS over UDP; the parts of a packet that is sent in fragments; IP protocols
besides TCP, UDP and ICMP.
"""

import ipaddress
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from pocketvisor.devices.net_frame import HEADER_SIZE, PLAIN
from pocketvisor.network import dns, packet
from pocketvisor.network.packet import ICMP, ICMPV6, TCP, UDP, Packet
from pocketvisor.network.refusals import Refusals, destination, unreachable
from pocketvisor.network.rules import HostRule, NetworkRules

LINGER_SECONDS: Final = 300.0
"""What was learned is good for so long, and again when it was used."""
_LEARNED_SECONDS_MAX: Final = 86400.0
LEARNED_MAX: Final = 1024
_ASKED_MAX: Final = 64
_ASKED_SECONDS: Final = 10.0
_QUESTIONS_A_SECOND: Final = 10.0
_QUESTIONS_AT_ONCE: Final = 30.0
_REPLIES_A_SECOND: Final = 50.0
_CONTROL_MAX: Final = 200
"""Bytes of a packet that finds neighbours."""
_DHCP_MAX: Final = 1500
_NOWHERE: Final = bytes(4)
_EVERYWHERE: Final = b"\xff" * 4
_SOLICIT, _ADVERTISED, _NEIGHBOUR, _NEIGHBOUR_IS = 133, 134, 135, 136
_ECHO, _ECHOED, _ECHO6, _ECHOED6 = 8, 0, 128, 129
_ERRORS: Final = {ICMP: (3, 11, 12), ICMPV6: (1, 2, 3, 4)}
_SYN, _ACK = 0x02, 0x10
_NAMES: Final = {TCP: "tcp", UDP: "udp"}


class Verdict(NamedTuple):
    """What goes on in the frame's place, if anything, and what its sender is told at once."""

    passes: bytes | None
    reply: bytes | None = None


REFUSED: Final = Verdict(None)


class _Bucket:
    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most, self._left, self._at = rate, most, most, 0.0

    def take(self, now: float) -> bool:
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    def __init__(self, rules: NetworkRules, mac: bytes, clock: Callable[[], float]) -> None:
        self._mac = mac
        self._clock = clock
        self._learned: dict[bytes, dict[HostRule, float]] = {}
        self._asked: dict[tuple[int, int], tuple[dns.Question, float]] = {}
        self._questions = _Bucket(_QUESTIONS_A_SECOND, _QUESTIONS_AT_ONCE)
        self._replies = _Bucket(_REPLIES_A_SECOND, _REPLIES_A_SECOND)
        self.refusals = Refusals()
        self.set(rules)

    def set(self, rules: NetworkRules) -> None:
        """Other rules; of what was learned stays what they allow."""
        self._rules = rules
        self._names = [rule for rule in rules.hosts if rule.name]
        self._exact: dict[bytes, list[HostRule]] = {}
        self._networks: list[tuple[int, int, int, HostRule]] = []
        for rule in rules.hosts:
            if rule.network:
                network = ipaddress.ip_network(rule.network)
                if network.num_addresses == 1:
                    self._exact.setdefault(network.network_address.packed, []).append(rule)
                else:
                    mask = int(network.netmask)
                    size = network.max_prefixlen // 8
                    self._networks.append((size, int(network.network_address), mask, rule))
        self._address = _packed(rules.address)
        self._gateway = _packed(rules.gateway)
        self._resolver = _packed(rules.resolver)
        for address, good in list(self._learned.items()):
            self._learned[address] = {rule: until for rule, until in good.items() if rule in self._names}
            if not self._learned[address]:
                del self._learned[address]

    # From the guest

    def out(self, message: bytes) -> Verdict:
        """A sound message."""
        read = packet.read(message)
        forged = message[HEADER_SIZE + 6 : HEADER_SIZE + 12] != self._mac
        if isinstance(read, str):
            if read == packet.FRAGMENT and not forged:
                return self._refuse_fragment(message)
            return self._refuse(read)
        if forged:
            return self._refuse("a forged source")
        if not self._rules.hosts:
            return self._refuse_packet(message, read)
        if self._finds(read):
            return Verdict(message)
        if read.family == packet.ARP or not self._is_its_own(read):
            return self._refuse("a forged source")
        if read.protocol == UDP and read.target_port == dns.PORT and read.target == self._resolver:
            return self._ask(message, read)
        if self._may(read, read.target, read.target_port, _ECHO, _ECHO6):
            return Verdict(message)
        return self._refuse_packet(message, read)

    def _finds(self, read: Packet) -> bool:
        """What it takes to have an address and to find a neighbour, which nothing but passt hears."""
        if read.family == packet.ARP:
            return read.source in (self._address, _NOWHERE)
        size = read.end - read.start
        if read.family == packet.IPV4:
            return (
                (read.protocol, read.source_port, read.target_port) == (UDP, 68, 67)
                and read.source in (self._address, _NOWHERE)
                and read.target in (self._gateway, _EVERYWHERE)
                and size <= _DHCP_MAX
            )
        near = read.target[:2] in (b"\xfe\x80", b"\xff\x02")
        if read.protocol == ICMPV6:
            return near and read.kind in (_SOLICIT, _NEIGHBOUR, _NEIGHBOUR_IS) and size <= _CONTROL_MAX
        ports = (read.protocol, read.source_port, read.target_port)
        return near and ports == (UDP, 546, 547) and size <= _DHCP_MAX

    def _is_its_own(self, read: Packet) -> bool:
        if read.family == packet.IPV4:
            return bool(self._address) and read.source == self._address
        return read.source[0] != 0xFF and any(
            read.source[:10]
        )  # neither of several, none, its own nor IPv4's

    def _may(self, read: Packet, who: bytes, port: int, *echoes: int) -> bool:
        """Whether it may be exchanged with that host."""
        if read.protocol in (ICMP, ICMPV6):
            if read.kind in _ERRORS[read.protocol]:
                return self._allowed(who, "", None)
            return read.kind in echoes and self._allowed(who, "", 0)
        return self._allowed(who, _NAMES[read.protocol], port)

    def _allowed(self, who: bytes, protocol: str, port: int | None) -> bool:
        """Port None: whatever is allowed of it."""
        now = self._clock()
        for rule in self._exact.get(who, ()):
            if _covers(rule, protocol, port):
                return True
        learned = self._learned.get(who)
        if learned is not None:
            for rule, until in learned.items():
                if until > now and _covers(rule, protocol, port):
                    learned[rule] = max(until, now + LINGER_SECONDS)
                    return True
        value = int.from_bytes(who, "big")
        return any(
            size == len(who) and value & mask == first and _covers(rule, protocol, port)
            for size, first, mask, rule in self._networks
        )

    def _ask(self, message: bytes, read: Packet) -> Verdict:
        frame = message[HEADER_SIZE:]
        asked = dns.read_question(frame[read.payload : read.end])
        if asked is None:
            return self._refuse("a strange question for a name")
        allowed = any(_named(rule, asked.name) for rule in self._names)
        if not allowed or asked.kind not in (dns.A, dns.AAAA):
            if not allowed:
                self.refusals.add(f"the name {asked.name[:80]}")
            return Verdict(None, self._answered(frame, read, dns.no_answer(asked, refused=not allowed)))
        now = self._clock()
        if not self._questions.take(now):
            return self._refuse("too many questions for names")
        self._asked = {key: value for key, value in self._asked.items() if value[1] > now}
        if len(self._asked) >= _ASKED_MAX:
            return self._refuse("too many questions for names")
        self._asked[read.source_port, asked.identity] = asked, now + _ASKED_SECONDS
        said = dns.question(asked)
        head = struct.pack(">HHHH", read.source_port, dns.PORT, 8 + len(said), 0)
        macs = frame[0:6], frame[6:12]
        return Verdict(PLAIN + packet.built(read.family, macs, read.source, read.target, UDP, head + said))

    def _answered(self, frame: bytes, read: Packet, said: bytes) -> bytes | None:
        if not self._replies.take(self._clock()):
            return None
        head = struct.pack(">HHHH", dns.PORT, read.source_port, 8 + len(said), 0)
        macs = frame[6:12], frame[0:6]
        return PLAIN + packet.built(read.family, macs, read.target, read.source, UDP, head + said)

    # To the guest

    def into(self, message: bytes) -> bool:
        """Whether it may have this."""
        read = packet.read(message)
        if isinstance(read, str) or not self._rules.hosts:
            return False
        if read.family == packet.ARP:
            return True
        if read.protocol == TCP:
            if read.flags & (_SYN | _ACK) == _SYN:
                return False
            return self._allowed(read.source, "tcp", read.source_port)
        if read.protocol == UDP:
            ports = read.source_port, read.target_port
            if ports in ((67, 68), (547, 546)):
                return True
            if read.source_port == dns.PORT and read.source == self._resolver:
                return self._learn(message[HEADER_SIZE + read.payload : HEADER_SIZE + read.end], read)
            return self._allowed(read.source, "udp", read.source_port)
        if read.protocol == ICMPV6 and read.kind in (_ADVERTISED, _NEIGHBOUR, _NEIGHBOUR_IS):
            return True
        if read.kind in _ERRORS[read.protocol]:
            return read.end - read.start <= dns.SIZE_MAX
        return self._may(read, read.source, 0, _ECHOED, _ECHOED6)

    def _learn(self, data: bytes, read: Packet) -> bool:
        answer = dns.read_answer(data)
        if answer is None:
            return False
        asked, until = self._asked.pop((read.target_port, answer.question.identity), (None, 0.0))
        now = self._clock()
        if asked != answer.question or until < now:
            return False
        rules = [rule for rule in self._names if _named(rule, answer.question.name)]
        for address, seconds in answer.addresses:
            if self._is_a_host(address):
                self._room()
                good = self._learned.setdefault(address, {})
                ends = now + min(max(float(seconds), LINGER_SECONDS), _LEARNED_SECONDS_MAX)
                for rule in rules:
                    good[rule] = max(ends, good.get(rule, 0.0))
        return True

    def _is_a_host(self, address: bytes) -> bool:
        """Whoever has an allowed name does not make this machine, or the router, one of its own."""
        found = ipaddress.ip_address(address)
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        if mapped is not None or found.is_loopback or found.is_multicast or found.is_link_local:
            return False
        if found.is_unspecified or found.is_reserved or address[:1] == b"\0":
            return False
        return address not in (self._address, self._gateway, self._resolver)

    def _room(self) -> None:
        if len(self._learned) >= LEARNED_MAX:
            oldest = min(self._learned, key=lambda address: max(self._learned[address].values()))
            del self._learned[oldest]

    # Refused

    def _refuse(self, why: str) -> Verdict:
        self.refusals.add(why)
        return REFUSED

    def _refuse_fragment(self, message: bytes) -> Verdict:
        """A program may send smaller ones, as soon as it is told."""
        first = packet.first_fragment(message)
        if first is None or not self._is_its_own(first) or not self._replies.take(self._clock()):
            return self._refuse(packet.FRAGMENT)
        self.refusals.add(f"a fragment for {ipaddress.ip_address(first.target)}")
        return Verdict(None, unreachable(message, first, self._gateway))

    def _refuse_packet(self, message: bytes, read: Packet) -> Verdict:
        if read.family == packet.ARP or read.to_many:
            return REFUSED  # every driver greets its neighbours: that is nothing to tell
        self.refusals.add(destination(read, str(ipaddress.ip_address(read.target))))
        reply = unreachable(message, read, self._gateway) if self._replies.take(self._clock()) else None
        return Verdict(None, reply)


def _covers(rule: HostRule, protocol: str, port: int | None) -> bool:
    if port is None:
        return True
    if not protocol:  # of an echo
        return not rule.port and not rule.protocol
    return rule.port in (0, port) and rule.protocol in ("", protocol)


def _named(rule: HostRule, name: str) -> bool:
    return name.endswith(rule.name[1:]) if rule.name.startswith("*.") else name == rule.name


def _packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed if text else b""
