"""Who called whom in samples of code that keeps no frame pointers: their pieces of stack are unwound by what
the debugger's symbols tell, as a Linux kernel's own tables do.

The stack is the sample's, of its own moment; code and tables are read from the guest as they are now. So a
sample of a process that is not the current one keeps what it has: its link register. Left out: what lies
deeper than the piece of stack.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pocketvisor.debug.call_stack import call_stack
from pocketvisor.debug.symbols.file import Memory
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.debug.trace.ring import RawSample

FRAMES_MAX: Final = 24
_PAGE: Final = 4096
_PAGES_MAX: Final = 4096
_AT_ONCE: Final = 16
_KNOWN_MAX: Final = 1 << 16


class _Now:
    """The guest's memory, each page asked for once."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._pages: dict[int, bytes] = {}

    async def read(self, address: int, size: int) -> bytes:
        found = b""
        while len(found) < size:
            at = (address + len(found)) & 0xFFFFFFFF
            page = await self._page(at // _PAGE)
            piece = page[at % _PAGE : at % _PAGE + size - len(found)]
            found += piece
            if not piece or (at + len(piece)) % _PAGE:
                break
        return found

    async def _page(self, number: int) -> bytes:
        page = self._pages.get(number)
        if page is None:
            if len(self._pages) >= _PAGES_MAX:
                self._pages.clear()
            page = self._pages[number] = await self._memory.read(number * _PAGE, _PAGE)
        return page


class _Then:
    """The memory that a sample's stack is unwound in: of what lies above its piece of stack nothing is
    known."""

    def __init__(self, sample: RawSample, now: _Now) -> None:
        self._sample = sample
        self._now = now

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        begin, stack = self._sample.sp, self._sample.stack
        if begin <= address < begin + len(stack):
            return stack[address - begin : address - begin + size]
        if physical or begin - _PAGE <= address < begin + 8 * _PAGE:
            return b""
        return await self._now.read(address, size)


class Callers:
    """What was found is remembered: asked again, only new stacks are unwound."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[int, ...]] = {}
        self._generation = -1

    def known(self, samples: Sequence[RawSample]) -> list[RawSample]:
        """The same samples, with what is known by now in `frames`."""
        known = self._known
        return [_better(sample, known.get(_key(sample), ())) for sample in samples]

    async def find(
        self,
        samples: Sequence[RawSample],
        memory: Memory,
        symbols: SymbolTable,
        told: Callable[[float], None] = lambda share: None,
    ) -> None:
        """Lets others run between; `told` hears how much is done. Raises DebugError where memory cannot be
        had at all."""
        if self._generation != symbols.generation or len(self._known) > _KNOWN_MAX:
            self._known = {}
            self._generation = symbols.generation
        known, now = self._known, _Now(memory)
        for number, sample in enumerate(samples):
            if number % _AT_ONCE == 0:
                told(number / len(samples))
                await asyncio.sleep(0)
            if (key := _key(sample)) not in known:
                known[key] = await _callers(sample, now, symbols)


_Key = tuple[int, int, int, bytes]


def _key(sample: RawSample) -> _Key:
    return sample.pc, sample.lr, sample.saved[7], sample.stack


def _better(sample: RawSample, frames: tuple[int, ...]) -> RawSample:
    return sample._replace(frames=frames) if len(frames) > len(sample.frames) else sample


async def _callers(sample: RawSample, now: _Now, symbols: SymbolTable) -> tuple[int, ...]:
    if not any(file.holds(sample.pc) for file in symbols.layers):
        return ()
    stack = await call_stack(_Then(sample, now), _registers(sample), symbols, FRAMES_MAX)
    return tuple(frame.pc for frame in stack[1:])


def _registers(sample: RawSample) -> Mapping[str, int]:
    named = {f"r{4 + n}": value for n, value in enumerate(sample.saved)}
    return named | {"sp": sample.sp, "lr": sample.lr, "pc": sample.pc, "cpsr": sample.cpsr}
