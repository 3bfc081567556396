"""Packs: the files of a vault that hold chunks, many in one so that a remote store is asked seldom.

    "PVPACK\\0\\1"  u32 count  salt 8  count * (id 32, size u32, hash 16)    little-endian: the head
    the chunks' bytes as in the profile's file, one after another

A pack's name is BLAKE3 of its head, and the head has a hash of each chunk: a pack is right or it is refused,
without any key, and a chunk can be read alone. FORMAT.md says what else is in a vault.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from blake3 import blake3

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile.transfer import BODY_MAX

MAGIC: Final = b"PVPACK\0\1"
CHUNKS_MAX: Final = 1024
TARGET: Final = 8 << 20
"""A pack is closed when it has so many bytes."""
PACK_MAX: Final = TARGET + BODY_MAX + (128 << 10)
_COUNT: Final = struct.Struct("<I")
_ENTRY: Final = struct.Struct("<32sI16s")
SALT: Final = 8
FIRST: Final = len(MAGIC) + _COUNT.size + SALT
HEAD_MAX: Final = FIRST + CHUNKS_MAX * _ENTRY.size


class PackHead:
    """Which chunks a pack has, and where."""

    def __init__(self, head: bytes) -> None:
        """Raises DamagedProfile."""
        count = head_count(head)
        if len(head) != FIRST + count * _ENTRY.size:
            raise DamagedProfile("A pack in the vault is damaged")
        self.name = blake3(head).digest()
        self.ids: list[bytes] = []
        self._pieces: list[tuple[int, int, bytes]] = []
        offset = len(head)
        for own, size, hashed in _ENTRY.iter_unpack(head[FIRST:]):
            if size > BODY_MAX:
                raise DamagedProfile("A pack in the vault is damaged")
            self.ids.append(own)
            self._pieces.append((offset, size, hashed))
            offset += size
        self.size = offset
        if self.size > PACK_MAX or len(set(self.ids)) != count:
            raise DamagedProfile("A pack in the vault is damaged")

    def place(self, index: int) -> tuple[int, int]:
        """Offset and size of a chunk in the file."""
        return self._pieces[index][:2]

    def checked(self, index: int, body: bytes) -> bytes:
        """Raises DamagedProfile where it is not what was packed."""
        _, size, hashed = self._pieces[index]
        if len(body) != size or _hash(body) != hashed:
            raise DamagedProfile("A pack in the vault is damaged")
        return body


def head_count(start: bytes) -> int:
    """How many chunks a pack has, from its first bytes. Raises DamagedProfile."""
    if len(start) < FIRST or not start.startswith(MAGIC):
        raise DamagedProfile("A pack in the vault is damaged")
    (count,) = _COUNT.unpack_from(start, len(MAGIC))
    if not 0 < count <= CHUNKS_MAX:
        raise DamagedProfile("A pack in the vault is damaged")
    return int(count)


def head_size(start: bytes) -> int:
    return FIRST + head_count(start) * _ENTRY.size


def make_pack(chunks: list[tuple[bytes, bytes]], salt: bytes = bytes(SALT)) -> tuple[PackHead, bytes]:
    """From (id, bytes). Another salt makes another name for the same."""
    parts = [_ENTRY.pack(own, len(body), _hash(body)) for own, body in chunks]
    head = b"".join((MAGIC, _COUNT.pack(len(chunks)), salt, *parts))
    return PackHead(head), b"".join((head, *(body for _, body in chunks)))


def grouped(chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """What becomes a pack each. The same chunks in the same order make the same packs: what an interrupted
    copy wrote is found again."""
    group: list[tuple[bytes, bytes]] = []
    size = 0
    for own, body in chunks:
        group.append((own, body))
        size += len(body)
        if size >= TARGET or len(group) == CHUNKS_MAX:
            yield group
            group, size = [], 0
    if group:
        yield group


def _hash(body: bytes) -> bytes:
    return blake3(body).digest(length=16)
