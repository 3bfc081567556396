"""An ELF file's symbols, and what tells whether it is the program that is in a guest's memory.

pyelftools finds the parts, this reads them: a kernel has 200,000 symbols. Runs in the process of reading.py.

Left out: objects that are not linked, a kernel's modules among them (the kernel itself has the names of what
it loaded), 64-bit and big-endian files.
"""

import struct
from array import array
from typing import Any, BinaryIO, Final

from elftools.elf.elffile import ELFFile

from pocketvisor.debug.symbols.messages import SYMBOLS_MAX, Facts, Note
from pocketvisor.debug.symbols.rows import Row, packed
from pocketvisor.errors import DebugError

SECTIONS_MAX: Final = 4096
_SYMTAB_MAX: Final = 64 << 20
_NAMES_MAX: Final = 64 << 20
_NAME_MAX: Final = 4096
_NOTES_MAX: Final = 1 << 16
_CODE_PIECES: Final = 16
_CODE_PIECE: Final = 128
_LARGE_INFO: Final = 4 << 20
_LARGE_LINES: Final = 1 << 20

_NO_TYPE, _OBJECT, _FUNCTION = 0, 1, 2
_UNDEFINED, _ABSOLUTE, _COMMON = 0, 0xFFF1, 0xFFF2
_MACHINES: Final = {
    "EM_AARCH64": "64-bit ARM",
    "EM_386": "x86",
    "EM_X86_64": "x86-64",
    "EM_RISCV": "RISC-V",
}


class ElfSymbols:
    """Raises DebugError for what is no ELF file of a 32-bit ARM program."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        if file.read(4) != b"\x7fELF":
            raise DebugError("is no ELF file")
        self.elf = ELFFile(file)
        header = self.elf.header
        machine = header["e_machine"]
        if machine != "EM_ARM" or self.elf.elfclass != 32:
            name = _MACHINES.get(machine, str(machine).removeprefix("EM_"))
            raise DebugError(f"is an ELF file for {name}, this board's CPU is a 32-bit ARM")
        if not self.elf.little_endian:
            raise DebugError("is a big-endian ELF file, this board is little-endian")
        if header["e_type"] not in ("ET_EXEC", "ET_DYN"):
            raise DebugError("is an ELF file that is not linked, so that nothing in it has an address")
        if self.elf.num_sections() > SECTIONS_MAX or self.elf.num_segments() > SECTIONS_MAX:
            raise DebugError("is damaged: it has too many sections or segments")
        self.sections: dict[str, Any] = {}
        for section in self.elf.iter_sections():
            self.sections.setdefault(section.name, section)
        self._dwarf: Any = None
        self.frame_entries: tuple[list[int], list[Any]] | None = None
        """Of call frames, for whoever read them."""

    @property
    def dwarf(self) -> Any:
        """pyelftools' view of it, for which it reads all of it."""
        if self._dwarf is None:
            if not self.elf.has_dwarf_info():
                raise DebugError("has no debug information (DWARF)")
            self._dwarf = self.elf.get_dwarf_info()
        return self._dwarf

    def facts(self) -> Facts:
        rows, mapping = self._rows()
        start, end = self._extent()
        build_id, at = self._build_id()
        exidx = self.sections.get(".ARM.exidx") or self.sections.get(".ARM.unwind_idx")
        has_lines = ".debug_line" in self.sections or ".zdebug_line" in self.sections
        problems = []
        if not rows:
            problems.append("is stripped: it has no symbols")
        return Facts(
            symbols=packed(rows),
            mapping=mapping,
            start=start,
            end=end,
            build_id=build_id,
            build_id_at=at,
            code=[] if build_id else self._code(),
            entry=self.elf.header["e_entry"] & 0xFFFFFFFF,
            position_independent=self.elf.header["e_type"] == "ET_DYN",
            has_symbols=bool(rows),
            has_lines=has_lines,
            large=self._size(".debug_info") > _LARGE_INFO or self._size(".debug_line") > _LARGE_LINES,
            exidx_at=exidx["sh_addr"] if exidx is not None else 0,
            exidx_size=exidx["sh_size"] if exidx is not None else 0,
            problems=problems,
        )

    def _size(self, name: str) -> int:
        section = self.sections.get(name)
        return int(section["sh_size"]) if section is not None else 0

    def _rows(self) -> tuple[list[Row], bytes]:
        rows: list[Row] = []
        modes: list[tuple[int, str]] = []
        for name in (".symtab", ".dynsym"):
            section = self.sections.get(name)
            if section is None or rows:
                continue
            names = self.elf.get_section(section["sh_link"])
            if section["sh_size"] > _SYMTAB_MAX or names["sh_size"] > _NAMES_MAX:
                raise DebugError("has more symbols than a program of a 32-bit machine can have")
            table, strings = section.data(), names.data()
            for at, value, size, info, _, place in struct.iter_unpack(
                "<IIIBBH", table[: len(table) // 16 * 16]
            ):
                self._row(rows, modes, strings, (at, value, size, info & 15, place))
        if len(rows) > SYMBOLS_MAX:
            raise DebugError(f"has more than {SYMBOLS_MAX} symbols")
        rows.sort()
        modes.sort()
        addresses = array("I", (address for address, _ in modes)).tobytes()
        return rows, addresses + "".join(letter for _, letter in modes).encode()

    @staticmethod
    def _row(
        rows: list[Row], modes: list[tuple[int, str]], strings: bytes, entry: tuple[int, int, int, int, int]
    ) -> None:
        at, value, size, kind, place = entry
        if kind not in (_NO_TYPE, _OBJECT, _FUNCTION) or place in (_UNDEFINED, _COMMON) or not at:
            return
        end = strings.find(b"\0", at, at + _NAME_MAX)
        if end <= at:
            return
        raw = strings[at:end]
        if raw[0] == ord("$"):
            if len(raw) > 1 and raw[1] in b"atd" and (len(raw) == 2 or raw[2] == ord(".")):
                modes.append((value, chr(raw[1])))
            return
        if kind == _NO_TYPE and place == _ABSOLUTE:
            return  # a number that the linker gave a name to
        name = raw.decode("utf-8", "replace").replace("\n", "?")
        # The lowest bit of a function's address says that it is Thumb code.
        rows.append(
            (value & ~1, size, "t" if value & 1 else "f", name)
            if kind == _FUNCTION
            else (value, size, "o" if kind == _OBJECT else "n", name)
        )

    def _extent(self) -> tuple[int, int]:
        loaded = [part for part in self.elf.iter_segments("PT_LOAD") if part["p_memsz"]]
        if not loaded:
            return 0, 0
        start = min(part["p_vaddr"] for part in loaded)
        return start, min(1 << 32, max(part["p_vaddr"] + part["p_memsz"] for part in loaded))

    def _build_id(self) -> tuple[str, int]:
        """And where it is in memory, 0 if it is not."""
        for section in self.sections.values():
            if section["sh_type"] == "SHT_NOTE" and section["sh_size"] <= _NOTES_MAX:
                found = build_id_in(section.data())
                if found is not None:
                    at, data = found
                    loaded = section["sh_flags"] & 2 and section["sh_addr"]
                    return data.hex(), section["sh_addr"] + at if loaded else 0
        return "", 0

    def _code(self) -> list[Note]:
        """Pieces of it, spread over the largest section of code."""
        sections = [
            section
            for section in self.sections.values()
            if section["sh_type"] == "SHT_PROGBITS" and section["sh_flags"] & 4 and section["sh_addr"]
        ]
        if not sections:
            return []
        section = max(sections, key=lambda section: int(section["sh_size"]))
        size = section["sh_size"]
        if size > 256 << 20:
            return []
        data, step = section.data(), max(_CODE_PIECE, size // _CODE_PIECES)
        return [
            Note(section["sh_addr"] + at, data[at : at + _CODE_PIECE])
            for at in range(0, size - _CODE_PIECE + 1, step)
        ]


def build_id_in(notes: bytes) -> tuple[int, bytes] | None:
    """Where in a section of notes the build id is, and itself."""
    at = 0
    while at + 12 <= len(notes):
        name, size, kind = struct.unpack_from("<III", notes, at)
        begin = at + 12 + (name + 3 & ~3)
        if size > len(notes) or begin + size > len(notes):
            return None
        if kind == 3 and notes[at + 12 : at + 16] == b"GNU\0" and name == 4 and 8 <= size <= 64:
            return begin, notes[begin : begin + size]
        at = begin + (size + 3 & ~3)
    return None
