"""Looking for bytes in a guest's memory: all that is mapped, or a range, or its RAM by physical address.

Left out: patterns, and values that change between two looks.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final, Protocol

from pocketvisor.board.map import RAM_BASE
from pocketvisor.debug.page_tables import PageTables
from pocketvisor.errors import DebugError

FOUND_MAX: Final = 10_000
NEEDLE_MAX: Final = 4096
_PIECE: Final = 1 << 20
_READS_MAX: Final = 20_000


class ReadsMemory(Protocol):
    async def read(self, address: int, size: int, *, physical: bool = False) -> bytes: ...


async def search(
    memory: ReadsMemory,
    needle: bytes,
    spans: list[tuple[int, int]],
    *,
    physical: bool = False,
    limit: int = 100,
) -> list[int]:
    """Where the needle is in these spans (address, size), at most `limit` times. Raises DebugError."""
    if not 0 < len(needle) <= NEEDLE_MAX:
        raise DebugError(f"What is looked for has 1 to {NEEDLE_MAX} bytes")
    found: list[int] = []
    async for address, data in _pieces(memory, spans, physical, len(needle) - 1):
        at = data.find(needle)
        while at >= 0 and len(found) < limit:
            if not found or address + at > found[-1]:
                found.append(address + at)
            at = data.find(needle, at + 1)
        if len(found) >= limit:
            break
    return found


def ram_spans(ram_mib: int) -> list[tuple[int, int]]:
    """Physical."""
    return [(RAM_BASE, ram_mib << 20)]


async def mapped_spans(
    registers: Mapping[str, int], memory: ReadsMemory, ram_mib: int
) -> list[tuple[int, int]]:
    """Virtual addresses under which the guest has its RAM now, those beside each other put together."""
    tables = PageTables(registers, memory)
    if not tables.on:
        return ram_spans(ram_mib)
    spans: list[tuple[int, int]] = []
    for each in await tables.ranges():
        if not RAM_BASE <= each.physical < RAM_BASE + (ram_mib << 20):
            continue
        if spans and sum(spans[-1]) == each.address:
            spans[-1] = (spans[-1][0], spans[-1][1] + each.size)
        else:
            spans.append((each.address, each.size))
    return spans


async def _pieces(
    memory: ReadsMemory, spans: list[tuple[int, int]], physical: bool, overlap: int
) -> AsyncIterator[tuple[int, bytes]]:
    """What is there, in pieces that overlap, so that nothing is missed at their edges."""
    reads = 0
    for address, size in spans:
        end = min(address + size, 1 << 32)
        while address < end and reads < _READS_MAX:
            data = await memory.read(address, min(_PIECE + overlap, end - address), physical=physical)
            reads += 1
            if data:
                yield address, data
            # Where it ended early is a hole: on from the next page behind it.
            whole = len(data) >= min(_PIECE + overlap, end - address)
            address = address + _PIECE if whole else (address + len(data) & ~0xFFF) + 0x1000
