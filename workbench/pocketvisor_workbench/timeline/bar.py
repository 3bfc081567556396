"""The bar under a phone whose guest has a past: recording, the slider, and what can be done in the past.

It is about the phone's foreground. A guest without a past takes no room: a button beside the phone's memory
starts its recording. On a low stage everything is on one line.
"""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.timeline.filmstrip import Filmstrip
from pocketvisor_workbench.timeline.record_button import RecordButton
from pocketvisor_workbench.timeline.times import GuestTime
from pocketvisor_workbench.timeline.words import before_words, clock_words
from pocketvisor_workbench.widgets import ElidedLabel, tool_button
from pocketvisor_workbench.words import size_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.timeline.times import Times

HEIGHT = 70
COMPACT_HEIGHT = 32
_REFRESH_MS = 250


class TimeBar(QWidget):
    """See above. `height_for` says what it takes; it is hidden where that is nothing."""

    room_changed = Signal()

    def __init__(self, times: "Times", parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("timeBar")
        self._times = times
        self.time: GuestTime | None = None
        self._compact = False
        self._had_past = False
        self.record = RecordButton(self)
        self.words = ElidedLabel("", self)
        self.run = tool_button("play", "Run forward from here", self)
        self.branch = tool_button("source-branch", "Branch: a guest that goes on from here", self)
        self.now = tool_button("skip-forward", "Back to now", self)
        self.more = tool_button("dots-vertical", "Keep or export the recording", self)
        self.strip = Filmstrip(self)
        self._tools = QWidget(self)
        tools = QHBoxLayout(self._tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(0)
        for button in (self.run, self.branch, self.now, self.more):
            button.setFixedSize(28, 28)
            tools.addWidget(button)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(5)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._place()
        self.record.clicked.connect(lambda: self.time and self.time.toggle_recording())
        self.run.clicked.connect(lambda: self.time and self.time.toggle_running())
        self.now.clicked.connect(lambda: self.time and self.time.present())
        self.branch.clicked.connect(lambda: self.time and self._times.branch_wanted.emit(self.time.guest))
        self.more.clicked.connect(
            lambda: self._menu(self.more.mapToGlobal(self.more.rect().bottomLeft())),
        )
        self.strip.wanted.connect(lambda clock, drag: self.time and self.time.go_to(clock, drag=drag))
        self.strip.stepped.connect(lambda ns: self.time and self.time.step(ns))
        self.strip.present_wanted.connect(lambda: self.time and self.time.present())
        self.strip.run_wanted.connect(lambda: self.time and self.time.toggle_running())
        self.strip.menu_wanted.connect(self._menu)
        self._grows = QTimer(self)
        self._grows.setInterval(_REFRESH_MS)
        self._grows.timeout.connect(self.refresh)
        self.refresh()

    def set_guest(self, guest: "Guest | None") -> None:
        time = self._times.of(guest) if guest is not None else None
        if time is self.time:
            return
        if self.time is not None:
            self.time.changed.disconnect(self._changed)
        self.time = time
        if time is not None:
            time.changed.connect(self._changed)
        self.strip.set_time(time)
        self._changed()

    def set_compact(self, compact: bool) -> None:
        if compact is not self._compact:
            self._compact = compact
            self._place()
            self.refresh()

    @property
    def has_past(self) -> bool:
        return self.time is not None and (self.time.has_past or self.time.recording)

    def height_for(self, *, compact: bool) -> int:
        if not self.has_past:
            return 0
        return COMPACT_HEIGHT if compact else HEIGHT

    def _place(self) -> None:
        for part in (self.record, self.words, self._tools, self.strip):
            self._grid.removeWidget(part)
        self._grid.addWidget(self.record, 0, 0)
        self.words.setVisible(not self._compact)
        self.strip.above = 0 if self._compact else 32
        if self._compact:
            self._grid.addWidget(self.strip, 0, 1)
        else:
            self._grid.addWidget(self.words, 0, 1)
            self._grid.addWidget(self.strip, 1, 0, 1, 3)
        self._grid.addWidget(self._tools, 0, 2)

    def _changed(self) -> None:
        if self.has_past is not self._had_past:
            self._had_past = self.has_past
            self.room_changed.emit()
        self.refresh()

    def _menu(self, at: object) -> None:
        if self.time is not None:
            self._times.menu_wanted.emit(self.time.guest, at)

    def showEvent(self, _: object) -> None:
        self._grows.start()
        self.refresh()

    def resizeEvent(self, _: object) -> None:
        QTimer.singleShot(0, self, self.refresh)  # once the words have their place

    def hideEvent(self, _: object) -> None:
        self._grows.stop()

    # What it says

    def refresh(self) -> None:
        time = self.time
        if time is None:
            return
        past = time.in_past or time.wanted is not None
        self.record.show_time(time)
        for button in (self.run, self.branch, self.now):
            button.setVisible(past)
        self.branch.setEnabled(time.in_past)
        self.run.setEnabled(time.in_past)
        set_icon(self.run, "pause" if time.runs_forward else "play")
        words = "Hold here" if time.runs_forward else "Run forward from here"
        self.run.setToolTip(words)
        self.run.setAccessibleName(words)
        words, rest = _words(time)
        whole = f"{words} · {rest}" if rest else words
        room = self.words.fontMetrics().horizontalAdvance(whole) <= self.words.width()
        self.words.setText(whole if room else words)
        self.words.setToolTip(time.problem or whole)
        self.words.setObjectName("problem" if time.problem else "past" if past else "muted")
        self.words.style().polish(self.words)
        self.strip.refresh()
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        """In the past the bar has the colour of a warning: what is seen is not what is."""
        if self.time is None or not (self.time.in_past or self.time.wanted is not None):
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(tokens().warn)
        ground.setAlpha(34)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(0, 0, self.width(), 29), 7, 7)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "strip"):
            self.refresh()


def _words(time: GuestTime) -> tuple[str, str]:
    """What it says, and what it says besides where there is room."""
    if time.problem:
        return time.problem, ""
    if time.in_past or time.wanted is not None:
        before = before_words(time.end_ns - time.shown_ns)
        return before, clock_words(time.shown_ns - time.begin_ns)
    long = clock_words(time.end_ns - time.begin_ns, tenths=False)
    if time.recording:
        return f"Recording {long}", size_words(time.size_bytes)
    return f"{long} recorded", size_words(time.size_bytes)
