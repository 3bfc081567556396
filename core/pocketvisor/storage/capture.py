"""A disk as it was at a moment, while its guest writes on: what is overwritten is kept beside it.

The handset makes a sparse file for it, the shadow. The guest's process puts into it what it knew at that
moment, and from then on a cluster's old content before its first change. The handset reads the disk behind
the guest's back: a cluster first, then whether it is in the shadow, which is where it is then read from.
The process writes in the opposite order (the content, the mark, the change), so the reader never takes what
is newer. A cluster that was not in the overlay at the moment is read from the base, which never changes.

THE SHADOW, little endian, each part in whole pages:

    header    magic "PVSHADOW", u64 size of the disk, u32 1 where all of the disk is wanted and 0 where only
              what has changed since the last time is; u32 1 once it has begun; u32 1 once it has failed
    here      the overlay's map as it was
    changed   a byte for each cluster: 1 where it had changed
    kept      a byte for each cluster: 1 where its old content is here
    data      the clusters, each at its own place

Where the shadow has no more room the capture fails, and not the guest.
"""

import os
import struct
from typing import Final, NamedTuple

from pocketvisor.errors import StorageError
from pocketvisor.storage.files import read_exactly, write_all
from pocketvisor.storage.shared_map import CLUSTER, SharedMap, changed_size, map_bytes

CHUNK: Final = 64 << 10
"""What a disk is saved in."""
PER_CHUNK: Final = CHUNK // CLUSTER

_MAGIC: Final = b"PVSHADOW"
_HEADER: Final = struct.Struct("<8sQIII")
_BEGUN_AT, _FAILED_AT = 20, 24
_HEADER_SIZE: Final = 4096
_YES: Final = struct.pack("<I", 1)
_PIECE: Final = (1 << 20) // CLUSTER


class Layout(NamedTuple):
    """Where the parts of a shadow begin, and its size."""

    here: int
    changed: int
    kept: int
    data: int
    size: int


def layout(size: int) -> Layout:
    here = _HEADER_SIZE
    changed = here + map_bytes(size)
    kept = changed + changed_size(size)
    data = kept + changed_size(size)
    return Layout(here, changed, kept, data, data + -(-size // CLUSTER) * CLUSTER)


def create(fd: int, size: int, *, everything: bool) -> None:
    """A new shadow in an empty file, for a disk of this size."""
    os.ftruncate(fd, layout(size).size)
    os.pwrite(fd, _HEADER.pack(_MAGIC, size, everything, False, False), 0)


def begin(fd: int, shared: SharedMap) -> "tuple[bytearray, bytearray | None]":
    """What is known now goes into the shadow, and from now on changes are marked anew. Answers which clusters
    are here, as bits, and which had changed, as bytes; None where all of the disk is wanted.

    Nobody changes the disk meanwhile. Raises ValueError where this is no new shadow of this disk."""
    head = os.pread(fd, _HEADER.size, 0)
    if len(head) < _HEADER.size or os.fstat(fd).st_size != layout(shared.size).size:
        raise ValueError("a shadow is shorter than its disk")
    magic, size, everything, begun, _ = _HEADER.unpack(head)
    if magic != _MAGIC or size != shared.size or begun:
        raise ValueError("this is no new shadow of this disk")
    parts = layout(size)
    here, changed = shared.copy_map(), shared.take_changed()
    _write_used(fd, here, parts.here)
    _write_used(fd, changed, parts.changed)
    os.pwrite(fd, _YES, _BEGUN_AT)
    return here, None if everything else changed


class Keeper:
    """The guest's side: keeps what is about to be overwritten. The descriptors stay the caller's."""

    def __init__(self, shadow: int, overlay: int, data: int, shared: SharedMap) -> None:
        """`data`: where the clusters begin in the overlay."""
        self._overlay, self._data = overlay, data
        self._size = shared.size
        self._layout = layout(shared.size)
        self._left, self._changed = begin(shadow, shared)
        self._shadow = os.dup(shadow)

    def keep(self, first: int, end: int) -> None:
        """Before these clusters are changed."""
        left = self._left
        bits = int.from_bytes(left[first >> 3 : (end + 7) >> 3], "little") >> (first & 7)
        bits &= (1 << (end - first)) - 1
        at = first
        while bits:
            skipped = (bits & -bits).bit_length() - 1
            at, bits = at + skipped, bits >> skipped
            count = (~bits & (bits + 1)).bit_length() - 1
            self._keep_run(at, at + count)
            at, bits = at + count, bits >> count

    def _keep_run(self, first: int, end: int) -> None:
        """They are all here, and not kept yet."""
        left, at = self._left, first
        while at < end:
            stop = min(end, at + _PIECE)
            if self._changed is not None:
                stop = min(stop, (at // PER_CHUNK + 1) * PER_CHUNK)
            if self._wanted(at // PER_CHUNK) and not self._copy(at, stop):
                return
            at = stop
        for byte in range(first >> 3, (end + 7) >> 3):
            low, high = max(first - byte * 8, 0), min(end - byte * 8, 8)
            left[byte] &= ~((1 << high) - (1 << low)) & 0xFF

    def _wanted(self, chunk: int) -> bool:
        changed = self._changed
        return changed is None or changed.find(1, chunk * PER_CHUNK, (chunk + 1) * PER_CHUNK) >= 0

    def _copy(self, first: int, end: int) -> bool:
        length = min(end * CLUSTER, self._size) - first * CLUSTER
        content = bytearray(length)
        try:
            read_exactly(self._overlay, memoryview(content), self._data + first * CLUSTER)
            write_all(self._shadow, (content,), length, self._layout.data + first * CLUSTER)
            write_all(self._shadow, (b"\1" * (end - first),), end - first, self._layout.kept + first)
        except OSError:
            os.pwrite(self._shadow, _YES, _FAILED_AT)  # its page is there since create()
            self._left = bytearray(len(self._left))
            return False
        return True

    def close(self) -> None:
        os.close(self._shadow)


class Shadow:
    """The handset's side, once it has begun. The descriptors stay the caller's."""

    def __init__(self, shadow: int, overlay: int, data: int, size: int) -> None:
        self._fd, self._overlay, self._data, self._size = shadow, overlay, data, size
        head = os.pread(shadow, _HEADER.size, 0)
        if not int.from_bytes(head[_BEGUN_AT : _BEGUN_AT + 4], "little"):
            raise StorageError("The guest's process has not begun to keep what its disk was")
        self._layout = layout(size)
        self._here = self._part(self._layout.here, map_bytes(size))
        self.changed = self._part(self._layout.changed, changed_size(size))

    def here(self, chunk: int) -> int:
        """A bit for each cluster of a chunk that is in the overlay."""
        at = chunk * PER_CHUNK // 8
        return int.from_bytes(self._here[at : at + PER_CHUNK // 8], "little")

    def chunks_here(self) -> list[int]:
        """Chunks of which something is in the overlay."""
        return _used_groups(self._here, PER_CHUNK // 8)

    def changed_chunks(self) -> list[int]:
        """Chunks that had changed since the last time."""
        return _used_groups(self.changed, PER_CHUNK)

    def overlay_chunk(self, chunk: int) -> bytearray:
        """As it was; of what is not here() it says nothing. Raises StorageError where that is lost."""
        begin = chunk * CHUNK
        content = bytearray(min(CHUNK, self._size - begin))
        view = memoryview(content)
        read_exactly(self._overlay, view, self._data + begin)
        kept = os.pread(self._fd, PER_CHUNK, self._layout.kept + chunk * PER_CHUNK)
        at = kept.find(1)
        while at >= 0:
            part = view[at * CLUSTER : (at + 1) * CLUSTER]
            read_exactly(self._fd, part, self._layout.data + begin + at * CLUSTER)
            at = kept.find(1, at + 1)
        if os.pread(self._fd, 4, _FAILED_AT) == _YES:
            raise StorageError("There was no room to keep what a disk was before its guest wrote on")
        return content

    def _part(self, begin: int, size: int) -> bytearray:
        content = bytearray(size)
        read_exactly(self._fd, memoryview(content), begin)
        return content


def _used_groups(marks: bytearray, group: int) -> list[int]:
    """Numbers of the groups of so many bytes in which one is not zero."""
    groups = []
    zeros = bytes(4096)
    for page in range(0, len(marks), 4096):
        if marks[page : page + 4096] == zeros:
            continue
        for at in range(page, min(page + 4096, len(marks)), group):
            if any(marks[at : at + group]):
                groups.append(at // group)
    return groups


def _write_used(fd: int, content: bytearray, offset: int) -> None:
    """What is not zero, by pages: the rest stays a hole."""
    zeros = bytes(4096)
    for at in range(0, len(content), 4096):
        page = content[at : at + 4096]
        if page != zeros:
            write_all(fd, (page,), len(page), offset + at)
