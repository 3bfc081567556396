"""A disk's bytes in a file: whole reads and writes by offset, holes, and what a disk is for its device.

Everything here works on descriptors alone, since the guest's process opens no paths. An OSError is the
host's: the file has become shorter, the host's disk is full or broken.
"""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

SECTOR: Final = 512
PIECES_MAX: Final = 1024
"""How many buffers one system call takes (IOV_MAX)."""

_KEEP_SIZE, _PUNCH_HOLE, _ZERO_RANGE = 0x01, 0x02, 0x10
_ZEROS: Final = bytes(1 << 20)

_libc = ctypes.CDLL(None, use_errno=True)
_fallocate = _libc.fallocate64
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_fallocate.restype = ctypes.c_int

Views = Sequence[bytes | bytearray | memoryview]


class Store(Protocol):
    """What a disk's device works on. Offsets and sizes are whole sectors within the disk."""

    size: int
    read_only: bool

    def read(self, offset: int, view: memoryview) -> None:
        """Fills the view."""

    def write(self, offset: int, pieces: Views, length: int) -> None:
        """The pieces one after another; `length` is their sum."""

    def discard(self, offset: int, length: int) -> None:
        """The content is of no more use. A hint: parts of it may stay."""

    def write_zeroes(self, offset: int, length: int, unmap: bool) -> None:
        """`unmap`: its room in the file may be given back."""

    def flush(self) -> Callable[[], None] | None:
        """What makes everything written up to now durable, for any thread; None where there is nothing."""


def read_exactly(fd: int, view: memoryview, offset: int) -> None:
    """Raises OSError where the file ends before."""
    while len(view):
        count = os.preadv(fd, (view,), offset)
        if count == len(view):
            return
        if count == 0:
            raise ShortFile
        view, offset = view[count:], offset + count


def write_all(fd: int, pieces: Views, length: int, offset: int) -> None:
    """All of the pieces, of `length` bytes together, however many calls it takes."""
    if len(pieces) <= PIECES_MAX and os.pwritev(fd, pieces, offset) == length:
        return
    for piece in pieces:  # from the beginning: what was written is written again
        view = memoryview(piece)
        while len(view):
            count = os.pwrite(fd, view, offset)
            if count == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view, offset = view[count:], offset + count


def punch(fd: int, offset: int, length: int) -> bool:
    """Make a hole, which reads as zeros. False where the file system has none."""
    return _allocate(fd, _PUNCH_HOLE | _KEEP_SIZE, offset, length)


def zero(fd: int, offset: int, length: int, unmap: bool) -> None:
    """Zeros, as a hole if they may be one and the file system has holes."""
    if unmap and punch(fd, offset, length):
        return
    if _allocate(fd, _ZERO_RANGE, offset, length):
        return
    while length:
        count = os.pwrite(fd, _ZEROS[: min(length, len(_ZEROS))], offset)
        offset, length = offset + count, length - count


def data_ranges(fd: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of what is no hole between two offsets of a file; what ends before has nothing."""
    at = begin
    while at < end:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return  # nothing but a hole up to the file's end
        if at < end:
            stop = min(end, os.lseek(fd, at, os.SEEK_HOLE))
            yield at, stop
            at = stop


def data_pieces(fd: int, begin: int, end: int, largest: int = len(_ZEROS)) -> Iterator[tuple[int, bytes]]:
    """(offset, content) of what is no hole, in pieces."""
    for at, stop in data_ranges(fd, begin, end):
        while at < stop:
            piece = os.pread(fd, min(largest, stop - at), at)
            if not piece:
                raise ShortFile
            yield at, piece
            at += len(piece)


def _allocate(fd: int, mode: int, offset: int, length: int) -> bool:
    if length <= 0 or _fallocate(fd, mode, offset, length) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number))


class ShortFile(OSError):
    """A file that a disk is kept in has become shorter than it was."""

    def __init__(self) -> None:
        super().__init__(errno.EIO, "it has become shorter")


class FlushFailed(OSError):
    """What was written before a failed flush may be lost: no later flush can promise it."""

    def __init__(self) -> None:
        super().__init__(errno.EIO, "what was written before could not be kept")


class HandedOver(OSError):
    """A flush was given up, since another process has the disk now: it is that one's to do again."""

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "another process has it now")


class NotLoaded(Exception):
    """What is wanted of a disk is not in its file yet: the same again when it is. Nothing was done.

    look() says whether it is there, or never will be, and asks for it else; `fd` is readable when it is time
    to look again."""

    def __init__(self, fd: int, look: Callable[[], bool]) -> None:
        super().__init__("it is not loaded yet")
        self.fd = fd
        self.look = look


class FileStore:
    """A disk that is a file. Where the file is no whole number of sectors, zeros fill the last one up."""

    def __init__(self, fd: int, file_size: int, *, read_only: bool, size: int | None = None) -> None:
        self._fd = fd
        self._file_size = file_size
        self._failed = False
        self.size = padded(file_size) if size is None else size
        self.read_only = read_only
        if not read_only and file_size != self.size:
            raise ValueError("a file that is written to holds whole sectors")

    def read(self, offset: int, view: memoryview) -> None:
        inside = min(len(view), max(0, self._file_size - offset))
        if inside == len(view):
            read_exactly(self._fd, view, offset)
            return
        if inside:
            read_exactly(self._fd, view[:inside], offset)
        view[inside:] = bytes(len(view) - inside)

    def write(self, offset: int, pieces: Views, length: int) -> None:
        write_all(self._fd, pieces, length, offset)

    def discard(self, offset: int, length: int) -> None:
        punch(self._fd, offset, length)

    def write_zeroes(self, offset: int, length: int, unmap: bool) -> None:
        zero(self._fd, offset, length, unmap)

    def flush(self) -> Callable[[], None] | None:
        return None if self.read_only else self._flush

    def _flush(self) -> None:
        if self._failed:
            raise FlushFailed
        try:
            os.fdatasync(self._fd)
        except OSError:
            # The kernel forgets what it could not write: the next fdatasync would succeed for nothing.
            self._failed = True
            raise


class MissingStore:
    """A disk in a replay, where what was read is in the log: nothing is here, and nobody asks for it."""

    def __init__(self, size: int, *, read_only: bool) -> None:
        self.size = size
        self.read_only = read_only

    def read(self, offset: int, view: memoryview) -> None:
        raise ShortFile

    def write(self, offset: int, pieces: Views, length: int) -> None:
        raise ShortFile

    def discard(self, offset: int, length: int) -> None:
        raise ShortFile

    def write_zeroes(self, offset: int, length: int, unmap: bool) -> None:
        raise ShortFile

    def flush(self) -> Callable[[], None] | None:
        return None


def padded(size: int) -> int:
    """Up to whole sectors."""
    return (size + SECTOR - 1) & ~(SECTOR - 1)
