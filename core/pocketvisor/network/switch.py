"""A network between guests: an Ethernet switch that learns who is behind which port.

What goes to everybody, or to somebody unknown, is bounded for each port that sends it. A guest's own address
stays its port's, whoever else claims to have it.

Left out: VLANs, spanning trees (ports of one guest cannot make a loop: a guest has one).
"""

from typing import Final, Protocol

from pocketvisor.devices.net_frame import HEADER_SIZE
from pocketvisor.network.messages import Counters

LEARNED_MAX: Final = 64
"""Addresses behind one port: more are not learned, and reached by flooding."""
_FORGET_SECONDS: Final = 300.0
_FLOODS_A_SECOND: Final = 1000.0
_FLOODS_AT_ONCE: Final = 500.0


class Member(Protocol):
    """A port, as a switch sees it."""

    number: int
    mac: bytes
    counters: Counters

    def deliver(self, message: bytes) -> None: ...


class _Known:
    """What a switch keeps of a member."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.addresses: dict[bytes, float] = {}
        self.floods = _FLOODS_AT_ONCE
        self.flooded_at = 0.0


class Switch:
    def __init__(self) -> None:
        self._members: dict[int, _Known] = {}
        self._table: dict[bytes, _Known] = {}
        self._own: dict[bytes, _Known] = {}

    def __len__(self) -> int:
        return len(self._members)

    def join(self, member: Member) -> None:
        known = self._members[member.number] = _Known(member)
        self._own.setdefault(member.mac, known)
        self._table[member.mac] = self._own[member.mac]

    def leave(self, member: Member) -> None:
        known = self._members.pop(member.number, None)
        if known is None:
            return
        for table in (self._table, self._own):
            for address in [address for address, owner in table.items() if owner is known]:
                del table[address]
        for other in self._members.values():  # two that were given one address
            if other.member.mac == member.mac:
                self._own.setdefault(member.mac, other)
                self._table[member.mac] = self._own[member.mac]

    def send(self, member: Member, message: bytes, now: float) -> None:
        """A sound message of a member's guest."""
        known = self._members[member.number]
        target = message[HEADER_SIZE : HEADER_SIZE + 6]
        source = message[HEADER_SIZE + 6 : HEADER_SIZE + 12]
        if not self._learn(known, source, now):
            member.counters.malformed += 1
            return
        found = self._table.get(target) if not target[0] & 1 else None
        if found is known:
            return  # it sent to itself
        if found is not None and (
            target in self._own or now - found.addresses.get(target, 0.0) < _FORGET_SECONDS
        ):
            found.member.deliver(message)
            return
        known.floods = min(_FLOODS_AT_ONCE, known.floods + (now - known.flooded_at) * _FLOODS_A_SECOND)
        known.flooded_at = now
        if known.floods < 1:
            member.counters.flooded += 1
            return
        known.floods -= 1
        for other in list(self._members.values()):
            if other is not known:
                other.member.deliver(message)

    def _learn(self, known: _Known, source: bytes, now: float) -> bool:
        """False where nobody can have sent this."""
        if source[0] & 1:
            return False
        owner = self._own.get(source)
        if owner is not None:
            return owner is known or source == known.member.mac
        addresses = known.addresses
        if source in addresses:
            addresses[source] = now
            self._table[source] = known
            return True
        if len(addresses) >= LEARNED_MAX:
            oldest = min(addresses, key=addresses.__getitem__)
            if now - addresses[oldest] < _FORGET_SECONDS:
                return True
            del addresses[oldest]
            if self._table.get(oldest) is known:
                del self._table[oldest]
        before = self._table.get(source)
        if before is not None:
            before.addresses.pop(source, None)  # it has moved
        addresses[source] = now
        self._table[source] = known
        return True
