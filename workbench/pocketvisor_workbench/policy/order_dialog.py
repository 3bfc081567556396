"""IT's word to a phone, signed: a check-in, a lock, an unlock, a wipe, or that it lets the phone go. Given at
once, or saved to a file that is delivered elsewhere."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtWidgets import QFormLayout, QLineEdit, QWidget

from pocketvisor.errors import PolicyError
from pocketvisor.policies.orders import DEFAULT_HOURS, REASON_MAX, Kind
from pocketvisor_workbench.dialogs.frame import align
from pocketvisor_workbench.phone.section import NumberField
from pocketvisor_workbench.policy.draft import release_text
from pocketvisor_workbench.policy.policing import Signer
from pocketvisor_workbench.policy.signing_dialog import SigningDialog
from pocketvisor_workbench.widgets import CheckBox

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


class OrderDialog(SigningDialog):
    def __init__(self, session: "Session", guest: "Guest", kind: Word, parent: QWidget) -> None:
        title, text, accept, picture = _WORDS[kind]
        super().__init__(
            session,
            guest,
            kind,
            title.format(guest.name),
            text,
            parent,
            accept=accept,
            picture=picture,
            save="Save as a file…",
        )
        self.kind = kind
        self.reason = QLineEdit()
        self.reason.setMaxLength(REASON_MAX)
        self.reason.setPlaceholderText("Shown on the phone, and in the audit log")
        self.reason.setAccessibleName("Reason")
        self.hours = NumberField(1, _HOURS_MOST, "How long it can be delivered", decimals=0, unit=" h")
        self.hours.set_value(DEFAULT_HOURS)
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
        self.body.addWidget(self.problem)
        self.buttons.insertWidget(0, self.save)
        self.sure.toggled.connect(lambda _: self.check())
        self.setFixedWidth(480)
        self.reason.setFocus()
        self.check()

    def ready(self) -> bool:
        return self.kind != "wipe" or self.sure.isChecked()

    def signed(self, signer: Signer) -> Coroutine[Any, Any, bytes]:
        return self._signed(signer, self.reason.text().strip(), int(self.hours.value))

    async def _signed(self, signer: Signer, reason: str, hours: int) -> bytes:
        policing, governed = self._session.policing, self._guest.governed
        if self.kind != "release":
            return await policing.signed_order(self._guest, self.kind, signer, reason=reason, hours=hours)
        if governed is None:
            raise PolicyError(f"Nobody governs {self._guest.name}: there is nothing to release it from")
        return await policing.signed_policy(release_text(governed.policy), signer)

    def check(self) -> None:
        super().check()
        self.fit()

    def say(self, problem: str) -> None:
        super().say(problem)
        self.fit()
