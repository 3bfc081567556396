"""What all dialogs have: a heading, a body, buttons below; opened with open(), gone when closed."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from pocketvisor_workbench.widgets import push_button

_LABELS = 96


def align(form: QFormLayout) -> None:
    """A form's labels in a column as wide as that of the forms below each other."""
    form.setHorizontalSpacing(8)
    for line in range(form.rowCount()):
        item = form.itemAt(line, QFormLayout.ItemRole.LabelRole)
        label = item.widget() if item is not None else None
        if label is not None:
            label.setMinimumWidth(_LABELS)


class DialogFrame(QDialog):
    def __init__(
        self, title: str, text: str, parent: QWidget, *, accept: str = "", picture: str = ""
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 18)
        layout.setSpacing(12)
        heading = QLabel(title)
        heading.setObjectName("heading")
        heading.setTextFormat(Qt.TextFormat.PlainText)  # a guest's name may be a stranger's words
        layout.addWidget(heading)
        if text:
            words = QLabel(text)
            words.setObjectName("muted")
            words.setWordWrap(True)
            words.setTextFormat(Qt.TextFormat.PlainText)
            layout.addWidget(words)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        layout.addLayout(self.body, 1)
        self.buttons = QHBoxLayout()
        self.buttons.addStretch()
        self.accept_button: QPushButton | None = None
        self.leave_button = push_button("Cancel" if accept else "Close")
        self.leave_button.clicked.connect(self.reject)
        self.buttons.addWidget(self.leave_button)
        if accept:
            self.accept_button = push_button(accept, picture, primary=True)
            self.accept_button.setDefault(True)
            self.accept_button.clicked.connect(self.accept)
            self.buttons.addWidget(self.accept_button)
        layout.addLayout(self.buttons)

    @property
    def is_open(self) -> bool:
        """Whoever waited for something asks first: it may have been closed meanwhile, and be gone."""
        return isValid(self) and self.isVisible()

    def fit(self) -> None:
        """As high as what is in it takes, at its width; once what was added or hidden is laid out."""
        QTimer.singleShot(0, self, self._fit_now)

    def _fit_now(self) -> None:
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))
