"""Registers as a tree: groups, and in each its registers with value and meaning. Changed ones are marked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QFont

from pocketvisor_workbench.debug.register_words import GROUPS, digits_of, group_of, meaning_of, parse_value
from pocketvisor_workbench.theme import mono_font, tokens
from pocketvisor_workbench.widgets import plain_tip

_Index = QModelIndex | QPersistentModelIndex
_TITLES = ("Register", "Value", "Meaning")
_ROOT = 0


@dataclass
class _Group:
    title: str
    names: list[str] = field(default_factory=list)


class RegisterModel(QAbstractItemModel):
    written = Signal(str, object)
    """A name and the value that the user gave it."""
    refused = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.groups: list[_Group] = []
        self.values: dict[str, int] = {}
        self.changed: set[str] = set()
        self.editable = False
        self.label: Callable[[int], str] = lambda _: ""
        """An address's symbol."""
        self._mono = mono_font(9.0)
        self._bold = QFont(self._mono)
        self._bold.setBold(True)

    def show_values(self, values: Mapping[str, int], before: Mapping[str, int]) -> None:
        """New values, and those that they are compared with."""
        if list(values) != list(self.values):
            self.beginResetModel()
            groups = {title: _Group(title) for title in GROUPS}
            for name in values:
                groups[group_of(name)].names.append(name)
            self.groups = [group for group in groups.values() if group.names]
            self.values = dict(values)
            self.changed = set()
            self.endResetModel()
        changed = {name for name, value in values.items() if name in before and before[name] != value}
        if values == self.values and changed == self.changed:
            return
        self.values, self.changed = dict(values), changed
        self.repaint_all()

    def repaint_all(self) -> None:
        for number, group in enumerate(self.groups):
            parent = self.index(number, 0)
            self.dataChanged.emit(
                self.index(0, 0, parent), self.index(len(group.names) - 1, len(_TITLES) - 1, parent)
            )

    def name_at(self, index: _Index) -> str | None:
        if not index.isValid() or index.internalId() == _ROOT:
            return None
        return self.groups[index.internalId() - 1].names[index.row()]

    def index_of(self, name: str, column: int = 0) -> QModelIndex:
        for number, group in enumerate(self.groups):
            if name in group.names:
                return self.index(group.names.index(name), column, self.index(number, 0))
        return QModelIndex()

    # Qt's side

    def index(self, row: int, column: int, parent: _Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else _ROOT)

    def parent(self, index: _Index = QModelIndex()) -> Any:  # noqa: B008
        if not index.isValid() or index.internalId() == _ROOT:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, _ROOT)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            return len(self.groups)
        if parent.internalId() != _ROOT or parent.column() != 0:
            return 0
        return len(self.groups[parent.row()].names)

    def columnCount(self, _: _Index = QModelIndex()) -> int:  # noqa: B008
        return len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if self.editable and index.column() == 1 and self.name_at(index) is not None:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: _Index, role: int = 0) -> Any:
        name = self.name_at(index)
        if name is None:
            return self._group_data(index, role)
        value = self.values[name]
        column = index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            if column == 0:
                return name
            if column == 1:
                return f"{value:0{digits_of(name)}x}"
            return self._meaning(name, value)
        if role == Qt.ItemDataRole.ToolTipRole:
            changed = ", changed" if name in self.changed else ""
            meaning = self._meaning(name, value)
            return plain_tip(f"{name} = {value:#x} = {value}{changed}" + (f"\n{meaning}" if meaning else ""))
        if role == Qt.ItemDataRole.FontRole and column < 2:
            return self._bold if name in self.changed and column == 1 else self._mono
        if role == Qt.ItemDataRole.ForegroundRole:
            colours = tokens()
            if name in self.changed and column < 2:
                return QColor(colours.warn)
            return QColor(colours.muted if column != 1 else colours.text)
        return None

    def _meaning(self, name: str, value: int) -> str:
        return meaning_of(name, value) or (
            self.label(value) if digits_of(name) == 8 and value > 0xFFF else ""
        )

    def _group_data(self, index: _Index, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and index.column() == 0:
            return self.groups[index.row()].title
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(tokens().muted)
        return None

    def setData(self, index: _Index, value: Any, role: int = 0) -> bool:
        name = self.name_at(index)
        if name is None or role != Qt.ItemDataRole.EditRole:
            return False
        number = parse_value(name, str(value))
        if number is None:
            self.refused.emit(
                f"'{str(value)[:40]}' is no value for {name}: it has {digits_of(name)} hex digits"
            )
            return False
        if number != self.values[name]:
            self.written.emit(name, number)
        return True
