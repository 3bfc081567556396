"""Keeping a guest in a profile: its name, its place, and who can open it."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLabel, QLineEdit, QWidget

from pocketvisor.errors import ProfileError
from pocketvisor.profile.keys import NewKeys
from pocketvisor.profiles import NAME_MAX, SUFFIX, checked_name, new_profile, profiles_path
from pocketvisor_workbench.dialogs.frame import DialogFrame, align
from pocketvisor_workbench.widgets import CheckBox, tool_button
from pocketvisor_workbench.words import place_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest


class KeepDialog(DialogFrame):
    picked = Signal(object, object)
    """The path, and NewKeys or None."""

    def __init__(self, guest: "Guest", parent: QWidget) -> None:
        super().__init__(
            f"Keep {guest.name} in a profile",
            "All that is on it in one file, with its history: it runs from there on any handset.",
            parent,
            accept="Keep",
            picture="content-save-outline",
        )
        self.name = QLineEdit(_free_name(guest.name))
        self.name.setMaxLength(NAME_MAX)
        self.name.setObjectName("keep-name")
        self.name.setAccessibleName("Name of the profile")
        self.folder = QLineEdit(place_words(profiles_path()))
        self.folder.setAccessibleName("Folder of the profile")
        choose = tool_button("folder-open-outline", "Choose a folder")
        choose.clicked.connect(self._choose)
        place = QHBoxLayout()
        place.setSpacing(4)
        place.addWidget(self.folder, 1)
        place.addWidget(choose)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow("Name", self.name)
        form.addRow("Place", place)
        self.seal = CheckBox("Seal it: what is in it cannot be read without a key")
        self.passphrase, self.again = _secret("Passphrase"), _secret("The passphrase again")
        self.recipients = QLineEdit()
        self.recipients.setPlaceholderText("age1… or ssh-ed25519 …, several with commas")
        self.recipients.setAccessibleName("Recipients that can open it too")
        self.recipients.setToolTip(
            "For a recovery key: whoever has the age identity opens the profile with it"
        )
        keys = QFormLayout()
        keys.setContentsMargins(0, 0, 0, 0)
        keys.setVerticalSpacing(8)
        keys.addRow("Passphrase", self.passphrase)
        keys.addRow("Again", self.again)
        keys.addRow("Recipients", self.recipients)
        for rows in (form, keys):
            rows.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
            align(rows)
        self._keys = QWidget()
        self._keys.setLayout(keys)
        self._keys.hide()
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.body.addLayout(form)
        self.body.addWidget(self.seal)
        self.body.addWidget(self._keys)
        self.body.addWidget(self.problem)
        self.seal.toggled.connect(self._sealed)
        for field in (self.name, self.folder, self.passphrase, self.again, self.recipients):
            field.textChanged.connect(self._check)
        self.setMinimumWidth(480)
        self._check()
        self.name.selectAll()
        self.name.setFocus()

    @property
    def path(self) -> Path:
        """Raises ProfileError."""
        folder = Path(self.folder.text().strip() or ".").expanduser().absolute()
        if folder == profiles_path():
            return new_profile(checked_name(self.name.text()))
        return new_profile(str(folder / f"{checked_name(self.name.text())}{SUFFIX}"))

    @property
    def keys(self) -> NewKeys | None:
        """Raises ProfileError."""
        if not self.seal.isChecked():
            return None
        passphrase = self.passphrase.text()
        recipients = tuple(part.strip() for part in self.recipients.text().split(",") if part.strip())
        if not passphrase and not recipients:
            raise ProfileError("A sealed profile takes a passphrase or a recipient")
        if passphrase != self.again.text():
            raise ProfileError("The two passphrases are not the same")
        for recipient in recipients:
            if not recipient.startswith(("age1", "ssh-")):
                raise ProfileError(
                    f"{recipient[:40]!r} is no age recipient: one begins with 'age1' or 'ssh-'"
                )
        return NewKeys(passphrase=passphrase or None, recipients=recipients)

    def accept(self) -> None:
        if self._check():
            self.picked.emit(self.path, self.keys)
            super().accept()

    def _sealed(self, wanted: bool) -> None:
        self._keys.setVisible(wanted)
        if wanted:
            self.passphrase.setFocus()
        self._check()
        self.adjustSize()

    def _check(self) -> bool:
        problem = ""
        try:
            _ = self.path, self.keys
        except ProfileError as error:
            problem = str(error)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        assert self.accept_button is not None
        self.accept_button.setEnabled(not problem)
        return not problem

    def _choose(self) -> None:
        dialog = QFileDialog(self, "A folder for the profile")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()


def _secret(name: str) -> QLineEdit:
    field = QLineEdit()
    field.setEchoMode(QLineEdit.EchoMode.Password)
    field.setAccessibleName(name)
    return field


def _free_name(name: str) -> str:
    """The guest's name as a file can be called, numbered where it is taken."""
    try:
        base = checked_name(name)
    except ProfileError:
        base = "Phone"
    folder = profiles_path()
    return next(
        (
            free
            for n in range(1, 1000)
            if not (folder / f"{(free := base if n == 1 else f'{base} {n}')}{SUFFIX}").exists()
        ),
        base,
    )
