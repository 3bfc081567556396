"""Files of which a guest can have several: one row each, added by a button or by dropping them, removed by
the button at the end of their row."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from pocketvisor_workbench.widgets import ElidedLabel, push_button, tool_button


class FileEntry(QWidget):
    """A row: the file's name, what a subclass adds, and a button that removes it."""

    removed = Signal()
    changed = Signal()

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        name = ElidedLabel(path.name)
        name.setToolTip(str(path))
        self.remove = tool_button("close", f"Remove {path.name}")
        self.remove.clicked.connect(self.removed)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(6)
        self.row.addWidget(name, 1)
        self.row.addWidget(self.remove)

        self.stops: list[QWidget] = [self.remove]
        """What the keyboard goes through, in its order."""

    def put(self, widget: QWidget) -> None:
        """Before the button at the end."""
        self.stops.insert(-1, widget)
        self.row.insertWidget(self.row.count() - 1, widget)


class FileList(QWidget):
    changed = Signal()

    def __init__(self, button: str, title: str, filters: tuple[str, ...]) -> None:
        super().__init__()
        self.entries: list[FileEntry] = []
        self._title, self._filters = title, filters
        self.setAcceptDrops(True)
        self.add_button = push_button(button, "plus")
        self.add_button.setAutoDefault(False)
        self.add_button.clicked.connect(self._browse)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._rows)
        layout.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)

    def entry(self, path: Path) -> FileEntry:
        """A row for a file."""
        return FileEntry(path)

    def add(self, paths: Iterable[Path]) -> None:
        for path in paths:
            entry = self.entry(path)
            entry.removed.connect(lambda entry=entry: self._remove(entry))
            entry.changed.connect(self.changed)
            self.entries.append(entry)
            self._rows.addWidget(entry)
            before = self._stop_before()
            for stop in entry.stops:
                QWidget.setTabOrder(before, stop)
                before = stop
        self.changed.emit()

    def _stop_before(self) -> QWidget:
        """What the keyboard leaves for the button that adds."""
        before = self.add_button.previousInFocusChain()
        while before is not None and before.focusPolicy() is Qt.FocusPolicy.NoFocus:
            before = before.previousInFocusChain()
        return before or self.add_button

    def _remove(self, entry: FileEntry) -> None:
        at = self.entries.index(entry)
        self.entries.remove(entry)
        self._rows.removeWidget(entry)
        entry.hide()
        entry.deleteLater()
        after = self.entries[min(at, len(self.entries) - 1)].remove if self.entries else self.add_button
        after.setFocus(Qt.FocusReason.OtherFocusReason)
        self.changed.emit()

    def _browse(self) -> None:
        dialog = QFileDialog(self, self._title)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(list(self._filters))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self.add(Path(name) for name in names))
        dialog.open()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.add(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
