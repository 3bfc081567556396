"""Choosing a handset model: cards with a picture and the public figures of each phone."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.panes.library import PhoneTile
from pocketvisor_workbench.widgets import ElidedLabel

if TYPE_CHECKING:
    from pocketvisor.api import HandsetModel

_COLUMNS = 3


class ModelCard(QFrame):
    """One model; arrow keys go from card to card."""

    chosen = Signal(str)
    wanted = Signal(str)

    def __init__(self, model: "HandsetModel") -> None:
        super().__init__()
        self.model = model
        self.setObjectName(f"choice-{model.id}")
        self.setProperty("role", "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"{model.maker} {model.name}")
        name = ElidedLabel(model.name)
        name.setObjectName("cardTitle")
        panel = model.panel
        lines = (
            f"{model.maker}, {model.year}",
            f"{panel.width} x {panel.height}, {panel.inches:g} in",
            f"{model.clock_mhz} MHz, {model.ram_mib} MiB",
        )
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(name)
        for line in lines:
            label = ElidedLabel(line)
            label.setObjectName("muted")
            words.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 10, 10, 10)
        row.setSpacing(10)
        row.addWidget(PhoneTile(model, 70))
        row.addLayout(words, 1)
        self.setMinimumWidth(218)

    def set_chosen(self, chosen: bool) -> None:
        self.setProperty("chosen", chosen)
        self.style().polish(self)

    def mousePressEvent(self, _: QMouseEvent) -> None:
        self.chosen.emit(self.model.id)

    def mouseDoubleClickEvent(self, _: QMouseEvent) -> None:
        self.wanted.emit(self.model.id)

    def focusInEvent(self, _: object) -> None:
        self.chosen.emit(self.model.id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: _COLUMNS,
            Qt.Key.Key_Up: -_COLUMNS,
        }
        dialog = self.window()
        if event.key() in steps and isinstance(dialog, AddHandsetDialog):
            dialog.step(self, steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Space:
            self.chosen.emit(self.model.id)
        else:
            super().keyPressEvent(event)


class AddHandsetDialog(DialogFrame):
    picked = Signal(str, str)

    def __init__(self, models: "dict[str, HandsetModel]", parent: QWidget) -> None:
        super().__init__(
            "Add a handset",
            "Choose a phone. Its processor sets how fast its guests run, its memory how many fit.",
            parent,
            accept="Add",
            picture="plus",
        )
        self.cards = [ModelCard(model) for model in models.values()]
        self._chosen = ""
        search = QLineEdit()
        search.setPlaceholderText("Find a phone")
        search.setClearButtonEnabled(True)
        search.textChanged.connect(self._look)
        self.body.addWidget(search)
        body = QWidget()
        self._grid = QGridLayout(body)
        self._grid.setContentsMargins(0, 0, 6, 0)
        self._grid.setSpacing(8)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area = area
        self.body.addWidget(area, 1)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setAccessibleName("Name of the handset")
        row = QHBoxLayout()
        row.addWidget(QLabel("Name"))
        row.addWidget(self.name, 1)
        self.body.addLayout(row)
        for card in self.cards:
            card.chosen.connect(self.choose)
            card.wanted.connect(self._take)
        self.accepted.connect(self._accepted)
        self._look("")
        if self.cards:
            self.choose(self.cards[0].model.id)
        self.resize(740, 560)

    @property
    def chosen(self) -> str:
        return self._chosen

    def choose(self, ident: str) -> None:
        self._chosen = ident
        for card in self.cards:
            card.set_chosen(card.model.id == ident)
            if card.model.id == ident:
                self.name.setPlaceholderText(card.model.name)
                self._area.ensureWidgetVisible(card)

    def step(self, card: ModelCard, by: int) -> None:
        shown = [card for card in self.cards if not card.isHidden()]
        at = shown.index(card) + by
        if 0 <= at < len(shown):
            shown[at].setFocus(Qt.FocusReason.TabFocusReason)
            self.choose(shown[at].model.id)

    def _look(self, words: str) -> None:
        wanted = words.casefold().split()
        place = 0
        for card in self.cards:
            self._grid.removeWidget(card)
            model = card.model
            text = f"{model.maker} {model.name} {model.year} {model.cpu}".casefold()
            fits = all(word in text for word in wanted)
            card.setVisible(fits)
            if fits:
                self._grid.addWidget(card, place // _COLUMNS, place % _COLUMNS)
                place += 1
        self._grid.setRowStretch(99, 1)

    def _take(self, ident: str) -> None:
        self.choose(ident)
        self.accept()

    def _accepted(self) -> None:
        if self._chosen:
            self.picked.emit(self._chosen, self.name.text().strip())
