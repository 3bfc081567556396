"""Which code a guest executed, and how often.

What is counted are starts of translated blocks: an exception in the midst of one counts all of it. Code that
was translated is known with no runs until it is executed. Processes share addresses: a block is told apart by
the physical address it had, and where that does not matter the counts of one virtual address are summed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct

from pocketvisor.debug.trace.ring import RawBlock


class Block(Struct, frozen=True):
    """`runs`: how often it was begun. `contexts`: CONTEXTIDR where it was first translated, of each kind of
    it. `first`: the position (clock bytes) at which it was first met."""

    start: int
    size: int
    thumb: bool
    runs: int
    first: int
    contexts: tuple[int, ...]

    @property
    def end(self) -> int:
        return self.start + self.size


class Stretch(Struct, frozen=True):
    """Addresses that ran equally often."""

    start: int
    end: int
    runs: int


class Coverage:
    """What was executed up to the moment when it was read. Sorted by address."""

    def __init__(self, raw: Iterable[RawBlock], lost: int = 0) -> None:
        """`lost`: blocks that found no room and are missing."""
        self.lost = lost
        self.blocks = _merged(raw)
        self._changes: tuple[list[int], list[int]] | None = None

    @property
    def executed(self) -> list[Block]:
        """Without those that were only translated."""
        return [block for block in self.blocks if block.runs]

    @property
    def bytes(self) -> int:
        """Of code that was executed, each counted once."""
        return sum(stretch.end - stretch.start for stretch in self.stretches())

    @property
    def _stretches(self) -> tuple[list[int], list[int]]:
        """Addresses at which the count changes, and the count from there on; made when it is first wanted."""
        if self._changes is None:
            self._changes = _changes(self.blocks)
        return self._changes

    def runs(self, address: int) -> int:
        """How often the instruction there was executed; 0 where it never was."""
        starts, counts = self._stretches
        at = bisect_right(starts, address) - 1
        return counts[at] if at >= 0 else 0

    def stretches(self, begin: int = 0, end: int = 1 << 32) -> list[Stretch]:
        """What was executed within these addresses."""
        found = []
        starts, counts = self._stretches
        at = max(0, bisect_right(starts, begin) - 1)
        while at < len(starts) and starts[at] < end:
            stop = starts[at + 1] if at + 1 < len(starts) else 1 << 32
            first, last = max(begin, starts[at]), min(end, stop)
            if counts[at] and first < last:
                found.append(Stretch(first, last, counts[at]))
            at += 1
        return found

    def since(self, earlier: "Coverage") -> "Coverage":
        """What ran in between: of the same trace, read before."""
        before = {(block.start, block.size, block.thumb): block.runs for block in earlier.blocks}
        newer = Coverage((), self.lost)
        newer.blocks = [
            Block(
                block.start,
                block.size,
                block.thumb,
                max(0, block.runs - before.get((block.start, block.size, block.thumb), 0)),
                block.first,
                block.contexts,
            )
            for block in self.blocks
        ]
        return newer


def _merged(raw: Iterable[RawBlock]) -> list[Block]:
    found: dict[tuple[int, int], Block] = {}
    for runs, position, pc, _, context, size, kind in raw:
        if not size:
            continue
        block = found.get((pc, kind))
        if block is not None:  # the same place with another physical address
            size, runs = max(size, block.size), runs + block.runs
            position = min(position, block.first)
        contexts = (context,) if block is None else tuple(sorted({context, *block.contexts}))
        found[pc, kind] = Block(pc, min(size, (1 << 32) - pc), bool(kind & 1), runs, position, contexts)
    return sorted(found.values(), key=_place)


def _place(block: Block) -> tuple[int, int]:
    return block.start, block.size


def _changes(blocks: Sequence[Block]) -> tuple[list[int], list[int]]:
    changes: dict[int, int] = {}
    for block in blocks:
        if block.runs:
            changes[block.start] = changes.get(block.start, 0) + block.runs
            changes[block.end] = changes.get(block.end, 0) - block.runs
    starts: list[int] = []
    counts: list[int] = []
    count = 0
    for address, change in sorted(changes.items()):
        count += change
        if counts and counts[-1] == count:
            continue
        starts.append(address)
        counts.append(count)
    return starts, counts
