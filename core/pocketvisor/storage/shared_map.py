"""What successive processes of one guest know of its overlay: which clusters are here, which have changed.

Two memfds that the handset makes and keeps; a process that takes over after another reads neither file nor
log, but goes on.

`map`: the overlay's map as in its file, and behind it a page of state. It is what counts while the handset
has it; the file's map is written at a flush alone. The state's first byte says that a flush has failed, the
second which half of `changed` counts.

`changed`: two halves, each with a byte for each cluster, 1 where it has changed. When the disk is captured
the guest's process turns to the other half, which the handset has cleared before: the first then says what
has changed up to that moment, and nothing needs to be copied while the guest stands still.
"""

import mmap
from collections.abc import Iterator
from typing import Final

from pocketvisor.storage.files import data_pieces, data_ranges, punch, write_all

CLUSTER: Final = 4096
PAGE: Final = 4096

_FAILED: Final = 0
_HALF: Final = 1


def cluster_count(size: int) -> int:
    return -(-size // CLUSTER)


def map_bytes(size: int) -> int:
    """Of an overlay's map of a disk of this size, in whole pages."""
    return -(-cluster_count(size) // (8 * PAGE)) * PAGE


def shared_map_size(size: int) -> int:
    """Of the memfd `map`."""
    return map_bytes(size) + PAGE


def marks_size(size: int) -> int:
    """A byte for each cluster, in whole pages."""
    return -(-cluster_count(size) // PAGE) * PAGE


def shared_changed_size(size: int) -> int:
    """Of the memfd `changed`."""
    return 2 * marks_size(size)


class SharedMap:
    """Both memfds, for whichever process; the descriptors stay the caller's."""

    def __init__(self, map_fd: int, changed_fd: int, size: int) -> None:
        self.size = size
        self._map_fd, self._changed_fd = map_fd, changed_fd
        self._map_bytes, self._half_bytes = map_bytes(size), marks_size(size)
        self._map_memory = mmap.mmap(map_fd, shared_map_size(size))
        self._changed_memory = mmap.mmap(changed_fd, shared_changed_size(size))
        self.map = memoryview(self._map_memory)[: self._map_bytes]
        self._state = memoryview(self._map_memory)[self._map_bytes :]
        changed = memoryview(self._changed_memory)
        self._halves = (changed[: self._half_bytes], changed[self._half_bytes :])

    # The map

    @property
    def failed(self) -> bool:
        return bool(self._state[_FAILED])

    @failed.setter
    def failed(self, failed: bool) -> None:
        self._state[_FAILED] = failed

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

    # What has changed

    @property
    def half(self) -> int:
        """Which counts."""
        return self._state[_HALF] & 1

    def mark(self, first: int, end: int) -> None:
        """These clusters are about to change."""
        self._halves[self.half][first:end] = b"\1" * (end - first)

    def marks(self, half: int) -> memoryview:
        return self._halves[half]

    def turn(self) -> int:
        """From now on the other half counts. Answers which did."""
        half = self.half
        self._state[_HALF] = half ^ 1
        return half

    def clear_idle(self) -> None:
        """Before a turn: the half that does not count."""
        punch(self._changed_fd, (self.half ^ 1) * self._half_bytes, self._half_bytes)

    def used_marks(self, half: int) -> Iterator[tuple[int, bytes]]:
        """(first cluster, marks) of pieces of whole pages, where there may be some."""
        begin = half * self._half_bytes
        for at, piece in data_pieces(self._changed_fd, begin, begin + self._half_bytes):
            yield at - begin, piece

    def mark_again(self, half: int) -> None:
        """What the half says, in the one that counts: the guest may mark others meanwhile."""
        begin = self.half * self._half_bytes
        for first, marks in self.used_marks(half):
            at = marks.find(1)
            while at >= 0:
                end = marks.find(0, at)
                end = len(marks) if end < 0 else end
                write_all(self._changed_fd, (marks[at:end],), end - at, begin + first + at)
                at = marks.find(1, end)

    def close(self) -> None:
        for view in (self.map, self._state, *self._halves):
            view.release()
        self._map_memory.close()
        self._changed_memory.close()


def runs(bits_of: bytearray | memoryview, first: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(cluster, end, its bit in a map) of the stretches that are alike."""
    count = end - first
    bits = int.from_bytes(bits_of[first >> 3 : (end + 7) >> 3], "little") >> (first & 7)
    bits &= (1 << count) - 1
    while count:
        here = bool(bits & 1)
        turn = ~bits if here else bits
        length = (turn & -turn).bit_length() - 1 if turn else count
        length = min(length, count)
        yield first, first + length, here
        first, count, bits = first + length, count - length, bits >> length
