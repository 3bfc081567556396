"""Page tables of a guest: what translates an address, step by step, with which rights, and what is mapped
at all. ARM DDI 0406C: short descriptors (B3.5), and long ones (B3.6), which firmware may use on this board.

The tables are the guest's and may hold anything: each walk has at most three steps, a map at most so many
tables and ranges. Memory attributes are told as they are written; there are no caches that could care.
Left out: stage 2, ASIDs and what the TLB may still remember of before.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from pocketvisor.debug.page_tables_long import LongTables
    from pocketvisor.debug.page_tables_short import ShortTables

SMALL, LARGE, SECTION, SUPERSECTION = 4 << 10, 64 << 10, 1 << 20, 16 << 20
RANGES_MAX: Final = 20_000
TABLES_MAX: Final = 5000
_EAE: Final = 1 << 31


class ReadsMemory(Protocol):
    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes: ...


class Step(Struct, frozen=True):
    """One descriptor on the way: where it is (physical), what is in it, and what that means."""

    level: int
    address: int
    descriptor: int
    meaning: str


class Rights(Struct, frozen=True):
    """What privileged (kernel) and user code may do: "rwx", with "-" in the place of what it may not."""

    privileged: str
    user: str

    def __str__(self) -> str:
        return f"kernel {self.privileged}, user {self.user}"


NO_RIGHTS: Final = Rights("---", "---")


class Walk(Struct, frozen=True):
    """What became of an address. `physical` is None where nothing maps it, and `sentence` says why."""

    address: int
    physical: int | None
    size: int
    """Bytes of the page, section or block."""
    rights: Rights
    steps: list[Step]
    sentence: str
    domain: int | None = None
    domain_access: str = ""
    global_: bool = True
    memory: str = ""
    """Its type and attributes: TEX, C and B, or the long descriptor's index."""


class Range(Struct, frozen=True):
    """Addresses that are mapped one after the other, to physical ones one after the other, alike."""

    address: int
    physical: int
    size: int
    rights: Rights
    page: int
    """Bytes of each page in it."""
    memory: str = ""

    @property
    def end(self) -> int:
        return self.address + self.size


class PageTables:
    """The tables that a guest uses with these registers, read through `memory` by physical address."""

    def __init__(self, registers: Mapping[str, int], memory: ReadsMemory) -> None:
        """Registers by the names of Debugger.registers(); those that are missing count as 0."""
        self._registers = registers
        self._memory = memory
        self.on = bool(self._register("sctlr") & 1)
        self.long = bool(self._register("ttbcr") & _EAE)

    def described(self) -> str:
        """In one sentence."""
        if not self.on:
            return "The MMU is off: virtual addresses are physical ones"
        if self.long:
            return "Long descriptors (LPAE)"
        split = self._register("ttbcr") & 7
        low = self._register("ttbr0") & low_mask(split)
        if not split:
            return f"Short descriptors: one table at {low:#010x}"
        high = self._register("ttbr1") & 0xFFFF_C000
        return (
            f"Short descriptors: below {1 << 32 - split:#010x} a table at {low:#010x}, "
            f"above one at {high:#010x}"
        )

    async def walk(self, address: int) -> Walk:
        """Raises DebugError only where memory cannot be read at all."""
        address &= 0xFFFF_FFFF
        if not self.on:
            return Walk(
                address,
                address,
                1 << 32,
                Rights("rwx", "rwx"),
                [],
                self.described(),
                memory="strongly ordered",
            )
        return await self._tables().walk(address)

    async def ranges(self) -> list[Range]:
        """All that is mapped, from low to high; cut at RANGES_MAX. Raises DebugError."""
        if not self.on:
            return [Range(0, 0, 1 << 32, Rights("rwx", "rwx"), 1 << 32, "strongly ordered")]
        return await self._tables().ranges()

    async def mappings_of(self, physical: int, *, limit: int = 100) -> list[int]:
        """The virtual addresses under which a physical one is seen."""
        return [
            each.address + physical - each.physical
            for each in await self.ranges()
            if each.physical <= physical < each.physical + each.size
        ][:limit]

    def _tables(self) -> "ShortTables | LongTables":
        from pocketvisor.debug.page_tables_long import LongTables
        from pocketvisor.debug.page_tables_short import ShortTables

        return (LongTables if self.long else ShortTables)(self._registers, self._memory)

    def _register(self, name: str) -> int:
        return self._registers.get(name, 0)


def low_mask(split: int) -> int:
    """What counts of TTBR0, where TTBCR.N is this."""
    return 0xFFFF_FFFF << (14 - split) & 0xFFFF_FFFF


class Ranges:
    """Puts together what lies together."""

    def __init__(self) -> None:
        self.found: list[Range] = []

    @property
    def full(self) -> bool:
        return len(self.found) >= RANGES_MAX

    def add(self, walk: Walk, address: int, size: int) -> None:
        if walk.physical is None or self.full:
            return
        if self.found:
            last = self.found[-1]
            alike = (last.rights, last.page, last.memory) == (walk.rights, walk.size, walk.memory)
            if alike and last.end == address and last.physical + last.size == walk.physical:
                self.found[-1] = Range(
                    last.address, last.physical, last.size + size, last.rights, last.page, last.memory
                )
                return
        self.found.append(Range(address, walk.physical, size, walk.rights, walk.size, walk.memory))
