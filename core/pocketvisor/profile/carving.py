"""Rows out of a database file that SQLite may refuse: every leaf page is looked at by itself.

After SQLite's own file format (sqlite.org/fileformat2.html), as far as a profile needs it: pages of 64 KiB,
table leaves, indices and overflow pages. Trees, free lists and counts are not
looked at. Nothing that comes out is vouched for: the caller has checksums and signatures.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pocketvisor.profile.connection import PAGE, ROW_MAX

_TABLE_LEAF: Final = 13
_INDEX_LEAF: Final = 10
_INDEX_INNER: Final = 2
_WITH_ROWS: Final = (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INNER)
_COLUMNS_MAX: Final = 16
_TABLE_LOCAL: Final = PAGE - 35
_INDEX_LOCAL: Final = (PAGE - 12) * 64 // 255 - 23
_LOCAL_MIN: Final = (PAGE - 12) * 32 // 255 - 23

Value = int | bytes | None


class Place(NamedTuple):
    """Where a row's payload is."""

    page: int
    offset: int
    size: int
    local: int
    rowid: int


class _Broken(Exception):
    pass


class Carver:
    """`read` gives (offset, size), less of it where the file ends."""

    def __init__(self, read: Callable[[int, int], bytes], length: int) -> None:
        self._read = read
        self.pages = -(-length // PAGE)
        self._last: tuple[int, bytes] = (-1, b"")

    def _page(self, page: int) -> bytes:
        if self._last[0] != page:
            self._last = (page, self._read(page * PAGE, PAGE))
        return self._last[1]

    def places(self, page: int) -> Iterator[Place]:
        """The rows of one page, from 0; none where it has none."""
        content = self._page(page)
        head = 100 if page == 0 else 0
        if head + 8 > len(content) or content[head] not in _WITH_ROWS:
            return
        count = int.from_bytes(content[head + 3 : head + 5], "big")
        room = PAGE
        for number in range(min(count, PAGE // 4)):
            at = head + (12 if content[head] == _INDEX_INNER else 8) + 2 * number
            try:
                place = _place(content, page, int.from_bytes(content[at : at + 2], "big"), content[head])
            except (_Broken, IndexError):
                continue
            room -= place.local
            if room < 0:  # rows that lie in each other are nobody's
                return
            yield place

    def payload(self, place: Place) -> bytes:
        """Less of it where the file ends or pages do not follow on."""
        content = self._page(place.page)
        pieces = [content[place.offset : place.offset + place.local]]
        left = place.size - place.local
        if left > self.pages * PAGE:  # it would go round in a ring
            return pieces[0]
        following = content[place.offset + place.local : place.offset + place.local + 4]
        while left > 0:
            page = int.from_bytes(following, "big")
            if not 1 < page <= self.pages:
                break
            content = self._read((page - 1) * PAGE, 4 + min(left, PAGE - 4))
            following, piece = content[:4], content[4:]
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def row(self, place: Place) -> tuple[Value, ...] | None:
        """Its columns, text as bytes; None where it is none."""
        payload = self.payload(place)
        try:
            return tuple(_columns(payload))
        except (_Broken, IndexError):
            return None


def _place(content: bytes, page: int, cell: int, kind: int) -> Place:
    size, at = _varint(content, cell + 4 if kind == _INDEX_INNER else cell)
    rowid = 0
    if kind == _TABLE_LEAF:
        rowid, at = _varint(content, at)
    local_max = _TABLE_LOCAL if kind == _TABLE_LEAF else _INDEX_LOCAL
    if not 0 < size <= ROW_MAX:
        raise _Broken
    local = size
    if size > local_max:
        local = _LOCAL_MIN + (size - _LOCAL_MIN) % (PAGE - 4)
        if local > local_max:
            local = _LOCAL_MIN
    if at + local + (4 if local < size else 0) > PAGE:
        raise _Broken
    return Place(page, at, size, local, rowid)


def _columns(payload: bytes) -> Iterator[Value]:
    size, at = _varint(payload, 0)
    if not at <= size <= len(payload):
        raise _Broken
    body = size
    count = 0
    while at < size:
        kind, at = _varint(payload, at)
        count += 1
        if kind < 0 or kind in (7, 10, 11) or count > _COLUMNS_MAX:  # no profile has numbers with a point
            raise _Broken
        if kind == 0:
            yield None
        elif kind in (8, 9):
            yield kind - 8
        else:
            length = (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8)[kind]
            content = payload[body : body + length]
            if len(content) != length:
                raise _Broken
            body += length
            yield content if kind >= 12 else int.from_bytes(content, "big", signed=True)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """The value, and where the next byte is."""
    value = 0
    for place in range(8):
        byte = content[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    raise _Broken  # nine bytes are negative or larger than anything here
