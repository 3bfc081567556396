"""Where a guest spends its ticks: samples by its own clock, named and summed.

A sample is taken at the first block start of each period of ticks, so that a replay has the same ones;
waiting costs no ticks and has none. Callers are known as far as the code keeps frame pointers; of code
without them the link register says who may have called it. Left out: unwinding by tables, and which process a
sample is of.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from pocketvisor.debug.trace.ring import RawSample

Namer = Callable[[int], str]
"""A function's name for an address in it, empty where none is known."""

STACK_MAX: Final = 64
_MODES: Final = {
    0x10: "user",
    0x11: "fiq",
    0x12: "irq",
    0x13: "supervisor",
    0x17: "abort",
    0x1B: "undefined",
    0x1F: "system",
}


class Frame(Struct):
    """A function in the tree of who called whom. `samples`: in it and in what it called; `own`: in itself."""

    name: str
    samples: int = 0
    own: int = 0
    children: "dict[str, Frame]" = {}

    def sorted(self) -> "list[Frame]":
        """The most expensive first."""
        return sorted(self.children.values(), key=lambda frame: (-frame.samples, frame.name))


class FunctionTime(Struct, frozen=True):
    name: str
    own: int
    total: int


class Profile:
    """`lost`: samples that were overwritten before they were read. `period`: ticks between two."""

    def __init__(self, samples: Sequence[RawSample], lost: int = 0, period: int = 0) -> None:
        self.samples = samples
        self.lost = lost
        self.period = period

    def stacks(self, namer: Namer | None = None) -> Counter[tuple[str, ...]]:
        """How often each stack was met: the mode first, the function itself last."""
        names = _Names(namer)
        return Counter(_stack(sample, names) for sample in self.samples)

    def folded(self, namer: Namer | None = None) -> str:
        """One line a stack, as flamegraph.pl and speedscope read it."""
        lines = [
            f"{';'.join(_plain(name) for name in stack)} {count}"
            for stack, count in sorted(self.stacks(namer).items())
        ]
        return "".join(f"{line}\n" for line in lines)

    def tree(self, namer: Namer | None = None) -> Frame:
        """All samples as one tree of callers and called."""
        return tree(self.stacks(namer))

    def functions(self, namer: Namer | None = None) -> list[FunctionTime]:
        """The most expensive first. `total` counts a function once a sample."""
        own: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for stack, count in self.stacks(namer).items():
            own[stack[-1]] += count
            for name in set(stack[1:]):
                total[name] += count
        return [
            FunctionTime(name, own[name], count)
            for name, count in sorted(total.items(), key=lambda item: (-own[item[0]], -item[1], item[0]))
        ]


def tree(stacks: Counter[tuple[str, ...]]) -> Frame:
    root = Frame("all", children={})
    for stack, count in stacks.items():
        root.samples += count
        frame = root
        for name in stack:
            found = frame.children.get(name)
            if found is None:
                found = frame.children[name] = Frame(name, children={})
            found.samples += count
            frame = found
        frame.own += count
    return root


class _Names:
    """Remembers what it has asked."""

    def __init__(self, namer: Namer | None) -> None:
        self._namer = namer
        self._known: dict[int, str] = {}

    def of(self, address: int) -> str:
        name = self._known.get(address)
        if name is None:
            name = (self._namer(address) if self._namer is not None else "") or f"0x{address & ~0xFFF:08x}.."
            self._known[address] = name
        return name


def _stack(sample: RawSample, names: _Names) -> tuple[str, ...]:
    mode = sample.cpsr & 0x1F
    here = names.of(sample.pc)
    callers: Iterable[int] = sample.frames
    if not sample.frames and sample.lr & ~1:
        callers = (sample.lr,)
    # The return address may be behind a function's end, where the call was its last instruction.
    above = [names.of((caller & ~1) - 2) for caller in callers][:STACK_MAX]
    if not sample.frames and above and above[0] == here:
        above = []  # it has called somebody since: the register no longer says who called it
    return (_MODES.get(mode, f"mode 0x{mode:02x}"), *reversed(above), here)


def _plain(name: str) -> str:
    """Without what the form of folded stacks gives a meaning."""
    return name.replace(";", ":").replace("\n", " ").replace("\r", " ")
