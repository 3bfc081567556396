"""Short notices over the stage: what went wrong, what was done, and the way back."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.log import Entry, Level
from pocketvisor_workbench.widgets import push_button, tool_button

SHOWN_MS = 6000
ERROR_SHOWN_MS = 15000
MOST = 3
_ASIDE_MS = 4000
_LOW = 420
"""Over a stage that is lower than this, one notice is enough."""

SIGNS = {
    Level.DEBUG: ("information-outline", "muted"),
    Level.INFO: ("check-circle-outline", "good"),
    Level.WARNING: ("alert-outline", "warn"),
    Level.ERROR: ("alert-circle", "bad"),
}
REFUSED_SIGN = ("shield-lock-outline", "warn")


class Notice(QFrame):
    """What lies over the stage for a while. `pinned` ones stay when others need the room."""

    pinned = False
    text = ""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")

    def leave(self) -> None:
        self.hide()
        self.deleteLater()


class Banner(Notice):
    """One notice; goes by itself."""

    def __init__(
        self,
        text: str,
        level: Level,
        button: str = "",
        run: Callable[[], object] | None = None,
        shown_ms: int = 0,
        *,
        refused: bool = False,
    ) -> None:
        super().__init__()
        self.text = text
        sign = QLabel()
        sign.setPixmap(icon(*(REFUSED_SIGN if refused else SIGNS[level])).pixmap(20, 20))
        words = QLabel(text)
        words.setWordWrap(True)
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 10, 8, 10)
        layout.setSpacing(10)
        layout.addWidget(sign, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(words, 1)
        self.button = push_button(button) if button else None
        if self.button is not None and run is not None:
            self.button.setObjectName("banner-button")
            self.button.clicked.connect(self.leave)
            self.button.clicked.connect(lambda: run())
            layout.addWidget(self.button)
        close = tool_button("close", "Dismiss")
        close.clicked.connect(self.leave)
        layout.addWidget(close)
        QTimer.singleShot(
            shown_ms or (ERROR_SHOWN_MS if level is Level.ERROR else SHOWN_MS), self, self.leave
        )


class Banners(QWidget):
    """A stack of notices at the lower edge of what it lies over."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._aside = QTimer(self)
        self._aside.setSingleShot(True)
        self._aside.setInterval(_ASIDE_MS)
        self._aside.timeout.connect(self.place)
        self.setAcceptDrops(True)
        over.installEventFilter(self)
        self.hide()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """What is dragged is for a phone below: the notices step aside for a moment."""
        event.ignore()
        self._aside.start()
        QTimer.singleShot(0, self, self.hide)

    @property
    def shown(self) -> list[Notice]:
        return [notice for notice in self.findChildren(Notice) if not notice.isHidden()]

    def show_entry(self, entry: Entry) -> None:
        self.add(Banner(entry.text, entry.level, refused=entry.refused))

    def add(self, notice: Notice) -> None:
        fleeting = [old for old in self.shown if not old.pinned]
        most = MOST if self._over.height() >= _LOW else 1
        for old in [old for old in fleeting if old.text == notice.text] + fleeting[
            : len(fleeting) - most + 1 if len(fleeting) >= most else 0
        ]:
            old.leave()
        self._layout.addWidget(notice)
        notice.show()
        notice.destroyed.connect(self.place)
        self._aside.stop()
        self.show()
        self.place()

    def place(self) -> None:
        """Anew, when one has changed its size."""
        try:
            width = min(520, self._over.width() - 32)
            width = max(width, 160)
            self.setVisible(bool(self.shown) and not self._aside.isActive())
            self._layout.activate()
            self.resize(width, self._layout.totalHeightForWidth(width))
            self.move((self._over.width() - self.width()) // 2, self._over.height() - self.height() - 16)
            self.raise_()
        except RuntimeError:  # the window is going
            return

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False
