"""What a disk of a guest is made of on its handset's side, and how it is captured, restored and cloned.

A disk that comes from a profile has a base without a name, which a loader fills while the guest runs, and an
overlay over it. A clone shares its origin's base and has a copy of the overlay as it was.
"""

import os
from contextlib import suppress

from pocketvisor.board.config import DiskConfig
from pocketvisor.errors import ProfileError, StorageError
from pocketvisor.guest.lazy_base import LazyBase, Note
from pocketvisor.guest.memory import create_memfd
from pocketvisor.profile.tree import SpaceReader
from pocketvisor.storage import capture, overlay
from pocketvisor.storage.capture import CHUNK, PER_CHUNK, Shadow
from pocketvisor.storage.captured import BaseReader, DiskCapture
from pocketvisor.storage.descriptors import let_go
from pocketvisor.storage.disk import OpenDisk, OpenDisks
from pocketvisor.storage.keep import unnamed_file
from pocketvisor.storage.overlay import OverlayStore
from pocketvisor.storage.shared_map import CLUSTER, SharedMap, shared_changed_size, shared_map_size


class GuestDisk:
    """One disk, or medium, for all processes of its guest. It has the descriptors of what was opened."""

    def __init__(self, name: str, opened: OpenDisk, lazy: LazyBase | None = None) -> None:
        """Raises StorageError or OutOfMemory; what was opened is the caller's then."""
        self.name = name
        self.opened = opened
        self.lazy = lazy
        self.in_profile = lazy is not None
        """A file that the guest is saved in has it as it was at the last capture: what changes is noted."""
        self.captured = False
        """By one that is not closed: there is one at a time."""
        self._closed = False
        self._map_fd = self._changed_fd = -1
        self._shared: SharedMap | None = None
        if opened.overlay >= 0:
            try:
                self._map_fd = create_memfd(f"{name}-map", shared_map_size(opened.size))
                self._changed_fd = create_memfd(f"{name}-changed", shared_changed_size(opened.size))
                self._shared = SharedMap(self._map_fd, self._changed_fd, opened.size)
                self._shared.load(opened.overlay, overlay.HEADER_SIZE)
            except BaseException as error:
                self._close_shared()
                if isinstance(error, OSError):
                    raise StorageError(f"The overlay of {name} cannot be used: {error.strerror}") from error
                raise

    def begin(self, note: Note) -> None:
        """Loading, if there is something to load."""
        if self.lazy is not None:
            self.lazy.note = note
            self.lazy.loader.start()

    @property
    def writable(self) -> bool:
        return self.opened.overlay >= 0 or self.opened.direct

    @property
    def config(self) -> DiskConfig:
        disk = self.opened
        return DiskConfig(
            base=disk.base,
            base_size=disk.base_size,
            overlay=disk.overlay,
            temporary=disk.temporary,
            direct=disk.direct,
            size=disk.size,
            serial=disk.serial,
            map=self._map_fd,
            changed=self._changed_fd,
            lazy=self.lazy.config if self.lazy is not None else None,
        )

    @property
    def descriptors(self) -> list[int]:
        """What its guest's process inherits."""
        fds = [self.opened.base, self.opened.overlay, self._map_fd, self._changed_fd]
        return [fd for fd in fds if fd >= 0] + (self.lazy.descriptors if self.lazy is not None else [])

    def flush(self) -> None:
        """What processes that are gone have written is durable, and in the overlay's own map, if it stays."""
        if self._shared is not None and not self.opened.temporary:
            store = OverlayStore(self.opened.overlay, None, self.opened.size, shared=self._shared)
            work = store.flush()
            assert work is not None
            work()

    def close(self) -> None:
        if self.lazy is not None:
            self.lazy.close()
        self._close_shared()
        if not self._closed:
            self._closed = True
            let_go([self.opened.base, self.opened.overlay])

    def _close_shared(self) -> None:
        if self._shared is not None:
            self._shared.close()
            self._shared = None
        self._map_fd = self._changed_fd = let_go([self._map_fd, self._changed_fd])

    # For CapturedDisk

    def share(self) -> "_Share | None":
        """The map and the overlay once more, for as long as a capture lasts."""
        if self._shared is None:
            return None
        return _Share(self._map_fd, self._changed_fd, self.opened.overlay, self.opened.size)

    def base_reader(self) -> BaseReader | None:
        disk, lazy = self.opened, self.lazy
        if disk.base < 0:
            return None
        if lazy is None:
            return BaseReader(disk.base, disk.base_size)
        return BaseReader(disk.base, disk.base_size, lazy.loader.ensure, lazy.used)


def disks_of_files(opened: OpenDisks) -> list[GuestDisk]:
    """All or none; what was opened is theirs, or closed. Raises StorageError or OutOfMemory."""
    disks: list[GuestDisk] = []
    try:
        for number, disk in enumerate(opened.disks):
            disks.append(GuestDisk(f"disk{number}", disk))
    except BaseException:
        for made in disks:
            made._close_shared()
        opened.close()
        raise
    return disks


def disk_from_space(name: str, reader: SpaceReader, serial: str, *, writable: bool) -> GuestDisk:
    """A disk, or a medium, as a profile has it; begin() makes it come. Raises StorageError, OutOfMemory or
    DamagedProfile."""
    size = reader.space.size
    overlay_fd = -1
    lazy = LazyBase(name, reader)
    try:
        if writable:
            overlay_fd = unnamed_file("overlay")
            overlay.create(overlay_fd, size, durable=False)
        opened = OpenDisk(
            base=lazy.fd, base_size=size, size=size, overlay=overlay_fd, temporary=True, serial=serial
        )
        return GuestDisk(name, opened, lazy)
    except BaseException as error:
        lazy.close()
        for fd in (lazy.fd, overlay_fd):
            if fd >= 0:
                os.close(fd)
        if isinstance(error, OSError):
            raise StorageError(f"There is no room for a guest's {name}: {error.strerror}") from error
        raise


class _Share:
    """Outlives its disk, which may be closed while it is saved."""

    def __init__(self, map_fd: int, changed_fd: int, overlay_fd: int, size: int) -> None:
        self._map_fd, self._changed_fd, self.overlay = map(os.dup, (map_fd, changed_fd, overlay_fd))
        self.map = SharedMap(self._map_fd, self._changed_fd, size)

    def close(self) -> None:
        self.map.close()
        fds = [self._map_fd, self._changed_fd, self.overlay]
        self._map_fd = self._changed_fd = self.overlay = let_go(fds)


class CapturedDisk:
    """One disk at the moment when its guest's process begins to keep what it overwrites, or begin_here().

    `shadow` is what that process is given. Reading is for any thread; close() it when the process has ended
    the capture, or is gone."""

    def __init__(self, disk: GuestDisk, *, everything: bool) -> None:
        """Raises StorageError, or ProfileError where this disk cannot be in a profile."""
        if disk.captured:
            raise StorageError(f"{disk.name} is being captured already")
        if disk.opened.direct:
            raise ProfileError(
                f"{disk.name} is written to directly (mode=direct), so it cannot be kept in a profile: an "
                "overlay can"
            )
        self.name = disk.name
        self.size = disk.opened.size
        self._disk = disk
        self.fresh = not disk.in_profile
        """No file has it yet."""
        self._everything = everything or self.fresh
        self._share = disk.share()
        self._base = disk.base_reader()
        self._committed = False
        self._content: DiskCapture | None = None
        self._shadow: Shadow | None = None
        self.shadow = unnamed_file(f"{self.name}-shadow")
        disk.captured = True
        if self._share is None:
            return
        try:
            capture.create(self.shadow, self.size, everything=self._everything)
            self._share.map.clear_idle()
        except OSError as error:
            self.close()
            raise StorageError(f"{self.name} cannot be captured: {error.strerror}") from error

    def begin_here(self) -> None:
        """For a guest without a process: nothing changes it."""
        if self._share is not None:
            capture.begin(self.shadow, self._share.map)

    def content(self) -> DiskCapture:
        """Once it has begun. Raises StorageError."""
        if self._content is None:
            if self._share is not None:
                data = overlay.data_offset(self.size)
                self._shadow = Shadow(self.shadow, self._share.overlay, data, self._share.map)
            self._content = DiskCapture(self.size, self._base, self._shadow)
        return self._content

    @property
    def changed(self) -> list[int] | None:
        """Chunks of CHUNK bytes that have changed since the last capture; None where all were captured."""
        return None if self._everything else self.content().changed_chunks()

    def chunk(self, index: int) -> bytes | bytearray:
        """As it was, b"" for zeros. Raises StorageError or DamagedProfile."""
        return self.content().chunk(index)

    def committed(self) -> None:
        """A file has it. Without this, what had changed counts as changed again."""
        self._disk.in_profile = True
        self._committed = True

    def copy(self) -> OpenDisk:
        """A disk like it for another guest: the base is shared. Blocks; raises StorageError."""
        disk = self._disk.opened
        self.content()
        if self._disk.lazy is not None:
            loader = self._disk.lazy.loader
            loader.hurry()
            if not loader.wait():
                raise StorageError(f"{self.name} could not be loaded as a whole, so it cannot be cloned")
        copied = OpenDisk(base=-1, base_size=disk.base_size, size=disk.size, serial=disk.serial)
        if disk.base >= 0:
            copied.base = os.dup(disk.base)
        if disk.overlay < 0:
            return copied
        try:
            copied.overlay, copied.temporary = unnamed_file("overlay"), True
            overlay.create(copied.overlay, copied.size, durable=False)
            self._copy_overlay(copied)
        except OSError as error:
            raise StorageError(f"{self.name} cannot be cloned: {error.strerror}") from error
        return copied

    def _copy_overlay(self, copied: OpenDisk) -> None:
        assert self._shadow is not None
        store = OverlayStore(copied.overlay, None, copied.size, durable=False)
        for chunk in range(-(-copied.size // CHUNK)):
            if not self._shadow.maybe_here(chunk):
                continue
            here, content = self._shadow.chunk(chunk)
            for cluster in range(PER_CHUNK):
                if here >> cluster & 1:
                    piece = content[cluster * CLUSTER : (cluster + 1) * CLUSTER]
                    store.write(chunk * CHUNK + cluster * CLUSTER, (piece,), len(piece))
        work = store.flush()
        assert work is not None
        work()

    def close(self) -> None:
        if self.shadow < 0:
            return
        if self._share is not None:
            if not self._committed:
                self._mark_again(self._share)
            self._share.close()
        self.shadow = let_go([self.shadow])
        if self._base is not None:
            self._base.close()
        self._disk.captured = False

    def _mark_again(self, share: _Share) -> None:
        with suppress(StorageError):  # it has never begun
            self.content()
        if self._shadow is not None:
            share.map.mark_again(self._shadow.half)
