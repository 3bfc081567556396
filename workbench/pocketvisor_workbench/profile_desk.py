"""What the window does about moves and profiles: dialogs, cards that show how far work is, the way back."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from pocketvisor_workbench.dialogs.move import MoveDialog
from pocketvisor_workbench.job_card import JobCard
from pocketvisor_workbench.moves import Move

if TYPE_CHECKING:
    from pocketvisor.api import Handset
    from pocketvisor_workbench.window import Window


class ProfileDesk(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._session.moves.began.connect(self._move_began)
        window.stage.guest_dropped.connect(lambda handset, guest: self._session.moves.start(guest, handset))
        window.stage.profiles_dropped.connect(self.run_profiles)

    # Moves

    def open_move(self) -> None:
        guest = self._session.guest
        if guest is None:
            return
        dialog = MoveDialog(guest, self._session.handsets, self._session.moves, self._window)
        dialog.picked.connect(lambda handset: self._session.moves.start(guest, handset))
        dialog.open()

    def _move_began(self, move: Move) -> None:
        self._show(JobCard(move.job, lambda _: self._session.moves.ending(move)))

    def _show(self, card: JobCard) -> None:
        card.resized.connect(self._window.banners.place)
        self._window.banners.add(card)

    # Profiles

    def run_profiles(self, handset: "Handset | None", paths: list[Path]) -> None:
        """On the handset, on the selected one, or on a new one where there is none."""
