"""Who called whom: the call stack of the selected guest, as far as it can be told."""

from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QKeySequence, QShortcut

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, plain_table
from pocketvisor_workbench.debug.rows_model import Column, RowsModel

Frame = Any
_LIMIT = 64


class StackPane(DebugPane):
    name = "stack"
    title = "Call stack"
    picture = "format-list-numbered"
    empty_title = "No call stack"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.model: RowsModel[tuple[int, Frame]] = RowsModel(
            (
                Column("#", lambda row: str(row[0]), muted=True),
                Column("Function", self._function, mono=True),
                Column("Source", self._source, muted=True),
                Column("Address", lambda row: f"{row[1].pc & ~1:08x}", mono=True, muted=True),
                Column("Stack", lambda row: f"{row[1].sp:08x}", mono=True, muted=True),
                Column("Found by", lambda row: row[1].how, muted=True),
            ),
            self,
        )
        self.model.marked = lambda row: row[0] == 0 and self.inspector.standing
        self.table = plain_table(self.model, "Call stack", (30, 220, 150, 80, 80, 80))
        self.table.doubleClicked.connect(self._open)
        QShortcut(
            QKeySequence("Return"),
            self.table,
            lambda: self._open(self.table.currentIndex()),
            context=Qt.ShortcutContext.WidgetShortcut,
        )
        self.column.addWidget(self.table)

    def forget(self) -> None:
        self.model.show_rows([])

    async def look(self) -> None:
        debugger: Any = self.inspector.debugger
        if debugger is not None and hasattr(debugger, "call_stack"):
            self.model.show_rows(list(enumerate(await debugger.call_stack(limit=_LIMIT))))

    def _function(self, row: tuple[int, Frame]) -> str:
        return self.inspector.label(row[1].pc & ~1) or "?"

    def _source(self, row: tuple[int, Frame]) -> str:
        symbols = self.inspector.symbols
        line = symbols.source(row[1].pc & ~1) if symbols is not None else None
        return f"{line[0].rsplit('/', 1)[-1]}:{line[1]}" if line is not None else ""

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.inspector.show_code(self.model.rows[index.row()][1].pc & ~1)
