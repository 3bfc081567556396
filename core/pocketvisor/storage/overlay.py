"""An overlay: what a guest has changed of a disk, in a sparse file of its own. The base stays as it is.

FORMAT, version 1, little endian. A disk is made of clusters of 4096 bytes; the last may be shorter.

    0x000  8 bytes   magic "PVOVRLAY"
    0x008  u32       version, 1
    0x00c  u32       size of a cluster, 4096
    0x010  u64       size of the disk in bytes, whole sectors of 512
    0x018  u64       size of the base file in bytes, 0 where there is none
    0x020  i64       when the base was last modified, in ns, as its file system says; -1: only just then
    0x028  32 bytes  blake3 of the base's whole content
    0x048  32 bytes  blake3 of bytes 0x000 to 0x048
    0x068            zeros up to 0x1000
    0x1000           the map, one bit a cluster, least significant bit first, zeros up to whole 4096 bytes
    then             the data: each cluster at its own place, as if the disk began here

A bit that is set says: the cluster is here, and where the file has a hole it is zeros. Else it is the base's,
and what lies at its place means nothing. Bits are only ever set. A base shorter than the disk goes on as
zeros.

What a guest has flushed survives the end of the process or of the host at any byte: a flush makes the data
durable, and only then writes the bits, and makes those durable. A write to a cluster that is not here copies
the rest of it from the base. So a bit in the file never stands for data that is not, and a map that was
written in part is an older map with some of the newer bits: it needs no checksum.

While a guest's processes share the map (shared_map.py), that one counts, and the first flush of a process
writes all of it: what a process before it has flushed is not known.

Another overlay's base is refused: it is known again by size and time, or else by its content. By that alone
where it had been written to just before: what is written next may have the same time.
Left out: snapshots in the file, compression, giving room back for clusters that equal the base again.
"""

import errno
import os
import struct
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from blake3 import blake3

from pocketvisor.errors import StorageError
from pocketvisor.storage.capture import Keeper
from pocketvisor.storage.files import (
    SECTOR,
    FlushFailed,
    HandedOver,
    Store,
    Views,
    punch,
    read_exactly,
    write_all,
    zero,
)
from pocketvisor.storage.shared_map import CLUSTER, SharedMap, map_bytes, runs

MAGIC: Final = b"PVOVRLAY"
VERSION: Final = 1
HEADER_SIZE: Final = 4096
DISK_MAX: Final = 1 << 40
"""The largest disk: its map is 32 MiB, and that much of memory."""

_FIELDS: Final = struct.Struct("<8sIIQQq32s")
_CHECKED: Final = _FIELDS.size
_PAGE: Final = 4096
_CHUNK: Final = 1 << 20
_JUST_THEN: Final = -1
_GRAIN_NS: Final = 50_000_000
_COARSE_GRAIN_NS: Final = 2_000_000_000
"""How long a file may be written to without another time: the kernel's tick, or where seconds are counted."""


class Base(NamedTuple):
    """What an overlay was made for."""

    size: int
    modified_ns: int
    digest: bytes


NO_BASE: Final = Base(0, 0, bytes(32))


class Header(NamedTuple):
    size: int
    base: Base


class OverlayStore:
    """A disk that is an overlay over a base, on descriptors that were opened and checked by others."""

    read_only = False

    def __init__(
        self,
        fd: int,
        base: Store | None,
        size: int,
        *,
        durable: bool = True,
        shared: SharedMap | None = None,
    ) -> None:
        """`durable`: a flush is one; not for a file that nobody will find again. `shared`: the map, and what
        has changed, if the file's map is not to be read.

        Raises StorageError where the map is impossible, OSError where it cannot be read."""
        self._fd = fd
        self._durable = durable
        self._base = base
        self._base_size = base.size if base is not None else 0
        self._clusters = clusters = -(-size // CLUSTER)
        self._data = data_offset(size)
        self._shared = shared
        self._keeper: Keeper | None = None
        self._failed = False
        self._writing = threading.Lock()
        self._handed_over = False
        self._map: bytearray | memoryview
        self._dirty: set[int]  # pages of the map that are not in the file
        if shared is not None:
            self._map, self._dirty = shared.map, shared.used_pages()
        else:
            self._map, self._dirty = bytearray(map_bytes(size)), set()
            read_exactly(fd, memoryview(self._map), HEADER_SIZE)
        self.size = size
        if int.from_bytes(self._map[clusters >> 3 :], "little") >> (clusters & 7):
            raise StorageError("its map has bits behind the disk's end")

    def read(self, offset: int, view: memoryview) -> None:
        end = offset + len(view)
        for first, last, here in runs(self._map, offset // CLUSTER, -(-end // CLUSTER)):
            begin, stop = max(offset, first * CLUSTER), min(end, last * CLUSTER)
            part = view[begin - offset : stop - offset]
            if here:
                read_exactly(self._fd, part, self._data + begin)
            else:
                self._read_base(begin, part)

    def write(self, offset: int, pieces: Views, length: int) -> None:
        if not length:
            return
        end = offset + length
        first, last = offset // CLUSTER, (end - 1) // CLUSTER
        if offset % CLUSTER:
            self._copy_up(first)
        if end % CLUSTER and end < self.size and (last != first or not offset % CLUSTER):
            self._copy_up(last)
        self._changing(first, last + 1)
        write_all(self._fd, pieces, length, self._data + offset)
        self._set(first, last + 1)

    def discard(self, offset: int, length: int) -> None:
        """Whole clusters are zeros from now on."""
        end = offset + length
        first, last = -(-offset // CLUSTER), (self._clusters if end == self.size else end // CLUSTER)
        if first >= last:
            return
        self._changing(first, last)
        if punch(self._fd, self._data + first * CLUSTER, (last - first) * CLUSTER):
            self._set(first, last)

    def write_zeroes(self, offset: int, length: int, unmap: bool) -> None:
        end = offset + length
        first, last = -(-offset // CLUSTER), (self._clusters if end == self.size else end // CLUSTER)
        if first >= last:
            self.write(offset, (bytes(length),), length)
            return
        head, tail = first * CLUSTER - offset, max(0, end - last * CLUSTER)
        self.write(offset, (bytes(head),), head)
        self._changing(first, last)
        zero(self._fd, self._data + first * CLUSTER, (last - first) * CLUSTER, unmap)
        self._set(first, last)
        self.write(end - tail, (bytes(tail),), tail)

    def flush(self) -> Callable[[], None] | None:
        pages = {number: bytes(self._map[number * _PAGE : (number + 1) * _PAGE]) for number in self._dirty}
        self._dirty.clear()
        return lambda: self._flush(pages)

    def _flush(self, pages: dict[int, bytes]) -> None:
        """Data first: until it is durable no bit may stand for it."""
        if self._failed or (self._shared is not None and self._shared.failed):
            raise FlushFailed
        try:
            self._sync()
            with self._writing:
                if self._handed_over:
                    raise HandedOver
                for number, page in sorted(pages.items()):
                    write_all(self._fd, (page,), len(page), HEADER_SIZE + number * _PAGE)
            if pages:
                self._sync()
        except HandedOver:
            raise
        except OSError:
            # The kernel forgets what it could not write: the next fdatasync would succeed for nothing.
            self._failed = True
            if self._shared is not None:
                self._shared.failed = True
            raise

    def hand_over(self) -> None:
        """Another process has the disk from now on. A flush that is on the way writes nothing any more: what
        it knows of the map is old, and the other one's may be in the file already."""
        with self._writing:
            self._handed_over = True

    def take_back(self) -> None:
        """Nothing came of it."""
        self._handed_over = False
        if self._shared is not None:
            self._dirty = self._shared.used_pages()

    def begin_capture(self, shadow: int) -> None:
        """From now on what is overwritten is kept in the shadow (capture.py), whose descriptor stays the
        caller's. Nothing needs to be durable for it. Raises ValueError where it is none, or there is no map
        to share, OSError where it cannot be written."""
        if self._shared is None:
            raise ValueError("this disk's map is not shared")
        self.end_capture()
        self._keeper = Keeper(shadow, self._fd, self._data, self._shared)

    def end_capture(self) -> None:
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def _changing(self, first: int, end: int) -> None:
        """Before these clusters are changed."""
        if self._keeper is not None:
            self._keeper.keep(first, end)
        if self._shared is not None:
            self._shared.mark(first, end)

    def _sync(self) -> None:
        if self._durable:
            os.fdatasync(self._fd)

    def _read_base(self, offset: int, view: memoryview) -> None:
        inside = min(len(view), max(0, self._base_size - offset))
        if inside and self._base is not None:
            self._base.read(offset, view[:inside])
        view[inside:] = bytes(len(view) - inside)

    def _copy_up(self, cluster: int) -> None:
        """For a write to a part of it: the rest has to be here as well. The bit is set when all is."""
        if self._map[cluster >> 3] >> (cluster & 7) & 1:
            return
        at = cluster * CLUSTER
        content = bytearray(min(CLUSTER, self.size - at))
        self._read_base(at, memoryview(content))
        write_all(self._fd, (content,), len(content), self._data + at)

    def _set(self, first: int, end: int) -> None:
        """The clusters are here."""
        low, high = first >> 3, (end - 1) >> 3
        size = high - low + 1
        before = int.from_bytes(self._map[low : high + 1], "little")
        after = before | (((1 << (end - first)) - 1) << (first & 7))
        if after != before:
            self._map[low : high + 1] = after.to_bytes(size, "little")
            self._dirty.update(range(low // _PAGE, high // _PAGE + 1))


def data_offset(size: int) -> int:
    """Where the data of a disk of this size begins: behind header and map."""
    return HEADER_SIZE + map_bytes(size)


def create(fd: int, size: int, base: Base = NO_BASE, *, durable: bool = True) -> None:
    """Make a new overlay in an empty file. The header comes last: a file that was not finished has none.

    The map gets its room now, so that a full host disk cannot keep a flush from writing it."""
    check_size(size)
    data = data_offset(size)
    os.ftruncate(fd, data + -(-size // CLUSTER) * CLUSTER)
    try:
        os.posix_fallocate(fd, 0, data)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
    if durable:
        os.fdatasync(fd)
    fields = _FIELDS.pack(MAGIC, VERSION, CLUSTER, size, base.size, base.modified_ns, base.digest)
    os.pwrite(fd, fields + blake3(fields).digest(), 0)
    if durable:
        os.fsync(fd)


def read_header(fd: int) -> Header:
    """Raises StorageError with the end of a sentence where it is no overlay of this format."""
    head = os.pread(fd, _CHECKED + 32, 0)
    if len(head) < _CHECKED + 32 or not head.startswith(MAGIC):
        raise StorageError("is no overlay of Pocketvisor's, or was not finished")
    _, version, cluster, size, base_size, modified_ns, digest = _FIELDS.unpack_from(head)
    if version > VERSION:
        raise StorageError(f"is an overlay of version {version}, newer than this program's {VERSION}")
    if blake3(head[:_CHECKED]).digest() != head[_CHECKED:]:
        raise StorageError("has a damaged header")
    if version != VERSION or cluster != CLUSTER:
        raise StorageError(f"says version {version} with clusters of {cluster} bytes, which never was")
    check_size(size)
    if os.fstat(fd).st_size < data_offset(size) + size:
        raise StorageError("ends before its disk does")
    return Header(size, Base(base_size, modified_ns, digest))


def check_size(size: int) -> None:
    """Raises StorageError where no disk has this size."""
    if not 0 < size <= DISK_MAX or size % SECTOR:
        raise StorageError(f"holds a disk of {size} bytes: a disk is made of whole sectors, up to 1 TiB")


def base_of(fd: int) -> Base:
    """The base that a file is, its whole content read."""
    status = os.fstat(fd)
    modified_ns = status.st_mtime_ns
    digest = content_digest(fd, status.st_size)
    grain = _GRAIN_NS if modified_ns % 1_000_000_000 else _COARSE_GRAIN_NS
    settled = time.time_ns() - modified_ns > grain
    return Base(status.st_size, modified_ns if settled else _JUST_THEN, digest)


def is_base(fd: int, base: Base) -> bool:
    """Whether the file is what an overlay was made for: unchanged by its times, or else by its content."""
    status = os.fstat(fd)
    if status.st_size != base.size:
        return False
    if base.modified_ns == status.st_mtime_ns != _JUST_THEN:
        return True
    return content_digest(fd, base.size) == base.digest


def content_digest(fd: int, size: int) -> bytes:
    """blake3 of a file's content. Holes count as the zeros they stand for, and are not read."""
    hasher = blake3()
    buffer = memoryview(bytearray(_CHUNK))
    zeros = bytes(_CHUNK)
    at = 0
    while at < size:
        try:
            data = min(size, os.lseek(fd, at, os.SEEK_DATA))
            end = min(size, os.lseek(fd, data, os.SEEK_HOLE)) if data < size else size
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            data, end = size, size  # nothing but a hole up to the end
        while at < data:
            hasher.update(zeros[: min(_CHUNK, data - at)])
            at += min(_CHUNK, data - at)
        while at < end:
            part = buffer[: min(_CHUNK, end - at)]
            read_exactly(fd, part, at)
            hasher.update(part)
            at += len(part)
    return hasher.digest()
