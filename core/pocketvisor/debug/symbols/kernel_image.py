"""A Linux kernel's own symbols, out of the beginning of a guest's RAM. Runs in the process of reading.py.

Two tables are in every kernel: kallsyms, of its code (and of its data, if it was built so), and the table of
what modules may use, which has data too, `init_task` among it.
"""

import struct
from array import array
from itertools import pairwise
from typing import Final

from pocketvisor.debug.symbols import kallsyms
from pocketvisor.debug.symbols.messages import Kernel, Symbols
from pocketvisor.debug.symbols.rows import Row, packed
from pocketvisor.errors import DebugError

PAGE_OFFSETS: Final = (0xC0000000, 0xB0000000, 0x80000000, 0x40000000)
"""CONFIG_PAGE_OFFSET: where a 32-bit ARM kernel sees the beginning of RAM."""
DIGITS_MAX: Final = 64
_ANCHOR: Final = b"\0init_task\0"
_ANCHORS_MAX: Final = 64
_EXPORTS_MAX: Final = 1 << 16
_NAME_MAX: Final = 256
CRASH_NOTES: Final = b"OSRELEASE="
_PROBE: Final = 4096  # words
_RUN: Final = 24
_HOW: Final = (0x00, 0x01, 0x7F, 0x80)
"""How a pair's second word begins: a short way to more, or codes in place."""
_PLAIN: Final = frozenset(b"_$." + bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)))


def read(image: bytes, digits: tuple[int, ...]) -> Kernel:
    """The image begins where RAM does. Raises DebugError."""
    for at in digits[:DIGITS_MAX]:
        try:
            symbols = kallsyms.decode(image, at)
        except DebugError:
            continue
        code = sorted(symbol.address for symbol in symbols if symbol.letter in "tT")
        if not code:
            continue
        page_offset = _page_offset(code[len(code) // 2])
        exports = _exports(image, page_offset)
        unwind_at, unwind_size = unwind_table(image, page_offset, (code[0], code[-1]))
        return Kernel(
            symbols=_packed(symbols, exports, (code[0], code[-1])),
            exports=len(exports),
            digits=at,
            page_offset=page_offset,
            crash_notes=_crash_notes(image),
            unwind_at=unwind_at,
            unwind_size=unwind_size,
        )
    raise DebugError("There is no Linux kernel with a table of its symbols in this guest's memory")


def _page_offset(address: int) -> int:
    return next((offset for offset in PAGE_OFFSETS if offset <= address), 0)


def _packed(symbols: list[kallsyms.KernelSymbol], exports: dict[str, int], code: tuple[int, int]) -> Symbols:
    rows: list[Row] = []
    known = set()
    following = 0
    for address, letter, name in reversed(symbols):
        # A name holds up to the next other address.
        if not rows or rows[-1][0] != address:
            size = min(following - address, 1 << 20) if rows else 0
            following = address
        kind = "f" if letter in "tTwW" else "o" if letter in "bBdDrRvV" else "n"
        rows.append((address, size, kind, name.replace("\n", "?")))
        known.add((address, name))
    for name, address in exports.items():
        if (address, name) not in known:
            rows.append((address, 0, "f" if code[0] <= address <= code[1] else "o", name))
    rows.sort()
    return packed(rows)


def _crash_notes(image: bytes) -> str:
    """A page of lines that the kernel prepares for the reader of a crash dump (vmcoreinfo)."""
    at = -1
    while (at := image.find(CRASH_NOTES, at + 1)) >= 0:
        if at % 4096 == 0:
            return image[at : at + 4096].partition(b"\0")[0].decode("latin-1")
    return ""


def unwind_table(
    image: bytes, start: int, code: tuple[int, int], probe: int = _PROBE, run: int = _RUN
) -> tuple[int, int]:
    """Where the index of the ARM unwinder is in an image that begins at `start`, and its size; (0, 0) where
    there is none. It is the longest run of pairs of which each first word tells, relative to itself, a
    function in rising order. A run of `run` is looked for at every `probe`th word."""
    words = array("I")
    words.frombytes(image[: len(image) & ~7])
    low, high = code

    def function(at: int) -> int:
        """That the pair at this word is of; 0 where it is none."""
        distance, how = words[at], words[at + 1]
        if distance >> 31 or not distance or (how != 1 and how >> 24 not in _HOW):
            return 0
        address = start + 4 * at + (distance - (1 << 31) if distance >> 30 else distance)
        return address if low <= address <= high else 0

    best = (0, 0)
    for place in range(0, len(words) - 2 * run, probe):
        if best[1] <= place < best[1] + best[0]:
            continue
        for at in {place, place + 1} if probe > 1 else {place}:
            functions = [function(at + 2 * step) for step in range(run)] if function(at) else []
            if functions and all(0 < earlier < later for earlier, later in pairwise(functions)):
                first, last = at, at + 2 * (run - 1)
                while first >= 2 and 0 < function(first - 2) < function(first):
                    first -= 2
                while last + 3 < len(words) and function(last + 2) > function(last):
                    last += 2
                best = max(best, (last + 2 - first, first))
        if best[0] > 4 * probe > 4 and place > best[1] + best[0]:
            break
    return (start + 4 * best[1], 4 * best[0]) if best[0] else (0, 0)


def _exports(image: bytes, page_offset: int) -> dict[str, int]:
    """struct kernel_symbol: value, name, and since Linux 5.4 a namespace; sorted by name in two sections."""
    at = -1
    for _ in range(_ANCHORS_MAX):
        at = image.find(_ANCHOR, at + 1)
        if at < 0:
            break
        pointer = struct.pack("<I", at + 1 + page_offset & 0xFFFFFFFF)
        entry = -1
        for _ in range(_ANCHORS_MAX):
            entry = image.find(pointer, entry + 1)
            if entry < 0:
                break
            if entry % 4 == 0:
                for stride in (12, 8):
                    found = _table(image, entry - 4, stride, page_offset)
                    if len(found) > 100:
                        return found
    return {}


def _table(image: bytes, entry: int, stride: int, page_offset: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in (-stride, stride):
        at = entry if step > 0 else entry - stride
        while at >= 0 and at + stride <= len(image) and len(found) < _EXPORTS_MAX:
            row = _export(image, at, page_offset)
            if row is None:
                break
            found[row[0]] = row[1]
            at += step
    return found


def _export(image: bytes, at: int, page_offset: int) -> tuple[str, int] | None:
    value, pointer = struct.unpack_from("<II", image, at)
    begin = pointer - page_offset  # maybe within another: the linker merges those that end alike
    if value < page_offset or not 0 < begin < len(image):
        return None
    end = image.find(b"\0", begin, begin + _NAME_MAX)
    name = image[begin:end]
    if end <= begin or not _PLAIN.issuperset(name):
        return None
    return name.decode(), value
