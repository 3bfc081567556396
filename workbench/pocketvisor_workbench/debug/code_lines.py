"""Rows of disassembly as the view shows them: labels and source lines between the instructions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pocketvisor.debug.disassembly import Line

SourceText = Callable[[str, int], str]
"""The text of a line of a source file; empty where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the view: an instruction, or words above it (`kind` "label" or "source")."""

    line: Line
    kind: str = "code"
    words: str = ""

    @property
    def address(self) -> int:
        return self.line.address


def gap(address: int) -> Line:
    """What stands where nothing is mapped."""
    return Line(address=address, data=b"", mnemonic="nothing is mapped here", operands="", thumb=False)


def rows_of(lines: Iterable[Line], *, source: bool, text: SourceText | None = None) -> list[Row]:
    rows: list[Row] = []
    before: tuple[str, int] | None = None
    for line in lines:
        if line.label and "+" not in line.label:
            rows.append(Row(line, "label", line.label))
        if source and line.source is not None and line.source != before:
            name, number = line.source
            words = text(name, number) if text is not None else ""
            rows.append(Row(line, "source", f"{name.rsplit('/', 1)[-1]}:{number}  {words}".rstrip()))
        before = line.source or before
        rows.append(Row(line))
    return rows


def row_at(rows: Sequence[Row], address: int) -> int | None:
    """The row of the instruction that holds an address."""
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        if rows[middle].address <= address:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return None
    row = rows[low - 1]  # the instruction's own row is the last one of its address
    return low - 1 if address < row.address + max(row.line.size, 1) else None
