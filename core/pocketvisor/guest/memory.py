"""Memory that a guest's process and its handset share: memfds that cannot change their size.

A process that lost its senses could otherwise shrink a memfd, and the handset would die of SIGBUS reading it.
"""

import fcntl
import mmap
import os
from collections.abc import Iterator

from blake3 import blake3

from pocketvisor.errors import OutOfMemory

_CHUNK = 4 << 20
_ZEROS = bytes(_CHUNK)


def create_memfd(name: str, size: int) -> int:
    """A memfd of `size` zero bytes, sealed against shrinking and growing."""
    try:
        fd = os.memfd_create(f"pocketvisor-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError as error:
        raise OutOfMemory(f"This computer gives no memory for a guest's {name}: {error.strerror}") from error
    try:
        os.ftruncate(fd, size)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError as error:
        os.close(fd)
        raise OutOfMemory(f"This computer gives no memory for a guest's {name}: {error.strerror}") from error
    return fd


def map_shared(fd: int, size: int) -> mmap.mmap:
    return mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def touched_bytes(fd: int) -> int:
    """How much of a memfd was ever written or read through a mapping, in whole pages."""
    return os.fstat(fd).st_blocks * 512


def digest(fd: int) -> str:
    """blake3 of a memfd's whole content. Holes are hashed as the zeros they stand for, and stay holes."""
    size = os.fstat(fd).st_size
    hasher = blake3()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    at = 0
    while at < size:
        data, hole = _next_data(fd, at, size)
        for length in _pieces(data - at):
            hasher.update(_ZEROS[:length])
        at = data
        while at < hole:
            count = os.preadv(fd, [view[: min(_CHUNK, hole - at)]], at)
            if count == 0:
                raise OSError("a memfd ended early")
            hasher.update(view[:count])
            at += count
    return hasher.hexdigest()


def is_zero(fd: int) -> bool:
    """Whether there is nothing but zeros in a file."""
    return all(piece.count(0) == len(piece) for _, piece in data_pieces(fd, _CHUNK))


def data_pieces(fd: int, largest: int) -> Iterator[tuple[int, bytes]]:
    """(offset, content) of all of a file that is no hole, in pieces of at most `largest` bytes."""
    size = os.fstat(fd).st_size
    at = 0
    while at < size:
        data, hole = _next_data(fd, at, size)
        at = data
        while at < hole:
            piece = os.pread(fd, min(largest - at % largest, hole - at), at)
            if not piece:
                raise OSError("a file ended early")
            yield at, piece
            at += len(piece)


def _next_data(fd: int, at: int, size: int) -> tuple[int, int]:
    """Where the next stretch of data at or after `at` begins and ends; (size, size) if there is none."""
    try:
        data = os.lseek(fd, at, os.SEEK_DATA)
    except OSError:  # ENXIO: nothing but a hole up to the end
        return size, size
    return data, os.lseek(fd, data, os.SEEK_HOLE)


def _pieces(length: int) -> list[int]:
    return [_CHUNK] * (length // _CHUNK) + ([length % _CHUNK] if length % _CHUNK else [])
