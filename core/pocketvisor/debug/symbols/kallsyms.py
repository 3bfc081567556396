"""The table of its own functions that a Linux kernel carries (scripts/kallsyms.c in Linux), out of its image.

A kernel has it for its stack traces, so that an unmodified one needs no further file. Nothing says where it
is: the digits stand alone and in order among the 256 pieces that names are made of, and from there the other
tables are found by what must be true of them. Every order since Linux 4.6 is known: before 6.4 the addresses
come first, since then last; 6.1 and later say a long name's length in two bytes.

A table may be anybody's work: every size is bounded, and one that contradicts itself is none.
"""

import struct
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from pocketvisor.errors import DebugError

DIGITS: Final = b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00"
TABLES_MAX: Final = 8 << 20
"""All tables together, to either side of the digits."""
_SYMBOLS_MIN: Final = 100
_SYMBOLS_MAX: Final = 1 << 18
_NAME_MAX: Final = 512
_NAMES_MAX: Final = 32 << 20
_PER_MARKER: Final = 256
_TOKEN_MAX: Final = 512
_INDEX: Final = struct.Struct("<256H")
_GAP_MAX: Final = 64


class KernelSymbol(NamedTuple):
    """`letter` as nm gives it: t and T are code."""

    address: int
    letter: str
    name: str


class _Tables(NamedTuple):
    names: int
    size: int
    tokens: list[bytes]
    token_end: int


def decode(image: bytes, digits: int) -> list[KernelSymbol]:
    """All symbols, by address. `digits`: where DIGITS are in the image. Raises DebugError if that is none."""
    tables = _tables(image, digits)
    names = list(_names(image, tables))
    addresses = _addresses(image, tables)
    found = [KernelSymbol(address, name[0], name[1:]) for address, name in zip(addresses, names, strict=True)]
    if any(earlier.address > later.address for earlier, later in pairwise(found)):
        found.sort(key=lambda symbol: symbol.address)
    return found


def _tables(image: bytes, digits: int) -> _Tables:
    second = digits
    for _ in range(ord("0") - 1):
        second = image.rfind(b"\0", max(0, second - 1 - _TOKEN_MAX), second - 1) + 1
        if second == 0:
            raise _none()
    tokens: list[bytes] = []
    ends, at = [], second
    for _ in range(1, 256):
        end = image.find(b"\0", at, at + _TOKEN_MAX)
        if end < 0:
            raise _none()
        ends.append(end + 1 - second)
        tokens.append(image[at:end])
        at = end + 1
    # What is before the first piece is not known to be a zero: how long it is says the index.
    for index_at in range(at, min(at + _GAP_MAX, len(image) - _INDEX.size + 1)):
        first, then, *others = _INDEX.unpack_from(image, index_at)
        if not first and 1 < then <= second and others == [(then + end) & 0xFFFF for end in ends[:-1]]:
            start = second - then
            tokens.insert(0, image[start : second - 1])
            for names, count in _candidates(image, start):
                return _Tables(names, count, tokens, index_at + _INDEX.size)
    raise _none()


def _candidates(image: bytes, end: int) -> Iterator[tuple[int, int]]:
    """Where names may begin, and how many they are: from the markers, which say where every 256th is."""
    lowest = max(0, end - TABLES_MAX)
    at = end
    while (at := image.rfind(b"\0\0\0\0", lowest, at + 3)) >= 0:
        # The number of zeros before the marker that is 0 is not known: all aligned places are looked at.
        if at % 4 == 0:
            markers = _markers(image, at, end)
            if len(markers) > 1 or (markers and end - at < 1024):
                yield from _named(image, at, markers, lowest)
        if at == lowest:
            return


def _markers(image: bytes, at: int, end: int) -> list[int]:
    """Each is further than the one before, by as much as 256 names can take."""
    markers = [0]
    at += 4
    while at + 4 <= end:
        (marker,) = struct.unpack_from("<I", image, at)
        if not 2 * _PER_MARKER <= marker - markers[-1] <= _PER_MARKER * _NAME_MAX:
            break
        markers.append(marker)
        at += 4
    return markers


def _named(image: bytes, at: int, markers: list[int], lowest: int) -> Iterator[tuple[int, int]]:
    """The names end right before the markers. How many markers there are is not exact: what follows may
    look like one more."""
    for names in range(at - markers[-1] - 4 & ~3, max(lowest + 4, at - markers[-1] - (_PER_MARKER << 9)), -4):
        (count,) = struct.unpack_from("<I", image, names - 4)
        needed = -(-count // _PER_MARKER)
        if not (_SYMBOLS_MIN <= count <= _SYMBOLS_MAX and needed <= len(markers) <= needed + 4):
            continue
        if _agree(image, names, count, markers[:needed], at):
            yield names, count


def _agree(image: bytes, names: int, count: int, markers: list[int], end: int) -> bool:
    at = names
    for number in range(count):
        if number % _PER_MARKER == 0 and at - names != markers[number // _PER_MARKER]:
            return False
        size, at = _size(image, at)
        at += size
        if size == 0 or at > end:
            return False
    return end - at < 8


def _size(image: bytes, at: int) -> tuple[int, int]:
    """Of a name, and where it begins."""
    if at + 2 > len(image):
        raise _none()
    size = image[at]
    if size & 0x80:
        return size & 0x7F | image[at + 1] << 7, at + 2
    return size, at + 1


def _names(image: bytes, tables: _Tables) -> Iterator[str]:
    """Each with its letter in front."""
    tokens, at, total = tables.tokens, tables.names, 0
    for _ in range(tables.size):
        size, at = _size(image, at)
        name = b"".join([tokens[byte] for byte in image[at : at + size]])
        at += size
        total += len(name)
        if not 2 <= len(name) <= _NAME_MAX or total > _NAMES_MAX:
            raise _none()
        yield name.decode("utf-8", "replace")


def _addresses(image: bytes, tables: _Tables) -> list[int]:
    """Each as a distance from a base, or as it is."""
    size = 4 * tables.size
    for offsets, base in (
        (tables.names - 8 - size, tables.names - 8),  # until 6.3; there may be a word of alignment
        (tables.names - 12 - size, tables.names - 8),
        (tables.token_end, tables.token_end + size),  # since then
    ):
        if offsets >= 0 and base + 4 <= len(image):
            (start,) = struct.unpack_from("<I", image, base)
            distances = _words(image, offsets, tables.size)
            if start % 4 == 0 and _rise(distances) and start + max(distances) < 1 << 32:
                return [start + distance for distance in distances]
    if tables.names >= 4 + size:
        addresses = _words(image, tables.names - 4 - size, tables.size)
        if _rise(addresses):
            return list(addresses)
    raise _none()


def _words(image: bytes, at: int, count: int) -> "array[int]":
    words = array("I")
    words.frombytes(image[at : at + 4 * count])
    return words


def _rise(values: "array[int]") -> bool:
    """All but a few, which the kernel's build put elsewhere; none of them is zero all through."""
    falls = sum(earlier > later for earlier, later in pairwise(values))
    return len(values) > 1 and falls * 50 <= len(values) and max(values) > 0


def _none() -> DebugError:
    return DebugError("The kernel's table of symbols is damaged, or of a kind that is not known")
