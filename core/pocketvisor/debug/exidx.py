"""A step up the stack by the tables of the ARM unwinder ("Exception Handling ABI for the Arm Architecture",
.ARM.exidx and .ARM.extab), which C++ programs and the Linux kernel carry in memory.

The tables are the guest's: every read is bounded, and what they lead to is only more of its memory.
"""

import struct
from typing import Final

from pocketvisor.debug.symbols.file import Memory

_CANNOT: Final = 1
_STEPS_MAX: Final = 256
_CODES_MAX: Final = 64
_SP, _LR, _PC = 13, 14, 15

Registers = dict[int, int]


async def step(memory: Memory, table: tuple[int, int], registers: Registers) -> Registers | None:
    """The caller's registers, by number. None where the tables do not say, or say that there is no caller."""
    entry = await _entry(memory, table, registers[_PC])
    codes = await _codes(memory, entry) if entry is not None else None
    if not codes:
        return None
    return await _Unwinding(memory, registers).run(codes)


async def _entry(memory: Memory, table: tuple[int, int], pc: int) -> tuple[int, int] | None:
    """Where the last entry at or before pc is, and its second word."""
    at, size = table
    low, high = 0, size // 8
    found = None
    while low < high:
        middle = (low + high) // 2
        data = await memory.read(at + 8 * middle, 8)
        if len(data) < 8:
            return None
        first, second = struct.unpack("<II", data)
        if first >> 31:
            return None
        if _relative(first, at + 8 * middle) <= pc:
            found = at + 8 * middle, second
            low = middle + 1
        else:
            high = middle
    return found


def _relative(word: int, at: int) -> int:
    """31 bits with a sign, relative to their own place."""
    distance = word & 0x7FFFFFFF
    return at + (distance - (1 << 31) if distance >> 30 else distance) & 0xFFFFFFFF


async def _codes(memory: Memory, entry: tuple[int, int]) -> bytes | None:
    at, second = entry
    if second == _CANNOT:
        return None
    if second >> 31:
        return _bytes(second, 3) if second >> 24 == 0x80 else None
    place = _relative(second, at + 4)
    data = await memory.read(place, 8 + 4 * _CODES_MAX)
    words = struct.unpack(f"<{len(data) // 4}I", data[: len(data) & ~3])
    if not words:
        return None
    if words[0] >> 31:
        if words[0] >> 24 == 0x80:
            return _bytes(words[0], 3)
        if words[0] >> 24 not in (0x81, 0x82):
            return None
        head, following = _bytes(words[0], 2), words[1:]
        count = words[0] >> 16 & 0xFF
    else:  # a personality of a language of its own, which has its codes in the same form
        if len(words) < 2:
            return None
        head, following = _bytes(words[1], 3), words[2:]
        count = words[1] >> 24
    if count > min(len(following), _CODES_MAX):
        return None
    return head + b"".join(_bytes(word, 4) for word in following[:count])


def _bytes(word: int, count: int) -> bytes:
    """The last ones, the most significant first."""
    return word.to_bytes(4, "big")[4 - count :]


class _Unwinding:
    def __init__(self, memory: Memory, registers: Registers) -> None:
        self._memory = memory
        self._registers = dict(registers)
        self._sp = registers[_SP]
        self._popped_pc = self._popped_sp = False

    async def run(self, codes: bytes) -> Registers | None:
        at = 0
        while at < len(codes) and codes[at] != 0xB0:
            used = await self._one(codes, at)
            if not used:
                return None
            at += used
        if not self._popped_sp:
            self._registers[_SP] = self._sp
        if not self._popped_pc:
            self._registers[_PC] = self._registers[_LR]
        return self._registers

    async def _one(self, codes: bytes, at: int) -> int:
        """Does what the code there says. Answers how many bytes it has, 0 where it makes no sense."""
        code = codes[at]
        following = codes[at + 1] if at + 1 < len(codes) else None
        if code < 0x40:
            self._move((code << 2) + 4)
        elif code < 0x80:
            self._move(-((code & 0x3F) << 2) - 4)
        elif code < 0x90:
            if following is None or not (mask := (code & 15) << 8 | following):
                return 0
            return 2 if await self._pop([4 + bit for bit in range(12) if mask >> bit & 1]) else 0
        elif code < 0xA0:
            if code & 15 in (_SP, _PC):
                return 0
            self._sp = self._registers.get(code & 15, 0)
        elif code < 0xB0:
            named = list(range(4, 5 + (code & 7))) + ([_LR] if code & 8 else [])
            return 1 if await self._pop(named) else 0
        else:
            return await self._rare(code, following, codes, at)
        return 1

    async def _rare(self, code: int, following: int | None, codes: bytes, at: int) -> int:
        if code == 0xB1:
            if following is None or following & 0xF0 or not following:
                return 0
            return 2 if await self._pop([bit for bit in range(4) if following >> bit & 1]) else 0
        if code == 0xB2:
            value = shift = 0
            for used, byte in enumerate(codes[at + 1 : at + 6]):
                value |= (byte & 0x7F) << shift
                shift += 7
                if not byte & 0x80:
                    self._move(0x204 + (value << 2))
                    return 2 + used
            return 0
        # Floating point registers are only passed over.
        if code == 0xB3 and following is not None:
            self._move(8 * ((following & 15) + 1) + 4)
            return 2
        if 0xB8 <= code <= 0xBF:
            self._move(8 * ((code & 7) + 1) + 4)
            return 1
        if code in (0xC8, 0xC9) and following is not None:
            self._move(8 * ((following & 15) + 1))
            return 2
        if 0xD0 <= code <= 0xD7:
            self._move(8 * ((code & 7) + 1))
            return 1
        return 0

    def _move(self, distance: int) -> None:
        self._sp = (self._sp + distance) & 0xFFFFFFFF

    async def _pop(self, named: list[int]) -> bool:
        data = await self._memory.read(self._sp, 4 * len(named))
        if len(data) < 4 * len(named):
            return False
        for register, value in zip(named, struct.unpack(f"<{len(named)}I", data), strict=True):
            self._registers[register] = value
        self._move(4 * len(named))
        self._popped_pc |= _PC in named
        if _SP in named:
            self._sp, self._popped_sp = self._registers[_SP], False
        return True
