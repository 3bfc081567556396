"""Page tables of long descriptors (LPAE), ARM DDI 0406C, B3.6: for firmware that sets TTBCR.EAE on a CPU that
has no such thing, as the engine's own walk does it (core/native/long_descriptors.c).

Left out: memory attributes, which are told as MAIR's index alone.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from pocketvisor.debug.page_tables import (
    NO_RIGHTS,
    TABLES_MAX,
    Range,
    Ranges,
    ReadsMemory,
    Rights,
    Step,
    Walk,
)

_ADDRESS: Final = 0xFF_FFFF_F000


class LongTables:
    def __init__(self, registers: Mapping[str, int], memory: ReadsMemory) -> None:
        self._registers = registers
        self._memory = memory

    async def walk(self, address: int) -> Walk:
        found = self._first(address)
        if found is None:
            return Walk(address, None, 0, NO_RIGHTS, [], "Walks of this region are switched off (TTBCR)")
        base, level, within = found
        steps: list[Step] = []
        above = 0
        while True:
            shift = 39 - 9 * level
            where = base + 8 * (within >> shift)
            descriptor = await self._load(where)
            if descriptor is None:
                return Walk(
                    address, None, 0, NO_RIGHTS, steps, f"A table is at {where:#x}, where no memory is"
                )
            kind = descriptor & 3
            if not kind & 1 or (level == 3 and kind == 1):
                steps.append(Step(level, where, descriptor, "nothing"))
                sentence = f"Not mapped: its descriptor of level {level} is empty"
                return Walk(address, None, 1 << shift, NO_RIGHTS, steps, sentence)
            if level == 3 or kind == 1:
                steps.append(Step(level, where, descriptor, "page" if level == 3 else "block"))
                return _leaf(address, descriptor, above, shift, steps)
            steps.append(Step(level, where, descriptor, f"table at {descriptor & _ADDRESS:#010x}"))
            above |= descriptor
            base, within, level = descriptor & _ADDRESS, within & ((1 << shift) - 1), level + 1

    async def ranges(self) -> list[Range]:
        ranges = Ranges()
        tables: dict[tuple[int, int], bytes] = {}
        address = 0
        while address < 1 << 32 and not ranges.full and len(tables) < TABLES_MAX:
            await asyncio.sleep(0)
            address += await self._collect(ranges, tables, address)
        return ranges.found

    async def _collect(self, ranges: Ranges, tables: dict[tuple[int, int], bytes], address: int) -> int:
        """Looks at what maps the address, and answers how many bytes are done with that."""
        found = self._first(address)
        if found is None:
            return 1 << 21
        base, level, within = found
        above = 0
        steps: list[Step] = []
        while True:
            shift = 39 - 9 * level
            index = within >> shift
            size = 1 << shift
            block, at = (base + 8 * index) & ~0xFFF, (base + 8 * index) & 0xFFF
            if (block, level) not in tables:
                tables[block, level] = await self._memory.read(block, 4096, physical=True)
            piece = tables[block, level][at : at + 8]
            descriptor = self._value(piece) if len(piece) == 8 else 0
            kind = descriptor & 3
            if not kind & 1 or (level == 3 and kind == 1):
                return size - (address & (size - 1))
            if level == 3 or kind == 1:
                ranges.add(_leaf(address, descriptor, above, shift, steps), address, size)
                return size
            above |= descriptor
            base, within, level = descriptor & _ADDRESS, within & (size - 1), level + 1

    def _first(self, address: int) -> tuple[int, int, int] | None:
        """The first table's address, its level, and the bits of the address that it translates."""
        control = self._register("ttbcr")
        low, high = control & 7, control >> 16 & 7
        in_low = not low or not address >> (32 - low)
        in_high = address >> (32 - high) == (1 << high) - 1 if high else bool(low) and not in_low
        if in_low and not (in_high and high):
            table, bits, off = self._register("ttbr0"), 32 - low, control & 1 << 7
        else:
            table, bits, off = self._register("ttbr1"), 32 - high, control & 1 << 23 or not in_high
        if off:
            return None
        level = 1 if bits > 30 else 2
        entries = bits - (39 - 9 * level)
        base = table & (_ADDRESS if entries >= 9 else 0xFF_FFFF_FFF8) & ~((8 << entries) - 1)
        return base, level, address & ((1 << bits) - 1)

    async def _load(self, physical: int) -> int | None:
        if physical >> 32:
            return None
        data = await self._memory.read(physical, 8, physical=True)
        return self._value(data) if len(data) == 8 else None

    def _value(self, data: bytes) -> int:
        big = self._register("sctlr") & 1 << 25
        return int.from_bytes(data, "big" if big else "little")

    def _register(self, name: str) -> int:
        return self._registers.get(f"long_{name}", self._registers.get(name, 0))


def _leaf(address: int, descriptor: int, above: int, shift: int, steps: list[Step]) -> Walk:
    mask = (1 << shift) - 1
    read_only = descriptor & 1 << 7 or above & 1 << 62
    for_user = descriptor & 1 << 6 and not above & 1 << 61
    never = descriptor & 1 << 54 or above & 1 << 60
    privileged_never = never or descriptor & 1 << 53 or above & 1 << 59
    write = "-" if read_only else "w"
    rights = Rights(
        f"r{write}{'-' if privileged_never else 'x'}",
        f"r{write}{'-' if never else 'x'}" if for_user else "---",
    )
    sentence = "Mapped"
    if not descriptor & 1 << 10:
        rights, sentence = NO_RIGHTS, "Mapped, but its access flag is clear: the first access faults"
    return Walk(
        address=address,
        physical=descriptor & _ADDRESS & ~mask | address & mask,
        size=1 << shift,
        rights=rights,
        steps=steps,
        sentence=sentence,
        global_=not descriptor & 1 << 11,
        memory=f"MAIR entry {descriptor >> 2 & 7}",
    )
