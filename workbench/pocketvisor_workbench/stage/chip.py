"""The profile chip above a pane: who lives in it, how it is, and whether it holds the phone."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFont,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QSizePolicy, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.keeping import is_suspended
from pocketvisor_workbench.theme import on_colour, tokens
from pocketvisor_workbench.timeline.times import GuestTime
from pocketvisor_workbench.widgets import plain_tip

if TYPE_CHECKING:
    from pocketvisor.api import Guest

HEIGHT = 28
_BADGE = 18

STATE_ICONS = {
    GuestState.STARTING: "timer-sand",
    GuestState.PAUSED: "pause",
    GuestState.OFF: "power",
    GuestState.CRASHED: "alert",
    GuestState.STOPPED: "minus",
}
STATE_WORDS = {
    GuestState.STARTING: "is starting",
    GuestState.RUNNING: "runs",
    GuestState.PAUSED: "is paused",
    GuestState.OFF: "is off",
    GuestState.CRASHED: "has stopped",
    GuestState.STOPPED: "is removed",
}


class ProfileChip(QAbstractButton):
    """A click brings the guest to the front; the context menu holds what can be done to it. Dragged,
    it takes the guest along: to another phone, or out of the window."""

    menu_wanted = Signal(object, object)
    drag_wanted = Signal()

    def __init__(self, guest: "Guest", time: GuestTime, parent: QWidget) -> None:
        super().__init__(parent)
        self.guest = guest
        self._time = time
        self.setObjectName(f"chip-{guest.name}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._foreground = False
        self._badge = ""
        self._locked = False
        self._hovered = False
        self._pressed: QPoint | None = None
        time.moved.connect(self.refresh)
        self.refresh()

    def set_foreground(self, foreground: bool) -> None:
        self._foreground = foreground
        self.refresh()

    def set_policy(self, badge: str, *, locked: bool) -> None:
        """Who manages it, in words; empty where its user does alone."""
        if (badge, locked) != (self._badge, self._locked):
            self._badge, self._locked = badge, locked
            self.refresh()
            self.updateGeometry()

    def refresh(self) -> None:
        place = (
            "in the foreground" if self._foreground else "in the background: click to bring it to the front"
        )
        self._sign = STATE_ICONS.get(self.guest.state)
        state = STATE_WORDS[self.guest.state]
        if self._locked:
            self._sign, state = "lock", "is locked"
        elif is_suspended(self.guest):
            self._sign, state = "sleep", "is suspended"
        elif self._time.in_past:
            self._sign, state = "history", "waits while its past is looked at"
        self.setText(self.guest.name)
        managed = f", {self._badge[0].lower()}{self._badge[1:]}" if self._badge else ""
        self.setAccessibleName(f"{self.guest.name} {state}, {place}{managed}")
        tip = f"{self.guest.name} {state}, {place}\nDrag it to another phone, or press Ctrl+M"
        self.setToolTip(plain_tip(f"{self._badge}\n{tip}" if self._badge else tip))
        self.update()

    def sizeHint(self) -> QSize:
        badge = _BADGE if self._badge else 0
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 62 + badge, HEIGHT)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(self.guest, event.globalPos())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position().toPoint() if event.button() is Qt.MouseButton.LeftButton else None
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """From some pixels on it is a drag, and no click any more."""
        if self._pressed is None:
            return
        way = (event.position().toPoint() - self._pressed).manhattanLength()
        if way >= QApplication.startDragDistance():
            self._pressed = None
            self.setDown(False)
            self.drag_wanted.emit()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hovered = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: object) -> None:
        self._hovered = False
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        accent = QColor(accent_of(self.guest))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        radius = box.height() / 2
        if self._foreground:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(accent.lighter(108) if self._hovered else accent)
            ink = on_colour(accent)
        else:
            painter.setPen(QPen(accent if self._hovered else QColor(colours.line), 1))
            painter.setBrush(QColor(colours.surface))
            ink = QColor(colours.text)
        painter.drawRoundedRect(box, radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.text), 1.5))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius - 1, radius - 1)
        self._paint_sign(painter, accent, ink)
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold if self._foreground else QFont.Weight.Medium)
        painter.setFont(font)
        painter.setPen(ink)
        tail = 26 if self._foreground else 12
        badge = _BADGE if self._badge and self.width() > 64 else 0
        room = QRectF(28, 0, self.width() - 28 - tail - badge, self.height())
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        if badge:
            shield = icon("shield-account", ink.name())
            shield.paint(painter, self.width() - tail - _BADGE + 1, (self.height() - 14) // 2, 14, 14)
        if self._foreground and self.width() > 90:
            sign = icon("cellphone", ink.name())
            sign.paint(painter, self.width() - 24, (self.height() - 14) // 2, 14, 14)

    def _paint_sign(self, painter: QPainter, accent: QColor, ink: QColor) -> None:
        """The state: a dot while the guest runs, else its sign."""
        name = self._sign
        if name is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink if self._foreground else accent)
            painter.drawEllipse(QRectF(13, self.height() / 2 - 4, 8, 8))
            return
        colour = ink.name()
        if self.guest.state is GuestState.CRASHED and not self._foreground:
            colour = tokens().bad
        icon(name, colour).paint(painter, 10, (self.height() - 14) // 2, 14, 14)
