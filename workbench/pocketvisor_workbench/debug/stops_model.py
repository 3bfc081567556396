"""Breakpoints and watchpoints as a table: switched on and off, with conditions and counts typed in place."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.theme import mono_font, tokens
from pocketvisor_workbench.widgets import plain_tip

if TYPE_CHECKING:
    from pocketvisor.debug.stops import Stop

_Index = QModelIndex | QPersistentModelIndex
TITLES = ("", "Place", "Hits", "Condition", "Ignore")
HITS, CONDITION, IGNORE = 2, 3, 4
KINDS = {"execute": "Break", "write": "Write", "read": "Read", "access": "Access"}
_PICTURES = {
    "execute": "circle",
    "write": "pencil-outline",
    "read": "eye-outline",
    "access": "eye-outline",
}


class StopsModel(QAbstractTableModel):
    changed_by_user = Signal(int, dict)
    """A stop's number, and what of it is to change."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Stop] = []
        self.stopped_at: int | None = None
        """The number of the stop that the guest stands at."""
        self.label: Callable[[int], str] = lambda _: ""
        self._mono = mono_font(9.0)
        self._seen: list[tuple[object, ...]] = []

    def show_stops(self, stops: "list[Stop]", stopped_at: int | None) -> None:
        seen: list[tuple[object, ...]] = [
            (
                stop.id,
                stop.enabled,
                stop.condition,
                stop.hits,
                stop.ignore,
                stop.problem,
                self.label(stop.address),
            )
            for stop in stops
        ]
        if seen == self._seen and stopped_at == self.stopped_at:
            return
        same = [row[0] for row in seen] == [row[0] for row in self._seen]
        self._seen, self.stopped_at = seen, stopped_at
        if same:
            self.rows = stops
            if stops:
                self.dataChanged.emit(self.index(0, 0), self.index(len(stops) - 1, len(TITLES) - 1))
            return
        self.beginResetModel()
        self.rows = stops
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return TITLES[section]
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == 0:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        if index.column() in (CONDITION, HITS, IGNORE):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: _Index, role: int = 0) -> Any:
        stop, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(stop, column)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
            return KINDS[stop.kind]
        if role == Qt.ItemDataRole.CheckStateRole and column == 0:
            return Qt.CheckState.Checked if stop.enabled else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole:
            if column == 0:
                here = stop.id == self.stopped_at
                return icon(_PICTURES[stop.kind], "accent" if here else "bad" if stop.enabled else "muted")
            if column == CONDITION and stop.problem:
                return icon("alert-outline", "warn")
        if role == Qt.ItemDataRole.FontRole and column in (1, CONDITION):
            return self._mono
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(stop.problem if column == CONDITION and stop.problem else _tip(stop, column))
        if role == Qt.ItemDataRole.ForegroundRole:
            colours = tokens()
            if not stop.enabled:
                return QColor(colours.muted)
            if stop.id == self.stopped_at and column < HITS:
                return QColor(colours.accent)
        return None

    def _text(self, stop: "Stop", column: int) -> str:
        if column == 0:
            return ""  # the picture says it, and the tip
        if column == 1:
            label = stop.place if stop.place and stop.place[0].isalpha() else self.label(stop.address)
            where = f"{'phys ' if stop.physical else ''}{stop.address:08x}"
            size = f" {stop.size} B" if stop.watches else ""
            origin = "" if stop.origin == "user" else f" ({stop.origin})"
            return f"{label or where}{size}{origin}"  # the tip has the address too
        return (str(stop.hits), stop.condition, str(stop.ignore) if stop.ignore else "")[column - HITS]

    def setData(self, index: _Index, value: Any, role: int = 0) -> bool:
        stop, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.CheckStateRole and column == 0:
            self.changed_by_user.emit(stop.id, {"enabled": not stop.enabled})
            return True
        if role != Qt.ItemDataRole.EditRole:
            return False
        if column == CONDITION:
            if str(value).strip() != stop.condition:
                self.changed_by_user.emit(stop.id, {"condition": str(value)})
            return True
        try:
            number = int(str(value) or "0")
        except ValueError:
            return False
        if number >= 0:
            self.changed_by_user.emit(stop.id, {"hits" if column == HITS else "ignore": number})
        return number >= 0


def _tip(stop: "Stop", column: int) -> str:
    if column == CONDITION:
        return "It stops where this holds, such as $r0 == 3 && *(u32*)($sp + 4) > 2"
    if column == HITS:
        return "How often it was met; type 0 to count anew"
    if column == IGNORE:
        return "So many hits are still passed"
    return stop.described()[:1].upper() + stop.described()[1:]
