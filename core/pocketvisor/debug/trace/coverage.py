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
        self._starts, self._runs = _stretches(self.blocks)

    @property
    def executed(self) -> list[Block]:
        """Without those that were only translated."""
        return [block for block in self.blocks if block.runs]

    @property
    def bytes(self) -> int:
        """Of code that was executed, each counted once."""
        return sum(stretch.end - stretch.start for stretch in self.stretches())

    def runs(self, address: int) -> int:
        """How often the instruction there was executed; 0 where it never was."""
        at = bisect_right(self._starts, address) - 1
        return self._runs[at] if at >= 0 else 0

    def stretches(self, begin: int = 0, end: int = 1 << 32) -> list[Stretch]:
        """What was executed within these addresses."""
        found = []
        at = max(0, bisect_right(self._starts, begin) - 1)
        while at < len(self._starts) and self._starts[at] < end:
            stop = self._starts[at + 1] if at + 1 < len(self._starts) else 1 << 32
            first, last = max(begin, self._starts[at]), min(end, stop)
            if self._runs[at] and first < last:
                found.append(Stretch(first, last, self._runs[at]))
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
        newer._starts, newer._runs = _stretches(newer.blocks)
        return newer


def _merged(raw: Iterable[RawBlock]) -> list[Block]:
    found: dict[tuple[int, int], tuple[int, int, int, set[int]]] = {}
    for one in raw:
        if not one.size:
            continue
        key = one.pc, one.kind
        size, runs, first, contexts = found.get(key, (0, 0, one.position, set()))
        contexts.add(one.context)
        found[key] = max(size, one.size), runs + one.runs, min(first, one.position), contexts
    return [
        Block(start, min(size, (1 << 32) - start), bool(kind & 1), runs, first, tuple(sorted(contexts)))
        for (start, kind), (size, runs, first, contexts) in sorted(found.items())
    ]


def _stretches(blocks: Sequence[Block]) -> tuple[list[int], list[int]]:
    """Addresses at which the count changes, and the count from there on."""
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
