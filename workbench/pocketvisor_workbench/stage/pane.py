"""A guest's panel on the screen, 60 times a second, and the mouse and keyboard on their way in.

Frames that come faster than the screen can show are merged: damage is collected and painted at most once in
FRAME_MS. The picture may change its size at any time, and the phone may be turned; see placement.py for what
is shown then.

Left out: input methods, which have no place where a guest has a keyboard of its own.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.keeping import is_suspended
from pocketvisor_workbench.keymap import kept_by_workbench, linux_code
from pocketvisor_workbench.stage.overlay import PaneOverlay
from pocketvisor_workbench.stage.picture import DARK_GLASS, PanePicture, paint_corners, region_of
from pocketvisor_workbench.stage.touch import Touch
from pocketvisor_workbench.timeline.badge import PastBadge, paint_past_frame
from pocketvisor_workbench.timeline.times import GuestTime
from pocketvisor_workbench.timeline.words import before_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.guest.governed import Lock

FRAME_MS = 15
"""A little less than a frame of 60 Hz, so that a guest's own pace is never halved."""


class GuestPane(QWidget):
    """One guest, live."""

    activated = Signal(object)
    """The guest was clicked or typed into: it wants the foreground."""
    focus_changed = Signal(object, bool)
    restart_wanted = Signal(object)
    resume_wanted = Signal(object)
    ask_again_wanted = Signal(object)
    decide_wanted = Signal(object)
    unlock_wanted = Signal(object)

    _ready = False  # events come before __init__ is through
    _unwatch: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, guest: "Guest", time: GuestTime, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.guest = guest
        self.time = time
        self.setObjectName(f"pane-{guest.name}")
        self.setAccessibleName(f"Screen of {guest.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._shown = guest
        self._panel = guest.panel
        self._picture = PanePicture(self._panel)
        self._turn = 0
        self._undecided = self._attacked = False
        self._lock: Lock | None = None
        self._wiped = False
        self._corner = QColor("#000000")
        self._radius = 0.0
        self._sequence = 0
        self.frames_painted = 0
        self._pressed: dict[int, int] = {}
        self._touch = Touch(self, guest.touch, self._picture.size)
        self._last_update = 0.0
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setTimerType(Qt.TimerType.PreciseTimer)
        self._late.timeout.connect(self._take_damage)
        self.overlay = PaneOverlay(self, guest.name)
        self.overlay.restart.connect(lambda: self.restart_wanted.emit(self.guest))
        self.overlay.resume.connect(lambda: self.resume_wanted.emit(self.guest))
        self.overlay.ask_again.connect(lambda: self.ask_again_wanted.emit(self.guest))
        self.overlay.decide.connect(lambda: self.decide_wanted.emit(self.guest))
        self.overlay.unlock.connect(lambda: self.unlock_wanted.emit(self.guest))
        self._badge = PastBadge(self)
        time.moved.connect(self._moved)
        time.changed.connect(self._time_changed)
        self._unsubscribe: list[Callable[[], None]] = [guest.on("state", lambda *_: self._state())]
        self._watch()
        self._ready = True
        self._moved()

    def close_guest(self) -> None:
        """Lets go of the guest's memory; the pane is not painted again."""
        if self._picture.is_open:
            self.time.moved.disconnect(self._moved)
            self.time.changed.disconnect(self._time_changed)
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe.clear()
        self._unwatch()
        self._unwatch = lambda: None
        self._late.stop()
        self._touch.close()
        self._picture.close()

    # Picture

    def set_glass(self, corner: QColor, radius: float) -> None:
        """The colour around the rounded corners of the glass, and their radius."""
        if (corner, radius) != (self._corner, self._radius):
            self._corner, self._radius = corner, radius
            self.update()

    def set_turn(self, turn: int) -> None:
        """How the phone is held: degrees clockwise."""
        if turn != self._turn:
            self._turn = turn
            self.release_all()
            self._picture.set_pane(self.size(), turn)
            self.update()

    def _watch(self) -> None:
        """The frames of whom one looks at: the guest, or what it was."""
        self._unwatch()
        self._unwatch = self._shown.on("frame", lambda *_: self._frame())

    def _moved(self) -> None:
        """Another moment is looked at: the picture is that of the past, or the guest's own again."""
        if not self._picture.is_open:
            return
        if self.time.shown is not self._shown:
            self._shown = self.time.shown
            self._watch()
            self._panel = self.time.panel
            self._picture.set_panel(self._panel)
            self._touch.release()
            self._touch.size = self._picture.size
            self._sequence = 0
        self._time_changed()
        self._state()

    def _time_changed(self) -> None:
        time = self.time
        if time.in_past:
            self._badge.set_words(before_words(time.end_ns - time.shown_ns))
        if self._badge.isHidden() is time.in_past:
            self._badge.setVisible(time.in_past)
            self.release_all()
            self.update()

    def _follow(self) -> bool:
        """Whether the picture was replaced by one of another size: then all is painted."""
        if not self._picture.follow():
            return False
        self._touch.release()
        self._touch.size = self._picture.size
        self.update()
        return True

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
        if not self._picture.is_open or self.guest.state is GuestState.STOPPED:
            return
        self._last_update = time.monotonic()
        replaced = self._follow()
        self._sequence, rectangles = self._panel.damage_since(self._sequence)
        if rectangles is None or replaced:
            self.update()
        elif rectangles:
            region = QRegion()
            for rectangle in region_of(rectangles, self._picture.placement):
                region += rectangle
            self.update(region)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._picture.is_open:
            painter.fillRect(event.rect(), DARK_GLASS)
            return
        self.frames_painted += 1
        dark = self.guest.state in (GuestState.OFF, GuestState.STOPPED, GuestState.STARTING)
        if dark or self._lock is not None:
            painter.fillRect(event.rect(), DARK_GLASS)
        else:
            self._picture.paint(painter, event.rect(), self.devicePixelRatioF())
        if self.time.in_past:
            paint_past_frame(painter, self.rect(), self._radius)
        if self._radius:
            paint_corners(painter, self.rect(), event.rect(), self._radius, self._corner)

    # State

    def set_undecided(self, undecided: bool) -> None:
        """Whether nobody knows whose it is, since its move was cut off."""
        if undecided is not self._undecided:
            self._undecided = undecided
            self._state()

    def set_attacked(self, attacked: bool) -> None:
        """Whether a hostile guest attacks it, for which it may stand still."""
        self._attacked = attacked
        self._state()

    def set_lock(self, lock: "Lock | None", *, wiped: bool = False) -> None:
        """Why nobody may use it, or look at it."""
        if (lock, wiped) != (self._lock, self._wiped):
            self._lock, self._wiped = lock, wiped
            self.release_all()
            self._state()

    def _state(self) -> None:
        guest = self.guest
        if self.time.in_past and self._lock is None:
            self.overlay.hide()
            self._follow()
            self.update()
            return
        self.overlay.show_state(
            guest.state,
            guest.problem,
            guest.image.name,
            guest.not_responding,
            suspended=is_suspended(guest),
            held=guest.held,
            attacked=self._attacked,
            undecided=self._undecided,
            locked=self._lock.why if self._lock is not None else "",
            wiped=self._wiped,
        )
        if self.guest.state is not GuestState.RUNNING:
            self.release_all()
        self._follow()
        self.update()

    def resizeEvent(self, _: object) -> None:
        self.overlay.setGeometry(self.rect())
        self._badge.place()
        self._picture.set_pane(self.size(), self._turn)

    def showEvent(self, _: QShowEvent) -> None:
        self._follow()
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
        if self.time.in_past:
            self._badge.hint()
            return
        pinch = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self._touch.down(self._on_panel(event.position()), pinch=pinch)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._touch.move(self._on_panel(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._touch.up(self._on_panel(event.position()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel drags the picture under the pointer, as a finger would."""
        if self.time.in_past:
            return
        pixels = event.pixelDelta().y() or event.angleDelta().y() / 2
        self._touch.wheel(self._on_panel(event.position()), pixels)

    def _on_panel(self, position: QPointF) -> tuple[int, int]:
        return self._picture.placement.on_picture(position)

    # Keyboard

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # The guest's keyboard comes first; the workbench keeps what it can be left with.
            if self.guest.state is GuestState.RUNNING and not kept_by_workbench(event):
                event.accept()
                return True
        elif event.type() is QEvent.Type.TouchBegin:
            self.activated.emit(self.guest)
        if self._ready and not self.time.in_past and self._touch.take(event, self._on_panel):
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
        if self.time.in_past:
            self._badge.hint()
            return
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
