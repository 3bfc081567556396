"""The command palette: every command, and what can be started or selected, found by a few letters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench.commands import COMMANDS
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.theme import tokens

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

_ROWS = 9
_ROW_HEIGHT = 36
_WIDTH = 620


@dataclass(frozen=True)
class Entry:
    title: str
    group: str
    picture: str
    shortcut: str
    run: Callable[[], object]
    enabled: bool = True
    why_not: str = ""
    """The sentence of the policy that does not allow it."""


def score(needle: str, text: str) -> int | None:
    """How well a few letters fit a title: whole words first, then starts of words, then letters in order."""
    needle, text = needle.casefold().strip(), text.casefold()
    if not needle:
        return 0
    at = text.find(needle)
    if at >= 0:
        return at + (0 if at == 0 or not text[at - 1].isalnum() else 50)
    place, jumps = -1, 0
    for letter in needle.replace(" ", ""):
        found = text.find(letter, place + 1)
        if found < 0:
            return None
        jumps += found - place - 1 if place >= 0 else 0
        place = found
    return 200 + jumps


def entries(window: "Window") -> Iterator[Entry]:
    """Commands first, then what there is to start and to select."""
    for command in COMMANDS:
        if command.ident == "palette":
            continue
        possible, why_not = command.possible(window), command.why_not(window)
        yield Entry(
            command.title,
            command.menu,
            command.picture,
            command.keys,
            lambda command=command: window.trigger(command.ident),  # type: ignore[misc]
            possible and not why_not,
            why_not if possible else "",
        )
    for name, dock in window.docks.items():
        title = f"Hide {dock.windowTitle()}" if dock.isVisible() else f"Show {dock.windowTitle()}"
        yield Entry(title, "Panes", "dock-window", "", lambda name=name: window.toggle_dock(name))  # type: ignore[misc]
    session = window.session
    for model in session.models.values():
        yield Entry(
            f"Put a {model.maker} {model.name} on the bench",
            "Library",
            "cellphone",
            "",
            lambda model=model: session.add_handset(model),  # type: ignore[misc]
        )
    for image in session.images.values():
        yield Entry(
            f"Start {image.name}" if image.available else f"Fetch {image.name}",
            "Library",
            "play" if image.available else "download",
            "",
            lambda image=image: window.start_image(None, image.id),  # type: ignore[misc]
        )
    for guest in session.guests:
        yield Entry(
            f"Bring {guest.name} to the front on {guest.handset.name}",
            "Guests",
            "cellphone",
            "",
            lambda guest=guest: window.bring_to_front(guest),  # type: ignore[misc]
        )


class _Model(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.shown: list[Entry] = []

    def show_entries(self, shown: list[Entry]) -> None:
        self.beginResetModel()
        self.shown = shown
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.shown)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.shown[index.row()].title
        return None


class _Delegate(QStyledItemDelegate):
    def __init__(self, model: _Model) -> None:
        super().__init__(model)
        self._model = model

    def sizeHint(self, _: QStyleOptionViewItem, __: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, _ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry = self._model.shown[index.row()]
        colours = tokens()
        place: QRect = option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.hover))
            painter.drawRoundedRect(place.adjusted(6, 1, -6, -1), 6, 6)
        role = "text" if entry.enabled else "muted"
        if entry.picture:
            icon(entry.picture, "muted").paint(painter, place.x() + 16, place.y() + 9, 18, 18)
        ink = QColor(getattr(colours, role))
        if not entry.enabled:
            ink.setAlpha(130)
        painter.setPen(ink)
        right = place.right() - 18
        small = QFont(painter.font())
        small.setPointSizeF(8.5)
        metrics_width = 0
        tail = entry.why_not or entry.shortcut or entry.group
        painter.setFont(small)
        tail = painter.fontMetrics().elidedText(tail, Qt.TextElideMode.ElideRight, place.width() * 3 // 5)
        metrics_width = painter.fontMetrics().horizontalAdvance(tail)
        painter.setPen(QColor(colours.warn if entry.why_not else colours.muted))
        painter.drawText(
            QRect(right - metrics_width, place.y(), metrics_width + 2, place.height()),
            Qt.AlignmentFlag.AlignVCenter,
            tail,
        )
        painter.setFont(option.font)
        painter.setPen(ink)
        room = QRect(place.x() + 46, place.y(), right - metrics_width - 12 - place.x() - 46, place.height())
        text = painter.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class PaletteBox(QFrame):
    """Lies over the window; no dialog of its own, so nothing waits for it."""

    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._back: QWidget | None = None
        self.setObjectName("paletteBox")
        self.setAccessibleName("Command palette")
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(40)
        shadow.setOffset(0, 10)
        shadow.setColor(QColor(0, 0, 0, 120))
        self.setGraphicsEffect(shadow)
        self.words = QLineEdit()
        self.words.setPlaceholderText("What do you want to do?")
        self.words.setAccessibleName("Find a command")
        self.words.textChanged.connect(self._look)
        self.words.installEventFilter(self)
        self.model = _Model(self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Delegate(self.model))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.clicked.connect(lambda index: self._run(index.row()))
        self.list.entered.connect(self.list.setCurrentIndex)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 7)
        layout.setSpacing(6)
        layout.addWidget(self.words)
        layout.addWidget(self.list)
        self.hide()

    def open_box(self) -> None:
        self._back = self._window.focusWidget()
        self._entries = list(entries(self._window))
        self.words.clear()
        self._look()
        width = min(_WIDTH, self._window.width() - 40)
        self.setFixedWidth(width)
        self.adjustSize()
        self.move((self._window.width() - width) // 2, 64)
        self.show()
        self.raise_()
        self.words.setFocus()

    def close_box(self) -> None:
        back, self._back = self._back, None
        self.hide()
        if back is not None and back.isVisible():
            back.setFocus()

    def _look(self) -> None:
        words = self.words.text()
        found = [
            (rank + (0 if entry.enabled else 1000), number, entry)
            for number, entry in enumerate(self._entries)
            if (rank := score(words, f"{entry.title}")) is not None
        ]
        found.sort(key=lambda item: item[:2])
        self.model.show_entries([entry for _, _, entry in found])
        self.list.setCurrentIndex(self.model.index(0))
        rows = min(max(len(found), 1), _ROWS)
        self.list.setFixedHeight(rows * _ROW_HEIGHT + 2)
        self.adjustSize()

    def _run(self, row: int) -> None:
        if not 0 <= row < len(self.model.shown):
            return
        entry = self.model.shown[row]
        if not entry.enabled and not entry.why_not:  # what a policy does not allow is told in full
            return
        self.close_box()
        entry.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.words:
            if event.type() == QEvent.Type.FocusOut:
                if self.isVisible() and not self.isAncestorOf(self._window.focusWidget() or self.words):
                    self.hide()
            elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                return self._key(event)
        return False

    def _key(self, event: QKeyEvent) -> bool:
        row = self.list.currentIndex().row()
        if event.key() == Qt.Key.Key_Escape:
            self.close_box()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(row)
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.model.shown:
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            self.list.setCurrentIndex(self.model.index((row + step) % len(self.model.shown)))
        else:
            return False
        return True
