"""Source lines out of DWARF's line programs, versions 2 to 5. Runs in the process of reading.py."""

from array import array
from collections.abc import Iterator
from typing import Any, Final

from pocketvisor.debug.symbols.elf_file import ElfSymbols
from pocketvisor.debug.symbols.messages import Lines
from pocketvisor.errors import DebugError

ROWS_MAX: Final = 2_000_000
_UNITS_MAX: Final = 64
_NAME_MAX: Final = 4096

_Row = tuple[int, int, int]


def lines(file: ElfSymbols, start: int, end: int) -> Lines:
    """Of everything, or of the units that have code there."""
    rows: list[_Row] = []
    names: dict[str, int] = {}
    ranges = []
    if start == 0 and end >= 1 << 32:
        units = list(file.dwarf.iter_CUs())
        ranges.append((start, end))
    else:
        units, covered = _units_at(file, start, end)
        ranges += covered
    for unit in units:
        program = file.dwarf.line_program_for_CU(unit)
        if program is not None:
            rows += _rows(program, _folder(unit), names)
        if len(rows) > ROWS_MAX:
            raise DebugError(f"has more than {ROWS_MAX} source lines")
    rows.sort()
    return Lines(
        addresses=array("I", (row[0] for row in rows)).tobytes(),
        files=array("I", (row[1] for row in rows)).tobytes(),
        lines=array("I", (row[2] for row in rows)).tobytes(),
        names=list(names),
        ranges=ranges,
    )


def _units_at(file: ElfSymbols, start: int, end: int) -> tuple[list[Any], list[tuple[int, int]]]:
    """By the table of address ranges, without which a large file would have to be read to its end."""
    aranges = file.dwarf.get_aranges()
    if aranges is None:
        raise DebugError("has no table of address ranges, without which its source lines take too long")
    units: dict[int, Any] = {}
    covered = []
    for entry in aranges.entries:
        low, high = entry.begin_addr, entry.begin_addr + entry.length
        if low < end and start < high:
            covered.append((low, high))
            if entry.info_offset not in units and len(units) < _UNITS_MAX:
                units[entry.info_offset] = file.dwarf.get_CU_at(entry.info_offset)
    return list(units.values()), covered


def _folder(unit: Any) -> bytes:
    attribute = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
    return attribute.value if attribute is not None and isinstance(attribute.value, bytes) else b""


def _rows(program: Any, folder: bytes, names: dict[str, int]) -> Iterator[_Row]:
    """Without those of functions that the linker left out: they begin at 0."""
    header = program.header
    numbers: dict[int, int] = {}
    sequence: list[_Row] = []
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if state.end_sequence:
            if sequence and sequence[0][0]:
                yield from sequence
                yield state.address & 0xFFFFFFFF, sequence[-1][1], 0
            sequence = []
            continue
        number = numbers.get(state.file)
        if number is None:
            name = _file_name(header, state.file, folder)
            number = numbers[state.file] = names.setdefault(name, len(names))
        row = (state.address & 0xFFFFFFFF, number, state.line & 0xFFFFFFFF)
        if sequence and sequence[-1][0] == row[0]:
            sequence[-1] = row
        else:
            sequence.append(row)
        if len(sequence) > ROWS_MAX:
            raise DebugError(f"has more than {ROWS_MAX} source lines")


def file_names(program: Any, unit: Any) -> dict[str, str]:
    """Of all source files of a unit, by their number in it."""
    folder, count = _folder(unit), len(program.header["file_entry"])
    return {str(number): _file_name(program.header, number, folder) for number in range(count + 1)}


def _file_name(header: Any, number: int, folder: bytes) -> str:
    files, folders = header["file_entry"], header["include_directory"]
    before_5 = header["version"] < 5
    index = number - 1 if before_5 else number
    if not 0 <= index < len(files):
        return "?"
    entry = files[index]
    parts = [entry.name]
    place = entry.dir_index - 1 if before_5 else entry.dir_index
    if 0 <= place < len(folders):
        parts.insert(0, folders[place])
    whole = b""
    for part in [folder, *parts]:
        whole = part if part.startswith(b"/") or not whole else whole + b"/" + part
    return whole[:_NAME_MAX].decode("utf-8", "replace").removeprefix("./")
