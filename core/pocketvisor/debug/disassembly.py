"""ARM and Thumb instructions as text, with symbols and source lines woven in. Capstone does the decoding.

Whatever the bytes are, lines come out: what is no instruction is a .word, a .short or a .byte. Whether code
is ARM or Thumb is told by mapping symbols where there are some, else by the caller (by CPSR.T, as a rule).

Left out: Jazelle, ThumbEE, big-endian code.
"""

from functools import cache
from typing import Any, Final, Protocol

from msgspec import Struct

BYTES_MAX: Final = 64 << 10
"""Of one call."""
THUMB: Final = 1 << 5
"""CPSR.T"""
_RUN: Final = 1024
_POOL: Final = 1024
"""Bytes behind the last instruction that are read as well: constants that instructions load are there."""
_BACK: Final = 32  # bytes in front of where Thumb code has to be found in step, at least


class Line(Struct, frozen=True):
    """One instruction. `label`: the symbol that it is in, as name or name+0x10; `note`: what its operand
    means; `target`: where it may branch to; `source`: file and line, where known."""

    address: int
    data: bytes
    mnemonic: str
    operands: str
    thumb: bool
    label: str = ""
    note: str = ""
    target: int | None = None
    source: tuple[str, int] | None = None

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def raw(self) -> str:
        """The instruction's words (Thumb: halfwords) in hexadecimal digits."""
        step = 2 if self.thumb else 4
        parts = [self.data[at : at + step] for at in range(0, len(self.data), step)]
        return " ".join(part[::-1].hex() for part in parts)

    @property
    def text(self) -> str:
        """The instruction itself, and what its operand means behind a semicolon."""
        text = f"{self.mnemonic} {self.operands}".rstrip()
        return f"{text}  ; {self.note}" if self.note else text


class CodeSymbols(Protocol):
    """What a symbol table can tell of code."""

    def label(self, address: int) -> str:
        """name, or name+0x10; empty where nothing is known."""
        ...

    def source(self, address: int) -> tuple[str, int] | None: ...

    def mode(self, address: int) -> str:
        """ "arm", "thumb" or "data" by mapping symbols; empty where nothing is known."""
        ...


class ReadsMemory(Protocol):
    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes: ...


def disassemble(
    data: bytes,
    address: int,
    *,
    thumb: bool = False,
    symbols: CodeSymbols | None = None,
    limit: int | None = None,
) -> list[Line]:
    """At most `limit` lines. What of `data` is over BYTES_MAX is left out."""
    data = data[:BYTES_MAX]
    limit = BYTES_MAX if limit is None else limit
    lines: list[Line] = []
    address &= ~1
    at = 0

    def mode_at(where: int) -> str:
        return (symbols.mode(where) if symbols is not None else "") or ("thumb" if thumb else "arm")

    while at < len(data) and len(lines) < limit:
        mode = mode_at(address + at)
        begun = at
        if mode != "data":
            decoder = _decoder(mode == "thumb")  # for many at once: what follows an IT depends on it
            for instruction in decoder.disasm(data[at : at + _RUN], address + at, limit - len(lines)):
                if instruction.address != address + at or mode_at(instruction.address) != mode:
                    break
                lines.append(_decoded(instruction, data, address, mode == "thumb", symbols))
                at += instruction.size
        if at == begun:
            lines.append(_undecoded(data, at, address, mode == "thumb", symbols))
            at += lines[-1].size
    return lines


async def disassemble_at(
    memory: ReadsMemory,
    address: int,
    count: int,
    *,
    thumb: bool = False,
    before: int = 0,
    physical: bool = False,
    symbols: CodeSymbols | None = None,
) -> list[Line]:
    """`count` instructions from an address on, and up to `before` in front of it; fewer where memory is not
    mapped."""
    address &= ~1
    count = max(0, min(count, BYTES_MAX // 4))
    before = max(0, min(before, BYTES_MAX // 4))
    size = min(4 * count + _POOL, (1 << 32) - address)
    data = await memory.read(address, size, physical=physical)
    lines = disassemble(data, address, thumb=thumb, symbols=symbols, limit=count)
    if before:
        lines = await _lines_before(memory, address, before, thumb, physical, symbols, data) + lines
    return lines


async def _lines_before(
    memory: ReadsMemory,
    address: int,
    count: int,
    thumb: bool,
    physical: bool,
    symbols: CodeSymbols | None,
    behind: bytes,
) -> list[Line]:
    """Backwards: from a beginning far enough in front, such that an instruction ends at the address."""
    size = min(4 * count + (_BACK if thumb else 0), address)
    data = b""
    while size:
        data = await memory.read(address - size, size, physical=physical)
        if len(data) == size:
            break
        size = min(size // 2, address & 0xFFF) & ~3  # it is not mapped there: what is in the same page
    for late in range(0, 8, 2) if thumb else (0,):
        lines = disassemble(
            data[late:] + behind, address - size + late, thumb=thumb, symbols=symbols, limit=len(data)
        )
        whole = [line for line in lines if line.address + line.size <= address]
        if whole and whole[-1].address + whole[-1].size == address:
            return whole[-count:]
    return []


def _decoded(instruction: Any, data: bytes, begin: int, thumb: bool, symbols: CodeSymbols | None) -> Line:
    target, note = _meaning(instruction, data, begin, thumb, symbols)
    return Line(
        address=instruction.address,
        data=bytes(instruction.bytes),
        mnemonic=instruction.mnemonic,
        operands=instruction.op_str,
        thumb=thumb,
        label=symbols.label(instruction.address) if symbols is not None else "",
        note=note,
        target=target,
        source=symbols.source(instruction.address) if symbols is not None else None,
    )


def _undecoded(data: bytes, at: int, begin: int, thumb: bool, symbols: CodeSymbols | None) -> Line:
    address = begin + at
    left = len(data) - at
    size = 2 if thumb and left >= 2 else 4 if left >= 4 and not address & 3 else 1
    value = int.from_bytes(data[at : at + size], "little")
    return Line(
        address=address,
        data=data[at : at + size],
        mnemonic={4: ".word", 2: ".short", 1: ".byte"}[size],
        operands=f"0x{value:0{2 * size}x}",
        thumb=thumb,
        label=symbols.label(address) if symbols is not None else "",
        note=symbols.label(value) if symbols is not None and size == 4 else "",
        source=symbols.source(address) if symbols is not None else None,
    )


def _meaning(
    instruction: Any, data: bytes, begin: int, thumb: bool, symbols: CodeSymbols | None
) -> tuple[int | None, str]:
    """Where an instruction may branch to, and what its operand means."""
    import capstone
    from capstone import arm

    operands = instruction.operands
    if any(instruction.group(group) for group in (capstone.CS_GRP_JUMP, capstone.CS_GRP_CALL)):
        last = operands[-1] if operands else None
        if last is not None and last.type == arm.ARM_OP_IMM:
            target = last.imm & 0xFFFF_FFFF
            return target, symbols.label(target) if symbols is not None else ""
        return None, ""
    pc = ((instruction.address + 4) & ~3) if thumb else instruction.address + 8
    for operand in operands:
        if operand.type != arm.ARM_OP_MEM or operand.mem.base != arm.ARM_REG_PC or operand.mem.index:
            continue
        where = (pc + operand.mem.disp) & 0xFFFF_FFFF
        note = f"[{where:#x}]"
        pool = data[where - begin : where - begin + 4] if where >= begin else b""
        if instruction.id == arm.ARM_INS_LDR and len(pool) == 4:
            value = int.from_bytes(pool, "little")
            note = f"= {value:#x}"
            if symbols is not None and (label := symbols.label(value)):
                note += f" {label}"
        return None, note
    return None, ""


@cache
def _decoder(thumb: bool) -> Any:
    import capstone

    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB if thumb else capstone.CS_MODE_ARM)
    decoder.detail = True
    return decoder
