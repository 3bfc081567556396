"""A Linux kernel's own symbols, out of the beginning of a guest's RAM. Runs in the process of reading.py.

Two tables are in every kernel: kallsyms, of its code (and of its data, if it was built so), and the table of
what modules may use, which has data too, `init_task` among it.
"""

import struct
from typing import Final

from pocketvisor.debug.symbols import kallsyms
from pocketvisor.debug.symbols.elf_file import Row, packed
from pocketvisor.debug.symbols.messages import Kernel
from pocketvisor.errors import DebugError

PAGE_OFFSETS: Final = (0xC0000000, 0xB0000000, 0x80000000, 0x40000000)
"""CONFIG_PAGE_OFFSET: where a 32-bit ARM kernel sees the beginning of RAM."""
DIGITS_MAX: Final = 64
_ANCHOR: Final = b"\0init_task\0"
_ANCHORS_MAX: Final = 64
_EXPORTS_MAX: Final = 1 << 16
_NAME_MAX: Final = 256
_PLAIN: Final = frozenset(b"_$." + bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)))


def read(image: bytes, address: int, digits: tuple[int, ...]) -> Kernel:
    """`address`: physical, where the image begins, which is where RAM does. Raises DebugError."""
    del address  # the kernel sees it at its page offset, whatever it is
    for at in digits[:DIGITS_MAX]:
        try:
            symbols = kallsyms.decode(image, at)
        except DebugError:
            continue
        code = [symbol.address for symbol in symbols if symbol.letter in "tTwW"]
        page_offset = _page_offset(code[len(code) // 2] if code else symbols[0].address)
        exports = _exports(image, page_offset)
        return _kernel(symbols, exports, page_offset)
    raise DebugError("There is no Linux kernel with a table of its symbols in this guest's memory")


def _page_offset(address: int) -> int:
    return next((offset for offset in PAGE_OFFSETS if offset <= address), 0)


def _kernel(symbols: list[kallsyms.KernelSymbol], exports: dict[str, int], page_offset: int) -> Kernel:
    rows: list[Row] = []
    known = set()
    code = [symbol.address for symbol in symbols if symbol.letter in "tT"]
    for number, (address, letter, name) in enumerate(symbols):
        # Every name is the beginning of what goes up to the next other address.
        size = 0
        for later in symbols[number + 1 : number + 64]:
            if later.address > address:
                size = later.address - address
                break
        kind = "f" if letter in "tTwW" else "o" if letter in "bBdDrRvV" else "n"
        rows.append((address, min(size, 1 << 20), kind, name.replace("\n", "?")))
        known.add((address, name))
    low, high = (min(code), max(code)) if code else (0, 0)
    for name, address in exports.items():
        if (address, name) not in known:
            rows.append((address, 0, "f" if low <= address <= high else "o", name))
    rows.sort()
    return Kernel(packed(rows), len(exports), page_offset)


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
