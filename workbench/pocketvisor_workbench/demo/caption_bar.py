"""The caption under the stage: which step it is, what happens, and buttons to hold, skip and end it all."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMainWindow, QToolBar, QVBoxLayout, QWidget

from pocketvisor_workbench.demo.player import Outcome, Played, Player
from pocketvisor_workbench.demo.story import Step
from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.widgets import tool_button

_WIDTH: Final = 900
_HEIGHT: Final = 122
_MARGIN: Final = 14


class _Dots(QWidget):
    """One for each step: through, under way, to come."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count, self._at, self._failed = count, 0, False
        self.setFixedSize(count * 14, 10)

    def set_at(self, at: int, *, failed: bool = False) -> None:
        self._at, self._failed = at, failed
        self.setAccessibleName(f"Step {at + 1} of {self._count}")
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for number in range(self._count):
            colour = QColor(tokens().line if number > self._at else tokens().accent)
            if number == self._at and self._failed:
                colour = QColor(tokens().bad)
            painter.setBrush(colour)
            wide = number == self._at
            dot = QRectF(number * 14 + (0 if wide else 1.5), 1.5, 10 if wide else 7, 7)
            painter.drawRoundedRect(dot, 3.5, 3.5)


class CaptionBar(QToolBar):
    """At the window's lower edge while the player plays. Its height stays: phones do not jump."""

    def __init__(self, player: Player, window: QMainWindow) -> None:
        super().__init__("The story", window)
        self.setObjectName("caption-bar")
        self.setMovable(False)
        self.setFloatable(False)
        self.toggleViewAction().setVisible(False)
        self._player = player
        self.on_held: Callable[[bool], None] = lambda held: None
        self._count = QLabel()
        self._count.setObjectName("muted")
        self._dots = _Dots(len(player.steps))
        self._title = QLabel()
        font = QFont(self._title.font())
        font.setPointSizeF(15)
        font.setWeight(QFont.Weight.DemiBold)
        self._title.setFont(font)
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._result = QLabel()
        self._result.setWordWrap(True)
        for label in (self._title, self._words, self._result):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.hold = tool_button("pause", "Hold the story (Space)")
        self.hold.clicked.connect(self.toggle_held)
        self.skip = tool_button("skip-next", "To the next step (Right)")
        self.skip.clicked.connect(self._skip)
        self.close_button = tool_button("close", "End the story (Esc)")
        self.close_button.clicked.connect(player.stop)
        for key, run in (("Space", self.toggle_held), ("Right", self._skip), ("Escape", player.stop)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(run)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._dots)
        head.addWidget(self._count)
        head.addStretch(1)
        for button in (self.hold, self.skip, self.close_button):
            head.addWidget(button)
        card = QFrame()
        card.setObjectName("banner")
        card.setFixedHeight(_HEIGHT)
        card.setMaximumWidth(_WIDTH)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(20, 8, 12, 14)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._title)
        layout.addWidget(self._words)
        layout.addWidget(self._result)
        layout.addStretch(1)
        row = QWidget()
        middle = QHBoxLayout(row)
        middle.setContentsMargins(_MARGIN, 4, _MARGIN, _MARGIN)
        middle.addStretch(1)
        middle.addWidget(card, 100)
        middle.addStretch(1)
        self.addWidget(row)
        window.addToolBar(Qt.ToolBarArea.BottomToolBarArea, self)
        player.step_began.connect(self._began)
        player.step_ended.connect(self._ended)

    def toggle_held(self) -> None:
        pace = self._player.pace
        if pace.held:
            pace.go_on()
        else:
            pace.hold()
        self._show_held()

    def _show_held(self) -> None:
        held = self._player.pace.held
        set_icon(self.hold, "play" if held else "pause")
        self.hold.setToolTip("Go on (Space)" if held else "Hold the story (Space)")
        self.on_held(held)

    def _skip(self) -> None:
        self._player.pace.skip()
        self._show_held()

    def _began(self, step: Step, number: int) -> None:
        self._dots.set_at(number)
        self._count.setText(f"{number + 1} of {len(self._player.steps)}")
        self._title.setText(step.title)
        self._words.setText(step.words)
        self._result.clear()
        self.show()

    def _ended(self, played: Played) -> None:
        failed = played.outcome is Outcome.FAILED
        self._dots.set_at(self._player.steps.index(played.step), failed=failed)
        self._result.setText(played.sentence)
        self._result.setStyleSheet(f"color: {tokens().bad if failed else tokens().good};")
