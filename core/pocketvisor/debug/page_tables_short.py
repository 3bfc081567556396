"""Page tables of short descriptors, ARM DDI 0406C, B3.5, as a Cortex-A9 walks them (without PXN)."""

import asyncio
from collections.abc import Mapping

from pocketvisor.debug.page_tables import (
    LARGE,
    NO_RIGHTS,
    SECTION,
    SMALL,
    SUPERSECTION,
    TABLES_MAX,
    Range,
    Ranges,
    ReadsMemory,
    Rights,
    Step,
    Walk,
    low_mask,
)


class ShortTables:
    def __init__(self, registers: Mapping[str, int], memory: ReadsMemory) -> None:
        self._registers = registers
        self._memory = memory

    def _table(self, address: int) -> tuple[int, int, int] | None:
        """The first-level table that is for this address, how many entries it has, and which one is the
        address's; None where walks of it are off."""
        control = self._register("ttbcr")
        split = control & 7
        if split and address >> (32 - split):
            return None if control & 1 << 5 else (self._register("ttbr1") & 0xFFFF_C000, 4096, address >> 20)
        if control & 1 << 4:
            return None
        return self._register("ttbr0") & low_mask(split), 4096 >> split, address >> 20

    async def walk(self, address: int) -> Walk:
        steps: list[Step] = []
        found = self._table(address)
        if found is None:
            return _nothing(address, steps, "Walks of this half are switched off (TTBCR.PD0 or PD1)")
        table, _, index = found
        where = table + 4 * index
        first = await self._word(where)
        if first is None:
            return _nothing(address, steps, f"The first-level table is at {where:#010x}, where no memory is")
        kind = first & 3
        if kind == 0:
            steps.append(Step(1, where, first, "nothing"))
            return _nothing(address, steps, "Not mapped: its first-level descriptor is empty", SECTION)
        if kind == 3:
            steps.append(Step(1, where, first, "reserved"))
            return _nothing(address, steps, "Not mapped: its first-level descriptor is reserved", SECTION)
        if kind == 2:
            return self._section(address, first, [Step(1, where, first, _section_name(first))])
        steps.append(Step(1, where, first, f"second-level table at {first & 0xFFFF_FC00:#010x}"))
        where = (first & 0xFFFF_FC00) + 4 * (address >> 12 & 0xFF)
        second = await self._word(where)
        if second is None:
            return _nothing(address, steps, f"The second-level table is at {where:#010x}, where no memory is")
        if not second & 3:
            steps.append(Step(2, where, second, "nothing"))
            return _nothing(address, steps, "Not mapped: its second-level descriptor is empty", SMALL)
        return self._page(address, first, second, [*steps, Step(2, where, second, _page_name(second))])

    def _section(self, address: int, first: int, steps: list[Step]) -> Walk:
        big = bool(first & 1 << 18)
        size = SUPERSECTION if big else SECTION
        base = first & (0xFF00_0000 if big else 0xFFF0_0000)
        domain = 0 if big else first >> 5 & 0xF
        ap = (first >> 10 & 3) | (first >> 13 & 4)
        rights, sentence = self._rights(ap, domain, bool(first & 1 << 4))
        return Walk(
            address=address,
            physical=base | address & (size - 1),
            size=size,
            rights=rights,
            steps=steps,
            sentence=sentence,
            domain=domain,
            domain_access=self._domain(domain),
            global_=not first & 1 << 17,
            memory=self._attributes(first >> 12 & 7, first >> 2 & 3, bool(first & 1 << 16)),
        )

    def _page(self, address: int, first: int, second: int, steps: list[Step]) -> Walk:
        large = second & 3 == 1
        size = LARGE if large else SMALL
        base = second & (0xFFFF_0000 if large else 0xFFFF_F000)
        domain = first >> 5 & 0xF
        ap = (second >> 4 & 3) | (second >> 7 & 4)
        never = bool(second & 1 << 15) if large else bool(second & 1)
        rights, sentence = self._rights(ap, domain, never)
        tex = second >> 12 & 7 if large else second >> 6 & 7
        return Walk(
            address=address,
            physical=base | address & (size - 1),
            size=size,
            rights=rights,
            steps=steps,
            sentence=sentence,
            domain=domain,
            domain_access=self._domain(domain),
            global_=not second & 1 << 11,
            memory=self._attributes(tex, second >> 2 & 3, bool(second & 1 << 10)),
        )

    async def ranges(self) -> list[Range]:
        """One after the other, and adjacent ones that are alike put together."""
        ranges = Ranges()
        levels: dict[int, bytes] = {}
        for megabyte in range(4096):
            address = megabyte << 20
            found = self._table(address)
            if found is None:
                continue
            table, entries, index = found
            if table not in levels:
                levels[table] = await self._memory.read(table, 4 * entries, physical=True)
            first = _word_of(levels[table], index)
            if first is None or first & 3 in (0, 3):
                continue
            if first & 2:
                ranges.add(self._section(address, first, []), address, SECTION)
            elif not await self._second_level(ranges, address, first, levels):
                break
            if ranges.full:
                break
        return ranges.found

    async def _second_level(
        self, ranges: "Ranges", address: int, first: int, levels: dict[int, bytes]
    ) -> bool:
        where = first & 0xFFFF_FC00
        if where not in levels:
            if len(levels) >= TABLES_MAX:
                return False
            levels[where] = await self._memory.read(where, 1024, physical=True)
        await asyncio.sleep(0)  # a guest may have as many as there can be: others go on meanwhile
        for number in range(256):
            second = _word_of(levels[where], number)
            if second is not None and second & 3:
                page = address + (number << 12)
                ranges.add(self._page(page, first, second, []), page, SMALL)
        return True

    def _rights(self, ap: int, domain: int, never: bool) -> tuple[Rights, str]:
        access = self._register("dacr") >> (2 * domain) & 3
        if access == 3:
            return Rights("rwx", "rwx"), "Mapped; its domain's manager may do anything"
        if access != 1:
            return NO_RIGHTS, "Mapped, but its domain may not be accessed (DACR)"
        if self._register("sctlr") & 1 << 29:  # AFE: the lowest bit is the access flag
            if not ap & 1:
                return NO_RIGHTS, "Mapped, but its access flag is clear: the first access faults"
            ap |= 1
        privileged, user = {
            0: ("---", "---"),
            1: ("rw-", "---"),
            2: ("rw-", "r--"),
            3: ("rw-", "rw-"),
            5: ("r--", "---"),
            6: ("r--", "r--"),
            7: ("r--", "r--"),
        }.get(ap, ("---", "---"))
        return _executable(privileged, user, never), "Mapped"

    def _domain(self, domain: int) -> str:
        return ("no access", "client", "reserved", "manager")[self._register("dacr") >> (2 * domain) & 3]

    def _attributes(self, tex: int, cb: int, shared: bool) -> str:
        shown = f"TEX={tex} C={cb >> 1} B={cb & 1}{' shareable' if shared else ''}"
        if self._register("sctlr") & 1 << 28:  # TRE: TEX[0], C and B choose an entry of PRRR
            index = (tex & 1) << 2 | cb
            if "prrr" not in self._registers:
                return f"{shown} (remapped, entry {index})"
            kind = ("strongly ordered", "device", "normal", "reserved")[
                self._registers["prrr"] >> (2 * index) & 3
            ]
            return f"{kind} ({shown}, entry {index})"
        kinds = {(0, 0): "strongly ordered", (0, 1): "device", (2, 0): "device"}
        return f"{kinds.get((tex, cb), 'normal')} ({shown})"

    async def _word(self, physical: int) -> int | None:
        data = await self._memory.read(physical, 4, physical=True)
        return int.from_bytes(data, "little") if len(data) == 4 else None

    def _register(self, name: str) -> int:
        return self._registers.get(name, 0)


def _executable(privileged: str, user: str, never: bool) -> Rights:
    """What may be read may be executed, unless it is forbidden. The guests' Cortex-A9 has no PXN."""
    privileged, user = (
        each[:2] + "x" if each[0] == "r" and not never else each for each in (privileged, user)
    )
    return Rights(privileged, user)


def _nothing(address: int, steps: list[Step], sentence: str, size: int = 0) -> Walk:
    return Walk(address, None, size, NO_RIGHTS, steps, sentence)


def _section_name(first: int) -> str:
    if first & 1 << 18:
        return f"supersection at {first & 0xFF00_0000:#010x}"
    return f"section at {first & 0xFFF0_0000:#010x}"


def _page_name(second: int) -> str:
    if second & 3 == 1:
        return f"large page at {second & 0xFFFF_0000:#010x}"
    return f"small page at {second & 0xFFFF_F000:#010x}"


def _word_of(table: bytes, index: int) -> int | None:
    piece = table[4 * index : 4 * index + 4]
    return int.from_bytes(piece, "little") if len(piece) == 4 else None
