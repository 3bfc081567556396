"""The base of a disk that comes from a profile: a file without a name that a loader fills as the guest runs."""

import os
from collections.abc import Callable

from pocketvisor.board.config import LazyConfig
from pocketvisor.guest.memory import create_memfd
from pocketvisor.profile.tree import SpaceReader
from pocketvisor.storage.keep import unnamed_file
from pocketvisor.storage.lazy import BLOCK, LazyMap, Loader, block_count, map_size

Note = Callable[[str], None]
"""Takes a sentence, from any thread."""


class LazyBase:
    """Its file is the disk's to close; nothing comes before the loader is started."""

    def __init__(self, name: str, reader: SpaceReader) -> None:
        """Raises StorageError, or DamagedProfile where it is not known what there is to load."""
        self._size = reader.space.size
        self.chunks = sorted({at * reader.space.chunk_size // BLOCK for at in reader.present()})
        self._reader, self._name = reader, name
        self.note: Note = lambda sentence: None
        self.fd = unnamed_file(name)
        self._map_fd = create_memfd(f"{name}-map", map_size(self._size))
        self._wanted = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._loaded = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        os.ftruncate(self.fd, self._size)
        states = LazyMap(self._map_fd, block_count(self._size))
        states.mark_absent(self.chunks)
        states.close()
        self.loader = Loader(
            self._map_fd,
            self._wanted,
            self._loaded,
            self.fd,
            self._size,
            self._fill,
            mark_failed=True,
            gently=True,
            on_failure=self._failed,
        )

    @property
    def config(self) -> LazyConfig:
        return LazyConfig(self._map_fd, self._wanted, self._loaded)

    @property
    def descriptors(self) -> list[int]:
        return [self._map_fd, self._wanted, self._loaded]

    def _fill(self, block: int) -> bytes:
        return self._reader.read(block * BLOCK, min(BLOCK, self._size - block * BLOCK))

    def _failed(self, block: int, error: Exception) -> None:
        self.note(f"A part of {self._name} cannot be had from its profile, and reading it fails: {error}")

    def close(self) -> None:
        """Of all but the base's own descriptor. Blocks for as long as a block takes."""
        self.loader.stop()
        for fd in self.descriptors:
            os.close(fd)
