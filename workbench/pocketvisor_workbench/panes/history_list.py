"""A profile's generations as a list with lanes: the newest first, a branch in a lane of its own.

Left out: folding branches; autosaves between two others can be hidden.
"""

import time
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QImage, QKeyEvent, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from pocketvisor.profile.reading import Generation
from pocketvisor_workbench.history import History, Lanes, lanes_of
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.theme import accent_ink, tokens
from pocketvisor_workbench.words import size_words, when_words

ROW = 64
_LANE = 14
_PICTURE = QSize(32, 52)
_KINDS = {
    "autosave": "Autosave",
    "snapshot": "Snapshot",
    "suspend": "Suspended",
    "off": "Switched off",
    "move": "On its way",
}
_Index = QModelIndex | QPersistentModelIndex


def title_of(generation: Generation) -> str:
    if generation.damaged:
        return "Damaged"
    return generation.name or _KINDS.get(generation.kind or "", f"Generation {generation.number}")


def shown_of(history: History, *, autosaves: bool) -> list[Generation]:
    """Without autosaves, what went on from one goes on from the next that is shown."""
    if autosaves:
        return list(history.generations)
    parents = {one.number: one.parent for one in history.generations}
    kept = {
        one.number
        for one in history.generations
        if one.kind != "autosave" or one.name or one.number == history.head
    }
    shown: list[Generation] = []
    for one in history.generations:
        if one.number not in kept:
            continue
        parent = one.parent
        while parent and parent not in kept:
            parent = parents.get(parent, 0)
        shown.append(
            Generation(**{name: getattr(one, name) for name in one.__struct_fields__} | {"parent": parent})
        )
    return shown


class HistoryModel(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.generations: list[Generation] = []
        self.lanes: list[Lanes] = []
        self.head = 0
        self.pictures: dict[bytes, QImage] = {}
        self.accent = QColor("#808080")

    def show(self, history: History | None, accent: str, *, autosaves: bool) -> None:
        shown = shown_of(history, autosaves=autosaves) if history is not None else []
        head = history.head if history is not None else 0
        if shown != self.generations or head != self.head:
            self.beginResetModel()
            self.generations, self.head = shown, head
            self.lanes = lanes_of(shown)
            self.endResetModel()
        self.accent = QColor(accent)
        known = history.pictures if history is not None else {}
        self.pictures = {
            digest: self.pictures.get(digest) or _picture(data) for digest, data in known.items()
        }

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.generations)

    def data(self, index: _Index, role: int = 0) -> Any:
        generation = self.generations[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return title_of(generation)
        if role == Qt.ItemDataRole.UserRole:
            return generation
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            here = ", the guest goes on from here" if generation.number == self.head else ""
            words = f"{title_of(generation)}, generation {generation.number}, {self.facts(generation)}{here}"
            return f"{words}\n{generation.damaged}" if generation.damaged else words
        return None

    def facts(self, generation: Generation) -> str:
        added = f"{size_words(generation.added)} new" if generation.added else "nothing new"
        return f"{when_words(generation.created_ns, time.time())} · {added}"


def _picture(data: bytes) -> QImage:
    image = QImage()
    if data:
        image.loadFromData(data)
    if image.isNull():
        return image
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.scaled(_PICTURE * 2, keep, smooth)


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, _: QStyleOptionViewItem, __: _Index) -> QSize:
        return QSize(160, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        assert isinstance(model, HistoryModel)
        generation: Generation = model.generations[index.row()]
        lanes = model.lanes[index.row()]
        colours = tokens()
        room = option.rect
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.hover))
            painter.drawRoundedRect(QRectF(room).adjusted(2, 1, -2, -1), 8, 8)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(colours.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(room).adjusted(2.5, 1.5, -2.5, -1.5), 8, 8)
        current = generation.number == model.head
        self._paint_lanes(painter, room, lanes, current=current, accent=model.accent)
        x = room.x() + 8 + lanes.width * _LANE + 4
        self._paint_picture(painter, QPointF(x, room.y() + (ROW - _PICTURE.height()) / 2), model, generation)
        x += _PICTURE.width() + 10
        self._paint_words(painter, QRect(x, room.y(), room.right() - x - 8, ROW), model, generation)
        painter.restore()

    def _paint_lanes(
        self, painter: QPainter, room: QRect, lanes: Lanes, *, current: bool, accent: QColor
    ) -> None:
        colours = tokens()

        def across(lane: int) -> float:
            return room.x() + 8 + lane * _LANE + _LANE / 2

        top, middle, bottom = float(room.y()), room.y() + ROW / 2, float(room.y() + ROW)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colours.muted), 1.5))
        for lane in lanes.above:
            if lane in lanes.joins:
                path = QPainterPath(QPointF(across(lane), top))
                path.cubicTo(
                    QPointF(across(lane), middle),
                    QPointF(across(lane), middle),
                    QPointF(across(lanes.at), middle),
                )
                painter.drawPath(path)
            else:
                painter.drawLine(QPointF(across(lane), top), QPointF(across(lane), middle))
        for lane in lanes.below:
            painter.drawLine(QPointF(across(lane), middle), QPointF(across(lane), bottom))
        ink = accent_ink(accent)
        painter.setPen(QPen(ink if current else QColor(colours.muted), 2))
        painter.setBrush(ink if current else QColor(colours.surface))
        radius = 5.0 if current else 4.0
        painter.drawEllipse(QPointF(across(lanes.at), middle), radius, radius)

    def _paint_picture(
        self, painter: QPainter, corner: QPointF, model: HistoryModel, generation: Generation
    ) -> None:
        place = QRectF(corner, _PICTURE)
        glass = QPainterPath()
        glass.addRoundedRect(place, 4, 4)
        painter.fillPath(glass, QColor("#08090b"))
        image = model.pictures.get(generation.digest)
        if image is None or image.isNull():
            sign = "lock-outline" if generation.kind is None else "power"
            icon(sign, "#6b7482").paint(painter, QRectF(corner.x() + 8, corner.y() + 18, 16, 16).toRect())
            return
        scale = min(place.width() / image.width(), place.height() / image.height())
        width, height = image.width() * scale, image.height() * scale
        painter.save()
        painter.setClipPath(glass)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        centre = place.center()
        painter.drawImage(QRectF(centre.x() - width / 2, centre.y() - height / 2, width, height), image)
        painter.restore()

    def _paint_words(
        self, painter: QPainter, room: QRect, model: HistoryModel, generation: Generation
    ) -> None:
        colours = tokens()
        font = QFont(painter.font())
        width = room.width()
        if generation.number == model.head:
            width -= self._paint_mark(painter, room)
        font.setWeight(QFont.Weight.DemiBold if generation.name else QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(QColor(colours.bad if generation.damaged else colours.text))
        elide, left = Qt.TextElideMode.ElideRight, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        title = painter.fontMetrics().elidedText(title_of(generation), elide, width)
        painter.drawText(QRect(room.x(), room.y() + 11, width, 20), left, title)
        font.setWeight(QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(QColor(colours.muted))
        facts = painter.fontMetrics().elidedText(model.facts(generation), elide, room.width())
        painter.drawText(QRect(room.x(), room.y() + 32, room.width(), 20), left, facts)

    def _paint_mark(self, painter: QPainter, room: QRect) -> int:
        """ "now" where the guest goes on from; answers the width that it takes."""
        colours = tokens()
        font = QFont(painter.font())
        font.setPointSizeF(8)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance("now") + 14
        pill = QRectF(room.right() - width, room.y() + 13, width, 17)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent))
        painter.drawRoundedRect(pill, 8.5, 8.5)
        painter.setPen(QColor(colours.on_accent))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, "now")
        font.setPointSizeF(9.5)
        painter.setFont(font)
        return width + 8


_KEYS = {
    Qt.Key.Key_Return: "restore",
    Qt.Key.Key_Enter: "restore",
    Qt.Key.Key_F2: "rename",
    Qt.Key.Key_Delete: "delete",
}


class HistoryList(QListView):
    asked = Signal(str)
    """By a key or a double click: to "restore", "rename" or "delete" what is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.history = HistoryModel(self)
        self.setModel(self.history)
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName("Generations of the profile")
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

        self.doubleClicked.connect(lambda _: self.asked.emit("restore"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        wanted = _KEYS.get(Qt.Key(event.key()))
        if wanted is not None and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.asked.emit(wanted)
        else:
            super().keyPressEvent(event)

    @property
    def chosen(self) -> Generation | None:
        index = self.currentIndex()
        if not index.isValid():
            return None
        return self.history.generations[index.row()]

    def show_history(self, history: History | None, accent: str, *, autosaves: bool) -> None:
        """The chosen generation stays chosen; the one that the guest goes on from is followed."""
        chosen = self.chosen
        if chosen is not None and chosen.number == self.history.head:
            chosen = None
        self.history.show(history, accent, autosaves=autosaves)
        numbers = [one.number for one in self.history.generations]
        wanted = chosen.number if chosen is not None and chosen.number in numbers else self.history.head
        if wanted in numbers:
            self.setCurrentIndex(self.history.index(numbers.index(wanted)))
        self.viewport().update()
