"""Whose is a guest whose move was cut off? The user decides, with what that means said before."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QRadioButton, QWidget

from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.widgets import CheckBox

if TYPE_CHECKING:
    from pocketvisor.api import Guest


class DecideDialog(DialogFrame):
    """The first choice asks the other machine and is safe; the second asks nobody."""

    give_up_wanted = Signal()
    force_wanted = Signal()

    def __init__(self, guest: "Guest", parent: QWidget) -> None:
        super().__init__(
            f"Decide about {guest.name}",
            f"The link was lost just when {guest.name} changed hands. It stands still here, and the other "
            "machine is asked again every few seconds.",
            parent,
            accept="Ask for it",
        )
        self.ask = QRadioButton("It stays here, if the other machine has not taken it")
        self.force = QRadioButton("It goes on here in any case, and nobody is asked")
        self.ask.setChecked(True)
        self.sure = CheckBox("I know that it does not run there, or I accept two copies")
        self.sure.setAccessibleName(self.sure.text())
        self._risk = _words(
            f"If the other machine has taken {guest.name}, two of it run from then on: with the same "
            "identity, accounts and messages. What each does is missing in the other, and they can never be "
            "made one again.",
            "bad",
        )
        self.body.addWidget(self.ask)
        self.body.addWidget(
            _words("Without risk: as long as there is no answer, all stays as it is.", "muted")
        )
        self.body.addWidget(self.force)
        self.body.addWidget(self._risk)
        self.body.addWidget(self.sure)
        for part in (self.ask, self.force, self.sure):
            part.toggled.connect(self._refresh)
        self.setFixedWidth(480)
        self.ask.setFocus()
        self._refresh()

    def _refresh(self) -> None:
        force = self.force.isChecked()
        self.sure.setEnabled(force)
        if not force:
            self.sure.setChecked(False)
        assert self.accept_button is not None
        self.accept_button.setText("Go on here" if force else "Ask for it")
        self.accept_button.setEnabled(not force or self.sure.isChecked())

    def accept(self) -> None:
        if self.ask.isChecked():
            self.give_up_wanted.emit()
        elif self.sure.isChecked():
            self.force_wanted.emit()
        else:
            return
        super().accept()


def _words(text: str, name: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setContentsMargins(24, 0, 0, 0)
    return label
