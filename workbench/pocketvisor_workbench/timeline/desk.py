"""What the window does about time: asks for a branch's name and an export's place, and pops up the menu."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QFileDialog

from pocketvisor_workbench.dialogs.about import ConfirmDialog
from pocketvisor_workbench.dialogs.name import NameDialog
from pocketvisor_workbench.panes.profile_head import NAME_MOST
from pocketvisor_workbench.timeline.times import GuestTime
from pocketvisor_workbench.timeline.words import clock_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.window import Window

SUFFIX = "vrec"
MENU = (
    "time.record",
    "",
    "time.begin",
    "time.back",
    "time.forward",
    "time.run",
    "time.present",
    "",
    "time.branch",
    "time.keep",
    "time.export",
)


class TimeDesk(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        times = window.session.times
        times.branch_wanted.connect(self.ask_branch)
        times.again_wanted.connect(self.ask_again)
        times.menu_wanted.connect(self._menu)

    @property
    def time(self) -> GuestTime | None:
        """Of the selected guest."""
        guest = self._window.session.guest
        return self._window.session.times.of(guest) if guest is not None else None

    def ask_branch(self, guest: "Guest") -> None:
        time = self._window.session.times.of(guest)
        at = clock_words(time.shown_ns - time.begin_ns)
        dialog = NameDialog(
            f"Branch {guest.name} at {at}",
            f"A guest of its own goes on from this moment, with a copy of the disks. {guest.name} comes back "
            "to now and goes on as it was.",
            f"{guest.name} from {clock_words(time.shown_ns - time.begin_ns, tenths=False)}"[:NAME_MOST],
            self._window,
            most=NAME_MOST,
            accept="Branch",
        )
        dialog.picked.connect(lambda name: time.branch(name or guest.name))
        dialog.open()

    def ask_again(self, guest: "Guest") -> None:
        time = self._window.session.times.of(guest)
        long = clock_words(time.end_ns - time.begin_ns, tenths=False)
        dialog = ConfirmDialog(
            f"Record {guest.name} anew?",
            f"What was recorded before, {long} of it, is let go. It can be exported, or kept in the guest's "
            "profile, first.",
            "Record anew",
            self._window,
        )
        dialog.accepted.connect(time.record)
        dialog.open()

    def ask_export(self) -> None:
        time = self.time
        if time is None:
            return
        dialog = QFileDialog(self._window, f"Export the recording of {time.guest.name}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(f"Recording (*.{SUFFIX})")
        dialog.setDefaultSuffix(SUFFIX)
        dialog.selectFile(f"{time.guest.name}.{SUFFIX}".lower().replace(" ", "-").replace("/", "-"))
        dialog.fileSelected.connect(lambda path: time.export(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _menu(self, guest: "Guest", at: QPoint) -> None:
        self._window.session.select(guest.handset, guest)
        self._window.pop_up(MENU, at)
