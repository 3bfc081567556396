"""Short messages as they go over the air (3GPP TS 23.040, 9.2): SMS-DELIVER is built, SMS-SUBMIT is read.

A text that does not fit into one message becomes several, which carry a reference, their number and their
place in a header (9.2.3.24.1). Left out: status reports, compressed text, ports and other headers, which are
skipped where they come.
"""

import time
from typing import Final

from msgspec import Struct

from pocketvisor.devices.modem import alphabet

PARTS_MAX: Final = 16
_SEPTETS, _SEPTETS_OF_PART = 160, 153
_OCTETS, _OCTETS_OF_PART = 140, 134
_DIGITS: Final = "0123456789*#abc"
_INTERNATIONAL, _UNKNOWN, _ALPHANUMERIC = 0x91, 0x81, 0xD0
_UCS2, _EIGHT_BIT = 0x08, 0x04

_HEADER_FLAG = 0x40
_MORE_TO_COME_NOT = 0x04
_CONCATENATED, _CONCATENATED_16 = 0x00, 0x08


class PduError(ValueError):
    """It is no message of this kind."""


class Part(Struct, frozen=True):
    """Place of a message in a longer one."""

    reference: int
    count: int
    number: int


class Submitted(Struct, frozen=True):
    number: str
    text: str
    part: Part | None = None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._at:
            raise PduError("it ends early")
        self._at += count
        return self._data[self._at - count : self._at]

    def octet(self) -> int:
        return self.take(1)[0]

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)


def split(text: str) -> list[str]:
    """Into what fits into one message each, without cutting a character; at most PARTS_MAX parts."""
    basic = alphabet.is_basic(text)
    whole, of_part = (_SEPTETS, _SEPTETS_OF_PART) if basic else (_OCTETS // 2, _OCTETS_OF_PART // 2)

    def size(piece: str) -> int:
        return len(alphabet.to_septets(piece)) if basic else len(alphabet.to_ucs2(piece)) // 2

    if size(text) <= whole:
        return [text]
    parts = [""]
    left = of_part
    for character in text:
        cost = size(character)
        if cost > left:
            if len(parts) == PARTS_MAX:
                break
            parts.append("")
            left = of_part
        parts[-1] += character
        left -= cost
    return parts


def deliver(number: str, text: str, seconds: int, part: Part | None = None, ucs2: bool = False) -> bytes:
    """A TPDU for one message, as the network brings it. `seconds` is the service centre's time, UTC."""
    ucs2 = ucs2 or not alphabet.is_basic(text)
    header = b""
    if part is not None:
        header = bytes((5, _CONCATENATED, 3, part.reference & 0xFF, part.count, part.number))
    first = _MORE_TO_COME_NOT | (_HEADER_FLAG if header else 0)
    head = bytes((first,)) + _address(number) + bytes((0, _UCS2 if ucs2 else 0)) + _timestamp(seconds)
    if ucs2:
        body = header + alphabet.to_ucs2(text)
        return head + bytes((len(body),)) + body
    septets = alphabet.to_septets(text)
    header_septets = (8 * len(header) + 6) // 7
    body = header + alphabet.pack(septets, 7 * header_septets - 8 * len(header))
    return head + bytes((header_septets + len(septets),)) + body


def read_submit(tpdu: bytes) -> Submitted:
    """What a guest sends. Raises PduError."""
    reader = _Reader(tpdu)
    first = reader.octet()
    if first & 3 != 1:
        raise PduError("it is not a message to send")
    reader.octet()  # its reference, which the modem chooses
    number = _read_address(reader)
    reader.octet()  # protocol
    coding = reader.octet()
    reader.take({0: 0, 1: 7, 2: 1, 3: 7}[first >> 3 & 3])  # how long it is good for
    length = reader.octet()
    text, part = _read_text(reader.rest(), length, coding, bool(first & _HEADER_FLAG))
    return Submitted(number, text, part)


def read_deliver(tpdu: bytes) -> tuple[str, str, Part | None]:
    """(number, text, part) of what deliver() made: for text mode."""
    reader = _Reader(tpdu)
    first = reader.octet()
    if first & 3:
        raise PduError("it is not a message that came")
    number = _read_address(reader)
    reader.octet()
    coding = reader.octet()
    reader.take(7)
    length = reader.octet()
    text, part = _read_text(reader.rest(), length, coding, bool(first & _HEADER_FLAG))
    return number, text, part


def shown_time(tpdu: bytes) -> str:
    """The service centre's time of a message that came, as text mode shows it (27.005, 3.1: <scts>)."""
    reader = _Reader(tpdu)
    reader.octet()
    _read_address(reader)
    reader.take(2)
    fields = [(octet & 15) * 10 + (octet >> 4) for octet in reader.take(7)]
    year, month, day, hour, minute, second = (f"{field % 100:02}" for field in fields[:6])
    return f"{year}/{month}/{day},{hour}:{minute}:{second}+00"


def submit(number: str, text: str) -> bytes:
    """A message to send, as a guest would make it in text mode; kept in the store of those written."""
    ucs2 = not alphabet.is_basic(text)
    body = alphabet.to_ucs2(text) if ucs2 else alphabet.pack(alphabet.to_septets(text))
    length = len(body) if ucs2 else len(alphabet.to_septets(text))
    return bytes((0x01, 0)) + _address(number) + bytes((0, _UCS2 if ucs2 else 0, length)) + body


def clean_number(number: str) -> str:
    """Digits, with a plus before them where there was one; what separates them on paper is left out."""
    digits = "".join(character for character in number if character in _DIGITS[:12])
    return ("+" if number.strip().startswith("+") else "") + digits[:20]


def sender(number: str) -> str:
    """A number without what separates it on paper; what is none is a name, and stays as it is."""
    return clean_number(number) if set(number) <= set("+0123456789*#-/(). ") else number


def _read_text(body: bytes, length: int, coding: int, has_header: bool) -> tuple[str, Part | None]:
    part = None
    header_size = 0
    if has_header:
        if not body or body[0] + 1 > len(body):
            raise PduError("its header ends early")
        header_size = body[0] + 1
        part = _read_header(body[1:header_size])
    kind = coding & 0x0C if coding & 0xC0 == 0 else (_EIGHT_BIT if coding & 0xF4 == 0xF4 else 0)
    if kind == 0:
        header_septets = (8 * header_size + 6) // 7
        fill_bits = 7 * header_septets - 8 * header_size
        septets = alphabet.unpack(body[header_size:], length - header_septets, fill_bits)
        if len(septets) < length - header_septets:
            raise PduError("its text ends early")
        return alphabet.from_septets(septets), part
    if len(body) < length:
        raise PduError("its text ends early")
    octets = body[header_size:length]
    return (alphabet.from_ucs2(octets) if kind == _UCS2 else octets.decode("latin-1")), part


def _read_header(elements: bytes) -> Part | None:
    """The place in a longer message, where one of the elements tells it."""
    at = 0
    while at + 2 <= len(elements):
        name, size = elements[at], elements[at + 1]
        value = elements[at + 2 : at + 2 + size]
        at += 2 + size
        if name == _CONCATENATED and len(value) == 3:
            return Part(value[0], value[1], value[2])
        if name == _CONCATENATED_16 and len(value) == 4:
            return Part(int.from_bytes(value[:2], "big"), value[2], value[3])
    return None


def _address(number: str) -> bytes:
    """9.1.2.5. A sender that is a name goes in the 7-bit alphabet, at most 11 characters."""
    digits = number.removeprefix("+")
    if not digits or any(character not in _DIGITS for character in digits):
        septets = alphabet.to_septets(number[:11])[:11]
        packed = alphabet.pack(septets)
        return bytes(((7 * len(septets) + 3) // 4, _ALPHANUMERIC)) + packed
    digits = digits[:20]
    kind = _INTERNATIONAL if number.startswith("+") else _UNKNOWN
    return bytes((len(digits), kind)) + _semi_octets(digits)


def _read_address(reader: _Reader) -> str:
    length, kind = reader.octet(), reader.octet()
    if length > 20:
        raise PduError("its number is too long")
    octets = reader.take((length + 1) // 2)
    if kind & 0x70 == 0x50:
        return alphabet.from_septets(alphabet.unpack(octets, length * 4 // 7))
    digits = "".join(
        _DIGITS[nibble] for octet in octets for nibble in (octet & 15, octet >> 4) if nibble < 15
    )
    return ("+" if kind & 0x70 == 0x10 else "") + digits[:length]


def _semi_octets(digits: str) -> bytes:
    nibbles = [_DIGITS.index(digit) for digit in digits] + [15] * (len(digits) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _timestamp(seconds: int) -> bytes:
    """9.2.3.11, in UTC."""
    at = time.gmtime(max(0, seconds))
    fields = (at.tm_year % 100, at.tm_mon, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec, 0)
    return bytes(field % 10 << 4 | field // 10 for field in fields)
