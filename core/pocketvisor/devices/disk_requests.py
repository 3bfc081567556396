"""What a driver asks of a disk (VIRTIO 1.1, chapter 5.2.6), read from a chain and done on a store.

How a driver cuts a request into descriptors is its own business: the header is the first 16 bytes to be read,
the status the last byte to be written. An OSError is the host's; Refused is what the driver got wrong.
"""

import struct
from typing import Final, NamedTuple

from pocketvisor.devices.virtio import Write
from pocketvisor.devices.virtqueue import Chain, GuestMemory, Piece, VirtqueueError
from pocketvisor.storage.files import SECTOR, Store

IN: Final = 0
OUT: Final = 1
FLUSH: Final = 4
GET_ID: Final = 8
DISCARD: Final = 11
WRITE_ZEROES: Final = 13

OK: Final = 0
IO_ERROR: Final = 1
UNSUPPORTED: Final = 2

DISCARD_SECTORS: Final = (1 << 30) // SECTOR
ZERO_SECTORS: Final = (16 << 20) // SECTOR
RANGES_MAX: Final = 16
CHANGE_BOUNDS: Final = (DISCARD_SECTORS, RANGES_MAX, 8, ZERO_SECTORS, RANGES_MAX, 1)
"""As the configuration space says them: of DISCARD sectors, ranges, alignment; of WRITE_ZEROES, may unmap."""

_HEADER: Final = struct.Struct("<IIQ")
_RANGE: Final = struct.Struct("<QII")
_UNMAP: Final = 1

Pieces = tuple[Piece, ...]


class Refused(Exception):
    """The request cannot be; `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Request(NamedTuple):
    """`readable` and `writable` are what lies between header and status, `status` is where that goes."""

    head: int
    kind: int
    sector: int
    readable: Pieces
    writable: Pieces
    status: int


def parse(chain: Chain, memory: GuestMemory) -> Request:
    """Raises VirtqueueError for a chain that nobody could answer."""
    readable, writable = chain.readable, chain.writable
    if not readable or not writable:
        raise VirtqueueError("a disk's request lacks its header or its status")
    first, last = readable[0], writable[-1]
    if first.size == _HEADER.size and last.size == 1:
        header = memory.read(first.address, _HEADER.size)
        readable, writable, status = readable[1:], writable[:-1], last.address
    else:
        header_pieces, readable = cut(readable, _HEADER.size)
        header = b"".join(memory.read(*piece) for piece in header_pieces)
        writable, end = cut(writable, size_of(writable) - 1)
        if len(header) != _HEADER.size or size_of(end) != 1:
            raise VirtqueueError("a disk's request lacks its header or its status")
        status = next(piece.address for piece in end if piece.size)
    kind, _, sector = _HEADER.unpack(header)
    return Request(chain.head, kind, sector, readable, writable, status)


def size_of(pieces: Pieces) -> int:
    size = 0
    for piece in pieces:
        size += piece[1]
    return size


def cut(pieces: Pieces, size: int) -> tuple[Pieces, Pieces]:
    """What makes up the first `size` bytes, and the rest."""
    before: list[Piece] = []
    for index, piece in enumerate(pieces):
        if piece.size > size:
            if size > 0:
                before.append(Piece(piece.address, size))
                piece = Piece(piece.address + size, piece.size - size)
            return tuple(before), (piece, *pieces[index + 1 :])
        before.append(piece)
        size -= piece.size
    return tuple(before), ()


def spread(pieces: Pieces, view: memoryview) -> list[Write]:
    """The view's bytes laid out over the pieces; pieces that follow one another become one write."""
    writes: list[Write] = []
    start = end = -1
    begin = at = 0
    for address, size in pieces:
        if address != end:
            if at > begin:
                writes.append((start, view[begin:at]))
            start, begin = address, at
        end = address + size
        at += size
    if at > begin:
        writes.append((start, view[begin:at]))
    return writes


def place(request: Request, store: Store, size: int) -> int:
    """Where in the disk the request's data begins. Raises Refused where it is not within the disk."""
    offset = request.sector * SECTOR
    if size % SECTOR or offset + size > store.size:
        raise Refused(IO_ERROR)
    return offset


def fitted(pieces: Pieces, data: bytes) -> tuple[Pieces, memoryview]:
    """The data, and the pieces that take it: as much of it as there is room for."""
    taken, _ = cut(pieces, len(data))
    return taken, memoryview(data)[: size_of(taken)]


def change_ranges(request: Request, store: Store, memory: GuestMemory) -> None:
    """DISCARD and WRITE_ZEROES: every range is looked at before any is touched."""
    size = size_of(request.readable)
    if not size or size % _RANGE.size or size > RANGES_MAX * _RANGE.size:
        raise Refused(IO_ERROR)
    data = b"".join(memory.read(*piece) for piece in request.readable)
    zeroes = request.kind == WRITE_ZEROES
    most = ZERO_SECTORS if zeroes else DISCARD_SECTORS
    ranges = list(_RANGE.iter_unpack(data))
    for sector, sectors, flags in ranges:
        if flags & ~_UNMAP or (flags and not zeroes):
            raise Refused(UNSUPPORTED)
        if sectors > most or (sector + sectors) * SECTOR > store.size:
            raise Refused(IO_ERROR)
    for sector, sectors, flags in ranges:
        if zeroes:
            store.write_zeroes(sector * SECTOR, sectors * SECTOR, bool(flags & _UNMAP))
        else:
            store.discard(sector * SECTOR, sectors * SECTOR)
