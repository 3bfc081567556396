"""A disk as it was at a moment, in the chunks that a profile keeps: its base, overlay and shadow at once.

A base is read once for a profile, and may be much larger than this computer's memory. So what reading it has
brought into the page cache goes out again, and what was there before stays; holes are not read.
"""

import os
from collections.abc import Callable
from typing import Final

from pocketvisor.errors import StorageError
from pocketvisor.storage.capture import CHUNK, Shadow
from pocketvisor.storage.descriptors import let_go
from pocketvisor.storage.files import data_ranges, read_exactly
from pocketvisor.storage.shared_map import CLUSTER

_ZEROS: Final = bytes(CHUNK)


class BaseReader:
    """An image that nobody writes; for several threads. The descriptor stays the caller's.

    Of a base that a loader is still filling: `ensure(chunk)` is called before a chunk is read, and `used` has
    a byte for each chunk, 1 where it is not zeros."""

    def __init__(
        self,
        fd: int,
        size: int,
        ensure: Callable[[int], None] | None = None,
        used: bytearray | None = None,
    ) -> None:
        self.size = size
        self._ensure = ensure
        try:
            # Opened once more: advice is for all who share an open file, and the guest's process does.
            self._fd = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_RANDOM)
        except OSError:
            self._fd = os.dup(fd)
        self.used = self._used_in_file() if used is None else used
        """A byte for each chunk: 1 where it may be other than zeros."""

    def _used_in_file(self) -> bytearray:
        used = bytearray(-(-self.size // CHUNK))
        for begin, end in data_ranges(self._fd, 0, self.size):
            first, last = begin // CHUNK, -(-end // CHUNK)
            used[first:last] = b"\1" * (last - first)
        return used

    def read(self, chunk: int, view: memoryview) -> None:
        """What lies behind the base's end is zeros. Raises OSError, or what `ensure` raises."""
        begin = chunk * CHUNK
        inside = view[: max(0, min(len(view), self.size - begin))]
        view[len(inside) :] = bytes(len(view) - len(inside))
        if not inside or not self.used[chunk]:
            inside[:] = bytes(len(inside))
            return
        if self._ensure is not None:
            self._ensure(chunk)
        cached = self._read_cached(inside, begin)
        if cached < len(inside):
            read_exactly(self._fd, inside[cached:], begin + cached)
            os.posix_fadvise(self._fd, begin + cached, len(inside) - cached, os.POSIX_FADV_DONTNEED)

    def _read_cached(self, view: memoryview, offset: int) -> int:
        try:
            return os.preadv(self._fd, (view,), offset, os.RWF_NOWAIT)
        except OSError:  # nothing of it is, or its file system cannot say
            return 0

    def close(self) -> None:
        self._fd = let_go([self._fd])


class DiskCapture:
    """One disk. A disk that is only read has no shadow, one without an image no base."""

    def __init__(self, size: int, base: BaseReader | None, shadow: Shadow | None) -> None:
        self.size = size
        self._base, self._shadow = base, shadow

    def changed_chunks(self) -> list[int]:
        """Those that may be other than at the last capture."""
        return self._shadow.changed_chunks() if self._shadow is not None else []

    def data_chunks(self) -> list[int]:
        """Those that may be other than zeros: all there is to save of a disk that is saved for the first
        time."""
        return [chunk for chunk in range(-(-self.size // CHUNK)) if self._used(chunk)]

    def chunk(self, index: int) -> bytes | bytearray:
        """As it was, b"" for zeros; for any thread. Where only changes are captured only changed_chunks() may
        be asked for. Raises StorageError."""
        if not self._used(index):
            return b""
        length = min(CHUNK, self.size - index * CHUNK)
        try:
            content = self._mixed(index, length)
        except OSError as error:
            raise StorageError(f"A disk could not be read to be saved: {error.strerror}") from error
        return b"" if content == _ZEROS[:length] else content

    def _used(self, chunk: int) -> bool:
        if self._shadow is not None and self._shadow.maybe_here(chunk):
            return True
        return self._base is not None and any(self._base.used[chunk : chunk + 1])

    def _mixed(self, index: int, length: int) -> bytearray:
        here, own = self._shadow.chunk(index) if self._shadow is not None else (0, bytearray())
        clusters = -(-length // CLUSTER)
        if here == (1 << clusters) - 1:
            return own
        content = bytearray(length)
        view = memoryview(content)
        if self._base is not None:
            self._base.read(index, view)
        for cluster in range(clusters if here else 0):
            if here >> cluster & 1:
                part = slice(cluster * CLUSTER, (cluster + 1) * CLUSTER)
                view[part] = own[part]
        return content
