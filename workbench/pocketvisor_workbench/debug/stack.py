"""Who called whom: the call stack of the selected guest, as far as it can be told."""

import time

from PySide6.QtCore import QModelIndex

from pocketvisor.debug.call_stack import Frame, call_stack
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, plain_table
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.widgets import on_keys

_LIMIT = 64
_SECONDS = 1.0
"""Between two looks at a guest that runs: each frame takes reads of its own."""


class StackPane(DebugPane):
    name = "stack"
    title = "Call stack"
    picture = "format-list-numbered"
    empty_title = "No call stack"
    waits = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._looked = 0.0
        self.model: RowsModel[Frame] = RowsModel(
            (
                Column("#", lambda frame: str(frame.number), muted=True),
                Column("Function", self._function, mono=True),
                Column("Source", self._source, muted=True),
                Column("Address", lambda frame: f"{frame.pc:08x}", mono=True, muted=True),
                Column("Stack", lambda frame: f"{frame.sp:08x}", mono=True, muted=True),
                Column("Found by", lambda frame: frame.how, muted=True),
            ),
            self,
        )
        self.model.marked = lambda frame: frame.number == 0 and self.inspector.standing
        self.table = plain_table(self.model, "Call stack", (30, 220, 150, 80, 80, 80))
        self.table.doubleClicked.connect(self._open)
        on_keys(self.table, "Return", lambda: self._open(self.table.currentIndex()))
        self.column.addWidget(self.table)

    def forget(self) -> None:
        self.model.show_rows([])

    async def look(self) -> None:
        inspector = self.inspector
        debugger, sample, symbols = inspector.debugger, inspector.sample, inspector.symbols
        if debugger is None or sample is None or symbols is None:
            return
        now = time.monotonic()
        if not inspector.standing and now - self._looked < _SECONDS:
            return
        self._looked = now
        frames = await call_stack(debugger, sample.registers, symbols, _LIMIT)
        if debugger is inspector.debugger:
            self.model.show_rows(frames)

    @staticmethod
    def _function(frame: Frame) -> str:
        return str(frame.place) if frame.place is not None else f"{frame.pc:08x}"

    @staticmethod
    def _source(frame: Frame) -> str:
        return f"{frame.line.file.rsplit('/', 1)[-1]}:{frame.line.line}" if frame.line is not None else ""

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.inspector.show_code(self.model.rows[index.row()].pc)
