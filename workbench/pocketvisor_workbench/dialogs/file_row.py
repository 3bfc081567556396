"""A file that a dialog asks for: its path, and a button to choose it."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from pocketvisor_workbench.widgets import tool_button


class FileRow(QWidget):
    """A path with a button to choose it; a file can be dropped on it. `new`: it need not be there yet."""

    changed = Signal()

    def __init__(self, title: str, hint: str, *, new: bool = False) -> None:
        super().__init__()
        self._title, self._new = title, new
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(hint)
        self.edit.setAccessibleName(title)
        self.edit.textChanged.connect(self.changed)
        browse = tool_button("folder-open-outline", f"Choose: {title}")
        browse.clicked.connect(self._browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.edit, 1)
        layout.addWidget(browse)

    @property
    def path(self) -> Path | None:
        text = self.edit.text().strip()
        if text.startswith("file:"):  # as it is dropped
            text = QUrl(text).toLocalFile()
        return Path(text).expanduser() if text else None

    def problem(self) -> str:
        path = self.path
        if path is None:
            return ""
        if self._new and not path.exists():
            return "" if path.absolute().parent.is_dir() else f"{path}: there is no such folder"
        if path.is_dir():
            return f"{path}: is a folder"
        return "" if path.is_file() else f"{path}: there is no such file"

    def _browse(self) -> None:
        dialog = QFileDialog(self, self._title)
        if self._new:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
        else:
            dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.edit.setText)
        dialog.open()
