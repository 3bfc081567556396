"""Which functions of a guest were executed, and how often. The disassembly marks the same."""

from collections.abc import Callable

from msgspec import Struct
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from pocketvisor.debug.trace.coverage import Coverage
from pocketvisor_workbench.debug.inspector import Inspector
from pocketvisor_workbench.debug.rows_model import Column
from pocketvisor_workbench.tracing.trace_table import TraceTable
from pocketvisor_workbench.words import size_words


class FunctionCoverage(Struct, frozen=True):
    """`pc`: of its first block that was executed. `runs`: of its blocks together."""

    number: int
    name: str
    pc: int
    position: int
    blocks: int
    bytes: int
    runs: int


_COLUMNS: tuple[Column[FunctionCoverage], ...] = (
    Column("Function", lambda row: row.name),
    Column("From", lambda row: f"{row.pc:08x}", mono=True, muted=True),
    Column("Blocks", lambda row: f"{row.blocks:,}", mono=True),
    Column("Bytes", lambda row: f"{row.bytes:,}", mono=True),
    Column("Runs", lambda row: f"{row.runs:,}", mono=True),
)


class CoverageView(QWidget):
    def __init__(self, inspector: Inspector) -> None:
        super().__init__()
        self.table: TraceTable[FunctionCoverage] = TraceTable(
            inspector,
            "Functions that were executed",
            _COLUMNS,
            (280, 84, 70, 80),
            lambda row: row.name,
            follows=False,
        )
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setContentsMargins(12, 6, 12, 6)
        self.words.setText("Reading what was executed…")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.words)
        layout.addWidget(self.table, 1)

    def forget(self) -> None:
        self.words.setText("Reading what was executed…")
        self.table.show_rows([])

    def show_coverage(self, coverage: Coverage, functions: list[FunctionCoverage]) -> None:
        executed = sum(row.blocks for row in functions)
        lost = f" {coverage.lost:,} blocks found no room and are missing." if coverage.lost else ""
        self.words.setText(
            f"{executed:,} blocks were executed, {size_words(coverage.bytes)} of code in {len(functions):,} "
            f"functions.{lost}"
        )
        self.table.show_rows(functions)


def by_function(coverage: Coverage, namer: Callable[[int], str]) -> list[FunctionCoverage]:
    """The most often executed first; code without symbols by its page. Takes a while for a whole Linux."""
    found: dict[str, list[int]] = {}
    for block in coverage.executed:
        name = namer(block.start) or f"{block.start & ~0xFFF:08x}.."
        row = found.setdefault(name, [block.start, block.first, 0, 0, 0])
        row[0], row[1] = min(row[0], block.start), min(row[1], block.first)
        row[2] += 1
        row[3] += block.size
        row[4] += block.runs
    rows = [
        FunctionCoverage(number, name, pc, first, blocks, size, runs)
        for number, (name, (pc, first, blocks, size, runs)) in enumerate(found.items())
    ]
    return sorted(rows, key=lambda row: (-row.runs, row.name))
