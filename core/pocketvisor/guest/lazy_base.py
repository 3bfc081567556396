"""The base of a disk that comes from a profile: a file without a name that is filled while the guest runs."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from pocketvisor.board.config import LazyConfig
from pocketvisor.errors import StorageError
from pocketvisor.guest.memory import create_memfd
from pocketvisor.profile.tree import SpaceReader
from pocketvisor.storage.descriptors import let_go
from pocketvisor.storage.keep import unnamed_file
from pocketvisor.storage.lazy import ABSENT, BLOCK, PRESENT, LazyMap, Loader, block_count, map_size

Note = Callable[[str], None]
"""Takes a sentence, from any thread."""


_ABSENT_WHERE_USED: Final = bytes((PRESENT, ABSENT)) + bytes(254)


class LazyBase:
    """Its file is the disk's to close; nothing comes before the loader is started."""

    def __init__(self, name: str, reader: SpaceReader) -> None:
        """Raises StorageError, or DamagedProfile where it is not known what there is to load."""
        self._size = reader.space.size
        self._reader, self._name = reader, name
        self.note: Note = lambda sentence: None
        self.used = bytearray(block_count(self._size))
        """A byte for each block: 1 where it is not zeros."""
        for chunk in reader.present():
            self.used[chunk * reader.space.chunk_size // BLOCK] = 1
        with ExitStack() as undo:
            self.fd = unnamed_file(name)
            undo.callback(os.close, self.fd)
            self._check_room()
            self._map_fd = create_memfd(f"{name}-map", map_size(self._size))
            undo.callback(os.close, self._map_fd)
            self._wanted = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            undo.callback(os.close, self._wanted)
            self._loaded = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            undo.callback(os.close, self._loaded)
            states = LazyMap(self._map_fd, len(self.used))
            states.states[: len(self.used)] = self.used.translate(_ABSENT_WHERE_USED)
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
            undo.pop_all()

    def _check_room(self) -> None:
        """A small profile may hold a disk that is larger than this computer's."""
        try:
            os.ftruncate(self.fd, self._size)
            room = os.fstatvfs(self.fd)
        except OSError as error:
            raise StorageError(f"There is no room for {self._name}: {error.strerror}") from error
        needed, free = self.used.count(1) * BLOCK, room.f_bavail * room.f_frsize
        if needed > free and room.f_blocks:
            raise StorageError(
                f"There is no room for {self._name}: it holds {needed >> 20} MiB, and this computer's disk "
                f"has {free >> 20} MiB left"
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
        self._map_fd = self._wanted = self._loaded = let_go(self.descriptors)
