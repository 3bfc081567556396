"""What lies over a pane whose guest does not run, or is locked: with the way out of it."""

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.icons import icon

_SPIN_MS = 40
_COVER = QColor(13, 16, 22)
"""Nothing of the picture is seen through it."""
_LINK_LOST = "The link was lost while it moved. It stands still until the other machine answers."


class _Spinner(QWidget):
    """A turning arc; its timer runs only while it is seen."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(36, 36)
        self._angle = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_SPIN_MS)
        self._timer.timeout.connect(self._turn)

    def _turn(self) -> None:
        self._angle = (self._angle - 12) % 360
        self.update()

    def showEvent(self, _: object) -> None:
        self._timer.start()

    def hideEvent(self, _: object) -> None:
        self._timer.stop()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        circle = QRectF(4, 4, self.width() - 8, self.height() - 8)
        painter.setPen(QPen(QColor(255, 255, 255, 50), 3))
        painter.drawEllipse(circle)
        painter.setPen(QPen(QColor("#ffffff"), 3.0, c=Qt.PenCapStyle.RoundCap))
        painter.drawArc(circle, self._angle * 16, 100 * 16)


class PaneOverlay(QWidget):
    """Covers its pane; white on a darkened picture in both themes, since it lies on glass."""

    restart = Signal()
    resume = Signal()
    ask_again = Signal()
    decide = Signal()
    unlock = Signal()

    def __init__(self, parent: QWidget, guest_name: str) -> None:
        super().__init__(parent)
        self.setObjectName("paneOverlay")
        self._backdrop = QColor(5, 7, 10, 190)
        self._spinner = _Spinner(self)
        self._picture = QLabel(self)
        self._title = QLabel(self)
        self._sentence = QLabel(self)
        self._sentence.setWordWrap(True)
        self._title.setWordWrap(True)
        self._button = QPushButton(self)
        self._button.setObjectName(f"restart-{guest_name}")
        self._button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._button.clicked.connect(self._clicked)
        self._decide = QPushButton("Decide here…", self)
        self._decide.setCursor(Qt.CursorShape.PointingHandCursor)
        self._decide.clicked.connect(self.decide)
        self._undecided = False
        self._locked = ""
        self._state = GuestState.RUNNING
        self._suspended = False
        self._layout = layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addStretch()
        for part in (self._spinner, self._picture):
            layout.addWidget(part, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self._title)
        layout.addWidget(self._sentence)
        for button in (self._button, self._decide):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        for label in (self._picture, self._title, self._sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence.setStyleSheet("color: #d5dae2; background: transparent;")
        self._decide.setStyleSheet(
            "QPushButton { background: transparent; color: #ffffff; border: 1px solid #8fffffff;"
            " border-radius: 15px; padding: 6px 18px; }"
            "QPushButton:hover { background: #30ffffff; } QPushButton:focus { border: 2px solid #7ea6ff; }"
        )
        self._button.setStyleSheet(
            "QPushButton { background: #ffffff; color: #10141b; border: none; border-radius: 15px;"
            " padding: 6px 18px; font-weight: 600; }"
            "QPushButton:hover { background: #dfe7ff; } QPushButton:focus { border: 2px solid #7ea6ff; }"
        )
        self.hide()

    @property
    def sentence(self) -> str:
        return self._sentence.text()

    def show_state(
        self,
        state: GuestState,
        problem: str,
        image_name: str,
        not_responding: str = "",
        *,
        suspended: bool = False,
        held: str = "",
        attacked: bool = False,
        undecided: bool = False,
        locked: str = "",
        wiped: bool = False,
    ) -> None:
        """`held`: why it stands still, and not by the user's will; `attacked`: a hostile guest is why;
        `undecided`: nobody knows whose it is; `locked`: why nobody may use it; `wiped`: and nobody will."""
        self._state = state
        self._locked = locked
        self._undecided = undecided
        self._suspended = suspended
        looks: dict[GuestState, tuple[str, str, str, str, QColor]] = {
            GuestState.STARTING: ("", "Starting", image_name, "", QColor(5, 7, 10, 150)),
            GuestState.PAUSED: ("pause-circle-outline", "Paused", "", "Resume", QColor(5, 7, 10, 150)),
            GuestState.OFF: ("power", "Off", problem, "Switch on", QColor(5, 7, 10, 0)),
            GuestState.CRASHED: (
                "alert-circle-outline",
                "This guest has stopped",
                problem,
                "Restart",
                QColor(28, 6, 8, 205),
            ),
            GuestState.STOPPED: ("minus-circle-outline", "Removed", "", "", QColor(5, 7, 10, 150)),
        }
        look = looks.get(state)
        if suspended:
            words = "It is saved, and goes on where it stood."
            look = ("sleep", "Suspended", words, "Resume", QColor(5, 7, 10, 0))
        if held and state is GuestState.PAUSED:
            look = ("lan-connect", "On its way", held, "", QColor(5, 7, 10, 190))
        if attacked and state is GuestState.PAUSED:
            look = ("shield-sync-outline", "Under attack", held, "", QColor(5, 7, 10, 150))
        if undecided:
            look = ("lan-disconnect", "Whose is it?", _LINK_LOST, "Ask again", QColor(28, 16, 4, 205))
        if state is GuestState.RUNNING and not_responding:
            look = (
                "timer-alert-outline",
                "Does not respond",
                not_responding,
                "Restart",
                QColor(28, 16, 4, 190),
            )
        if locked:
            look = ("lock-outline", "Locked", locked, "Unlock…", _COVER)
        if locked and wiped:
            look = ("cellphone-remove", "Wiped", locked, "", _COVER)
        if look is None:
            self.hide()
            return
        picture, title, sentence, button, self._backdrop = look
        self._spinner.setVisible(state is GuestState.STARTING and not locked)
        self._picture.setVisible(bool(picture))
        if picture:
            colour = "#ff9d9b" if state is GuestState.CRASHED and not locked else "#ffffff"
            self._picture.setPixmap(icon(picture, colour).pixmap(34, 34))
        self._title.setText(title)
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self._decide.setVisible(undecided and not locked)
        self._fit()
        self.setVisible(True)
        self.raise_()
        self.update()

    def resizeEvent(self, _: object) -> None:
        self._fit()

    def _fit(self) -> None:
        """On a small pane the words come before the ornament."""
        small = self.width() < 200
        margin = 8 if small else 20
        self._layout.setContentsMargins(margin, margin, margin, margin)
        title = "10pt" if small else "12pt"
        self._title.setStyleSheet(
            f"color: #ffffff; font-weight: 600; font-size: {title}; background: transparent;"
        )
        self._decide.setText("Decide…" if small else "Decide here…")
        if self._undecided and not self._locked:
            self._sentence.setText(_LINK_LOST if not small else _LINK_LOST.partition(".")[0] + ".")
        if small and self._state is not GuestState.STARTING:
            self._picture.setVisible(self.height() > 220)

    def _clicked(self) -> None:
        if self._locked:
            self.unlock.emit()
            return
        if self._undecided:
            self.ask_again.emit()
            return
        going_on = self._suspended or self._state is GuestState.PAUSED
        (self.resume if going_on else self.restart).emit()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._backdrop)
        if self._state is GuestState.OFF:
            painter.setPen(QPen(QColor(255, 255, 255, 18), 1))
            painter.drawLine(QPointF(0, 0.5), QPointF(self.width(), 0.5))
