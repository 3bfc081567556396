"""What successive processes of one guest know of its overlay: which clusters are here, which have changed.

Two memfds that the handset makes and keeps. `map`: the overlay's map as in its file, and behind it a page
whose first byte says that a flush has failed. It is what counts while the handset has it; the file's map is
written at a flush alone. `changed`: a byte for each cluster, 1 where it has changed since a generation of the
guest's profile was made. A process that takes over after another reads neither file nor log: it goes on.
"""

import mmap
from typing import Final

from pocketvisor.storage.files import data_pieces, data_ranges, punch, read_exactly, write_all

CLUSTER: Final = 4096
PAGE: Final = 4096


def cluster_count(size: int) -> int:
    return -(-size // CLUSTER)


def map_bytes(size: int) -> int:
    """Of an overlay's map of a disk of this size, in whole pages."""
    return -(-cluster_count(size) // (8 * PAGE)) * PAGE


def shared_map_size(size: int) -> int:
    """Of the memfd `map`."""
    return map_bytes(size) + PAGE


def changed_size(size: int) -> int:
    """Of the memfd `changed`."""
    return -(-cluster_count(size) // PAGE) * PAGE


class SharedMap:
    """Both memfds, for whichever process; the descriptors stay the caller's."""

    def __init__(self, map_fd: int, changed_fd: int, size: int) -> None:
        self.size = size
        self._map_fd, self._changed_fd = map_fd, changed_fd
        self._map_bytes = map_bytes(size)
        self._map_memory = mmap.mmap(map_fd, shared_map_size(size))
        self._changed_memory = mmap.mmap(changed_fd, changed_size(size))
        self.map = memoryview(self._map_memory)[: self._map_bytes]
        self.state = memoryview(self._map_memory)[self._map_bytes :]
        self.changed = memoryview(self._changed_memory)

    def load(self, overlay_fd: int, offset: int) -> None:
        """The map from an overlay's file, where no process has had it yet. Raises OSError."""
        for at, piece in data_pieces(overlay_fd, offset, offset + self._map_bytes):
            self.map[at - offset : at - offset + len(piece)] = piece

    def used_pages(self) -> set[int]:
        """The map's pages that may have bits."""
        used: set[int] = set()
        for begin, end in data_ranges(self._map_fd, 0, self._map_bytes):
            used.update(range(begin // PAGE, -(-end // PAGE)))
        return used

    def copy_map(self) -> bytearray:
        return _copy(self._map_fd, self._map_bytes)

    def take_changed(self) -> bytearray:
        """All that was marked; nothing is afterwards."""
        marks = _copy(self._changed_fd, changed_size(self.size))
        punch(self._changed_fd, 0, changed_size(self.size))
        return marks

    def mark_again(self, marks: bytes | bytearray) -> None:
        """What take_changed() took, since nothing came of it; the guest may mark others meanwhile."""
        at = marks.find(1)
        while at >= 0:
            end = marks.find(0, at)
            end = len(marks) if end < 0 else end
            write_all(self._changed_fd, (bytes(marks[at:end]),), end - at, at)
            at = marks.find(1, end)

    def close(self) -> None:
        for view in (self.map, self.state, self.changed):
            view.release()
        self._map_memory.close()
        self._changed_memory.close()


def _copy(fd: int, size: int) -> bytearray:
    """A memfd's first bytes. Holes stay holes, here and there."""
    copied = bytearray(size)
    view = memoryview(copied)
    for begin, end in data_ranges(fd, 0, size):
        read_exactly(fd, view[begin:end], begin)
    return copied
