"""The newc cpio archive, which Linux unpacks as its first file system: written and listed.

Written deterministically: root owns everything, times are zero, inodes are numbered in order.
Left out: hard links, device nodes (devtmpfs makes them) and the variant with checksums.
"""

from collections.abc import Iterator
from stat import S_IFDIR, S_IFLNK, S_IFREG
from typing import BinaryIO, NamedTuple

from pocketvisor.errors import ImageError

_MAGIC = b"070701"
_HEADER_SIZE = 110
_TRAILER = "TRAILER!!!"
_LONGEST_NAME = 4096


class Entry(NamedTuple):
    """A file, folder or link in an archive; a link's content is where it leads."""

    name: str
    mode: int
    content: bytes = b""


def folder(name: str) -> Entry:
    return Entry(name, S_IFDIR | 0o755)


def file(name: str, content: bytes, *, executable: bool = False) -> Entry:
    return Entry(name, S_IFREG | (0o755 if executable else 0o644), content)


def link(name: str, target: str) -> Entry:
    return Entry(name, S_IFLNK | 0o777, target.encode())


def pack(entries: list[Entry]) -> bytes:
    """An archive of these entries, in their order."""
    return b"".join(_packed(inode, entry) for inode, entry in enumerate([*entries, Entry(_TRAILER, 0)], 1))


def _packed(inode: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if entry.mode & S_IFDIR and not entry.mode & S_IFREG else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    return _padded(_MAGIC + b"".join(b"%08x" % field for field in fields) + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def read(stream: BinaryIO, *, largest: int = 64 << 20) -> Iterator[Entry]:
    """The entries of an archive; ImageError if it is none, cut short, or a file is too large."""
    while True:
        header = stream.read(_HEADER_SIZE)
        if len(header) < _HEADER_SIZE or not header.startswith(_MAGIC):
            raise ImageError("is no newc cpio archive, or is cut short")
        try:
            fields = [int(header[start : start + 8], 16) for start in range(6, _HEADER_SIZE, 8)]
        except ValueError as error:
            raise ImageError("is a damaged cpio archive") from error
        mode, size, name_size = fields[1], fields[6], fields[11]
        if not 0 < name_size <= _LONGEST_NAME or size > largest:
            raise ImageError("is a damaged cpio archive, or holds a file that is too large")
        name = _exactly(stream, name_size + -(_HEADER_SIZE + name_size) % 4)[: name_size - 1]
        if name == _TRAILER.encode():
            return
        content = _exactly(stream, size + -size % 4)[:size]
        yield Entry(name.decode("utf-8", "surrogateescape"), mode, content)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise ImageError("is a cpio archive that is cut short")
    return data
