"""A disk as it was at a moment, while its guest writes on: what is overwritten is kept beside it.

The handset makes a sparse file for it, the shadow, and from that moment on the guest's process puts a
cluster's old content there before its first change, and a mark. Nothing is copied at the moment itself. The
handset reads the disk behind the guest's back: whether a cluster is in the overlay, and its content, and then
its mark, which says whether both were changed meanwhile. The process writes in the opposite order (the old
content, the mark, the change), so the reader never takes what is newer.

THE SHADOW, little endian, each part in whole pages:

    header    magic "PVSHADOW", u64 size of the disk, u32 1 where all of the disk is wanted and 0 where only
              what has changed since the last time is, u32 what has begun: 0, or 1 plus the half of `changed`
              (shared_map.py) that says what has changed; u32 1 once it has failed
    marks     a byte for each cluster. 0: it is as it was. 1: its old content is in the shadow. 2: it was not
              in the overlay, but in the base, which never changes
    data      the clusters, each at its own place

Where the shadow has no more room the capture fails, and not the guest.
"""

import mmap
import os
import struct
from typing import Final, NamedTuple

from pocketvisor.errors import StorageError
from pocketvisor.storage.descriptors import let_go
from pocketvisor.storage.files import read_exactly, write_all
from pocketvisor.storage.shared_map import CLUSTER, SharedMap, cluster_count, marks_size, runs

CHUNK: Final = 64 << 10
"""What a disk is saved in."""
PER_CHUNK: Final = CHUNK // CLUSTER

_MAGIC: Final = b"PVSHADOW"
_HEADER: Final = struct.Struct("<8sQIII")
_BEGUN_AT, _FAILED_AT = 20, 24
_HEADER_SIZE: Final = 4096
_KEPT, _IN_BASE = b"\1", b"\2"
_PIECE: Final = (1 << 20) // CLUSTER


class Layout(NamedTuple):
    """Where the parts of a shadow begin, and its size."""

    marks: int
    data: int
    size: int


def layout(size: int) -> Layout:
    data = _HEADER_SIZE + marks_size(size)
    return Layout(_HEADER_SIZE, data, data + cluster_count(size) * CLUSTER)


def create(fd: int, size: int, *, everything: bool) -> None:
    """A new shadow in an empty file, for a disk of this size."""
    os.ftruncate(fd, layout(size).size)
    os.pwrite(fd, _HEADER.pack(_MAGIC, size, everything, False, False), 0)


def begin(fd: int, shared: SharedMap) -> memoryview | None:
    """Answers the marks of what has changed up to now, None where all of the disk is wanted; from now on
    changes are marked anew. Nobody changes the disk meanwhile.

    Raises ValueError where this is no new shadow of this disk."""
    head = os.pread(fd, _HEADER.size, 0)
    if len(head) < _HEADER.size or os.fstat(fd).st_size != layout(shared.size).size:
        raise ValueError("a shadow is shorter than its disk")
    magic, size, everything, begun, _ = _HEADER.unpack(head)
    if magic != _MAGIC or size != shared.size or begun:
        raise ValueError("this is no new shadow of this disk")
    half = shared.half
    os.pwrite(fd, struct.pack("<I", 1 + half), _BEGUN_AT)
    shared.turn()
    return None if everything else shared.marks(half)


class Keeper:
    """The guest's side: keeps what is about to be overwritten. The descriptors stay the caller's."""

    def __init__(self, shadow: int, overlay: int, data: int, shared: SharedMap) -> None:
        """`data`: where the clusters begin in the overlay."""
        self._overlay, self._data = overlay, data
        self._size = shared.size
        self._layout = layout(shared.size)
        self._map = shared.map
        self._changed = begin(shadow, shared)
        # 1 where nothing is to be kept any more. A mapping: its zeros cost no time now.
        self._seen = mmap.mmap(-1, cluster_count(shared.size))
        self._shadow = os.dup(shadow)

    def keep(self, first: int, end: int) -> None:
        """Before these clusters are changed."""
        seen = self._seen
        at = seen.find(b"\0", first, end)
        while at >= 0:
            stop = seen.find(b"\1", at, end)
            stop = end if stop < 0 else stop
            stop = min(stop, at + _PIECE)
            if self._changed is not None:
                stop = min(stop, (at // PER_CHUNK + 1) * PER_CHUNK)
            if self._wanted(at // PER_CHUNK):
                self._copy(at, stop)
            seen[at:stop] = b"\1" * (stop - at)
            at = seen.find(b"\0", stop, end)

    def _wanted(self, chunk: int) -> bool:
        changed = self._changed
        return changed is None or any(changed[chunk * PER_CHUNK : (chunk + 1) * PER_CHUNK])

    def _copy(self, first: int, end: int) -> None:
        marks = b""
        try:
            for begin, stop, here in runs(self._map, first, end):
                if here:
                    length = min(stop * CLUSTER, self._size) - begin * CLUSTER
                    content = bytearray(length)
                    read_exactly(self._overlay, memoryview(content), self._data + begin * CLUSTER)
                    write_all(self._shadow, (content,), length, self._layout.data + begin * CLUSTER)
                marks += (_KEPT if here else _IN_BASE) * (stop - begin)
            write_all(self._shadow, (marks,), len(marks), self._layout.marks + first)
        except OSError:
            os.pwrite(self._shadow, struct.pack("<I", 1), _FAILED_AT)  # its page is there since create()
            self._seen[:] = b"\1" * len(self._seen)

    def close(self) -> None:
        self._shadow = let_go([self._shadow])


class Shadow:
    """The handset's side, once it has begun. The descriptors stay the caller's."""

    def __init__(self, shadow: int, overlay: int, data: int, shared: SharedMap) -> None:
        """Raises StorageError."""
        self._fd, self._overlay, self._data = shadow, overlay, data
        self._size, self._shared = shared.size, shared
        self._layout = layout(shared.size)
        head = os.pread(shadow, _HEADER.size, 0)
        begun = int.from_bytes(head[_BEGUN_AT : _BEGUN_AT + 4], "little")
        if begun not in (1, 2):
            raise StorageError("The guest's process has not begun to keep what its disk was")
        self.half = begun - 1
        """Of `changed`: what has changed up to the moment."""

    def changed_chunks(self) -> list[int]:
        """Chunks that had changed since the last time."""
        chunks = []
        for first, marks in self._shared.used_marks(self.half):
            at = marks.find(1)
            while at >= 0:
                chunk = (first + at) // PER_CHUNK
                chunks.append(chunk)
                at = marks.find(1, (chunk + 1) * PER_CHUNK - first)
        return [chunk for chunk in chunks if chunk * CHUNK < self._size]

    def maybe_here(self, chunk: int) -> bool:
        """Whether something of a chunk may be in the overlay; where not, it was not either."""
        return bool(self._bits(chunk))

    def chunk(self, chunk: int) -> tuple[int, bytearray]:
        """A bit for each cluster that was in the overlay, and the chunk's content, which is good for those
        alone. Raises StorageError where that is lost, OSError."""
        begin = chunk * CHUNK
        here = self._bits(chunk)
        content = bytearray(min(CHUNK, self._size - begin))
        if not here:
            return 0, content
        view = memoryview(content)
        read_exactly(self._overlay, view, self._data + begin)
        marks = os.pread(self._fd, PER_CHUNK, self._layout.marks + chunk * PER_CHUNK)
        for cluster in range(-(-len(content) // CLUSTER)):
            mark = marks[cluster : cluster + 1]
            if mark == _KEPT:
                part = view[cluster * CLUSTER : (cluster + 1) * CLUSTER]
                read_exactly(self._fd, part, self._layout.data + begin + cluster * CLUSTER)
            elif mark == _IN_BASE:
                here &= ~(1 << cluster)
        if any(os.pread(self._fd, 4, _FAILED_AT)):
            raise StorageError("There was no room to keep what a disk was before its guest wrote on")
        return here, content

    def _bits(self, chunk: int) -> int:
        at = chunk * PER_CHUNK // 8
        return int.from_bytes(self._shared.map[at : at + PER_CHUNK // 8], "little")
