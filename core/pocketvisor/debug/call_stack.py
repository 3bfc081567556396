"""Who called whom: from the registers of one moment up the stack, as far as something tells the way.

In this order: debug information (call frames), the tables of the ARM unwinder, frame pointers as gcc and
clang leave them, and for the innermost function the link register. Each step has to make sense: it goes up
the stack, and the place to return to is behind a call. Where it does not, the stack ends.

Left out: user code whose file is not known and that keeps no frame pointers; values of arguments.
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from pocketvisor.debug import exidx
from pocketvisor.debug.symbols.file import Memory, SymbolFile
from pocketvisor.debug.symbols.source_lines import Line
from pocketvisor.debug.symbols.table import Place, SymbolTable
from pocketvisor.errors import DebugError

FRAMES_MAX: Final = 64
_PROLOGUE_MAX: Final = 64
_FP_THUMB, _FP_ARM, _SP, _LR, _PC = 7, 11, 13, 14, 15
_THUMB: Final = 0x20
_FRAME_MAX: Final = 1 << 20

_Registers = dict[int, int]


class Frame(NamedTuple):
    """`pc`: of the innermost the next instruction, of the others where they go on. `how` it was found:
    "registers", "debug information", "unwind table", "frame pointer" or "link register"."""

    number: int
    pc: int
    sp: int
    place: Place | None
    line: Line | None
    how: str

    def __str__(self) -> str:
        where = str(self.place) if self.place is not None else "?"
        source = f" at {self.line}" if self.line is not None else ""
        return f"#{self.number} 0x{self.pc:08x} {where}{source}"


async def call_stack(
    memory: Memory, registers: Mapping[str, int], symbols: SymbolTable, limit: int = FRAMES_MAX
) -> list[Frame]:
    """The innermost first. Raises DebugError only where memory cannot be had at all."""
    now = _numbered(registers)
    thumb = bool(registers.get("cpsr", 0) & _THUMB)
    frames: list[Frame] = []
    how = "registers"
    seen = set()
    while len(frames) < min(limit, FRAMES_MAX):
        pc, sp = now[_PC], now[_SP]
        # A call may be a function's last instruction; and what a kernel's entry code returns to is no call's.
        called = bool(frames) and await _behind_a_call(memory, pc | thumb)
        looked_up = pc - 1 if called else pc
        await symbols.prepare([looked_up])
        frames.append(
            Frame(len(frames), pc, sp, _place(symbols, looked_up, pc), symbols.line(looked_up), how)
        )
        seen.add((pc, sp))
        found = await _caller(memory, now, symbols, looked_up, innermost=len(frames) == 1, thumb=thumb)
        if found is None:
            break
        now, how = found
        thumb = bool(now[_PC] & 1)
        now[_PC] &= ~1
        if not now[_PC] or (now[_PC], now[_SP]) in seen:
            break
    return frames


def _numbered(registers: Mapping[str, int]) -> _Registers:
    names = {"sp": _SP, "lr": _LR, "pc": _PC}
    numbers = {f"r{number}": number for number in range(13)} | names
    return {number: registers.get(name, 0) & 0xFFFFFFFF for name, number in numbers.items()}


def _place(symbols: SymbolTable, looked_up: int, pc: int) -> Place | None:
    place = symbols.name(looked_up)
    return Place(place.symbol, pc - place.symbol.address) if place is not None else None


async def _caller(
    memory: Memory, now: _Registers, symbols: SymbolTable, place: int, *, innermost: bool, thumb: bool
) -> tuple[_Registers, str] | None:
    files = [file for file in symbols.layers if file.holds(place) and not file.differs]
    if innermost and await _before_prologue(memory, now, symbols, thumb):
        return await _by_link(memory, now)
    by_tables = (_by_frames, _by_exidx)
    for file in files:
        # Of a large file the call frames take seconds to read, the other table nothing.
        for way in by_tables[::-1] if file.large else by_tables:
            found, ended = await way(memory, file, now, place)
            if ended:
                return None
            if found is not None and _sensible(now, found, innermost):
                return found, "debug information" if way is _by_frames else "unwind table"
    found = await _by_pointer(memory, now, thumb)
    if found is not None:
        return found, "frame pointer"
    return await _by_link(memory, now) if innermost else None


async def _by_frames(
    memory: Memory, file: SymbolFile, now: _Registers, place: int
) -> tuple[_Registers | None, bool]:
    """And whether it is known that there is no caller."""
    try:
        frame = await file.frame(place)
    except DebugError:
        return None, False
    if frame is None:
        return None, False
    if not frame.same:
        return None, True
    base = (now.get(frame.register, 0) + frame.offset) & 0xFFFFFFFF
    found = dict(now)
    for register, distance in list(frame.saved.items())[:16]:
        data = await memory.read((base + distance) & 0xFFFFFFFF, 4)
        if len(data) < 4:
            return None, False
        found[register] = int.from_bytes(data, "little")
    found[_SP] = base
    found[_PC] = found[_LR]
    return found, False


async def _by_exidx(
    memory: Memory, file: SymbolFile, now: _Registers, place: int
) -> tuple[_Registers | None, bool]:
    if file.exidx is None:
        return None, False
    return await exidx.step(memory, file.exidx, {**now, _PC: place}), False


async def _by_pointer(memory: Memory, now: _Registers, thumb: bool) -> _Registers | None:
    """Where a frame pointer points: to the saved one with the link register behind it (clang, and gcc's
    Thumb), to the link register (gcc's ARM), or to a saved pc behind three others (the old APCS frame)."""
    for register in (_FP_THUMB, _FP_ARM) if thumb else (_FP_ARM, _FP_THUMB):
        pointer = now[register]
        if pointer % 4 or not now[_SP] <= pointer < now[_SP] + _FRAME_MAX or pointer < 16:
            continue
        data = await memory.read(pointer - 12, 20)
        if len(data) < 20:
            continue
        older, saved, before, at, behind = struct.unpack("<5I", data)
        ways = ((before, at, pointer + 4), (at, behind, pointer + 8), (older, before, saved))
        for saved_pointer, back, sp in ways:
            if sp > now[_SP] and sp - now[_SP] <= _FRAME_MAX and await _behind_a_call(memory, back):
                return {**now, register: saved_pointer, _SP: sp, _LR: back, _PC: back}
    return None


async def _by_link(memory: Memory, now: _Registers) -> tuple[_Registers, str] | None:
    if not await _behind_a_call(memory, now[_LR]) or now[_LR] & ~1 == now[_PC]:
        return None
    found = {**now, _PC: now[_LR]}
    pointer = now[_FP_ARM]  # a function that calls nobody may have saved this alone
    if pointer % 4 == 0 and now[_SP] <= pointer < now[_SP] + _FRAME_MAX:
        saved = int.from_bytes(await memory.read(pointer, 4), "little")
        if pointer < saved <= pointer + _FRAME_MAX:
            found |= {_FP_ARM: saved, _SP: pointer + 4}
    return found, "link register"


def _sensible(now: _Registers, found: _Registers, innermost: bool) -> bool:
    """Up the stack, and maybe onto another one; a function without a frame has called nobody."""
    if found[_SP] == now[_SP] and found[_PC] & ~1 == now[_PC]:
        return False
    return found[_PC] > 1 and (innermost or found[_SP] != now[_SP])


async def _before_prologue(memory: Memory, now: _Registers, symbols: SymbolTable, thumb: bool) -> bool:
    """Has the function, as far as it has got, saved nothing? Tables are of what comes after that."""
    place = symbols.name(now[_PC])
    if place is None or thumb or not 0 <= place.offset <= _PROLOGUE_MAX:
        return place is not None and place.offset == 0
    if place.symbol.kind != "function":
        return False
    if place.offset == 0:
        return True
    code = await memory.read(place.symbol.address, place.offset)
    words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) & ~3])
    saves = any(word & 0x0FFF0000 in (0x092D0000, 0x052D0000) for word in words)  # push, or of one alone
    moves = any(word & 0x0FFFF000 == 0x024DD000 for word in words)  # sub sp, sp
    calls = any(word & 0x0F000000 == 0x0B000000 for word in words)
    return len(words) * 4 == place.offset and not saves and not moves and not calls


async def _behind_a_call(memory: Memory, back: int) -> bool:
    """Is the instruction before a return address one that calls?"""
    if back < 4:
        return False
    data = await memory.read((back & ~1) - 4, 4)
    if len(data) < 4:
        return False
    if not back & 1:
        word = int.from_bytes(data, "little")
        branches = word & 0x0F000000 == 0x0B000000 or word & 0xFE000000 == 0xFA000000
        # Through a register, or with mov lr, pc before it.
        return not back & 2 and (branches or word & 0x0FFFFFF0 in (0x012FFF30, 0x01A0F000))
    first, second = (int.from_bytes(half, "little") for half in (data[:2], data[2:]))
    branches = first & 0xF800 == 0xF000 and second & 0xC000 == 0xC000
    return branches or second & 0xFF87 == 0x4780
