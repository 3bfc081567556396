"""A guest's framebuffer on the screen, 60 times a second, and the mouse and keyboard on their way in.

The QImage lies over the framebuffer's shared memory: nothing is copied until it is painted, and only what the
guest damaged is. Frames that come faster than the screen can show are merged: damage is collected and painted
at most once in FRAME_MS.

Left out: input methods, which have no place where a guest has a keyboard of its own.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QRegion,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.keymap import kept_by_workbench, linux_code
from pocketvisor_workbench.stage.overlay import PaneOverlay
from pocketvisor_workbench.stage.touch import Touch

if TYPE_CHECKING:
    from pocketvisor.api import Guest

FRAME_MS = 15
"""A little less than a frame of 60 Hz, so that a guest's own pace is never halved."""

_AREA_BELOW = 0.55
"""Below this scale pixels are averaged by area, which costs some tenths of a millisecond a frame."""

_DARK_GLASS = QColor("#05070a")


def _corner_path(square: QRectF, start: float) -> QPainterPath:
    """What a round corner leaves of its square; `start` is the angle at which the round part begins."""
    middle_x = square.right() if start in (90.0, 180.0) else square.left()
    middle_y = square.bottom() if start in (0.0, 90.0) else square.top()
    corner_x = square.left() if start in (90.0, 180.0) else square.right()
    corner_y = square.top() if start in (0.0, 90.0) else square.bottom()
    radius = square.width()
    path = QPainterPath(QPointF(corner_x, corner_y))
    circle = QRectF(middle_x - radius, middle_y - radius, 2 * radius, 2 * radius)
    path.arcTo(circle, start, 90.0)
    path.closeSubpath()
    return path


class GuestPane(QWidget):
    """One guest, live."""

    activated = Signal(object)
    """The guest was clicked or typed into: it wants the foreground."""
    focus_changed = Signal(object, bool)
    restart_wanted = Signal(object)
    resume_wanted = Signal(object)

    _ready = False  # events come before __init__ is through

    def __init__(self, guest: "Guest", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.guest = guest
        self.setObjectName(f"pane-{guest.name}")
        self.setAccessibleName(f"Screen of {guest.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        panel = guest.panel
        self._image = QImage(
            panel.buffer, panel.width, panel.height, panel.stride, QImage.Format.Format_RGB32
        )
        self._corner = QColor("#000000")
        self._radius = 0.0
        self._sequence = 0
        self.frames_painted = 0
        self._pressed: dict[int, int] = {}
        self._touch = Touch(self, guest.touch, panel.width, panel.height)
        self._last_update = 0.0
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setTimerType(Qt.TimerType.PreciseTimer)
        self._late.timeout.connect(self._take_damage)
        self.overlay = PaneOverlay(self, guest.name)
        self.overlay.restart.connect(lambda: self.restart_wanted.emit(self.guest))
        self.overlay.resume.connect(lambda: self.resume_wanted.emit(self.guest))
        self._unsubscribe: list[Callable[[], None]] = [
            guest.on("frame", lambda *_: self._frame()),
            guest.on("state", lambda *_: self._state()),
        ]
        self._ready = True
        self._state()

    def close_guest(self) -> None:
        """Lets go of the guest's memory; the pane is not painted again."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe.clear()
        self._late.stop()
        self._touch.close()
        self._image = QImage()

    # Picture

    def set_glass(self, corner: QColor, radius: float) -> None:
        """The colour around the rounded corners of the glass, and their radius."""
        if (corner, radius) != (self._corner, self._radius):
            self._corner, self._radius = corner, radius
            self.update()

    def panel_size(self) -> QSize:
        return QSize(self.guest.panel.width, self.guest.panel.height)

    def grab_frame(self) -> QImage:
        """A copy of the guest's picture as it is now."""
        return self._image.copy()

    def _frame(self) -> None:
        """The guest published a frame."""
        if not self.isVisible() or self._late.isActive():
            return
        due = FRAME_MS / 1000 - (time.monotonic() - self._last_update)
        if due > 0.001:
            self._late.start(int(due * 1000))
        else:
            self._take_damage()

    def _take_damage(self) -> None:
        if self._image.isNull():
            return
        if self.guest.state is GuestState.STOPPED:
            return
        self._last_update = time.monotonic()
        self._sequence, rectangles = self.guest.panel.damage_since(self._sequence)
        if rectangles is None:
            self.update()
            return
        if not rectangles:
            return
        if len(rectangles) > 6:  # many small ones cost more than one around them
            rectangles = [
                (
                    min(r[0] for r in rectangles),
                    min(r[1] for r in rectangles),
                    max(r[2] for r in rectangles),
                    max(r[3] for r in rectangles),
                )
            ]
        region = QRegion()
        for x0, y0, x1, y1 in rectangles:
            region += self._on_pane(x0, y0, x1, y1)
        self.update(region)

    def _on_pane(self, x0: int, y0: int, x1: int, y1: int) -> QRect:
        """A rectangle of the panel in the pane's coordinates, with the rim that smoothing touches."""
        across = self.width() / self._image.width()
        down = self.height() / self._image.height()
        rim = 0 if across == 1 and down == 1 else 1
        left, top = int(x0 * across) - rim, int(y0 * down) - rim
        right, bottom = int(x1 * across + 0.999) + rim, int(y1 * down + 0.999) + rim
        return QRect(QPoint(left, top), QPoint(right - 1, bottom - 1)).intersected(self.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._image.isNull():
            painter.fillRect(event.rect(), _DARK_GLASS)
            return
        self.frames_painted += 1
        if self.guest.state in (GuestState.OFF, GuestState.STOPPED, GuestState.STARTING):
            painter.fillRect(event.rect(), _DARK_GLASS)
        else:
            self._paint_picture(painter, event.rect())
        if self._radius:
            self._paint_corners(painter, event.rect())

    def _paint_picture(self, painter: QPainter, dirty: QRect) -> None:
        scale = self.devicePixelRatioF()
        if self.width() * scale == self._image.width() and self.height() * scale == self._image.height():
            if scale == 1:
                painter.drawImage(dirty.topLeft(), self._image, dirty)
            else:
                painter.drawImage(self.rect(), self._image)
            return
        if self.width() * scale < _AREA_BELOW * self._image.width():
            self._paint_averaged(painter, dirty, scale)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        across = self._image.width() / self.width()
        down = self._image.height() / self.height()
        source = QRectF(dirty.x() * across, dirty.y() * down, dirty.width() * across, dirty.height() * down)
        painter.drawImage(QRectF(dirty), self._image, source)

    def _paint_averaged(self, painter: QPainter, dirty: QRect, scale: float) -> None:
        """Much smaller than the panel: bilinear smoothing would leave pixels out. Off by half a pixel of the
        panel at most where only a part is painted."""
        across = self._image.width() / self.width()
        down = self._image.height() / self.height()
        left, top = round(dirty.x() * across), round(dirty.y() * down)
        right, bottom = round((dirty.right() + 1) * across), round((dirty.bottom() + 1) * down)
        size = QSize(max(round(dirty.width() * scale), 1), max(round(dirty.height() * scale), 1))
        part = self._image
        if dirty != self.rect():
            part = part.copy(left, top, max(right - left, 1), max(bottom - top, 1))
        painter.drawImage(dirty, part.scaled(size, mode=Qt.TransformationMode.SmoothTransformation))

    def _paint_corners(self, painter: QPainter, dirty: QRect) -> None:
        """The glass has round corners: what lies outside them is the phone's bezel."""
        radius = self._radius
        width, height = float(self.width()), float(self.height())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._corner)
        for x, y, start in (
            (0.0, 0.0, 90.0),
            (width - radius, 0.0, 0.0),
            (width - radius, height - radius, 270.0),
            (0.0, height - radius, 180.0),
        ):
            square = QRectF(x, y, radius, radius)
            if not square.intersects(QRectF(dirty)):
                continue
            painter.drawPath(_corner_path(square, start))

    # State

    def _state(self) -> None:
        guest = self.guest
        self.overlay.show_state(guest.state, guest.problem, guest.image.name, guest.not_responding)
        if self.guest.state is not GuestState.RUNNING:
            self.release_all()
        self.update()

    def resizeEvent(self, _: object) -> None:
        self.overlay.setGeometry(self.rect())

    def showEvent(self, _: QShowEvent) -> None:
        self.update()

    def hideEvent(self, _: QHideEvent) -> None:
        self.release_all()

    # Mouse and touch

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self.activated.emit(self.guest)
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        pinch = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self._touch.down(self._on_panel(event.position()), pinch=pinch)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._touch.move(self._on_panel(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._touch.up(self._on_panel(event.position()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel drags the picture under the pointer, as a finger would."""
        pixels = event.pixelDelta().y() or event.angleDelta().y() / 2
        self._touch.wheel(self._on_panel(event.position()), pixels)

    def _on_panel(self, position: QPointF) -> tuple[int, int]:
        x = int(position.x() * self._image.width() / max(self.width(), 1))
        y = int(position.y() * self._image.height() / max(self.height(), 1))
        return min(max(x, 0), self._image.width() - 1), min(max(y, 0), self._image.height() - 1)

    # Keyboard

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # The guest's keyboard comes first; the workbench keeps what it can be left with.
            if not kept_by_workbench(event):
                event.accept()
                return True
        elif event.type() is QEvent.Type.TouchBegin:
            self.activated.emit(self.guest)
        if self._ready and self._touch.take(event, self._on_panel):
            return True
        return super().event(event)

    def focusNextPrevChild(self, _: bool) -> bool:
        return False  # Tab is the guest's

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():  # the guest repeats its keys itself
            return
        code = linux_code(event)
        if code is None or self.guest.state is not GuestState.RUNNING:
            return
        self.activated.emit(self.guest)
        self._pressed[event.nativeScanCode() or event.key()] = code
        self.guest.key(code, True)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            return
        code = self._pressed.pop(event.nativeScanCode() or event.key(), None)
        if code is not None:
            self.guest.key(code, False)

    def focusInEvent(self, _: QFocusEvent) -> None:
        self.focus_changed.emit(self.guest, True)

    def focusOutEvent(self, _: QFocusEvent) -> None:
        self.release_all()
        self.focus_changed.emit(self.guest, False)

    def release_all(self) -> None:
        """No key and no finger stays down when the pane is left."""
        for code in self._pressed.values():
            self.guest.key(code, False)
        self._pressed.clear()
        self._touch.release()
