"""A guest to debug: debuggee.S as words, in an ELF file with symbols, so that no toolchain is needed."""

import struct
from pathlib import Path

BASE = 0x40200000
COUNTER = 0x40300000
WORDS = """
    e59fd048 ee110f50 e380060f ee010f50 f57ff06f e3a00101 eee80a10 eeb71b08 e59f402c e3a05000 e2855001
    e5845000 e1a00005 eb000001 e1d410b0 eafffff9 e92d4040 fa000003 e1a06000 e8bd8040 40310000 40300000
    f2413201 eb002334 47700000 bf00bf00
"""
_FUNCTION, _OBJECT, _PLAIN = 2, 1, 0
SYMBOLS = {
    "_start": (0, 0x28, _FUNCTION),
    "loop": (0x28, 0x18, _FUNCTION),
    "outer": (0x40, 0x10, _FUNCTION),
    "twice": (0x59, 0xC, _FUNCTION),
    "counter": (COUNTER - BASE, 4, _OBJECT),
    "$a": (0, 0, _PLAIN),
    "$d": (0x50, 0, _PLAIN),
    "$t": (0x58, 0, _PLAIN),
}
_FLAGS = 0x05000200


def write_debuggee(folder: Path) -> Path:
    words = [int(word, 16) for word in WORDS.split()]
    code = struct.pack(f"<{len(words)}I", *words)
    names, symbols = b"\0", bytes(16)
    for name, (offset, size, kind) in sorted(SYMBOLS.items(), key=lambda item: item[0][0] != "$"):
        bind = 0 if name.startswith("$") else 1
        section = 1 if offset < len(code) else 0xFFF1
        symbols += struct.pack("<IIIBBH", len(names), BASE + offset, size, bind << 4 | kind, 0, section)
        names += name.encode() + b"\0"
    section_names = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    parts = (code, symbols, names, section_names)
    offsets = [0x1000]
    for part in parts:
        offsets.append(offsets[-1] + (len(part) + 15 & ~15))
    local = 1 + sum(name.startswith("$") for name in SYMBOLS)
    sections = struct.pack("<10I", *[0] * 10)
    for name, kind, flags, address, index, link, info, align, entry in (
        (1, 1, 6, BASE, 0, 0, 0, 4, 0),
        (7, 2, 0, 0, 1, 3, local, 4, 16),
        (15, 3, 0, 0, 2, 0, 0, 1, 0),
        (23, 3, 0, 0, 3, 0, 0, 1, 0),
    ):
        sections += struct.pack(
            "<10I", name, kind, flags, address, offsets[index], len(parts[index]), link, info, align, entry
        )
    header = b"\x7fELF" + bytes([1, 1, 1, 0]) + bytes(8)
    header += struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, BASE, 52, offsets[-1], _FLAGS, 52, 32, 1, 40, 5, 4)
    segment = struct.pack("<8I", 1, 0x1000, BASE, BASE, len(code), len(code), 7, 0x1000)
    data = (header + segment).ljust(0x1000, b"\0")
    data += b"".join(part.ljust(len(part) + 15 & ~15, b"\0") for part in parts) + sections
    path = folder / "debuggee.elf"
    path.write_bytes(data)
    return path
