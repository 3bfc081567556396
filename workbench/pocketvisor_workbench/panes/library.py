"""What can be put on the bench: guest images, those not yet on this machine included, and handset models.

A card is dragged onto a phone (a guest) or onto the bench (a model), or double-clicked, or chosen with Enter.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QDrag, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench import mime
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.fetching import way_of
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.theme import on_colour
from pocketvisor_workbench.widgets import ElidedLabel, EmptyState, TwoLines, push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import GuestImage, HandsetModel

_KINDS = {
    "elf": "chip",
    "linux": "penguin",
    "firmware": "memory",
    "android": "android",
    "raw": "file-code-outline",
    "uimage": "file-code-outline",
}
_IDS = {"personal": "account", "work": "briefcase", "hostile": "skull", "template": "shape-outline"}


class Tile(QWidget):
    """A picture on a guest's colour."""

    def __init__(self, picture: str, colour: str) -> None:
        super().__init__()
        self._picture, self._colour = picture, QColor(colour)
        self.setFixedSize(36, 36)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour)
        painter.drawRoundedRect(QRectF(self.rect()), 9, 9)
        icon(self._picture, on_colour(self._colour).name()).paint(painter, 7, 7, 22, 22)


class PhoneTile(QWidget):
    """A phone in its model's proportions and colour."""

    def __init__(self, model: "HandsetModel", height: int = 44) -> None:
        super().__init__()
        self._model = model
        self.setFixedSize(QSize(round(height * 0.86), height))

    def paintEvent(self, _: QPaintEvent) -> None:
        panel = self._model.panel
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = min(self.height(), self.height() * (0.62 + panel.inches / 12))
        width = height * panel.width / panel.height * 0.9
        body = QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)
        colour = QColor(self._model.body)
        painter.setPen(QColor(255, 255, 255, 70))
        painter.setBrush(colour.lighter(125))
        painter.drawRoundedRect(body.adjusted(0.5, 0.5, -0.5, -0.5), width * 0.15, width * 0.15)
        edge = max(width * 0.07, 2)
        glass = body.adjusted(edge, edge, -edge, -edge)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#08090b"))
        painter.drawRoundedRect(glass, width * 0.1, width * 0.1)
        painter.setBrush(QColor("#2b3340"))
        painter.drawRect(glass.adjusted(edge / 2, height * 0.11, -edge / 2, -height * 0.13))


class Card(QFrame):
    """One thing of the library; can be dragged, double-clicked and chosen by keyboard."""

    chosen = Signal()

    def __init__(self, ident: str, kind: str, picture: QWidget, title: str, text: str, words: str) -> None:
        super().__init__()
        self.ident, self.kind = ident, kind
        self.words = f"{title} {text} {words}".casefold()
        self.usable = True
        self.setObjectName(f"card-{ident}")
        self.setProperty("role", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName(title)
        self._pressed: QPoint | None = None
        name = ElidedLabel(title)
        name.setObjectName("cardTitle")
        self.text = TwoLines(text)
        words_box = QVBoxLayout()
        words_box.setSpacing(1)
        words_box.addWidget(name)
        words_box.addWidget(self.text)
        self._words_box = words_box
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(10, 9, 8, 9)
        self._row.setSpacing(10)
        self._row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(words_box, 1)

    def add_button(self, button: QWidget) -> None:
        self._row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def add_below(self, widget: QWidget) -> None:
        self._words_box.addSpacing(5)
        self._words_box.addWidget(widget, 0, Qt.AlignmentFlag.AlignLeft)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None or not self.usable:
            return
        distance = (event.position().toPoint() - self._pressed).manhattanLength()
        if distance >= QApplication.startDragDistance():
            at, self._pressed = self._pressed, None
            self._drag(at)

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:
        self._pressed = None

    def mouseDoubleClickEvent(self, _: QMouseEvent) -> None:
        if self.usable:
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.usable:
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    def _drag(self, at: QPoint) -> None:
        drag = QDrag(self)
        drag.setMimeData(mime.dragged(self.kind, self.ident))
        picture = QPixmap(self.size() * self.devicePixelRatioF())
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        picture.fill(Qt.GlobalColor.transparent)
        self.render(picture)
        drag.setPixmap(picture)
        drag.setHotSpot(at)
        drag.exec(Qt.DropAction.CopyAction)


class LibraryPane(Pane):
    name = "library"
    title = "Library"
    picture = "bookshelf"
    area = Qt.DockWidgetArea.LeftDockWidgetArea

    image_chosen = Signal(str)
    fetch_wanted = Signal(str)
    model_chosen = Signal(str)

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.cards: list[Card] = []
        self.setMinimumWidth(210)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find guests and phones")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Find in the library")
        self.search.setObjectName("library-search")
        self.search.textChanged.connect(self._look)
        self._body = QWidget()
        self._list = QVBoxLayout(self._body)
        self._list.setContentsMargins(10, 2, 10, 10)
        self._list.setSpacing(6)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._body)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box = QHBoxLayout()
        box.setContentsMargins(10, 10, 10, 6)
        box.addWidget(self.search)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(box)
        layout.addWidget(area, 1)
        self._nothing = EmptyState("magnify-close", "Nothing found", "No guest and no phone has these words.")
        self._sections: list[tuple[QLabel, list[Card]]] = []
        bench.session.images_changed.connect(self.rebuild)
        self.rebuild()

    def tools(self) -> list[QWidget]:
        own = tool_button("file-plus-outline", "Start a guest from files of your own")
        own.clicked.connect(lambda: self.bench.trigger("guest.add-files"))
        return [own]

    def rebuild(self) -> None:
        """All cards anew: after a fetch an image is there."""
        self._nothing.setParent(None)
        while (item := self._list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.cards.clear()
        self._sections.clear()
        session = self.bench.session
        self._section("Guests", [self._image_card(image) for image in session.images.values()])
        self._section("Phones", [self._model_card(model) for model in session.models.values()])
        self._list.addWidget(self._nothing)
        self._list.addStretch()
        self._look()

    def _section(self, title: str, cards: list[Card]) -> None:
        heading = QLabel(title)
        heading.setObjectName("section")
        heading.setContentsMargins(2, 6, 0, 0)
        self._list.addWidget(heading)
        for card in cards:
            self._list.addWidget(card)
        self._sections.append((heading, cards))
        self.cards += cards

    def _image_card(self, image: "GuestImage") -> Card:
        tile = Tile(_IDS.get(image.id, _KINDS.get(image.kind, "chip")), image.accent)
        text = image.description if image.available else image.missing
        card = Card(image.id, mime.IMAGE, tile, image.name, text, f"{image.kind} {image.description}")
        card.setToolTip(
            f"{image.name}: {image.description}\n{image.ram_mib} MiB, at least {image.least_ram_mib}"
            if image.available
            else image.missing
        )
        if image.available:
            card.add_button(self._plus(f"Start {image.name} on the selected handset", card))
            card.chosen.connect(lambda: self.image_chosen.emit(image.id))
        else:
            card.usable = False
            card.setCursor(Qt.CursorShape.ArrowCursor)
            way = way_of(image)
            if way is not None:
                fetch = push_button(way.verb, way.picture)
                fetch.setToolTip(image.missing)
                fetch.setAccessibleName(f"{way.verb} {image.name}")
                fetch.clicked.connect(lambda: self.fetch_wanted.emit(image.id))
                card.add_below(fetch)
        return card

    def _model_card(self, model: "HandsetModel") -> Card:
        panel = model.panel
        text = f"{model.maker}, {panel.width} x {panel.height}, {model.ram_mib} MiB"
        card = Card(model.id, mime.MODEL, PhoneTile(model), model.name, text, f"{model.year} {model.cpu}")
        card.setToolTip(f"{model.maker} {model.name}, {model.year}\n{model.cpu}, {model.mips} MIPS")
        card.add_button(self._plus(f"Put a {model.name} on the bench", card))
        card.chosen.connect(lambda: self.model_chosen.emit(model.id))
        return card

    def _plus(self, tip: str, card: Card) -> QWidget:
        button = tool_button("plus", tip)
        button.clicked.connect(card.chosen)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return button

    def _look(self) -> None:
        words = self.search.text().casefold().split()
        found: Callable[[Card], bool] = lambda card: all(word in card.words for word in words)  # noqa: E731
        for heading, cards in self._sections:
            shown = [card for card in cards if found(card)]
            for card in cards:
                card.setVisible(card in shown)
            heading.setVisible(bool(shown))
        self._nothing.setVisible(bool(words) and not any(found(card) for card in self.cards))
