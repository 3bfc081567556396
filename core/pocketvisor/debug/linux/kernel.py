"""Finds the Linux kernel in a guest's memory, with nothing but that memory."""

import asyncio
from typing import Final, NamedTuple

from pocketvisor.board.map import RAM_BASE
from pocketvisor.debug.linux.crash_notes import CrashNotes
from pocketvisor.debug.linux.kernel_memory import KernelMemory
from pocketvisor.debug.symbols import messages
from pocketvisor.debug.symbols.file import Memory, SymbolFile
from pocketvisor.debug.symbols.kallsyms import DIGITS
from pocketvisor.debug.symbols.kernel_image import DIGITS_MAX
from pocketvisor.debug.symbols.names import words
from pocketvisor.debug.symbols.reader import Reader
from pocketvisor.errors import DebugError

LAYER: Final = "kernel"
_PIECE: Final = 1 << 20
_IMAGE_MAX: Final = 40 << 20
_ANCHOR: Final = 256
_BEHIND: Final = 6 << 20
"""So much behind the digits is looked at: what is left of a kernel's constant data, and its crash notes."""


class Kernel(NamedTuple):
    """`layer`: its own symbols. `notes` may be empty."""

    memory: KernelMemory
    layer: SymbolFile
    notes: CrashNotes
    exports: int
    anchor: tuple[int, bytes]
    """Physical address and content of something that does not change as long as this kernel is there."""

    async def is_there(self) -> bool:
        at, content = self.anchor
        return await self.memory.memory.read(at, len(content), physical=True) == content


async def find_kernel(memory: Memory) -> Kernel:
    """Raises DebugError where there is none."""
    image, digits = await _image(memory)
    none = DebugError("There is no Linux kernel with a table of its symbols in this guest's memory")
    if not digits:
        raise none
    reader = Reader(None, "The kernel's symbols")
    try:
        answer = await reader.ask(messages.AskKernel(image, tuple(digits)), messages.Kernel)
    except DebugError as error:
        raise none from error
    finally:
        await reader.close()
    addresses = words(answer.symbols.addresses)
    ends = addresses[0], addresses[-1] + 1
    layer = await asyncio.to_thread(SymbolFile, LAYER, answer.symbols, *ends)
    if answer.unwind_size:
        layer.exidx = answer.unwind_at, answer.unwind_size
    kernel = KernelMemory(memory, answer.page_offset)
    notes = CrashNotes(answer.crash_notes)
    if not await kernel.find_table(notes.symbols.get("swapper_pg_dir")) and not await kernel.find_table(None):
        raise DebugError("There is a Linux kernel in this guest's memory, but not its page table yet")
    if not notes.symbols:
        functions = {symbol.name: symbol for symbol in layer.names.all() if symbol.kind == "function"}
        notes = await CrashNotes.find(kernel, functions)
    layer.build_id = notes.build_id
    anchor = RAM_BASE + answer.digits, image[answer.digits : answer.digits + _ANCHOR]
    return Kernel(kernel, layer, notes, answer.exports, anchor)


async def _image(memory: Memory) -> tuple[bytes, list[int]]:
    """The beginning of RAM, as far as the kernel's tables can be, and where the digits in it are."""
    image = bytearray()
    digits: list[int] = []
    while len(image) < _IMAGE_MAX and (not digits or len(image) < digits[-1] + _BEHIND):
        piece = await memory.read(RAM_BASE + len(image), _PIECE, physical=True)
        start = max(0, len(image) - len(DIGITS) + 1)
        image += piece
        while (start := image.find(DIGITS, start)) >= 0 and len(digits) < DIGITS_MAX:
            digits.append(start)
            start += 1
        if len(piece) < _PIECE:
            break
    return bytes(image), digits
