"""What IT signs in a dialog: given to the phone at once, or saved to a file that is delivered elsewhere."""

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog, QLabel, QWidget

from pocketvisor.errors import PolicyError, ProfileError
from pocketvisor_workbench.dialogs.frame import DialogFrame
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.policy.key_chooser import KeyChooser
from pocketvisor_workbench.policy.policing import Signer, write_document
from pocketvisor_workbench.widgets import push_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session


class SigningDialog(DialogFrame):
    """`what`: as a sentence calls it. Whoever derives from it places `keys`, `problem` and `save`, says when
    it is ready, and signs; and calls check() when that may have changed."""

    def __init__(
        self,
        session: "Session",
        guest: "Guest",
        what: str,
        title: str,
        text: str,
        parent: QWidget,
        *,
        accept: str,
        picture: str,
        save: str,
    ) -> None:
        super().__init__(title, text, parent, accept=accept, picture=picture)
        self._session, self._guest, self._what = session, guest, what
        self._job: Job | None = None
        authority = guest.governed.authority if guest.governed is not None else b""
        self.keys = KeyChooser(session, authority)
        self.keys.changed.connect(self.check)
        self.problem = QLabel()
        self.problem.setObjectName("bad")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.save = push_button(save, "content-save-outline")
        self.save.setToolTip("Signed, to be delivered to the phone wherever it is")
        self.save.clicked.connect(self._choose)

    def ready(self) -> bool:
        """Whether it can be signed, but for a key."""
        raise NotImplementedError

    def signed(self, signer: Signer) -> Coroutine[Any, Any, bytes]:
        """What is signed, as it is now. Raises PolicyError."""
        raise NotImplementedError

    def accept(self) -> None:
        self.do(None)

    def reject(self) -> None:
        """What was not signed as yet is given up."""
        if self._job is not None:
            self._job.cancel()
        super().reject()

    def do(self, path: Path | None) -> None:
        """Gives it to the phone, or saves it to a file."""
        signer = self.keys.signer
        if signer is None or self._job is not None or not self.ready():
            return

        async def work(_: Job) -> None:
            problem = ""
            try:
                document = await self.signed(signer)
                if path is None:
                    await self._session.policing.deliver(self._guest, document)
                else:
                    await write_document(path, document)
            except (PolicyError, ProfileError) as error:
                problem = str(error)
            self._job = None
            if not self.is_open:
                return
            self.check()
            if problem:
                self.say(problem)
                return
            self.keys.used()
            if path is not None:
                self._session.log.add(f"The {self._what} is in {path}", source=self._guest.name, notice=True)
            super(SigningDialog, self).accept()

        self.say("")
        title = f"{self._what.capitalize()} for {self._guest.name}"
        self._job = self._session.run(title, work, shown=False, source=self._guest.name)
        self.check()

    def check(self) -> None:
        ready = self.keys.signer is not None and self._job is None and self.ready()
        assert self.accept_button is not None
        self.accept_button.setEnabled(ready)
        self.save.setEnabled(ready)

    def say(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    def _choose(self) -> None:
        dialog = QFileDialog(self, f"Save the signed {self._what}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter("Signed documents (*.toml)")
        dialog.setDefaultSuffix("toml")
        dialog.selectFile(f"{self._guest.name}-{self._what}.toml".lower().replace(" ", "-"))
        dialog.fileSelected.connect(lambda name: self.do(Path(name)))
        dialog.open()
