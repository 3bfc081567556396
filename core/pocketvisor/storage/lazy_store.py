"""A disk's base that a loader is still filling (lazy.py), as the guest's process sees it: it is only read.

Nothing here waits: what is absent is asked for, and the device tries again when it has come.
"""

import errno
import os
from collections.abc import Callable

from pocketvisor.storage.files import FileStore, NotLoaded, Views
from pocketvisor.storage.lazy import ABSENT, BLOCK, FAILED, LazyMap, block_count


class LostChunk(OSError):
    """A part of what was saved cannot be had any more."""

    def __init__(self) -> None:
        super().__init__(errno.EIO, "a part of it could not be loaded from the profile")


class LazyStore:
    """`store` is the file that is being filled; the descriptors stay the caller's."""

    read_only = True

    def __init__(self, store: FileStore, map_fd: int, wanted_fd: int, loaded_fd: int) -> None:
        self._store = store
        self._map = LazyMap(map_fd, block_count(store.size))
        self._wanted_fd, self._loaded_fd = wanted_fd, loaded_fd
        self.size = store.size

    def read(self, offset: int, view: memoryview) -> None:
        """Raises NotLoaded where a part is absent, LostChunk where one always will be."""
        states = self._map.states[offset // BLOCK : -(-(offset + len(view)) // BLOCK)].tobytes()
        if FAILED in states:
            raise LostChunk
        if ABSENT in states:
            index = offset // BLOCK + states.index(ABSENT)
            raise NotLoaded(self._loaded_fd, lambda: self._look(index))
        self._store.read(offset, view)

    def _look(self, index: int) -> bool:
        if self._map.states[index] != ABSENT:
            return True
        self._map.wanted = index
        if self._map.states[index] != ABSENT:
            return True
        os.eventfd_write(self._wanted_fd, 1)
        return False

    def write(self, offset: int, pieces: Views, length: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def discard(self, offset: int, length: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def write_zeroes(self, offset: int, length: int, unmap: bool) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def flush(self) -> Callable[[], None] | None:
        return None
