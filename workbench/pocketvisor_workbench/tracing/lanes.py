"""Events along a guest's time, a lane for each kind: what a logic analyser shows of a bus.

The wheel zooms around the mouse, a drag moves along, a click chooses the nearest event. Keys: left and right
go from event to event, plus and minus zoom, Home shows all of it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pocketvisor_workbench.theme import tokens

LANE = 20
_HEAD = 136
_AXIS = 20
_LEAST_NS = 1_000
_NEAR = 8
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Mark:
    """`end_ns`: of something that lasts; the same as `begin_ns` where it does not."""

    begin_ns: int
    end_ns: int
    index: int
    """Its row in the table."""


@dataclass(frozen=True)
class Lane:
    name: str
    role: str
    """The token of its colour."""
    marks: Sequence[Mark]
    """In the order of time."""


class Lanes(QWidget):
    chosen = Signal(int)
    """The index of a mark."""
    range_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Exceptions and interrupts along the guest's time")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.lanes: list[Lane] = []
        self._all = (0, _LEAST_NS)
        self._range = (0.0, float(_LEAST_NS))
        self._follows = True
        self._drag: tuple[float, tuple[float, float]] | None = None
        self._moved = False
        self.current: int | None = None

    def show_lanes(self, lanes: list[Lane], begin_ns: int, end_ns: int) -> None:
        """What is seen stays where it is, unless all of it was seen."""
        self.lanes = lanes
        self._all = begin_ns, max(end_ns, begin_ns + _LEAST_NS)
        if self._follows:
            self._range = float(self._all[0]), float(self._all[1])
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def set_current(self, index: int | None) -> None:
        self.current = index
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, max(len(self.lanes), 1) * LANE + _AXIS + 4)

    @property
    def range_ns(self) -> tuple[float, float]:
        return self._range

    def show_all(self) -> None:
        self._follows = True
        self._range = float(self._all[0]), float(self._all[1])
        self.range_changed.emit()
        self.update()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Around a place of the widget, its middle unless said."""
        begin, end = self._range
        at = (self.width() + _HEAD) / 2 if at is None else at
        middle = self.time_at(at)
        span = min(max((end - begin) * factor, _LEAST_NS), self._all[1] - self._all[0])
        share = (middle - begin) / max(end - begin, 1)
        self._set_range(middle - span * share, span)

    def _set_range(self, begin: float, span: float) -> None:
        begin = min(max(begin, self._all[0]), self._all[1] - span)
        self._range = begin, begin + span
        self._follows = span >= (self._all[1] - self._all[0]) * 0.999
        self.range_changed.emit()
        self.update()

    def x_of(self, time_ns: float) -> float:
        begin, end = self._range
        return _HEAD + (time_ns - begin) / max(end - begin, 1) * (self.width() - _HEAD - 8)

    def time_at(self, x: float) -> float:
        begin, end = self._range
        return begin + (x - _HEAD) / max(self.width() - _HEAD - 8, 1) * (end - begin)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(colours.surface))
        self._paint_axis(painter)
        metrics = painter.fontMetrics()
        for number, lane in enumerate(self.lanes):
            top = number * LANE + 2
            painter.setPen(QColor(colours.muted))
            name = metrics.elidedText(lane.name, Qt.TextElideMode.ElideRight, _HEAD - 20)
            place = QRectF(12, top, _HEAD - 20, LANE)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
            painter.setPen(QPen(QColor(colours.line), 1))
            painter.drawLine(QPointF(_HEAD, top + LANE), QPointF(self.width(), top + LANE))
            self._paint_marks(painter, lane, top)

    def _paint_marks(self, painter: QPainter, lane: Lane, top: int) -> None:
        """Many that fall on one pixel are one line; what lasts is a bar."""
        begin, end = self._range
        first = max(bisect_left(lane.marks, begin, key=lambda mark: mark.end_ns), 0)
        colour = QColor(getattr(tokens(), lane.role))
        painter.save()
        painter.setClipRect(QRectF(_HEAD, 0, self.width() - _HEAD, self.height()))
        last = -1.0
        for mark in lane.marks[first:]:
            if mark.begin_ns > end:
                break
            x, right = self.x_of(mark.begin_ns), self.x_of(mark.end_ns)
            current = mark.index == self.current
            if right < last + 1 and not current:
                continue
            last = max(right, x + 1)
            wide = max(right - x, 1.5)
            if current:
                painter.fillRect(QRectF(x - 2.5, top + 1, wide + 5, LANE - 2), QColor(tokens().text))
            painter.fillRect(QRectF(x, top + 3, wide, LANE - 6), colour)
        painter.restore()

    def _paint_axis(self, painter: QPainter) -> None:
        colours = tokens()
        begin, end = self._range
        step = _round_step((end - begin) / max((self.width() - _HEAD) / 90, 1))
        y = len(self.lanes) * LANE + 4
        tick = int(begin // step + 1) * step
        while tick <= end:
            x = self.x_of(tick)
            painter.setPen(QPen(QColor(colours.line), 1))
            painter.drawLine(QPointF(x, 2), QPointF(x, y))
            painter.setPen(QColor(colours.muted))
            place = QRectF(x - 45, y, 90, _AXIS)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, _tick_words(tick - self._all[0], step))
            tick += step

    # The mouse and the keyboard

    def wheelEvent(self, event: QWheelEvent) -> None:
        down = event.angleDelta().y()
        if down:
            self.zoom(0.8 if down > 0 else 1.25, event.position().x())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._drag, self._moved = (event.position().x(), self._range), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        start, (begin, end) = self._drag
        way = event.position().x() - start
        self._moved = self._moved or abs(way) > 3
        if self._moved:
            shift = way / max(self.width() - _HEAD - 8, 1) * (end - begin)
            self._set_range(begin - shift, end - begin)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and not self._moved:
            self._choose_at(event.position())
        self._drag = None

    def _choose_at(self, at: QPointF) -> None:
        number = int((at.y() - 2) // LANE)
        if not 0 <= number < len(self.lanes):
            return
        time = self.time_at(at.x())
        near = [
            (max(mark.begin_ns - time, time - mark.end_ns, 0.0), mark.index)
            for mark in self.lanes[number].marks
            if self.x_of(mark.begin_ns) - _NEAR <= at.x() <= self.x_of(mark.end_ns) + _NEAR
        ]
        if near:
            self.chosen.emit(min(near)[1])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(0.5)
        elif key == Qt.Key.Key_Minus:
            self.zoom(2.0)
        elif key == Qt.Key.Key_Home:
            self.show_all()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            indices = sorted(mark.index for lane in self.lanes for mark in lane.marks)
            if indices:
                step = -1 if key == Qt.Key.Key_Left else 1
                at = bisect_left(indices, self.current) + step if self.current is not None else 0
                self.chosen.emit(indices[min(max(at, 0), len(indices) - 1)])
        else:
            super().keyPressEvent(event)

    def changeEvent(self, _: QEvent) -> None:
        self.update()


def _round_step(least: float) -> int:
    """1, 2 or 5 times a power of ten nanoseconds, at least so much."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= least:
                return step * power
        power *= 10


def _tick_words(ns: float, step: int) -> str:
    if step >= 100_000_000:
        return f"{ns / 1e9:.1f} s" if step < 1_000_000_000 else f"{ns / 1e9:.0f} s"
    if step >= 100_000:
        return f"{ns / 1e6:.1f} ms" if step < 1_000_000 else f"{ns / 1e6:.0f} ms"
    return f"{ns / 1e3:.1f} µs" if step < 1_000 else f"{ns / 1e3:.0f} µs"
