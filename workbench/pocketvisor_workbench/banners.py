"""Short notices over the stage: what went wrong, what was done, and the way back.

They lie where no phone is covered, as many as there is room for; older ones wait for theirs. One goes by
itself when its time is over: that stands still while the mouse or the keyboard is on it, and while it waits.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QEnterEvent, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.log import Entry, Level
from pocketvisor_workbench.notice_spot import Spot, find_spot
from pocketvisor_workbench.widgets import push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor_workbench.stage.stage import Stage

SHOWN_MS = 6000
ERROR_SHOWN_MS = 15000
MOST = 3
_ASIDE_MS = 4000
_LEAST_MS = 2000
"""What is left to one at least that was looked at."""
_LOW = 560
"""Over a stage that is lower than this, notices are slim."""
_SPACING = 8
_WORKED_WITH = 1
"""Of the stage's wishes the one that an older notice has to meet, to be seen beside a newer."""

SIGNS = {
    Level.DEBUG: ("information-outline", "muted"),
    Level.INFO: ("check-circle-outline", "good"),
    Level.WARNING: ("alert-outline", "warn"),
    Level.ERROR: ("alert-circle", "bad"),
}
REFUSED_SIGN = ("shield-lock-outline", "warn")


class Notice(QFrame):
    """What lies over the stage for a while. `pinned` ones stay when others need the room."""

    ended = Signal()
    pinned = False
    text = ""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.gone = False
        self._left_ms = 0
        self._under_mouse = False
        self._life = QTimer(self)
        self._life.setSingleShot(True)
        self._life.timeout.connect(self._time_over)

    @property
    def asks(self) -> list[QPushButton]:
        """What can be answered to it."""
        return [button for button in self.findChildren(QPushButton) if not button.isHidden()]

    @property
    def has_keyboard(self) -> bool:
        focused = QApplication.focusWidget()
        return focused is not None and (focused is self or self.isAncestorOf(focused))

    def leave(self) -> None:
        if not self.gone:
            self.gone = True
            self.ended.emit()
            self.hide()
            self.deleteLater()

    def live(self, shown_ms: int) -> None:
        """From now on it goes by itself, when it was seen for so long."""
        self._left_ms = shown_ms
        self._go_on()

    def set_slim(self, slim: bool) -> None:
        layout = self.layout()
        if layout is not None:
            layout.setContentsMargins(*((12, 3, 4, 3) if slim else (14, 10, 8, 10)))

    def _go_on(self) -> None:
        if self._left_ms and self.isVisible() and not self._under_mouse:
            self._life.start(self._left_ms)

    def _hold(self) -> None:
        if self._life.isActive():
            self._left_ms = max(self._life.remainingTime(), _LEAST_MS)
            self._life.stop()

    def _time_over(self) -> None:
        if self.has_keyboard:
            self._life.start(_LEAST_MS)
        else:
            self.leave()

    def enterEvent(self, _: QEnterEvent) -> None:
        self._under_mouse = True
        self._hold()

    def leaveEvent(self, _: QEvent) -> None:
        self._under_mouse = False
        self._go_on()

    def showEvent(self, _: QShowEvent) -> None:
        self._go_on()

    def hideEvent(self, _: QHideEvent) -> None:
        self._under_mouse = False
        self._hold()


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
        self.set_slim(False)
        self.live(shown_ms or (ERROR_SHOWN_MS if level is Level.ERROR else SHOWN_MS))


class Banners(QWidget):
    """The stack of notices of a stage."""

    changed = Signal()
    keyboard_free = Signal()
    """A notice that had the keyboard is gone."""

    def __init__(self, over: "Stage") -> None:
        super().__init__(over)
        self._over = over
        self._notices: list[Notice] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(_SPACING)
        self._aside = QTimer(self)
        self._aside.setSingleShot(True)
        self._aside.setInterval(_ASIDE_MS)
        self._aside.timeout.connect(self.place)
        self.setAcceptDrops(True)
        over.arranged.connect(self.place)
        over.installEventFilter(self)
        self.hide()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """What is dragged is for a phone below: the notices step aside for a moment."""
        event.ignore()
        self._aside.start()
        QTimer.singleShot(0, self, self.hide)

    @property
    def shown(self) -> list[Notice]:
        """All that are not gone, the newest last: those too that wait for room."""
        return [notice for notice in self._notices if not notice.gone]

    def show_entry(self, entry: Entry) -> None:
        self.add(Banner(entry.text, entry.level, refused=entry.refused))

    def add(self, notice: Notice) -> None:
        fleeting = [old for old in self.shown if not old.pinned]
        for old in [old for old in fleeting if old.text == notice.text]:
            fleeting.remove(old)
            old.leave()
        while len(fleeting) >= MOST:  # rather one that asks nothing
            old = next((old for old in fleeting if not old.asks), fleeting[0])
            fleeting.remove(old)
            old.leave()
        self._layout.addWidget(notice)
        self._notices.append(notice)
        notice.ended.connect(lambda: self._ended(notice))
        self._aside.stop()
        self.place()
        self.changed.emit()

    def _ended(self, notice: Notice) -> None:
        self._notices.remove(notice)
        if notice.has_keyboard:
            QTimer.singleShot(0, self, self.keyboard_free.emit)
        self.place()
        self.changed.emit()

    # The keyboard

    def take_keyboard(self) -> None:
        """The newest that asks something, or the newest."""
        seen = [notice for notice in self.shown if not notice.isHidden()][::-1]
        for notice in sorted(seen, key=lambda notice: not notice.asks)[:1]:
            target = notice.asks[0] if notice.asks else notice
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def dismiss(self) -> None:
        """All but work that goes on."""
        for notice in self.shown:
            if not notice.pinned:
                notice.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            event.ignore()
            return
        for notice in self.shown:
            if notice.has_keyboard:
                if notice.pinned:
                    self.keyboard_free.emit()
                else:
                    notice.leave()

    # Where they are

    def place(self) -> None:
        """Anew, when one has changed its size, or the stage has."""
        try:
            notices = self.shown
            self.setVisible(bool(notices) and not self._aside.isActive())
            for notice in notices:
                notice.set_slim(self._over.height() < _LOW)
            if notices:
                self._lay_out(notices)
        except RuntimeError:  # the window is going
            return

    def _lay_out(self, notices: list[Notice]) -> None:
        """All that are pinned, the newest of the others, and of older ones what lies nowhere in the way."""
        others = [notice for notice in notices if not notice.pinned]
        chosen = [notice for notice in notices if notice.pinned or notice is others[-1]]
        spot = self._spot(chosen)
        for older in others[-2::-1]:
            more = [notice for notice in notices if notice in chosen or notice is older]
            found = self._spot(more)
            if found.wish > _WORKED_WITH:
                break
            chosen, spot = more, found
        for notice in notices:
            notice.setVisible(notice in chosen)
        self.setGeometry(spot.place)
        self._layout.activate()
        self.raise_()

    def _spot(self, notices: list[Notice]) -> Spot:
        def height_for(width: int) -> int:
            return sum(_height(notice, width) for notice in notices) + _SPACING * (len(notices) - 1)

        return find_spot(self._over.room, self._over.kept_clear(), height_for)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False


def _height(notice: Notice, width: int) -> int:
    layout = notice.layout()
    if layout is None:
        return notice.sizeHint().height()
    return max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
