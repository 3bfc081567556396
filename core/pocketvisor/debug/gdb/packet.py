"""Packets of gdb's remote protocol: found in a stream of bytes, and made (gdb's manual, appendix "Remote
Protocol", "Overview").

Left out: notifications ('%'), which only non-stop debuggers use; sequence numbers; run lengths in what comes,
which no debugger sends.
"""

import re
from typing import Final, NamedTuple

PACKET_MAX: Final = 128 << 10
"""Bytes between '$' and '#', told to the debugger. What is longer is skipped, not kept."""
_MARKS: Final = re.compile(rb"[$+\-\x03]")
_ESCAPED: Final = re.compile(rb"}(.)", re.DOTALL)
_TO_ESCAPE: Final = re.compile(rb"[#$}*]")
_HEX: Final = re.compile(rb"[0-9a-fA-F]+\Z")


class Packet(NamedTuple):
    """What is between '$' and '#', without escapes."""

    body: bytes


class Ack(NamedTuple):
    """'+' or '-'."""

    positive: bool


class Interrupt(NamedTuple):
    """Ctrl-C: a byte of 3 between packets."""


class Broken(NamedTuple):
    """A packet of a wrong checksum, or one that is too long."""

    sentence: str


Event = Packet | Ack | Interrupt | Broken


class PacketParser:
    """Takes any bytes, keeps at most one packet of them."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._skipping = False  # of a packet that is too long: up to its '#'

    def feed(self, data: bytes) -> list[Event]:
        self._kept += data
        events: list[Event] = []
        at = 0
        while (step := self._next(at)) is not None:
            at, event = step
            if event is not None:
                events.append(event)
        del self._kept[:at]
        return events

    def _next(self, at: int) -> tuple[int, Event | None] | None:
        """Where it goes on, and what was found; None where more bytes are needed."""
        kept = self._kept
        if self._skipping:
            end = kept.find(b"#", at)
            if end < 0:
                return (len(kept), None) if at < len(kept) else None
            self._skipping = False
            return end + 1, None
        mark = _MARKS.search(kept, at)
        if mark is None:
            return (len(kept), None) if at < len(kept) else None
        begin = mark.start()
        if mark[0] == b"\x03":
            return begin + 1, Interrupt()
        if mark[0] != b"$":
            return begin + 1, Ack(mark[0] == b"+")
        end = kept.find(b"#", begin)
        if (end if end >= 0 else len(kept)) - begin - 1 > PACKET_MAX:
            self._skipping = True
            return begin + 1, Broken(f"A packet is longer than {PACKET_MAX} bytes")
        if end < 0 or end + 3 > len(kept):
            return (begin, None) if begin > at else None
        return end + 3, self._packet(bytes(kept[begin + 1 : end]), bytes(kept[end + 1 : end + 3]))

    @staticmethod
    def _packet(body: bytes, digits: bytes) -> Event:
        body = body[body.rfind(b"$") + 1 :]  # a '$' in the midst: the first one was given up
        if not _HEX.match(digits) or int(digits, 16) != sum(body) & 0xFF:
            return Broken("A packet's checksum is wrong")
        return Packet(_ESCAPED.sub(lambda match: bytes([match[1][0] ^ 0x20]), body))


def framed(body: bytes) -> bytes:
    """A packet of a body that has its escapes already."""
    return b"$%b#%02x" % (body, sum(body) & 0xFF)


def escaped(data: bytes) -> bytes:
    """Binary data for a body."""
    return _TO_ESCAPE.sub(lambda match: bytes([0x7D, match[0][0] ^ 0x20]), data)


def plain(sentence: str) -> bytes:
    """A sentence for a body whose reader knows no escapes."""
    return _TO_ESCAPE.sub(b"'", sentence.encode("ascii", "replace"))


def number(digits: bytes, most: int = 0xFFFF_FFFF) -> int:
    """A hexadecimal number. Raises ValueError."""
    if len(digits) > 16 or not _HEX.match(digits):
        raise ValueError("a number is malformed")
    value = int(digits, 16)
    if value > most:
        raise ValueError(f"{value:#x} is too large")
    return value


def numbers(text: bytes, count: int, separator: bytes = b",") -> list[int]:
    """So many hexadecimal numbers. Raises ValueError."""
    parts = text.split(separator)
    if len(parts) != count:
        raise ValueError(f"{count} numbers are wanted")
    return [number(part) for part in parts]


def from_hex(digits: bytes) -> bytes:
    """Raises ValueError."""
    if not digits:
        return b""
    if len(digits) % 2 or not _HEX.match(digits):
        raise ValueError("data are malformed")
    return bytes.fromhex(digits.decode())
