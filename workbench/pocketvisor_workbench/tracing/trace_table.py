"""A table of what was traced: filtered by words, followed while one looks at its end, and a way
from each row to the code, the memory and the moment it is about."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from pocketvisor_workbench.debug.debug_pane import plain_table
from pocketvisor_workbench.debug.inspector import Inspector
from pocketvisor_workbench.debug.rows_model import Column, RowsModel
from pocketvisor_workbench.widgets import on_keys

R = TypeVar("R")
KEPT = 20_000


class TraceTable(QWidget, Generic[R]):
    """Rows have `number`, `pc` and `position`."""

    chosen = Signal(int)
    """The number of a row."""

    def __init__(
        self,
        inspector: Inspector,
        name: str,
        columns: Sequence[Column[Any]],
        widths: tuple[int, ...],
        words: Callable[[R], str],
        *,
        follows: bool = True,
    ) -> None:
        """`follows`: new rows come at the end, and are followed there."""
        super().__init__()
        self._inspector = inspector
        self._words = words
        self._follows = follows
        self._wanted: list[str] = []
        self._rows: list[R] = []
        self.accepts: Callable[[R], bool] = lambda _: True
        self.more_actions: Callable[[R, QMenu], None] = lambda *_: None
        self.model: RowsModel[R] = RowsModel(columns, self)
        self.table = plain_table(self.model, name, widths)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._menu)
        self.table.doubleClicked.connect(lambda _: self._with_row(lambda row: self._code(row)))
        self.table.selectionModel().currentRowChanged.connect(self._current_changed)
        on_keys(self.table, "Return", self._enter)
        on_keys(self.table, QKeySequence.StandardKey.Copy, self.copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)

    @property
    def count(self) -> int:
        return len(self._rows)

    def show_rows(self, rows: Sequence[R]) -> None:
        bar = self.table.verticalScrollBar()
        at_end = self._follows and bar.value() >= bar.maximum() - 2
        current = self._current()
        self._rows = list(rows[-KEPT:])
        self._fill()
        if current is not None:
            self.choose(self._number(current))
        if at_end and current is None:
            self.table.scrollToBottom()

    def look_for(self, text: str) -> None:
        self._wanted = text.casefold().split()
        self._fill()

    def refilter(self) -> None:
        self._fill()

    def _fill(self) -> None:
        def fits(row: R) -> bool:
            if not self.accepts(row):
                return False
            text = self._words(row).casefold() if self._wanted else ""
            return all(word in text for word in self._wanted)

        self.model.show_rows([row for row in self._rows if fits(row)])

    def choose(self, number: int) -> None:
        """Selects a row, if it is shown."""
        for line, row in enumerate(self.model.rows):
            if self._number(row) == number:
                index = self.model.index(line, 0)
                self.table.selectionModel().setCurrentIndex(
                    index,
                    QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows,
                )
                self.table.scrollTo(index)
                return

    def copy(self) -> None:
        row = self._current()
        if row is not None:
            words = [column.text(row) for column in self.model.columns]
            QGuiApplication.clipboard().setText("\t".join(words))

    def _enter(self) -> None:
        self._with_row(self._code)

    @staticmethod
    def _number(row: Any) -> int:
        return int(row.number)

    def _current(self) -> R | None:
        index = self.table.currentIndex()
        return (
            self.model.rows[index.row()] if index.isValid() and index.row() < len(self.model.rows) else None
        )

    def _with_row(self, work: Callable[[Any], None]) -> None:
        row = self._current()
        if row is not None:
            work(row)

    def _code(self, row: Any) -> None:
        self._inspector.show_code(int(row.pc))

    def _current_changed(self) -> None:
        self._with_row(lambda row: self.chosen.emit(self._number(row)))

    def _menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        row: Any = self.model.rows[index.row()]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(f"Code at {row.pc:#010x}", lambda: self._code(row))
        self.more_actions(row, menu)
        there = menu.addAction("Go to this moment", lambda: self.go_to(row))
        there.setEnabled(self._inspector.can_reverse)
        menu.addSeparator()
        menu.addAction("Copy the row", self.copy)
        menu.popup(self.table.viewport().mapToGlobal(at))

    def go_to(self, row: Any) -> None:
        """Back in time, where the guest is recorded."""
        debugger: Any = self._inspector.debugger
        self._inspector.do("Go to a moment of", lambda: debugger.go_to(row.position), busy="Going there")
