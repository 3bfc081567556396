"""The button that records a guest: a red dot in a ring, and a square while it records."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.timeline.times import GuestTime

SIDE = 28


class RecordButton(QAbstractButton):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(SIDE, SIDE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._recording = False

    def show_time(self, time: GuestTime) -> None:
        """What it does for a guest now."""
        name = time.guest.name
        words = f"Record {name}, so that its past can be looked at"
        if time.recording:
            words = f"Stop recording {name}"
        elif not time.can_record:
            words = _why_not(time)
        self._recording = time.recording
        self.setToolTip(words)
        self.setAccessibleName(words)
        self.setEnabled(time.recording or time.can_record)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        over = self.isEnabled() and (self.underMouse() or self.hasFocus())
        red = QColor(colours.bad if self.isEnabled() else colours.line)
        ring = QRectF(self.rect()).adjusted(4.5, 4.5, -4.5, -4.5)
        painter.setPen(QPen(red if self._recording or over else QColor(colours.muted), 1.5))
        painter.setBrush(QColor(colours.hover) if over else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(ring)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(red)
        middle = QPointF(SIDE / 2, SIDE / 2)
        if self._recording:
            painter.drawRoundedRect(QRectF(middle.x() - 4, middle.y() - 4, 8, 8), 1.5, 1.5)
        else:
            painter.drawEllipse(middle, 5, 5)


def _why_not(time: GuestTime) -> str:
    if time.timeline is None:
        return "This guest cannot be recorded"
    if time.in_past:
        return "What is shown is the past: come back to now to record"
    return "Only a guest that runs can be recorded"
