"""Blocks of RAM that several guests of a handset have: one copy each, in layers that their processes read.

A layer is a memfd as large as the largest RAM; a block of it, once it is there, stays as it is for as long as
somebody's RAM has it. This process alone writes to it. Where a block is in a guest's RAM it is at the same
place in the layer, so that neighbours make one mapping; see docs/decisions/sharing-memory.md for what that
leaves out.
"""

import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from blake3 import blake3

from pocketvisor.board.map import RAM_MAX
from pocketvisor.guest.memory import create_memfd, touched_bytes
from pocketvisor.storage.descriptors import let_go
from pocketvisor.storage.lazy import BLOCK

if TYPE_CHECKING:
    from pocketvisor.guest.ram import Ram

IMAGE: Final = "image"
"""What was put into RAM before the guest began."""
FOUND: Final = "found"
"""What became the same."""
_LAYERS_OF_A_KIND: Final = 8


def digest_of(content: bytes) -> bytes:
    return blake3(content).digest(length=16)


class SharedLayer:
    """Made by a pool. Its blocks are found by number."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.fd = create_memfd("shared", RAM_MAX)
        self.digests: dict[int, bytes] = {}
        self.users: WeakSet[Ram] = WeakSet()

    def open(self) -> int:
        """A descriptor for a guest's process, which can only read."""
        return os.open(f"/proc/self/fd/{self.fd}", os.O_RDONLY | os.O_CLOEXEC)

    def put(self, block: int, content: bytes, digest: bytes) -> None:
        """Raises OSError."""
        at = block * BLOCK
        done = 0
        while done < len(content):
            done += os.pwrite(self.fd, memoryview(content)[done:], at + done)
        self.digests[block] = digest

    def used(self) -> dict[int, int]:
        """How many guests' RAM each of its blocks is in."""
        counts: dict[int, int] = {}
        for ram in tuple(self.users):
            with suppress(ValueError):  # it is closed just now
                for block in ram.blocks_in(self):
                    counts[block] = counts.get(block, 0) + 1
        return counts

    @property
    def held(self) -> int:
        """Of this computer's memory."""
        return touched_bytes(self.fd)

    def close(self) -> None:
        """Those who have it open keep it."""
        self.fd = let_go([self.fd])


class Pool:
    """One handset's. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._layers: list[SharedLayer] = []
        self._closed = False

    def __iter__(self) -> Iterator[SharedLayer]:
        return iter(tuple(self._layers))

    @property
    def held(self) -> int:
        """Of this computer's memory."""
        return sum(layer.held for layer in tuple(self._layers))

    def find(self, block: int, digest: bytes) -> SharedLayer | None:
        for layer in tuple(self._layers):
            if layer.digests.get(block) == digest:
                return layer
        return None

    def add(self, block: int, content: bytes, digest: bytes, kind: str) -> SharedLayer | None:
        """The layer that has it from now on; None where there is no place, or no memory for it. It stays up
        to the next collect(), if nobody has it by then."""
        with self._lock:
            return self._find_or_add(block, content, digest, kind)

    def place(self, ram: "Ram", blocks: dict[int, bytes]) -> set[int]:
        """Before a guest's process has the RAM: these contents are in layers of the image's. What of them
        could not be is the answer's, and is as it was."""
        left = set()
        with self._lock:
            for block, content in blocks.items():
                layer = self._find_or_add(block, content, digest_of(content), IMAGE)
                if layer is None:
                    left.add(block)
                else:
                    ram.put_in(layer, block)
        return left

    def _find_or_add(self, block: int, content: bytes, digest: bytes, kind: str) -> SharedLayer | None:
        layer = self.find(block, digest)
        if layer is not None or self._closed:
            return layer
        try:
            layer = self._free(block, kind)
            if layer is not None:
                layer.put(block, content, digest)
        except OSError:
            return None
        return layer

    def _free(self, block: int, kind: str) -> SharedLayer | None:
        of_kind = [layer for layer in self._layers if layer.kind == kind]
        for layer in of_kind:
            if block not in layer.digests:
                return layer
        if len(of_kind) == _LAYERS_OF_A_KIND:
            return None
        layer = SharedLayer(kind)
        self._layers.append(layer)
        return layer

    def collect(self) -> int:
        """Gives back what no guest has any more. Bytes."""
        freed = 0
        with self._lock:
            for layer in self._layers:
                used = layer.used()
                for block in [block for block in layer.digests if block not in used]:
                    del layer.digests[block]
                    freed += _punch(layer.fd, block * BLOCK, BLOCK)
        return freed

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for layer in self._layers:
                layer.close()
            self._layers.clear()


def _punch(fd: int, at: int, size: int) -> int:
    """The memory behind it is given back, which os cannot say: through a mapping of that piece."""
    with mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=at) as piece:
        piece.madvise(mmap.MADV_REMOVE)
    return size
