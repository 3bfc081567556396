"""Stacks of samples are unwound whatever the guest has in its memory, each kind of stack once."""

import random
import struct

from pocketvisor.debug.symbols.file import SymbolFile
from pocketvisor.debug.symbols.messages import Symbols
from pocketvisor.debug.symbols.table import SymbolTable
from pocketvisor.debug.trace.callers import FRAMES_MAX, Callers
from pocketvisor.debug.trace.ring import STACK_MAX, RawSample

BL = 0xEB000000


class Memory:
    """One page of it again and again, which counts how often it is read."""

    def __init__(self, page: bytes) -> None:
        self.page = page
        self.reads = 0

    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes:
        self.reads += 1
        return (self.page * (size // len(self.page) + 2))[address % len(self.page) :][:size]


def table(exidx: tuple[int, int] | None = None) -> SymbolTable:
    symbols = Symbols(struct.pack("<2I", 0x8000, 0x9000), struct.pack("<2I", 0, 0), b"TT", "low\nhigh\n")
    file = SymbolFile("made", symbols, 0, 1 << 32)
    file.exidx = exidx
    made = SymbolTable()
    made.add(file)
    return made


def sample(pc: int, lr: int, frame: int, stack: bytes) -> RawSample:
    return RawSample(0, 0, pc, lr, 0x1000, 0x13, 0, (), (0,) * 7 + (frame,), stack)


async def test_a_stack_is_that_of_the_sample_and_code_that_of_the_guest() -> None:
    memory = Memory(struct.pack("<I", BL) * 1024)
    stack = struct.pack("<4I", 0, 0, 0, 0x9100).ljust(STACK_MAX, b"\0")  # where fp points: the link register
    callers, given = Callers(), [sample(0x8100, 0x8104, 0x100C, stack)] * 5
    assert callers.known(given) == given
    await callers.find(given, memory, table())
    assert {one.frames for one in callers.known(given)} == {(0x9100,)}
    reads = memory.reads
    await callers.find(given, memory, table())
    assert memory.reads == reads, "what was found is remembered"


async def test_what_is_not_known_by_name_is_left_as_it_is() -> None:
    memory, callers = Memory(bytes(4096)), Callers()
    given = [sample(0x8100, 0x8104, 0, b"")]
    await callers.find(given, memory, SymbolTable())
    assert (callers.known(given), memory.reads) == (given, 0)


async def test_frames_that_are_known_already_are_not_made_worse() -> None:
    given = [sample(0x8100, 0, 0, b"")._replace(frames=(1, 2, 3))]
    callers = Callers()
    await callers.find(given, Memory(bytes(4096)), table())
    assert callers.known(given) == given


async def test_rubbish_comes_to_an_end() -> None:
    rubbish = random.Random(7)
    for exidx in (None, (0x10000, 0x8000), (0xFFFFFFF0, 0xFFFFFFFF), (0, 1)):
        memory, callers = Memory(rubbish.randbytes(4096)), Callers()
        given = [
            sample(
                rubbish.randrange(1 << 32),
                rubbish.randrange(1 << 32),
                0x1000 + rubbish.randrange(1000),
                rubbish.randbytes(rubbish.randrange(STACK_MAX + 1)),
            )._replace(sp=rubbish.choice((0, 0x1000, 0xFFFFFFFC)))
            for _ in range(60)
        ]
        await callers.find(given, memory, table(exidx))
        assert all(len(one.frames) <= FRAMES_MAX for one in callers.known(given))
