"""Making a key for policies, and looking at those that there are."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from pocketvisor.errors import PolicyError
from pocketvisor.policies.keyring_store import ListedKey
from pocketvisor_workbench.dialogs.frame import DialogFrame, align
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.phone.section import Choice
from pocketvisor_workbench.policy.policing import Signer
from pocketvisor_workbench.widgets import push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor_workbench.session import Session


class NewKeyDialog(DialogFrame):
    """Whoever has the key governs every profile that takes it on."""

    made = Signal(object)

    def __init__(self, session: "Session", parent: QWidget, *, file: bool) -> None:
        super().__init__(
            "A new key for policies",
            "Whoever has it governs the phones that took it on, and nobody else does. Keep a copy of it.",
            parent.window(),
            accept="Make it",
            picture="key-plus",
        )
        self._session = session
        self._job: Job | None = None
        self.place = Choice("Where the key is kept")
        self.place.addItem("In the desktop's keyring", "keyring")
        self.place.addItem("In a file, with a passphrase", "file")
        self.place.setCurrentIndex(1 if file else 0)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Acme")
        self.name.setMaxLength(64)
        self.name.setAccessibleName("Name of the key")
        self.path = QLineEdit()
        self.path.setPlaceholderText("A new file")
        self.path.setAccessibleName("File of the key")
        choose = tool_button("folder-open-outline", "Choose a new file")
        choose.clicked.connect(self._choose)
        self._line = QWidget()
        row = QHBoxLayout(self._line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.path, 1)
        row.addWidget(choose)
        self.passphrase, self.again = _secret("Passphrase"), _secret("The passphrase again")
        self._form = QFormLayout()
        self._form.setVerticalSpacing(8)
        self._form.addRow("Kept", self.place)
        self._form.addRow("Name", self.name)
        self._form.addRow("File", self._line)
        self._form.addRow("Passphrase", self.passphrase)
        self._form.addRow("Again", self.again)
        align(self._form)
        self.body.addLayout(self._form)
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.body.addWidget(self.problem)
        for field in (self.name, self.path, self.passphrase, self.again):
            field.textChanged.connect(self._check)
        self.place.currentIndexChanged.connect(lambda _: self._check())
        self.setFixedWidth(440)
        self._check()

    @property
    def signer(self) -> Signer | None:
        if self.place.currentData() == "keyring":
            name = self.name.text().strip()
            return Signer(name=name) if name else None
        path = self.path.text().strip()
        if not path or not self.passphrase.text() or self.passphrase.text() != self.again.text():
            return None
        return Signer(path=Path(path).expanduser(), passphrase=self.passphrase.text())

    def accept(self) -> None:
        signer = self.signer
        if signer is None or self._job is not None:
            return

        async def work(_: Job) -> None:
            problem = ""
            try:
                await self._session.policing.new_key(signer)
            except PolicyError as error:
                problem = str(error)
            self._job = None
            if not self.is_open:
                return
            if problem:
                self._say(problem)
            else:
                self.made.emit(signer)
                super(NewKeyDialog, self).accept()

        self._job = self._session.run("Make a key", work, shown=False)

    def reject(self) -> None:
        """What was not signed as yet is given up."""
        if self._job is not None:
            self._job.cancel()
        super().reject()

    def _say(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.fit()

    def _check(self) -> None:
        file = self.place.currentData() == "file"
        self._form.setRowVisible(self.name, not file)
        for part in (self._line, self.passphrase, self.again):
            self._form.setRowVisible(part, file)
        differ = file and self.again.text() and self.passphrase.text() != self.again.text()
        self._say("The two passphrases are not the same" if differ else "")
        assert self.accept_button is not None
        self.accept_button.setEnabled(self.signer is not None)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "A new file for the key")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile("policies.key")
        dialog.fileSelected.connect(self.path.setText)
        dialog.open()


class KeysDialog(DialogFrame):
    """The keyring's keys, with what is told of them to others."""

    def __init__(self, session: "Session", parent: QWidget) -> None:
        super().__init__(
            "Keys for policies",
            "The public half says which key governs a phone. The secret half stays in the keyring.",
            parent,
        )
        self._session = session
        self.list = QVBoxLayout()
        self.list.setSpacing(6)
        self.body.addLayout(self.list)
        self.note = QLabel("Looking into the keyring…")
        self.note.setObjectName("muted")
        self.note.setWordWrap(True)
        self.body.addWidget(self.note)
        new = push_button("New key…", "key-plus")
        new.clicked.connect(self._new)
        self.buttons.insertWidget(0, new)
        self.setFixedWidth(480)
        self.fit()
        self.read()

    def read(self) -> None:
        async def work(_: Job) -> None:
            listed, problem = [], ""
            try:
                listed = await self._session.policing.keys()
            except PolicyError as error:
                problem = str(error).replace(" (--key-file)", "")
            await asyncio.sleep(0)
            if self.is_open:
                self._show(listed, problem)

        self._session.run("Look into the keyring", work, shown=False)

    def _show(self, listed: list[ListedKey], problem: str) -> None:
        while (item := self.list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for key in listed:
            line = QLineEdit(key.public.hex())
            line.setReadOnly(True)
            line.setObjectName("value")
            line.setCursorPosition(0)
            line.setAccessibleName(f"Public half of {key.name}")
            whole = QWidget()
            row = QHBoxLayout(whole)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(10)
            name = QLabel(key.name)
            name.setMinimumWidth(90)
            row.addWidget(name)
            row.addWidget(line, 1)
            self.list.addWidget(whole)
        self.note.setText(problem or ("" if listed else "There is none yet."))
        self.note.setVisible(bool(self.note.text()))
        self.fit()

    def _new(self) -> None:
        dialog = NewKeyDialog(self._session, self, file=False)
        dialog.made.connect(lambda _: self.read())
        dialog.open()


def _secret(name: str) -> QLineEdit:
    field = QLineEdit()
    field.setEchoMode(QLineEdit.EchoMode.Password)
    field.setAccessibleName(name)
    return field
