"""Opening a sealed profile: a passphrase, or the file of an age identity. A wrong one is told here."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QWidget

from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor_workbench.dialogs.frame import DialogFrame, align
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.widgets import tool_button

if TYPE_CHECKING:
    from pocketvisor_workbench.session import Session


class UnlockDialog(DialogFrame):
    unlocked = Signal(object)
    """An Unlock that opens it."""

    def __init__(self, session: "Session", path: Path, parent: QWidget, *, why: str = "") -> None:
        super().__init__(
            f"{path.stem} is sealed",
            why or "It opens with its passphrase, or with an age identity that it was made for.",
            parent,
            accept="Open",
            picture="lock-open-outline",
        )
        self._session, self._path = session, path
        self._job: Job | None = None
        self.passphrase = QLineEdit()
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.passphrase.setAccessibleName(f"Passphrase of {path.stem}")
        self.identity = QLineEdit()
        self.identity.setPlaceholderText("A file, such as key.txt")
        self.identity.setAccessibleName("File of an age identity")
        choose = tool_button("folder-open-outline", "Choose the file of an age identity")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.identity, 1)
        row.addWidget(choose)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        form.addRow("Passphrase", self.passphrase)
        form.addRow("Age identity", row)
        align(form)
        self.body.addLayout(form)
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.body.addWidget(self.problem)
        for field in (self.passphrase, self.identity):
            field.textChanged.connect(self._changed)
        self.setMinimumWidth(440)
        self._changed()
        self.passphrase.setFocus()

    def accept(self) -> None:
        """Tries it, in a thread: that takes a moment, so that nobody can try many."""
        if self._job is not None or not self._has_something():
            return
        identity = self.identity.text().strip()
        unlock = Unlock(
            passphrase=self.passphrase.text() or None,
            identity=Path(identity).expanduser() if identity else None,
        )
        self._busy(True)

        async def work(_: Job) -> None:
            problem = ""
            try:
                await asyncio.to_thread(_try, self._path, unlock)
            except ProfileError as error:
                problem = str(error)
            finally:
                self._job = None
            if not self.isVisible():
                return
            self._busy(False)
            if problem:
                self._refused(problem)
            else:
                self.unlocked.emit(unlock)
                super(UnlockDialog, self).accept()

        self._job = self._session.run(f"Unlock {self._path.name}", work, shown=False)

    def reject(self) -> None:
        if self._job is not None:
            self._job.cancel()
        super().reject()

    def _refused(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.show()
        self.adjustSize()
        field = self.identity if self.identity.text().strip() else self.passphrase
        field.setFocus()
        field.selectAll()

    def _has_something(self) -> bool:
        return bool(self.passphrase.text() or self.identity.text().strip())

    def _busy(self, busy: bool) -> None:
        assert self.accept_button is not None
        self.accept_button.setText("Trying…" if busy else "Open")
        self.accept_button.setEnabled(not busy and self._has_something())
        for field in (self.passphrase, self.identity):
            field.setEnabled(not busy)

    def _changed(self) -> None:
        self.problem.hide()
        self._busy(False)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "An age identity")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.identity.setText)
        dialog.open()


def _try(path: Path, unlock: Unlock) -> None:
    with ProfileFile.open(path, read_only=True) as file:
        file.unlock(unlock)
