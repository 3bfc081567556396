"""IT's word to a phone, signed: a check-in, a lock, an unlock, a wipe, or that it lets the phone go. Given at
once, or saved to a file that is delivered elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtWidgets import QFileDialog, QFormLayout, QLabel, QLineEdit, QWidget

from pocketvisor.errors import PolicyError, ProfileError
from pocketvisor.policies.orders import DEFAULT_HOURS, REASON_MAX, Kind
from pocketvisor_workbench.dialogs.frame import DialogFrame, align
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.phone.section import NumberField
from pocketvisor_workbench.policy.draft import release_text
from pocketvisor_workbench.policy.key_chooser import KeyChooser
from pocketvisor_workbench.policy.policing import Signer, write_document
from pocketvisor_workbench.widgets import CheckBox, push_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session

_HOURS_MOST = 8784

Word = Kind | Literal["release"]

_WORDS: dict[Word, tuple[str, str, str, str]] = {
    "check-in": (
        "Check in with {}",
        "The phone has heard of IT: its period begins anew.",
        "Check in",
        "shield-sync",
    ),
    "lock": (
        "Lock {}",
        "The phone stands still, and nothing of it can be seen or used, until IT unlocks it.",
        "Lock it",
        "lock-outline",
    ),
    "unlock": (
        "Unlock {}",
        "The phone goes on from where it stood.",
        "Unlock it",
        "lock-open-variant-outline",
    ),
    "wipe": (
        "Wipe {}?",
        "Its process ends, and what opens the profile is destroyed on this computer. Its apps, messages and "
        "files cannot be had back from here.",
        "Wipe it",
        "cellphone-remove",
    ),
    "release": (
        "Release {}?",
        "Nobody governs the phone from then on: its user may do with it what he likes, and another key can "
        "take it over.",
        "Release it",
        "shield-off-outline",
    ),
}


class OrderDialog(DialogFrame):
    def __init__(self, session: "Session", guest: "Guest", kind: Word, parent: QWidget) -> None:
        title, text, accept, picture = _WORDS[kind]
        super().__init__(title.format(guest.name), text, parent, accept=accept, picture=picture)
        self._session, self._guest, self.kind = session, guest, kind
        self._job: Job | None = None
        self.reason = QLineEdit()
        self.reason.setMaxLength(REASON_MAX)
        self.reason.setPlaceholderText("Shown on the phone, and in the audit log")
        self.reason.setAccessibleName("Reason")
        self.hours = NumberField(1, _HOURS_MOST, "How long it can be delivered", decimals=0, unit=" h")
        self.hours.set_value(DEFAULT_HOURS)
        authority = guest.governed.authority if guest.governed is not None else b""
        self.keys = KeyChooser(session, authority)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        if kind != "release":  # which is a policy, and no order
            form.addRow("Reason", self.reason)
        form.addRow("Signed by", self.keys)
        if kind != "release":
            form.addRow("Good for", self.hours)
        align(form)
        self.body.addLayout(form)
        self.sure = CheckBox("I know that nothing of it can be had back")
        self.sure.setAccessibleName(self.sure.text())
        self.sure.setVisible(kind == "wipe")
        self.body.addWidget(self.sure)
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.body.addWidget(self.problem)
        self.save = push_button("Save as a file…", "content-save-outline")
        self.save.setToolTip("Signed, to be delivered to the phone wherever it is")
        self.save.clicked.connect(self._choose)
        self.buttons.insertWidget(0, self.save)
        self.keys.changed.connect(self._check)
        self.sure.toggled.connect(lambda _: self._check())
        self.setFixedWidth(480)
        self.reason.setFocus()
        self._check()

    def accept(self) -> None:
        self._do(None)

    def _do(self, path: Path | None) -> None:
        """Delivers it, or saves it to a file."""
        signer = self.keys.signer
        if signer is None or self._job is not None or not self._ready():
            return
        policing = self._session.policing
        reason, hours = self.reason.text().strip(), int(self.hours.value)

        async def work(_: Job) -> None:
            problem = ""
            try:
                document = await self._signed(signer, reason, hours)
                if path is None:
                    await policing.deliver(self._guest, document)
                else:
                    await write_document(path, document)
            except (PolicyError, ProfileError) as error:
                problem = str(error)
            self._job = None
            if not self.is_open:
                return
            self._check()
            if problem:
                self._say(problem)
                return
            self.keys.used()
            if path is not None:
                self._session.log.add(f"The {self.kind} is in {path}", source=self._guest.name, notice=True)
            super(OrderDialog, self).accept()

        self._say("")
        self._job = self._session.run(
            f"{self.kind.capitalize()}: {self._guest.name}", work, shown=False, source=self._guest.name
        )
        self._check()

    def reject(self) -> None:
        """What was not signed as yet is given up."""
        if self._job is not None:
            self._job.cancel()
        super().reject()

    async def _signed(self, signer: Signer, reason: str, hours: int) -> bytes:
        policing, governed = self._session.policing, self._guest.governed
        if self.kind != "release":
            return await policing.signed_order(self._guest, self.kind, signer, reason=reason, hours=hours)
        if governed is None:
            raise PolicyError(f"Nobody governs {self._guest.name}: there is nothing to release it from")
        return await policing.signed_policy(release_text(governed.policy), signer)

    def _ready(self) -> bool:
        return self.keys.signer is not None and (self.kind != "wipe" or self.sure.isChecked())

    def _check(self) -> None:
        ready = self._ready() and self._job is None
        assert self.accept_button is not None
        self.accept_button.setEnabled(ready)
        self.save.setEnabled(ready)
        self.fit()

    def _say(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.fit()

    def _choose(self) -> None:
        dialog = QFileDialog(self, f"Save the {self.kind}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Orders (*.toml)")
        dialog.setDefaultSuffix("toml")
        dialog.selectFile(f"{self._guest.name}-{self.kind}.toml".lower().replace(" ", "-"))
        dialog.fileSelected.connect(lambda name: self._do(Path(name)))
        dialog.open()
