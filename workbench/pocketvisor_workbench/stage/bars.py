"""Above a phone: what it is and what can be done with it; and what is on its glass while it has no guest."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.timeline.record_button import RecordButton
from pocketvisor_workbench.timeline.times import GuestTime
from pocketvisor_workbench.widgets import ElidedLabel, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Handset


class HandsetHeader(QWidget):
    """Name and maker, and the handset's two buttons."""

    add_wanted = Signal()
    menu_wanted = Signal(object)
    receive_wanted = Signal()

    HEIGHT = 40
    COMPACT_HEIGHT = 30

    def __init__(self, handset: "Handset", parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName(f"header-{handset.name}")
        model = handset.model
        name = ElidedLabel(handset.name)
        name.setObjectName("cardTitle")
        maker = ElidedLabel(f"{model.maker}, {model.year}")
        maker.setObjectName("muted")
        self._maker = maker
        self.setToolTip(
            f"{model.maker} {model.name}, {model.year}\n{model.cpu}, {model.clock_mhz} MHz, "
            f"{model.mips} MIPS\n"
            f"{model.ram_mib} MiB RAM, {model.panel.width} x {model.panel.height} at {model.ppi:.0f} ppi\n"
            f"{model.battery_mah} mAh, {', '.join(model.radios)}"
        )
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(name)
        words.addWidget(maker)
        self._words = f"{model.maker}, {model.year}"
        self.receiving = tool_button("access-point", "Receives phones", self)
        self.receiving.setObjectName(f"receiving-{handset.name}")
        set_icon(self.receiving, "access-point", "good")
        self.receiving.clicked.connect(self.receive_wanted)
        self.receiving.hide()
        self.record = RecordButton(self)
        self.record.hide()
        self.add_button = tool_button("plus", "Add a guest to this handset", self)
        self.add_button.clicked.connect(self.add_wanted)
        self.menu_button = tool_button("dots-vertical", "What can be done with this handset", self)
        self.menu_button.clicked.connect(
            lambda: self.menu_wanted.emit(self.menu_button.mapToGlobal(self.menu_button.rect().bottomLeft()))
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(words, 1)
        layout.addWidget(self.receiving)
        layout.addWidget(self.record)
        layout.addWidget(self.add_button)
        layout.addWidget(self.menu_button)

    def set_compact(self, compact: bool) -> None:
        self._maker.setVisible(not compact)

    def set_time(self, time: GuestTime | None) -> None:
        """As the footer's, for where there is none."""
        self.record.setVisible(time is not None)
        if time is not None:
            self.record.show_time(time)

    def set_receiving(self, address: str) -> None:
        """The mark of a handset that waits for phones from other machines; empty: it does not."""
        tip = f"Waits for phones from other machines at {address}"
        self.receiving.setVisible(bool(address))
        self.receiving.setToolTip(tip)
        self.receiving.setAccessibleName(tip)
        self._maker.setText(f"Receiving at {address}" if address else self._words)


_ADD = "Add a guest"


class EmptyGlass(QWidget):
    """On the glass of a phone without guests."""

    add_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._button = QToolButton(self)
        self._button.setAccessibleName(_ADD)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setCursor(Qt.CursorShape.PointingHandCursor)
        set_icon(self._button, "plus", "#10141b")
        self._button.setStyleSheet(
            "QToolButton { background: #ffffff; color: #10141b; border-radius: 15px; padding: 6px 14px;"
            " font-weight: 600; } QToolButton:hover { background: #dfe7ff; }"
        )
        self._button.clicked.connect(self.add_wanted)
        self._words = QLabel("No guest on this phone.\nDrag one here from the library.", self)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setWordWrap(True)
        self._words.setStyleSheet("color: #aeb6c2; background: transparent;")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(14)
        layout.addStretch()
        layout.addWidget(self._words)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()
        self._fit()

    def resizeEvent(self, _: object) -> None:
        self._fit()

    def _fit(self) -> None:
        """On a small phone the button says less, rather than half of it."""
        self._button.setText(_ADD)
        if self._button.sizeHint().width() > self.width() - 20:
            self._button.setText("Add")
