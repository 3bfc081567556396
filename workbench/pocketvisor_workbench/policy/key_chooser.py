"""Which key signs: one of the desktop's keyring, one in a file, or a new one. Where the keyring cannot be
used, the sentence why, and a file does."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from pocketvisor.errors import PolicyError
from pocketvisor.policies.keyring_store import ListedKey
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.phone.section import Choice
from pocketvisor_workbench.policy.key_dialogs import NewKeyDialog
from pocketvisor_workbench.policy.policing import Signer
from pocketvisor_workbench.widgets import tool_button
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
        self._broken = False
        """The keyring cannot be used."""
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
        self._fill([], "", looked=False)
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
            if isValid(self):  # else the dialog was closed meanwhile
                self._fill(listed, problem, wanted)

        self._session.run("Look into the keyring", work, shown=False)

    def _fill(self, listed: list[ListedKey], problem: str, wanted: str = "", *, looked: bool = True) -> None:
        """`looked`: into the keyring, and these are all."""
        self.listed = listed
        self.choice.clear()
        for key in listed:
            self.choice.addItem(f"{key.name} · {key.public.hex()[:8]}", key.name)
        self.choice.addItem("A key's file", _FILE)
        governs = next((key.name for key in listed if key.public == self._authority), "")
        last = self._session.policing.last
        self._broken = bool(problem)
        if looked and not listed and not problem and self._session.policing.last.path is None:
            problem = "The keyring has no key for policies yet: make one, or choose a key's file."
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
        dialog = NewKeyDialog(self._session, self, file=self._broken)

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
