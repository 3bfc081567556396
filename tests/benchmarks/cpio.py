"""The newc cpio archives that Linux takes as an initrd: read one file out of one, write a small one.

Left out: hard links, checksums and times; everything is root's.
"""

import gzip
from collections.abc import Iterator
from stat import S_IFDIR, S_IFLNK, S_IFREG

_MAGIC = b"070701"
_HEADER = 110


def entries(archive: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(name, mode, content) of each entry of one plain newc archive."""
    place = 0
    while archive[place : place + 6] == _MAGIC:
        fields = [int(archive[place + 6 + 8 * n : place + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[place + _HEADER : place + _HEADER + name_size - 1].decode()
        start = (place + _HEADER + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return
        yield name, mode, archive[start : start + size]
        place = (start + size + 3) & ~3


Entry = tuple[str, int, bytes]


def directory(name: str) -> Entry:
    """An entry for a directory."""
    return name, S_IFDIR | 0o755, b""


def program(name: str, content: bytes) -> Entry:
    """An entry for an executable file."""
    return name, S_IFREG | 0o755, content


def link(name: str, target: str) -> Entry:
    """An entry for a symbolic link."""
    return name, S_IFLNK | 0o777, target.encode()


def pack(*parts: Entry) -> bytes:
    """A gzip-compressed archive of such entries, the same bytes each time."""
    numbered = enumerate((*parts, ("TRAILER!!!", 0, b"")), 1)
    return gzip.compress(b"".join(_packed(number, *entry) for number, entry in numbered), mtime=0)


def _packed(inode: int, name: str, mode: int, content: bytes) -> bytes:
    raw_name = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw_name), 0)
    head = _MAGIC + b"".join(b"%08x" % value for value in fields) + raw_name
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
