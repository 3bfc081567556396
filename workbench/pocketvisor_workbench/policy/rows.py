"""A list of statements: a sign, a title, words below it that wrap, and a few words at the right. What a
policy allows and what its audit log says are shown so, in a narrow pane as well as in a wide dialog."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QKeySequence,
    QPainter,
    QPen,
    QResizeEvent,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.widgets import on_keys

_Index = QModelIndex | QPersistentModelIndex
_LEFT, _RIGHT, _PAD, _GAP, _SIGN = 40, 14, 7, 1, 16


@dataclass(frozen=True)
class Row:
    """`before`: what was so, where that is another than now."""

    title: str
    body: str = ""
    tail: str = ""
    sign: str = "circle-small"
    role: str = "muted"
    before: str = ""

    @property
    def words(self) -> str:
        parts = (self.title, self.body, f"Before: {self.before}" if self.before else "", self.tail)
        return "\n".join(part for part in parts if part)


class RowsModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Rows that were there, above and below what is new, stay as they are: so a list that grows at either
        end does not jump."""
        old = self.rows
        head = _same(rows, old)
        tail = _same(rows[head:][::-1], old[head:][::-1])
        if head + tail < len(old):
            self.beginRemoveRows(QModelIndex(), head, len(old) - tail - 1)
            self.rows = old[:head] + old[len(old) - tail :]
            self.endRemoveRows()
        if head + tail < len(rows):
            self.beginInsertRows(QModelIndex(), head, len(rows) - tail - 1)
            self.rows = list(rows)
            self.endInsertRows()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = 0) -> Any:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.words
        if role == Qt.ItemDataRole.UserRole:
            return row
        return None


class _Delegate(QStyledItemDelegate):
    def __init__(self, view: "RowsView") -> None:
        super().__init__(view)
        self._view = view

    def _fonts(self) -> tuple[QFont, QFont]:
        title, small = QFont(self._view.font()), QFont(self._view.font())
        title.setWeight(QFont.Weight.Medium)
        small.setPointSizeF(max(small.pointSizeF() - 0.5, 7.0))
        return title, small

    def _body(self, row: Row) -> str:
        before = f"Before: {row.before}" if row.before else ""
        return "\n".join(part for part in (row.body, before) if part)

    def sizeHint(self, _: QStyleOptionViewItem, index: _Index) -> QSize:
        row: Row = index.data(Qt.ItemDataRole.UserRole)
        title, small = self._fonts()
        width = self._view.viewport().width()
        height = _metrics(title).height()
        if body := self._body(row):
            height += _GAP + round(
                laid_out(body, small, max(width - _LEFT - _RIGHT, 40)).boundingRect().height()
            )
        return QSize(width, height + 2 * _PAD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row: Row = index.data(Qt.ItemDataRole.UserRole)
        colours, place = tokens(), QRect(option.rect)
        painter.save()
        painter.setOpacity(1.0 if self._view.isEnabled() else 0.4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.hover))
            painter.drawRoundedRect(place.adjusted(6, 1, -6, -1), 6, 6)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(colours.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(place).adjusted(6.5, 1.5, -6.5, -1.5), 6, 6)
        if row.before:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.accent))
            painter.drawRoundedRect(place.x() + 4, place.y() + _PAD, 3, place.height() - 2 * _PAD, 1.5, 1.5)
        title, small = self._fonts()
        high = _metrics(title).height()
        top = place.y() + _PAD
        icon(row.sign, row.role).paint(painter, place.x() + 15, top + (high - _SIGN) // 2, _SIGN, _SIGN)
        room = QRect(place.x() + _LEFT, top, place.width() - _LEFT - _RIGHT, high)
        tail = _metrics(small).horizontalAdvance(row.tail)
        painter.setFont(small)
        painter.setPen(QColor(colours.muted))
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, row.tail)
        if body := self._body(row):
            laid_out(body, small, room.width()).draw(painter, QPointF(room.x(), room.bottom() + 1 + _GAP))
        painter.setFont(title)
        painter.setPen(QColor(colours.text))
        room.setWidth(room.width() - (tail + 8 if tail else 0))
        words = _metrics(title).elidedText(row.title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()


class RowsView(QListView):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.rows = RowsModel()
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName(name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        on_keys(self, QKeySequence.StandardKey.Copy, self.copy)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Somebody who comes with the keyboard sees where he is."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.rows.rows:
            at = self.rows.index(0)
            self.selectionModel().setCurrentIndex(at, QItemSelectionModel.SelectionFlag.NoUpdate)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()  # words wrap elsewhere

    def copy(self) -> None:
        chosen = sorted(index.row() for index in self.selectedIndexes())
        QGuiApplication.clipboard().setText("\n\n".join(self.rows.rows[row].words for row in chosen))


def laid_out(text: str, font: QFont, width: int) -> QTextLayout:
    """In lines of this width: broken between words, and within one that is longer than a line."""
    layout = QTextLayout(text.replace("\n", "\u2028"), font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    down = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, down))
        down += line.height()
    layout.endLayout()
    return layout


def _same(one: Sequence[Row], other: Sequence[Row]) -> int:
    """How many are the same from the first on."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _metrics(font: QFont) -> QFontMetrics:

    return QFontMetrics(font)
