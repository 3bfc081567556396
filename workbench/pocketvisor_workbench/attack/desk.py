"""What the window does about attacks: one dialog for each phone, and a notice where nobody looks."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from pocketvisor.api import GuestError
from pocketvisor.attack.sheet import Progress, ScoreSheet
from pocketvisor_workbench.attack.attack_run import AttackRun, real_attack
from pocketvisor_workbench.attack.dialog import AttackDialog
from pocketvisor_workbench.banners import Banner
from pocketvisor_workbench.log import Level

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor_workbench.window import Window

_SHOWN_MS = 60_000


class AttackDesk(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._dialogs: dict[Handset, AttackDialog] = {}
        self.runs: dict[Handset, AttackRun] = {}
        """The last one on each phone."""
        self.attack = real_attack
        self._session.handset_removed.connect(self._forget)

    def open(self, handset: "Handset | None" = None, victim: "Guest | None" = None) -> AttackDialog | None:
        """The dialog of the selected phone, with what came of its last attack."""
        handset = handset or self._session.handset
        if handset is None:
            return None
        dialog = self._dialogs.get(handset)
        if dialog is None:
            victim = victim or self._session.guest
            dialog = AttackDialog(
                self._window.bench, handset, victim, self.begin, self._window, self.runs.get(handset)
            )
            self._dialogs[handset] = dialog
            dialog.finished.connect(lambda _: self._dialogs.pop(handset, None))
            dialog.show()
        dialog.activateWindow()
        return dialog

    async def asked(
        self,
        handset: "Handset",
        victim: "Guest | None",
        kinds: Sequence[str],
        progress: Callable[[Progress], None],
    ) -> ScoreSheet:
        """One that another program asks for: it can be followed here. Raises PocketvisorError."""
        before = self.runs.get(handset)
        if before is not None and before.running:
            raise GuestError(f"{handset.name} is under attack already")
        run = self.begin(handset, victim, kinds)
        run.told = progress
        dialog = self._dialogs.get(handset)
        if dialog is not None:
            dialog.follow(run)
        else:
            words = f"Another program attacks {victim.name if victim is not None else handset.name}."
            banner = Banner(words, Level.WARNING, "Show", lambda: self.open(handset), _SHOWN_MS)
            self._window.banners.add(banner)
            run.ended.connect(banner.leave)
        assert run.job.task is not None
        try:
            await asyncio.wait({run.job.task})
        except asyncio.CancelledError:
            run.cancel()
            await asyncio.wait({run.job.task})
            raise
        finally:
            run.told = lambda _: None
        if run.job.error is not None:
            raise run.job.error
        if run.sheet is None:
            raise GuestError("The attack was ended early, in the window")
        return run.sheet

    def begin(self, handset: "Handset", victim: "Guest | None", kinds: Sequence[str] = ()) -> AttackRun:
        """One at a time on each phone."""
        before = self.runs.get(handset)
        if before is not None and before.running:
            return before
        run = AttackRun(self._session, handset, victim, self.attack(handset, victim, kinds))
        self.runs[handset] = run
        run.changed.connect(lambda: self._mark(run))
        run.ended.connect(lambda: self._ended(run))
        if before is not None:
            before.deleteLater()
        return run

    def _mark(self, run: AttackRun) -> None:
        """Its pane says why it stands still."""
        pane = self._window.stage.pane_of(run.neighbour)
        if pane is not None:
            pane.set_attacked(run.running)

    def _ended(self, run: AttackRun) -> None:
        if run.handset in self._dialogs or run.handset not in self._session.handsets:
            return
        held = run.sheet is not None and run.sheet.held
        words = f"{run.sheet.sentence}." if run.sheet is not None else run.problem
        level = Level.INFO if held else Level.WARNING
        self._window.banners.add(
            Banner(words, level, "Score sheet", lambda: self.open(run.handset), _SHOWN_MS)
        )

    def _forget(self, handset: "Handset") -> None:
        """It goes, and its attack with it."""
        run = self.runs.pop(handset, None)
        if run is not None:
            run.cancel()
        dialog = self._dialogs.pop(handset, None)
        if dialog is not None:
            dialog.close()
