"""One line of text, such as a generation's name."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from pocketvisor_workbench.dialogs.frame import DialogFrame


class NameDialog(DialogFrame):
    picked = Signal(str)

    def __init__(
        self, title: str, text: str, name: str, parent: QWidget, *, most: int, accept: str = "Name it"
    ) -> None:
        super().__init__(title, text, parent, accept=accept)
        self.name = QLineEdit(name)
        self.name.setMaxLength(most)
        self.name.setAccessibleName(title)
        self.body.addWidget(self.name)
        self.setFixedWidth(400)
        self.name.selectAll()
        self.name.setFocus()

    def accept(self) -> None:
        self.picked.emit(self.name.text().strip())
        super().accept()
