"""A disk with a shared map in memfds, its process, and what a profile would keep of it."""

import os
from collections.abc import Iterable

from overlay_files import file_of

from pocketvisor.storage import capture, overlay
from pocketvisor.storage.capture import CHUNK, Shadow
from pocketvisor.storage.captured import BaseReader, DiskCapture
from pocketvisor.storage.files import FileStore
from pocketvisor.storage.overlay import OverlayStore
from pocketvisor.storage.shared_map import SharedMap, shared_changed_size, shared_map_size


def memfd(size: int) -> int:
    fd = os.memfd_create("test")
    os.ftruncate(fd, size)
    return fd


class Disk:
    """An overlay over a base. `store` is the guest's process, that another may take over from."""

    def __init__(self, base: bytes, size: int) -> None:
        self.size = size
        self.base_fd = file_of(base)
        self.base_size = len(base)
        self.fd = file_of(b"")
        overlay.create(self.fd, size)
        self.map_fd, self.changed_fd = memfd(shared_map_size(size)), memfd(shared_changed_size(size))
        self.shared = SharedMap(self.map_fd, self.changed_fd, size)
        self.shared.load(self.fd, overlay.HEADER_SIZE)
        self.kept: dict[int, bytes] = {}
        self.saved = False
        self._shadows: list[int] = []
        self.store = self._process()

    def _process(self) -> OverlayStore:
        shared = SharedMap(self.map_fd, self.changed_fd, self.size)
        base = FileStore(self.base_fd, self.base_size, read_only=True)
        return OverlayStore(self.fd, base, self.size, shared=shared)

    def change_process(self) -> OverlayStore:
        """Answers the old one."""
        old = self.store
        old.hand_over()
        self.store = self._process()
        return old

    def capture(self, *, everything: bool = False) -> DiskCapture:
        shadow = file_of(b"")
        self.shared.clear_idle()
        capture.create(shadow, self.size, everything=everything)
        self.store.begin_capture(shadow)
        self._shadows.append(shadow)
        return DiskCapture(
            self.size,
            BaseReader(self.base_fd, self.base_size),
            Shadow(shadow, self.fd, overlay.data_offset(self.size), self.shared),
        )

    def save(self, captured: DiskCapture, chunks: Iterable[int] | None = None) -> bytes:
        """What the profile says of the whole disk after it."""
        if chunks is None:
            chunks = captured.changed_chunks() if self.saved else captured.data_chunks()
        for chunk in chunks:
            self.kept[chunk] = bytes(captured.chunk(chunk))
        return self.content()

    def content(self) -> bytes:
        content = bytearray(self.size)
        for chunk, data in self.kept.items():
            content[chunk * CHUNK : chunk * CHUNK + len(data)] = data
        return bytes(content)

    def close(self) -> None:
        self.store.end_capture()
        for fd in (self.base_fd, self.fd, self.map_fd, self.changed_fd, *self._shadows):
            os.close(fd)
