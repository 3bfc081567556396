"""What the window does about policies: dialogs, and the ways out of a lock."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from pocketvisor.errors import PolicyError
from pocketvisor_workbench.dialogs.unlock import UnlockDialog
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.policy.draft import first_text, next_text
from pocketvisor_workbench.policy.editor import PolicyEditor
from pocketvisor_workbench.policy.key_dialogs import KeysDialog
from pocketvisor_workbench.policy.locked_dialog import LockedDialog
from pocketvisor_workbench.policy.order_dialog import OrderDialog, Word
from pocketvisor_workbench.policy.policing import read_delivery

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.profile.keys import Unlock
    from pocketvisor_workbench.window import Window

_IDLE = "idle"


class PolicyDesk(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._session.policies.unlock_wanted.connect(self.open_unlock)

    def show_pane(self, page: int = 0) -> None:
        from pocketvisor_workbench.policy.policy_pane import PolicyPane

        dock = self._window.docks["policy"]
        if not dock.isVisible():
            dock.show()
            self._window.dock_sizes.widen(dock)
        dock.raise_()
        assert isinstance(dock.pane, PolicyPane)
        dock.pane.show_page(page)
        dock.pane.setFocus()

    # IT's side

    def open_editor(self) -> None:
        guest = self._session.guest
        if guest is None or guest.profile is None:
            return
        governed = guest.governed
        try:
            if governed is None:
                text = first_text(guest.profile.file.id, 1, "")
            else:
                text = next_text(governed.governance.policy.text, governed.policy.number + 1)
        except PolicyError as error:
            self._session.log.error(error, guest.name)
            return
        PolicyEditor(self._session, guest, text, self._window).open()

    def open_order(self, kind: Word) -> None:
        guest = self._session.guest
        if guest is not None and guest.governed is not None:
            OrderDialog(self._session, guest, kind, self._window).open()

    def open_keys(self) -> None:
        KeysDialog(self._session, self._window).open()

    def choose_delivery(self) -> None:
        guest = self._session.guest
        if guest is None:
            return
        dialog = QFileDialog(self._window, f"What IT delivers to {guest.name}")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("Policies and orders (*.toml);;All files (*)")
        dialog.fileSelected.connect(lambda name: self.deliver(guest, Path(name)))
        dialog.open()

    def deliver(self, guest: "Guest", path: Path) -> Job:
        async def work(_: Job) -> None:
            done = await self._session.policing.deliver(guest, await read_delivery(path))
            if not any(applied.changed for applied in done):
                self._session.log.add(f"{path.name} changes nothing", source=guest.name, notice=True)

        return self._session.run(f"Deliver {path.name}", work, shown=False, source=guest.name)

    # The user's side

    def open_unlock(self, guest: "Guest") -> None:
        """Of a guest that is locked: by its user where nobody used it, else what can be done."""
        lock = guest.lock
        if lock is None:
            return
        self._session.select(guest.handset, guest)
        if lock.kind != _IDLE:
            LockedDialog(self._window, guest).open()
            return
        profile = guest.profile
        if profile is None or not profile.file.info.sealed:
            self._unlock(guest, None)
            return
        dialog = UnlockDialog(
            self._session,
            profile.path,
            self._window,
            why=f"{guest.name} is locked: nobody used it for a while.",
        )
        dialog.unlocked.connect(lambda unlock: self._unlock(guest, unlock))
        dialog.open()

    def _unlock(self, guest: "Guest", unlock: "Unlock | None") -> None:
        async def work(_: Job) -> None:
            await guest.unlock(unlock)
            self._window.focus_foreground()

        self._session.run(f"Unlock {guest.name}", work, shown=False, source=guest.name)
