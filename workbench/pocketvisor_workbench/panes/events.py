"""What happened, newest last: a table that can be filtered by words and by level."""

import time
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QColor, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QStackedLayout,
    QTableView,
    QWidget,
)

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.log import Entry, EventLog, Level
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.theme import accent_ink, tokens
from pocketvisor_workbench.widgets import EmptyState, on_keys, tool_button

_COLUMNS = ("Time", "Source", "Event")
_LEVELS: dict[Level, tuple[str, str]] = {
    Level.DEBUG: ("circle-small", "muted"),
    Level.INFO: ("information-outline", "muted"),
    Level.WARNING: ("alert-outline", "warn"),
    Level.ERROR: ("alert-circle", "bad"),
}
_Index = QModelIndex | QPersistentModelIndex


class EventsModel(QAbstractTableModel):
    """The log as a table; the first rows go when the bound is met."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.rows: list[Entry] = list(log.entries)
        log.added.connect(self._added)

    def _added(self, entry: Entry) -> None:
        if len(self.rows) >= EventLog.KEPT:
            self.beginRemoveRows(QModelIndex(), 0, EventLog.KEPT // 10)
            del self.rows[: EventLog.KEPT // 10 + 1]
            self.endRemoveRows()
        self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows))
        self.rows.append(entry)
        self.endInsertRows()

    def clear(self) -> None:
        self.beginResetModel()
        self.rows.clear()
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft
        return None

    def data(self, index: _Index, role: int = 0) -> Any:
        entry = self.rows[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            if column == 0:
                return time.strftime("%H:%M:%S", time.localtime(entry.when)) + f".{int(entry.when * 10) % 10}"
            return entry.source if column == 1 else entry.text
        if role == Qt.ItemDataRole.ToolTipRole and column == 2:
            return entry.text
        if role == Qt.ItemDataRole.DecorationRole and column == 2:
            return icon(*_LEVELS[entry.level])
        if role == Qt.ItemDataRole.ForegroundRole:
            colours = tokens()
            if column == 0:
                return QColor(colours.muted)
            if column == 1 and entry.accent:
                return accent_ink(QColor(entry.accent))
            if column == 2 and entry.level is Level.ERROR:
                return QColor(colours.bad)
        if role == Qt.ItemDataRole.UserRole:
            return entry
        return None


class _Filter(QSortFilterProxyModel):
    def __init__(self, model: EventsModel) -> None:
        super().__init__(model)
        self.setSourceModel(model)
        self._model = model
        self.words = ""
        self.least = Level.DEBUG

    def look_for(self, words: str, least: Level) -> None:
        self.words, self.least = words.casefold(), least
        self.invalidate()

    def filterAcceptsRow(self, row: int, _: _Index) -> bool:
        entry = self._model.rows[row]
        text = f"{entry.source} {entry.text}".casefold()
        return entry.level >= self.least and all(word in text for word in self.words.split())


class EventsPane(Pane):
    name = "events"
    title = "Events"
    picture = "format-list-bulleted"
    area = Qt.DockWidgetArea.BottomDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.model = EventsModel(bench.session.log)
        self._filter = _Filter(self.model)
        self.table = QTableView()
        self.table.setModel(self._filter)
        self.table.setAccessibleName("Events")
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.table.setColumnWidth(0, 94)
        self.table.setColumnWidth(1, 96)
        self._empty = EmptyState(
            "format-list-bulleted", "No events", "Nothing has happened that fits the filter."
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._empty)
        self.words = QLineEdit()
        self.words.setPlaceholderText("Filter")
        self.words.setClearButtonEnabled(True)
        self.words.setMaximumWidth(150)
        self.words.setAccessibleName("Filter the events by words")
        self.words.textChanged.connect(self._look)
        self.level = QComboBox()
        self.level.addItems(["All levels", "Info", "Warnings", "Errors"])
        self.level.setAccessibleName("Least level of the events that are shown")
        self.level.currentIndexChanged.connect(self._look)
        self._filter.rowsInserted.connect(self._rows_changed)
        self._filter.rowsRemoved.connect(self._choose)
        self._filter.modelReset.connect(self._choose)
        self._filter.layoutChanged.connect(self._choose)
        on_keys(self.table, QKeySequence.StandardKey.Copy, self.copy)
        self._choose()

    def tools(self) -> list[QWidget]:
        clear = tool_button("delete-outline", "Clear the events")
        clear.clicked.connect(self.model.clear)
        return [self.words, self.level, clear]

    def copy(self) -> None:
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        lines = [
            "\t".join(str(self._filter.index(row, column).data() or "") for column in range(3))
            for row in rows
        ]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _look(self) -> None:
        self._filter.look_for(self.words.text(), Level(self.level.currentIndex()))
        self._choose()

    def _rows_changed(self) -> None:
        bar = self.table.verticalScrollBar()
        if bar.value() >= bar.maximum() - 30:
            self.table.scrollToBottom()
        self._choose()

    def _choose(self) -> None:
        self._stack.setCurrentIndex(0 if self._filter.rowCount() else 1)
