"""Short notices over the stage: what went wrong, what was done, and the way back."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.log import Entry, Level
from pocketvisor_workbench.widgets import push_button, tool_button

SHOWN_MS = 6000
ERROR_SHOWN_MS = 15000
MOST = 3

_SIGNS = {
    Level.DEBUG: ("information-outline", "muted"),
    Level.INFO: ("check-circle-outline", "good"),
    Level.WARNING: ("alert-outline", "warn"),
    Level.ERROR: ("alert-circle", "bad"),
}


class Banner(QFrame):
    """One notice; goes by itself."""

    def __init__(
        self,
        text: str,
        level: Level,
        button: str = "",
        run: Callable[[], object] | None = None,
        shown_ms: int = 0,
    ) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.text = text
        sign = QLabel()
        sign.setPixmap(icon(*_SIGNS[level]).pixmap(20, 20))
        words = QLabel(text)
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 10, 8, 10)
        layout.setSpacing(10)
        layout.addWidget(sign, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(words, 1)
        self.button = push_button(button) if button else None
        if self.button is not None and run is not None:
            self.button.clicked.connect(self.leave)
            self.button.clicked.connect(lambda: run())
            layout.addWidget(self.button)
        close = tool_button("close", "Dismiss")
        close.clicked.connect(self.leave)
        layout.addWidget(close)
        QTimer.singleShot(
            shown_ms or (ERROR_SHOWN_MS if level is Level.ERROR else SHOWN_MS), self, self.leave
        )

    def leave(self) -> None:
        self.hide()
        self.deleteLater()


class Banners(QWidget):
    """A stack of notices at the lower edge of what it lies over."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        over.installEventFilter(self)
        self.hide()

    @property
    def shown(self) -> list[Banner]:
        return [banner for banner in self.findChildren(Banner) if not banner.isHidden()]

    def show_entry(self, entry: Entry) -> None:
        self.add(Banner(entry.text, entry.level))

    def add(self, banner: Banner) -> None:
        for old in [old for old in self.shown if old.text == banner.text] + self.shown[: -MOST + 1]:
            old.leave()
        self._layout.addWidget(banner)
        banner.show()
        banner.destroyed.connect(self._place)
        self.show()
        self._place()

    def _place(self) -> None:
        try:
            width = min(520, self._over.width() - 32)
            width = max(width, 160)
            self.setVisible(bool(self.shown))
            self._layout.activate()
            self.resize(width, self._layout.totalHeightForWidth(width))
            self.move((self._over.width() - self.width()) // 2, self._over.height() - self.height() - 16)
            self.raise_()
        except RuntimeError:  # the window is going
            return

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
