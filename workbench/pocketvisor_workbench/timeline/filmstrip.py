"""The slider: thumbnails along a guest's clock, and the moment that is shown as a line across them.

Dragged, it goes along at once with the small pictures, and the phone's picture follows as fast as it can be
had. Keys: the arrows go a second, with Shift a tenth, Page Up and Page Down ten; Home is the recording's
begin and End now.
"""

from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.timeline.preview import Preview
from pocketvisor_workbench.timeline.thumbnails import Thumbnails
from pocketvisor_workbench.timeline.times import GuestTime
from pocketvisor_workbench.timeline.words import before_words, clock_words

SECOND = 1_000_000_000
_RADIUS = 6.0
_KNOB = 4.5
_SNAP = 6
"""So near to the right end is now."""
_STEPS = {
    Qt.Key.Key_Left: -SECOND,
    Qt.Key.Key_Down: -SECOND,
    Qt.Key.Key_Right: SECOND,
    Qt.Key.Key_Up: SECOND,
    Qt.Key.Key_PageUp: 10 * SECOND,
    Qt.Key.Key_PageDown: -10 * SECOND,
}


class Filmstrip(QWidget):
    wanted = Signal(object, bool)
    """A moment, by the guest's clock, and whether it is on the way of a drag."""
    stepped = Signal(object)
    present_wanted = Signal()
    run_wanted = Signal()
    menu_wanted = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("filmstrip")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMouseTracking(True)
        self.above = 0
        """Pixels above it that the small picture leaves free."""
        self.time: GuestTime | None = None
        self._thumbnails = Thumbnails()
        self._hover: float | None = None
        self._dragging = False
        self._preview: Preview | None = None

    def set_time(self, time: GuestTime | None) -> None:
        if time is not self.time:
            self.time = time
            self._thumbnails.clear()
            self._dragging = False
            self._leave()
        self.refresh()

    def refresh(self) -> None:
        time = self.time
        if time is not None:
            at = clock_words(time.shown_ns - time.begin_ns)
            where = f"{at}, {before_words(time.end_ns - time.shown_ns)}" if time.in_past else "now"
            self.setAccessibleName(f"Past of {time.guest.name}: {where}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 36)

    # Time and place

    def _span(self) -> tuple[int, int]:
        if self.time is None:
            return 0, 1
        return self.time.begin_ns, max(self.time.end_ns - self.time.begin_ns, 1)

    def place_of(self, clock_ns: int) -> float:
        begin, span = self._span()
        return min(max((clock_ns - begin) / span, 0.0), 1.0) * (self.width() - 2 * _KNOB) + _KNOB

    def clock_at(self, x: float) -> int:
        begin, span = self._span()
        room = max(self.width() - 2 * _KNOB, 1.0)
        return begin + round(min(max((x - _KNOB) / room, 0.0), 1.0) * span)

    def moment_at(self, clock_ns: int) -> Any:
        return self.time.moment_at(clock_ns) if self.time is not None else None

    # Painting

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        strip = QRectF(self.rect()).adjusted(1, 3, -1, -3)
        shape = QPainterPath()
        shape.addRoundedRect(strip, _RADIUS, _RADIUS)
        painter.fillPath(shape, QColor(colours.raised))
        time = self.time
        if time is not None and time.has_past:
            painter.save()
            painter.setClipPath(shape)
            self._paint_pictures(painter, strip)
            if time.in_past or time.wanted is not None:
                later = QRectF(strip)
                later.setLeft(self.place_of(time.shown_ns))
                veil = QColor(colours.surface)
                veil.setAlpha(170)
                painter.fillRect(later, veil)
            painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        focus = self.hasFocus()
        painter.setPen(QPen(QColor(colours.accent if focus else colours.line), 1.5 if focus else 1))
        painter.drawPath(shape)
        if time is not None and time.has_past:
            self._paint_lines(painter, time)

    def _paint_pictures(self, painter: QPainter, strip: QRectF) -> None:
        """As many as fit side by side, each the moment in the middle of its place."""
        ratio = self.devicePixelRatioF()
        height = round(strip.height() * ratio)
        first = self.moment_at(self.clock_at(strip.center().x()))
        shape = self._thumbnails.of(first, height) if first is not None else None
        wide = strip.height() * 0.6
        if shape is not None and not shape.isNull():
            wide = strip.height() * shape.width() / max(shape.height(), 1)
        count = max(round(strip.width() / wide), 1)
        step = strip.width() / count
        for index in range(count):
            place = QRectF(strip.x() + index * step, strip.y(), step, strip.height())
            moment = self.moment_at(self.clock_at(place.center().x()))
            pixmap = self._thumbnails.of(moment, height) if moment is not None else None
            if pixmap is None or pixmap.isNull():
                continue
            scale = pixmap.width() / wide
            source = QRectF(0, 0, min(step * scale, pixmap.width()), pixmap.height())
            painter.drawPixmap(place, pixmap, source)

    def _paint_lines(self, painter: QPainter, time: GuestTime) -> None:
        colours = tokens()
        if self._hover is not None and not self._dragging:
            painter.setPen(QPen(QColor(colours.text), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(self._hover, 3), QPointF(self._hover, self.height() - 3))
        past = time.in_past or time.wanted is not None
        colour = QColor(colours.warn if past else colours.bad if time.recording else colours.muted)
        x = self.place_of(time.shown_ns if past else time.end_ns)
        edge = QColor(colours.surface)
        painter.setPen(QPen(edge, 4))
        painter.drawLine(QPointF(x, 2), QPointF(x, self.height() - 2))
        painter.setPen(QPen(colour, 2))
        painter.drawLine(QPointF(x, 1), QPointF(x, self.height() - 1))
        painter.setPen(QPen(edge, 1))
        painter.setBrush(colour)
        for y in (_KNOB, self.height() - _KNOB):
            painter.drawEllipse(QPointF(x, y), _KNOB - 0.5, _KNOB - 0.5)

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.time is not None and self.time.has_past:
            self._dragging = True
            self._go(event.position().x(), drag=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.time is None or not self.time.has_past:
            return
        if self._dragging:
            self._go(event.position().x(), drag=True)
        self._look(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton or not self._dragging:
            return
        self._dragging = False
        if event.position().x() >= self.width() - _SNAP:
            self.present_wanted.emit()
        else:
            self._go(event.position().x(), drag=False)
        self._look(event.position().x())

    def _go(self, x: float, *, drag: bool) -> None:
        """To the right end and beyond is now, once the mouse lets go there."""
        self.wanted.emit(self.clock_at(x), drag)

    def _look(self, x: float) -> None:
        """The small picture of the moment under the mouse, above it."""
        self._hover = min(max(x, _KNOB), self.width() - _KNOB)
        time = self.time
        moment = self.moment_at(self.clock_at(x))
        if time is None or moment is None:
            return
        if self._preview is None:
            self._preview = Preview(self.window())
        clock = self.clock_at(x)
        words = clock_words(clock - time.begin_ns)
        now = time.recording and x >= self.width() - _SNAP
        self._preview.show_moment(
            self._thumbnails.of(moment, round(Preview.HEIGHT * self.devicePixelRatioF())),
            "now" if now else words,
            self.mapTo(self.window(), QPoint(round(self._hover), -self.above)),
        )
        self.update()

    def _leave(self) -> None:
        self._hover = None
        if self._preview is not None:
            self._preview.hide()
            self._preview.deleteLater()
            self._preview = None
        self.update()

    def leaveEvent(self, _: QEvent) -> None:
        if not self._dragging:
            self._leave()

    def hideEvent(self, _: object) -> None:
        self._dragging = False
        self._leave()

    def contextMenuEvent(self, event: Any) -> None:
        self.menu_wanted.emit(event.globalPos())

    # The keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        step = _STEPS.get(key)
        if step is not None:
            fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.stepped.emit(step // 10 if fine else step)
        elif key is Qt.Key.Key_Home:
            self.wanted.emit(self._span()[0], False)
        elif key in (Qt.Key.Key_End, Qt.Key.Key_Escape):
            self.present_wanted.emit()
        elif key is Qt.Key.Key_Space:
            self.run_wanted.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, _: QFocusEvent) -> None:
        self.update()

    def focusOutEvent(self, _: QFocusEvent) -> None:
        self.update()

    def changeEvent(self, _: QEvent) -> None:
        self.update()
