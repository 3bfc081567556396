"""What came of it in one line: a sign, a sentence and a bar while it goes on."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout

from pocketvisor_workbench.icons import icon


class Verdict(QFrame):
    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "tile")
        self._look = ("shield-outline", "muted")
        self._sign = QLabel()
        self.title = QLabel()
        self.title.setObjectName("emptyTitle")
        self.title.setWordWrap(True)
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        for label in (self.title, self.words):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the attack")
        self.bar.hide()
        lines = QVBoxLayout()
        lines.setSpacing(3)
        for part in (self.title, self.words, self.bar):
            lines.addWidget(part)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(14)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addLayout(lines, 1)

    def show_verdict(
        self, sign: str, role: str, title: str, words: str, progress: float | None = None
    ) -> None:
        """`progress`: 0 to 1 while it goes on."""
        if (sign, role) != self._look or self._sign.pixmap().isNull():
            self._look = (sign, role)
            self._tint()
        self.title.setText(title)
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.bar.setVisible(progress is not None)
        if progress is not None:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(progress * 1000))

    def _tint(self) -> None:
        self._sign.setPixmap(icon(*self._look).pixmap(36, 36))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_sign"):
            self._tint()
