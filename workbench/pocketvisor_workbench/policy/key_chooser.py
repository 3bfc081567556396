"""Which key signs: one of the desktop's keyring, one in a file, or a new one. Where the keyring cannot be
used, the sentence why, and a file does."""

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
from pocketvisor_workbench.words import place_words

if TYPE_CHECKING:
    from pocketvisor_workbench.session import Session

_FILE = "\0file"


class KeyChooser(QWidget):
    changed = Signal()

    def __init__(self, session: "Session", authority: bytes = b"") -> None:
        """`authority`: the public key that has to sign, where one governs already."""
        super().__init__()
        self._session, self._authority = session, authority
        self.listed: list[ListedKey] = []
        self.choice = Choice("The key that signs")
        self.choice.activated.connect(lambda _: self._chosen())
        new = tool_button("key-plus", "Make a new key")
        new.clicked.connect(self._new)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.choice, 1)
        line.addWidget(new)
        self.path = QLineEdit()
        self.path.setPlaceholderText("A key's file")
        self.path.setAccessibleName("File of the key")
        choose = tool_button("folder-open-outline", "Choose the key's file")
        choose.clicked.connect(self._choose)
        self.passphrase = QLineEdit()
        self.passphrase.setPlaceholderText("Its passphrase")
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.passphrase.setAccessibleName("Passphrase of the key's file")
        self._file = QWidget()
        row = QHBoxLayout(self._file)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.path, 3)
        row.addWidget(choose)
        row.addWidget(self.passphrase, 2)
        self.note = QLabel()
        self.note.setObjectName("muted")
        self.note.setWordWrap(True)
        self.note.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(line)
        layout.addWidget(self._file)
        layout.addWidget(self.note)
        for field in (self.path, self.passphrase):
            field.textChanged.connect(self.changed)
        last = session.policing.last
        if last.path is not None:
            self.path.setText(place_words(last.path))
        self._fill([], "")
        self.read()

    @property
    def signer(self) -> Signer | None:
        """None where nothing is chosen as yet."""
        if self.choice.currentData() != _FILE:
            name = self.choice.currentData()
            return Signer(name=name) if name else None
        path = self.path.text().strip()
        if not path or not self.passphrase.text():
            return None
        return Signer(path=Path(path).expanduser(), passphrase=self.passphrase.text())

    def used(self) -> None:
        """What was signed with is offered the next time."""
        signer = self.signer
        if signer is not None:
            self._session.policing.last = Signer(signer.name, signer.path)

    def read(self, wanted: str = "") -> None:
        """The keyring's keys anew, in a thread: it may ask the user for its password."""

        async def work(_: Job) -> None:
            listed, problem = [], ""
            try:
                listed = await self._session.policing.keys()
            except PolicyError as error:
                problem = str(error)
            try:
                self._fill(listed, problem, wanted)
            except RuntimeError:  # the dialog is gone
                return

        self._session.run("Look into the keyring", work, shown=False)

    def _fill(self, listed: list[ListedKey], problem: str, wanted: str = "") -> None:
        self.listed = listed
        self.choice.clear()
        for key in listed:
            self.choice.addItem(f"{key.name} · {key.public.hex()[:8]}", key.name)
        self.choice.addItem("A key's file", _FILE)
        governs = next((key.name for key in listed if key.public == self._authority), "")
        last = self._session.policing.last
        name = wanted or governs or last.name
        at = _FILE if last.path is not None and not wanted and not governs else name
        self.choice.setCurrentIndex(max(self.choice.findData(at), 0))
        self._say(problem.replace(" (--key-file)", ""))
        self._chosen()

    def _say(self, words: str) -> None:
        self.note.setText(words)
        self.note.setVisible(bool(words))

    def _chosen(self) -> None:
        self._file.setVisible(self.choice.currentData() == _FILE)
        chosen = next((key for key in self.listed if key.name == self.choice.currentData()), None)
        if chosen is not None:
            other = bool(self._authority) and chosen.public != self._authority
            self._say(
                f"The key {self._authority.hex()[:8]} governs this phone, not this one" if other else ""
            )
        self.changed.emit()

    def _choose(self) -> None:
        dialog = QFileDialog(self, "A key's file")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.path.setText)
        dialog.open()

    def _new(self) -> None:
        dialog = NewKeyDialog(self._session, self, file=not self.listed and bool(self.note.text()))

        def made(signer: Signer) -> None:
            if signer.path is None:
                self.read(signer.name)
                return
            self.choice.setCurrentIndex(self.choice.findData(_FILE))
            self.path.setText(place_words(signer.path))
            self.passphrase.setText(signer.passphrase)
            self._chosen()

        dialog.made.connect(made)
        dialog.open()


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
            if not self.isVisible():
                return
            if problem:
                self._say(problem)
            else:
                self.made.emit(signer)
                super(NewKeyDialog, self).accept()

        self._job = self._session.run("Make a key", work, shown=False)

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
            if self.isVisible():
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
