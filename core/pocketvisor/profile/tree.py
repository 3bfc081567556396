"""Spaces: named ranges of bytes as two levels of chunks, and how one is read.

Left out: who keeps the chunks. A function that gives a chunk's plain bytes by its id is handed in.
"""

import struct
import threading
from collections.abc import Callable, Iterator
from typing import Annotated, Final

import msgspec

from pocketvisor.errors import DamagedProfile

ID_SIZE: Final = 32
HOLE: Final = bytes(ID_SIZE)
"""The id of zeros; no chunk has it."""
FANOUT: Final = 1024
CHUNK_MIN: Final = 4096
CHUNK_MAX: Final = 1 << 20
NODE_MAX: Final = FANOUT * ID_SIZE
SPACES_MAX: Final = 256
NODES_MAX: Final = 65536
NODES_KEPT: Final = 512
"""By a reader, in memory: 16 MiB, and the nodes of 32 GiB of disk."""

_IDS: Final = struct.Struct(f"{ID_SIZE}s")

Fetch = Callable[[bytes, int], bytes]
"""(id, plain size) -> plain bytes, for any thread."""

Id = Annotated[bytes, msgspec.Meta(min_length=ID_SIZE, max_length=ID_SIZE)]


class Space(msgspec.Struct, frozen=True, array_like=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    size: Annotated[int, msgspec.Meta(ge=0, le=NODES_MAX * FANOUT * CHUNK_MAX)]
    chunk_size: Annotated[int, msgspec.Meta(ge=CHUNK_MIN, le=CHUNK_MAX)]
    nodes: Annotated[tuple[Id, ...], msgspec.Meta(max_length=NODES_MAX)]

    @property
    def chunks(self) -> int:
        return -(-self.size // self.chunk_size)

    def chunk_length(self, index: int) -> int:
        """The last one may be shorter."""
        return min(self.chunk_size, self.size - index * self.chunk_size)

    def node_chunks(self, node: int) -> int:
        """How many chunks a node has."""
        return min(FANOUT, self.chunks - node * FANOUT)

    def problem(self) -> str:
        """What is wrong with it, or nothing."""
        if self.chunk_size & (self.chunk_size - 1):
            return f"its chunk size {self.chunk_size} is no power of two"
        if len(self.nodes) != node_count(self.size, self.chunk_size):
            return f"its size {self.size} and its {len(self.nodes)} nodes do not fit"
        return ""


def node_count(size: int, chunk_size: int) -> int:
    return -(-size // (chunk_size * FANOUT))


class SpaceReader:
    """One space of one generation. For any thread, several at a time.

    `file`: the name of the file that errors are about; without it they are without a sentence's frame."""

    def __init__(self, space: Space, fetch: Fetch, file: str = "") -> None:
        self.space = space
        self._frame = f"{file} is damaged: " if file else ""
        self._fetch = fetch
        self._nodes: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def id(self, index: int) -> bytes:
        """A chunk's id, HOLE for zeros. Raises DamagedProfile."""
        if not 0 <= index < self.space.chunks:
            raise IndexError(f"{self.space.name} has no chunk {index}")
        node, place = divmod(index, FANOUT)
        ids = self.node(node)
        return ids[place * ID_SIZE : (place + 1) * ID_SIZE] if ids else HOLE

    def node(self, node: int) -> bytes:
        """The ids of its chunks, one after another; nothing where all are holes."""
        ids = self._nodes.get(node)
        if ids is not None:
            return ids
        own = self.space.nodes[node]
        if own == HOLE:
            ids = b""
        else:
            size = self.space.node_chunks(node) * ID_SIZE
            try:
                ids = self._fetch(own, size)
            except DamagedProfile as error:
                raise self._damaged(f"node {node}", error) from error
        with self._lock:
            if len(self._nodes) >= NODES_KEPT:  # a hostile disk is large, and the same node a thousand times
                self._nodes.pop(next(iter(self._nodes)))
            self._nodes[node] = ids
        return ids

    def chunk(self, index: int) -> bytes:
        """Its plain bytes, nothing where all are zeros. Raises DamagedProfile."""
        own = self.id(index)
        if own == HOLE:
            return b""
        try:
            return self._fetch(own, self.space.chunk_length(index))
        except DamagedProfile as error:
            raise self._damaged(f"chunk {index}", error) from error

    def _damaged(self, part: str, error: DamagedProfile) -> DamagedProfile:
        return DamagedProfile(f"{self._frame}{self.space.name}, {part}: {error}")

    def read(self, offset: int, size: int) -> bytes:
        """Raises DamagedProfile."""
        if offset < 0 or size < 0 or offset + size > self.space.size:
            raise IndexError(f"{self.space.name} has no {size} bytes at {offset}")
        pieces = []
        chunk_size = self.space.chunk_size
        while size:
            index, start = divmod(offset, chunk_size)
            length = min(chunk_size - start, size)
            whole = self.chunk(index)
            pieces.append(whole[start : start + length] if whole else bytes(length))
            offset, size = offset + length, size - length
        return b"".join(pieces)

    def present(self) -> Iterator[int]:
        """The chunks that are not holes. Raises DamagedProfile."""
        for node in range(len(self.space.nodes)):
            ids = self.node(node)
            for place in range(len(ids) // ID_SIZE):
                if ids[place * ID_SIZE : (place + 1) * ID_SIZE] != HOLE:
                    yield node * FANOUT + place


def collect(reader: SpaceReader, ids: set[bytes], nodes: set[bytes] | None = None) -> None:
    """Adds the ids of all its chunks and nodes. Raises DamagedProfile.

    `nodes`: those whose chunks are in `ids` already, which generations share; they are added."""
    for node, own in enumerate(reader.space.nodes):
        if own == HOLE or (nodes is not None and own in nodes):
            continue
        ids.add(own)
        if nodes is not None:
            nodes.add(own)
        content = reader.node(node)
        ids.update(own for (own,) in _IDS.iter_unpack(content))
    ids.discard(HOLE)
