"""A section of the Controls pane: a line that says how something is, and below what it is changed with.

The handset's own state is what is shown, whoever changed it: a section never remembers a value itself.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pocketvisor.api import PhoneError
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import icon, set_icon
from pocketvisor_workbench.widgets import ElidedLabel

if TYPE_CHECKING:
    from pocketvisor.api import Handset, Phone


class Folding(QWidget):
    """A heading that hides or shows what is below it, with a few words on how it is."""

    def __init__(self, title: str, picture: str) -> None:
        super().__init__()
        self.inside = QWidget()
        self.head = QToolButton()
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setText(f" {title}")
        self.head.setObjectName("section")
        self.head.setIconSize(QSize(16, 16))
        self.head.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.head.setAccessibleName(title)
        self.head.setToolTip(f"Hide or show {title.lower()}")
        self.head.clicked.connect(lambda: self.unfold(self.inside.isHidden()))
        set_icon(self.head, picture, "muted")
        self.summary = ElidedLabel()
        self.summary.setObjectName("muted")
        self.summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.head)
        line.addWidget(self.summary, 1)
        self.body = QVBoxLayout(self.inside)
        self.body.setContentsMargins(4, 0, 0, 4)
        self.body.setSpacing(6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(line)
        layout.addWidget(self.inside)

    def unfold(self, wanted: bool) -> None:
        self.inside.setVisible(wanted)


class Section(Folding):
    """A subclass fills `body`, and shows the phone in refresh(), which all events of `events` call."""

    title: ClassVar[str]
    picture: ClassVar[str]
    events: ClassVar[tuple[str, ...]]

    def __init__(self, bench: Bench) -> None:
        super().__init__(self.title, self.picture)
        self.bench = bench
        self.handset: Handset | None = None
        self._forget: list[Callable[[], None]] = []

    @property
    def phone(self) -> "Phone | None":
        return self.handset.phone if self.handset is not None else None

    def show_handset(self, handset: "Handset | None") -> None:
        if handset is self.handset:
            return
        for forget in self._forget:
            forget()
        self._forget = []
        self.handset = handset
        if handset is not None:
            self._forget = [handset.phone.on(event, lambda _: self.refresh()) for event in self.events]
            self.changed_handset()
            self.refresh()

    def changed_handset(self) -> None:
        """Another handset is shown: what depends on its model."""

    def refresh(self) -> None:
        """The phone as it is."""
        raise NotImplementedError

    def act(self, what: Callable[..., object], *arguments: Any, **named: Any) -> None:
        """Does something to the phone. What it cannot be is told, and the widgets show again what is."""
        try:
            what(*arguments, **named)
        except PhoneError as error:
            self.bench.session.log.error(error, self.handset.name if self.handset is not None else "")
            self.refresh()


class Slider(QSlider):
    """The wheel scrolls the pane, unless the slider has the keyboard."""

    def __init__(self, low: int, high: int, name: str, *, page: int = 10) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(low, high)
        self.setPageStep(page)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self.setToolTip(name)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class Choice(QComboBox):
    """As wide as there is room; the wheel scrolls the pane."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        icon("chevron-down", "muted").paint(painter, self.width() - 22, (self.height() - 16) // 2, 16, 16)


def labelled(words: str, *widgets: QWidget) -> QHBoxLayout:
    """Words at the left, in a column of their own, and what they are for."""
    label = QLabel(words)
    label.setObjectName("muted")
    label.setFixedWidth(66)
    row = QHBoxLayout()
    row.setSpacing(6)
    row.addWidget(label)
    for index, widget in enumerate(widgets):
        row.addWidget(widget, 1 if index == 0 else 0)
    return row


def figure(width: int) -> QLabel:
    """A value beside a slider, as wide whatever it says."""
    made = QLabel()
    made.setObjectName("value")
    made.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    made.setFixedWidth(width)
    return made


def shown(widget: "QSlider | NumberField | QCheckBox", value: Any) -> None:
    """Sets a widget to what is so, without telling the phone; what is being typed is left alone."""
    blocked = widget.blockSignals(True)
    if isinstance(widget, QCheckBox):
        widget.setChecked(bool(value))
    elif isinstance(widget, QSlider):
        widget.setValue(int(value))
    else:
        widget.set_value(value)
    widget.blockSignals(blocked)
    widget.update()


class NumberField(QLineEdit):
    """A number with a unit. It tells a value when it is entered, not at each digit; what is no number, or out
    of bounds, becomes what it was. `zero`: the word for 0, where it means that there is none."""

    entered = Signal(float)

    def __init__(
        self, low: float, high: float, name: str, *, decimals: int, unit: str, zero: str = ""
    ) -> None:
        super().__init__()
        self._low, self._high, self._decimals, self._unit = low, high, decimals, unit
        self._zero = zero
        self.value = 0.0
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.editingFinished.connect(self._take)
        self.set_value(0.0)

    def set_value(self, value: float) -> None:
        self.value = value
        if not self.isModified():
            none = self._zero if not value else ""
            self.setText(none or f"{value:.{self._decimals}f}{self._unit}")
            self.setCursorPosition(0)

    def _take(self) -> None:
        if not self.isModified():
            return
        text = self.text().strip().removesuffix(self._unit.strip()).strip().replace(",", ".")
        self.setModified(False)
        try:
            value = 0.0 if self._zero and text.casefold() == self._zero else float(text)
        except ValueError:
            value = self.value
        if not self._low <= value <= self._high:
            value = self.value
        if value != self.value:
            self.value = value
            self.entered.emit(value)
        self.set_value(self.value)
