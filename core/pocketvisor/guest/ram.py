"""A guest's RAM as its handset holds it: a memory of its own, and under it layers that it shares with others.

A block of 64 KiB is in the own memory, in a layer, or nowhere yet: a map that the guest's process shares says
which (storage/lazy.py has its format; a number from 1 to LAYERS_MAX is that layer). Layers never change, so
that clones can share them: at its first write the guest's process copies a block to the own memory.
"""

import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from blake3 import blake3
from msgspec import structs

from pocketvisor.board.config import Descriptors
from pocketvisor.errors import GuestError
from pocketvisor.guest.memory import create_memfd, touched_bytes
from pocketvisor.storage.descriptors import let_go
from pocketvisor.storage.lazy import ABSENT, BLOCK, HEADER_SIZE, PRESENT, Loader, block_count, map_size

if TYPE_CHECKING:
    from pocketvisor.handset_memory.pool import SharedLayer

LAYERS_MAX: Final = 64
_ALL_LAYERS_MAX: Final = 96
_PIECE: Final = 1 << 20
_ZEROS: Final = bytes(_PIECE)


class Ram:
    """`own` and `layers` are memfds of the whole size. close() lets go of all."""

    def __init__(self, size: int, layers: Iterable[int] = (), blocks: bytes | None = None) -> None:
        """The layers are this object's from here on. `blocks`: where each block is; else all are own."""
        self.size = size
        self.layers = list(layers)
        self.own = create_memfd("ram", size)
        self._map_fd = create_memfd("ram-map", map_size(size))
        self._wanted = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._loaded = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._map = mmap.mmap(self._map_fd, map_size(size))
        self._count = block_count(size)
        if blocks is not None:
            self._map[HEADER_SIZE : HEADER_SIZE + self._count] = blocks
        self._loader: Loader | None = None
        self.foreign: dict[int, SharedLayer] = {}
        """By number, those of its layers that a handset's guests share; see handset_memory/pool.py."""

    @property
    def descriptors(self) -> list[int]:
        """What a guest's process inherits."""
        return [self.own, *self.layers, self._map_fd, self._wanted, self._loaded]

    def described(self, descriptors: Descriptors) -> Descriptors:
        """The same, as the board's configuration names them."""
        return structs.replace(
            descriptors,
            ram=self.own,
            ram_layers=tuple(self.layers),
            ram_map=self._map_fd,
            ram_wanted=self._wanted,
            ram_loaded=self._loaded,
        )

    @property
    def blocks(self) -> bytes:
        return self._map[HEADER_SIZE : HEADER_SIZE + self._count]

    def place(self, block: int) -> int:
        """As the map has it."""
        return self._map[HEADER_SIZE + block]

    @property
    def private_bytes(self) -> int:
        """Of host memory that nobody else has."""
        return touched_bytes(self.own)

    @property
    def shared_bytes(self) -> int:
        """Of layers, which other guests may have as well."""
        clones = [fd for number, fd in enumerate(self.layers, 1) if number not in self.foreign]
        return sum(touched_bytes(fd) for fd in clones) + self.foreign_bytes

    @property
    def foreign_bytes(self) -> int:
        """In layers that a handset's guests share."""
        blocks = self.blocks
        return sum(blocks.count(number) for number in self.foreign) * BLOCK

    @property
    def touched(self) -> int:
        """Bytes of host memory behind it."""
        return self.private_bytes + self.shared_bytes

    def read(self, offset: int, length: int) -> bytes:
        """What is there now; blocks that are absent have to be loaded before."""
        first, last = offset // BLOCK, (offset + length - 1) // BLOCK
        if first == last:
            return self._read(first, length, offset)
        pieces = []
        while length:
            size = min(length, BLOCK - offset % BLOCK)
            pieces.append(self._read(offset // BLOCK, size, offset))
            offset, length = offset + size, length - size
        return b"".join(pieces)

    def _read(self, block: int, length: int, offset: int) -> bytes:
        """A block that is shared meanwhile is in its layer first, and then gone from the own memory."""
        while True:
            place = self._map[HEADER_SIZE + block]
            content = os.pread(self._where(place), length, offset)
            if self._map[HEADER_SIZE + block] == place:
                return content

    def _where(self, place: int) -> int:
        if place in (PRESENT, len(self.layers) + 1):  # the latter where freeze() is about to be called
            return self.own
        if 0 < place <= len(self.layers):
            return self.layers[place - 1]
        raise GuestError("A part of the guest's RAM is not there")

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """(offset, content) of all, in order."""
        for at in range(0, self.size, BLOCK):
            yield at, self.read(at, min(BLOCK, self.size - at))

    def digest(self) -> str:
        """blake3 of all of it."""
        self.complete()
        hasher = blake3()
        for _, piece in self.pieces():
            hasher.update(piece)
        return hasher.hexdigest()

    # Loading

    def load(
        self,
        absent: bytes,
        fill: Callable[[int], bytes],
        *,
        on_failure: Callable[[int, Exception], None],
        on_end: Callable[[], None],
        on_progress: Callable[[int, int], None] = lambda loaded, total: None,
        background: bool = True,
    ) -> None:
        """Before a guest's process has it: the blocks whose byte is not 0 are absent, and are filled as they
        are touched, then the rest (without `background` when complete() is called). The callbacks come on
        another thread."""
        for block in range(self._count):
            if absent[block]:
                self._map[HEADER_SIZE + block] = ABSENT
        self._loader = Loader(
            self._map_fd,
            self._wanted,
            self._loaded,
            self.own,
            self.size,
            fill,
            on_failure=on_failure,
            on_end=on_end,
            on_progress=on_progress,
        )
        self._loader.start(background=background)

    def complete(self) -> None:
        """Waits until all of it is there. Blocks; raises GuestError where it cannot be had."""
        if self._loader is not None:
            self._loader.load_rest()
            self._loader.wait()
            if not self._loader.complete:
                raise GuestError("A part of the guest's RAM could not be loaded")

    @property
    def loading(self) -> bool:
        return self._loader is not None and self._loader.left > 0

    def forget_loader(self) -> None:
        """It has ended."""
        loader, self._loader = self._loader, None
        if loader is not None:
            loader.stop()

    # Sharing

    def attach(self, layer: "SharedLayer") -> int:
        """The number of this layer, which is its next one unless it has it. Its process has to be told."""
        for number, attached in self.foreign.items():
            if attached is layer:
                return number
        if len(self.layers) >= _ALL_LAYERS_MAX:
            raise GuestError("Its memory has no more layers")
        self.layers.append(layer.open())
        self.foreign[len(self.layers)] = layer
        layer.users.add(self)
        return len(self.layers)

    def put_in(self, layer: "SharedLayer", block: int) -> None:
        """Before a guest's process has it: the block is that layer's."""
        self._map[HEADER_SIZE + block] = self.attach(layer)

    def blocks_in(self, layer: "SharedLayer") -> list[int]:
        """Of that layer."""
        numbers = {number for number, attached in self.foreign.items() if attached is layer}
        return [block for block, place in enumerate(self.blocks) if place in numbers] if numbers else []

    @property
    def foreign_blocks(self) -> list[int]:
        """That it shares with guests of its handset, or of the one that it was on."""
        numbers = self.foreign.keys()
        return [block for block, place in enumerate(self.blocks) if place in numbers] if numbers else []

    def new_own(self) -> int:
        """A memory for what is written after a freeze; freeze() takes it."""
        if len(self.layers) - len(self.foreign) >= LAYERS_MAX:
            raise GuestError("It was cloned so often that its memory has no more layers")
        return create_memfd("ram", self.size)

    def freeze(self, own: int) -> None:
        """The guest's process has done so: what was its own is a layer now."""
        self.layers.append(self.own)
        self.own = own

    def shared(self, blocks: bytes) -> "Ram":
        """After a freeze: the same for a clone. `blocks`: where each block was when it was frozen.

        The clone's process can only read what it shares."""
        layers = [os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC) for fd in self.layers]
        ram = Ram(self.size, layers, blocks)
        ram.foreign = dict(self.foreign)
        for layer in ram.foreign.values():
            layer.users.add(ram)
        return ram

    def close(self) -> None:
        self.forget_loader()
        for layer in self.foreign.values():
            layer.users.discard(self)
        self.foreign = {}
        self._map.close()
        self.own = self._map_fd = self._wanted = self._loaded = let_go(self.descriptors)
        self.layers = []
