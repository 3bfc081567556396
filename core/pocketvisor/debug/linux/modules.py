"""A kernel's loaded modules, and the symbols that it keeps of them.

The list of modules has no name in an unmodified kernel. It is found in the kernel's data: two pointers into
the area where modules are, to something that has a module's name behind it and points back.

Left out: which module uses which; the several areas of one module since Linux 6.4, of which the one that has
its data is told.
"""

import asyncio
import struct
from array import array
from itertools import islice, pairwise
from typing import Final, NamedTuple

from pocketvisor.debug.linux.kernel_memory import KernelMemory
from pocketvisor.debug.symbols.kernel_image import unwind_table
from pocketvisor.debug.symbols.messages import Symbols
from pocketvisor.debug.symbols.rows import Row, packed

MODULES_MAX: Final = 512
AREA: Final = 16 << 20
"""Modules are right below the kernel (or in vmalloc's area, where they are not found)."""
_DATA: Final = 4 << 20
_PAIRS_MAX: Final = 2000
_LIST, _NAME, _NAME_SIZE = 4, 12, 60
_STRUCT: Final = 1024
_SIZE_MAX: Final = 16 << 20
_SYMBOLS_MAX: Final = 1 << 16
_STRINGS_MAX: Final = 4 << 20
_SYMBOL: Final = 16
_UNWIND_MAX: Final = 1 << 20
_UNWIND_RUN: Final = 4
_NAMES: Final = frozenset(b"_-" + bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)))
_STATES: Final = {0: "live", 1: "coming", 2: "going", 3: "unformed"}


class Module(NamedTuple):
    """`address`: of its struct module. Base and size 0: not found."""

    name: str
    base: int
    size: int
    state: str
    address: int


async def find_list(memory: KernelMemory, near: int) -> int | None:
    """Where the list of modules begins: `near` is an address in the kernel's data. None: no module is loaded,
    or it is not there."""
    start = max(memory.page_offset, (near & ~0xFFFFF) - (1 << 20))
    data = await memory.read(start, _DATA)
    for at in await asyncio.to_thread(_pairs, data, memory.page_offset - AREA, memory.page_offset):
        if await _walk(memory, start + at):
            return start + at
    return None


def _pairs(data: bytes, low: int, high: int) -> list[int]:
    """Where two words in a row point there."""
    words = array("I")
    words.frombytes(data[: len(data) & ~3])
    found = (
        4 * index
        for index, (one, other) in enumerate(pairwise(words))
        if low <= one < high and low <= other < high
    )
    return list(islice(found, _PAIRS_MAX))


async def _walk(memory: KernelMemory, head: int) -> list[int]:
    """Addresses of the list's modules; none where it is no such list."""
    found: list[int] = []
    before, at = head, await memory.word(head)
    while at is not None and at != head and len(found) < MODULES_MAX:
        data = await memory.read(at - _LIST, _NAME + _NAME_SIZE)
        if len(data) < _NAME + _NAME_SIZE or not _name(data):
            return []
        following, back = struct.unpack_from("<II", data, _LIST)
        if back != before:
            return []
        found.append(at - _LIST)
        before, at = at, following
    return found if at == head else []


def _name(data: bytes) -> str:
    name, end, _ = data[_NAME : _NAME + _NAME_SIZE].partition(b"\0")
    return name.decode() if name and end and _NAMES.issuperset(name) else ""


async def read_modules(memory: KernelMemory, head: int) -> list[Module]:
    """The one that was loaded last comes first."""
    return [await _module(memory, address) for address in await _walk(memory, head)]


async def _module(memory: KernelMemory, address: int) -> Module:
    data = await memory.read(address, _STRUCT)
    base, size = _extent(data, address)
    state = _STATES.get(int.from_bytes(data[:4], "little"), "?")
    return Module(_name(data), base, size, state, address)


def _extent(data: bytes, address: int) -> tuple[int, int]:
    """A module's structure is in its own data, so that it is in the range that it gives."""
    for at in range(_NAME + _NAME_SIZE, len(data) - 8, 4):
        base, size = struct.unpack_from("<II", data, at)
        if base % 4096 == 0 and base and base <= address < base + size and size <= _SIZE_MAX:
            return base, size
    return 0, 0


async def module_symbols(memory: KernelMemory, module: Module) -> Symbols | None:
    """struct mod_kallsyms: symbols, how many, their names, a letter for each. None where it keeps none."""
    data = await memory.read(module.address, _STRUCT)
    end = module.base + module.size

    def inside(pointer: int) -> bool:
        return module.base <= pointer < end

    for at in range(_NAME + _NAME_SIZE, len(data) - 4, 4):
        (pointer,) = struct.unpack_from("<I", data, at)
        if not inside(pointer) or pointer % 4:
            continue
        fields = await memory.read(pointer, 16)
        if len(fields) < 16:
            continue
        table, count, names, letters = struct.unpack("<4I", fields)
        if not (0 < count < _SYMBOLS_MAX and inside(table) and inside(names) and inside(letters)):
            continue
        symbols = await memory.read(table, _SYMBOL * count)
        if len(symbols) < _SYMBOL * count or any(symbols[:_SYMBOL]):
            continue
        strings = await memory.read(names, min(end - names, _STRINGS_MAX))
        kinds = await memory.read(letters, count)
        return _symbols(module, symbols, strings, kinds)
    return None


def _symbols(module: Module, symbols: bytes, strings: bytes, kinds: bytes) -> Symbols:
    rows: list[Row] = []
    for number, (at, value, size, info, _, _) in enumerate(struct.iter_unpack("<IIIBBH", symbols)):
        name = strings[at : at + 512].partition(b"\0")[0].decode("utf-8", "replace").replace("\n", "?")
        if not name or name.startswith("$") or not module.base <= value < module.base + module.size:
            continue
        letter = chr(kinds[number]) if number < len(kinds) else "?"
        code = info & 15 == 2 or letter in "tT"
        kind = "t" if code and value & 1 else "f" if code else "o"
        rows.append((value & ~1 if code else value, min(size, module.size), kind, name))
    rows.sort()
    return packed(rows)


async def module_unwind_table(memory: KernelMemory, module: Module) -> tuple[int, int] | None:
    """Where in it the index of the ARM unwinder is, and its size."""
    if module.size > _UNWIND_MAX:
        return None
    data = await memory.read(module.base, module.size)
    code = (module.base, module.base + module.size)
    found = await asyncio.to_thread(unwind_table, data, module.base, code, 1, _UNWIND_RUN)
    return found if found[1] else None
