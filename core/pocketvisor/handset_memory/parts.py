"""What each guest's part is of the memory that it has together with others: of a block of three, a third.

It is counted anew only when somebody's map has changed, for figures are asked for all the time.
"""

import os
from collections import Counter
from collections.abc import Sequence

from pocketvisor.guest.memory import touched_bytes
from pocketvisor.guest.ram import Ram
from pocketvisor.handset_memory.pool import IMAGE, SharedLayer
from pocketvisor.storage.lazy import BLOCK


class Split:
    """In bytes. `parts`: by RAM. `shared` and `merged`: there once, of images and clones, and found."""

    def __init__(self, rams: Sequence[Ram]) -> None:
        places = {ram: _places(ram) for ram in rams}
        clones = {ram: _clone_layers(ram) for ram in rams}
        sharers = Counter[tuple[SharedLayer, int]]()
        cloned = Counter[int]()
        sizes: dict[int, int] = {}
        for ram in rams:
            sharers.update(places[ram])
            cloned.update(clones[ram].keys())
            sizes |= clones[ram]
        self.parts = {
            ram: int(
                sum(BLOCK / sharers[place] for place in places[ram])
                + sum(size / cloned[inode] for inode, size in clones[ram].items())
            )
            for ram in rams
        }
        self.shared = sum(BLOCK for layer, _ in sharers if layer.kind == IMAGE) + sum(sizes.values())
        self.merged = sum(BLOCK for layer, _ in sharers if layer.kind != IMAGE)


class Parts:
    """One handset's, kept for the next time."""

    def __init__(self) -> None:
        self._rams: list[Ram] = []
        self._maps: list[tuple[int, bytes]] = []
        self._split = Split(())

    def of(self, rams: Sequence[Ram]) -> Split:
        maps = [(len(ram.layers), ram.blocks) for ram in rams]
        same = len(rams) == len(self._rams) and all(a is b for a, b in zip(rams, self._rams, strict=True))
        if not same or maps != self._maps:
            self._rams, self._maps, self._split = list(rams), maps, Split(rams)
        return self._split


def _places(ram: Ram) -> list[tuple[SharedLayer, int]]:
    layers = ram.foreign
    if not layers:
        return []
    return [(layers[place], block) for block, place in enumerate(ram.blocks) if place in layers]


def _clone_layers(ram: Ram) -> dict[int, int]:
    """Bytes by inode."""
    own = [fd for number, fd in enumerate(ram.layers, 1) if number not in ram.foreign]
    return {os.fstat(fd).st_ino: touched_bytes(fd) for fd in own}
