"""What a kernel prepares for the reader of a crash dump (vmcoreinfo, kernel/crash_core.c in Linux): where
its log is, how that is laid out, where its page table is, its release and build id."""

import re
import struct
from typing import Final

from pocketvisor.debug.linux.kernel_memory import KernelMemory
from pocketvisor.debug.symbols.kernel_image import CRASH_NOTES
from pocketvisor.debug.symbols.messages import plain
from pocketvisor.debug.symbols.names import Symbol

_LINE: Final = re.compile(
    r"(?:(SYMBOL|OFFSET|SIZE|LENGTH|NUMBER)\(([\w.]{1,100})\)|([A-Z-]{1,32}))=(.{0,200})"
)
_WRITERS: Final = ("vmcoreinfo_append_str", "paddr_vmcoreinfo_note", "crash_save_vmcoreinfo")
"""Functions whose code has the address of the variable that points to it."""
_CODE_MAX: Final = 4096
_PAGE: Final = 4096
_NEAR: Final = 32


class CrashNotes:
    def __init__(self, text: str = "") -> None:
        self.symbols: dict[str, int] = {}
        self.layout: dict[str, int] = {}
        """By structure.field, and structure for its size."""
        self.release = self.build_id = ""
        for kind, name, alone, value in _LINE.findall(text[:_PAGE]):
            if alone == "OSRELEASE":
                self.release = plain(value)
            elif alone == "BUILD-ID":
                self.build_id = plain(value)
            elif kind == "SYMBOL" and re.fullmatch(r"[0-9a-fA-F]{1,8}", value):
                self.symbols[name] = int(value, 16)
            elif kind in ("OFFSET", "SIZE") and re.fullmatch(r"\d{1,9}", value):
                self.layout[name] = int(value)

    @classmethod
    async def find(cls, memory: KernelMemory, functions: dict[str, Symbol]) -> "CrashNotes":
        """Through the code that writes them. Empty where there are none."""
        for name in _WRITERS:
            function = functions.get(name)
            if function is None:
                continue
            code = await memory.read(function.address, min(function.size or 256, _CODE_MAX))
            for address in constants(code):
                # Compilers take the address of the first of several variables.
                data = await memory.read(address, _NEAR) if memory.in_kernel(address) else b""
                for (page,) in struct.iter_unpack("<I", data[: len(data) & ~3]):
                    if page % _PAGE == 0 and memory.in_kernel(page):
                        text = await memory.read(page, _PAGE)
                        if text.startswith(CRASH_NOTES):
                            return cls(text.partition(b"\0")[0].decode("latin-1"))
        return cls()


def constants(code: bytes) -> list[int]:
    """Addresses that a piece of ARM code makes: by MOVW and MOVT, or in the words behind it."""
    halves: dict[int, int] = {}
    found: list[int] = []
    words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) // 4 * 4])
    for word in words:
        value, register = (word >> 4 & 0xF000) | (word & 0xFFF), word >> 12 & 15
        if word & 0x0FF00000 == 0x03000000:
            halves[register] = value
        elif word & 0x0FF00000 == 0x03400000 and register in halves:
            found.append(value << 16 | halves[register])
    return list(dict.fromkeys([*found, *(word for word in words if word >= 0x40000000)]))
