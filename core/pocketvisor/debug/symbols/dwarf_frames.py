"""Where a caller's registers are, out of DWARF's call frame information. Runs in the process of reading.py.

Left out: registers and frames whose place is an expression, which compilers for ARM do not make.
"""

from bisect import bisect_right
from typing import Any, Final

from pocketvisor.debug.symbols.elf_file import ElfSymbols
from pocketvisor.debug.symbols.messages import Frame, Frames

_PLACES_MAX: Final = 64
_RETURN: Final = 14


def frames(file: ElfSymbols, places: tuple[int, ...]) -> Frames:
    """Only those that something is known of."""
    if not file.elf.has_dwarf_info(strict=False):
        return Frames([])
    starts, entries = _entries(file)
    found = []
    for place in places[:_PLACES_MAX]:
        number = bisect_right(starts, place) - 1
        if number >= 0:
            frame = _frame(entries[number], place)
            if frame is not None:
                found.append(frame)
    return Frames(found)


def _entries(file: ElfSymbols) -> tuple[list[int], list[Any]]:
    if file.frame_entries is None:
        dwarf = file.dwarf
        all_entries = dwarf.CFI_entries() if dwarf.has_CFI() else []
        all_entries += dwarf.EH_CFI_entries() if dwarf.has_EH_CFI() else []
        described = [entry for entry in all_entries if "initial_location" in getattr(entry, "header", {})]
        described.sort(key=lambda entry: int(entry.header["initial_location"]))
        file.frame_entries = [int(entry.header["initial_location"]) for entry in described], described
    return file.frame_entries


def _frame(entry: Any, place: int) -> Frame | None:
    start = entry.header["initial_location"]
    if not start <= place < start + entry.header["address_range"]:
        return None
    row = None
    for candidate in entry.get_decoded().table:
        if candidate["pc"] > place:
            break
        row = candidate
    if row is None or getattr(row.get("cfa"), "expr", None) is not None:
        return None
    saved = {}
    for register, rule in row.items():
        if isinstance(register, int) and rule.type == "OFFSET":
            saved[register] = int(rule.arg)
    lost = row.get(_RETURN)
    outermost = lost is not None and lost.type == "UNDEFINED"
    return Frame(place, row["cfa"].reg, row["cfa"].offset, saved, not outermost)
