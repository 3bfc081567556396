"""What the window does about moves and profiles: dialogs, cards that show how far work is, the way back."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from pocketvisor.api import HandsetModel, PocketvisorError
from pocketvisor_workbench.banners import Banner
from pocketvisor_workbench.dialogs.about import ConfirmDialog
from pocketvisor_workbench.dialogs.keep import KeepDialog
from pocketvisor_workbench.dialogs.move import MoveDialog
from pocketvisor_workbench.dialogs.name import NameDialog
from pocketvisor_workbench.dialogs.unlock import UnlockDialog
from pocketvisor_workbench.ending import Ending
from pocketvisor_workbench.job_card import JobCard
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.keeping import DEFAULT_AUTOSAVE, profile_of, saved_seconds
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.lost import DEFAULT_MODEL, Lost
from pocketvisor_workbench.mime import PROFILE_SUFFIX
from pocketvisor_workbench.moves import Move
from pocketvisor_workbench.panes.history_list import title_of
from pocketvisor_workbench.panes.profile_head import NAME_MOST
from pocketvisor_workbench.panes.profiles import ProfilesPane
from pocketvisor_workbench.words import span_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor.profile.keys import Unlock
    from pocketvisor.profile.reading import Generation
    from pocketvisor_workbench.window import Window

_LOST_SHOWN_MS = 120_000
_ASKED_MS = 30_000


class ProfileDesk(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._session.moves.began.connect(self._move_began)
        self._session.moves.arrived.connect(self._arrived)
        self._session.keeping.began.connect(self._show)
        self._session.phones_lost.lost.connect(self._lost)
        window.stage.guest_dropped.connect(lambda handset, guest: self._session.moves.start(guest, handset))
        window.stage.profiles_dropped.connect(self.run_profiles)
        self.pane = window.docks["profiles"].pane
        assert isinstance(self.pane, ProfilesPane)
        self.pane.restore_wanted.connect(self.ask_restore)
        self.pane.rename_wanted.connect(self.ask_name)
        self.pane.delete_wanted.connect(self.ask_delete)
        self._session.vaulting.set_address(_known_vault())
        self._session.vaulting.changed.connect(self._remember)
        self._session.keeping.default_autosave = _seconds(window.settings.text("autosave"))
        self._session.keeping.changed.connect(self._remember)

    # Moves

    def open_move(self) -> None:
        guest = self._session.guest
        if guest is None:
            return
        dialog = MoveDialog(guest, self._session.handsets, self._session.moves, self._window)
        dialog.picked.connect(lambda handset: self._session.moves.start(guest, handset))
        dialog.elsewhere_wanted.connect(lambda: self._window.travel_desk.open_migrate(guest))
        dialog.elsewhere.setEnabled(not self._session.travels.why_not(guest))
        dialog.open()

    def _move_began(self, move: Move) -> None:
        self._show(move.job, lambda _: self._session.moves.ending(move))

    def _arrived(self, move: Move) -> None:
        """The keyboard and the eye go with the guest, where it was in the foreground."""
        if self._session.guest is move.guest:
            self._window.focus_foreground()
            self._window.stage.reveal(move.target)

    def _show(self, job: Job, ending: Callable[[Job], Ending]) -> None:
        card = JobCard(job, ending)
        card.resized.connect(self._window.banners.place)
        self._window.banners.add(card)

    # Keeping

    def show_pane(self) -> None:
        dock = self._window.docks["profiles"]
        if not dock.isVisible():
            dock.show()
            self._window.dock_sizes.widen(dock)
        dock.raise_()
        dock.pane.setFocus()

    def open_keep(self) -> None:
        guest = self._session.guest
        if guest is None or profile_of(guest) is not None:
            return
        dialog = KeepDialog(guest, self._window)
        dialog.picked.connect(lambda path, keys: self._session.keeping.keep(guest, path, keys))
        dialog.open()

    def ask_restore(self, guest: "Guest", generation: "Generation") -> None:
        """What is not saved is given up: that is asked, with how much it is."""
        seconds = saved_seconds(guest)
        text = f"{guest.name} goes back to '{title_of(generation)}'. All other generations stay."
        if guest.state in ("running", "paused") and seconds is not None:
            text += f" What it did in the {span_words(seconds)} since it was saved is given up."
        dialog = ConfirmDialog(f"Restore generation {generation.number}?", text, "Restore", self._window)
        dialog.accepted.connect(lambda: self._session.keeping.restore(guest, generation.number))
        dialog.open()

    def ask_name(self, guest: "Guest", generation: "Generation") -> None:
        dialog = NameDialog(
            f"Name generation {generation.number}",
            "Empty, it has the name that its kind has.",
            generation.name,
            self._window,
            most=NAME_MOST,
        )
        dialog.picked.connect(
            lambda name: self._session.keeping.rename_generation(guest, generation.number, name)
        )
        dialog.open()

    def ask_delete(self, guest: "Guest", generation: "Generation") -> None:
        dialog = ConfirmDialog(
            f"Delete generation {generation.number}?",
            f"'{title_of(generation)}' cannot be had back. What others share with it stays.",
            "Delete",
            self._window,
        )
        dialog.accepted.connect(lambda: self._session.keeping.delete_generation(guest, generation.number))
        dialog.open()

    def choose_export(self) -> None:
        guest = self._session.guest
        if guest is None:
            return
        dialog = QFileDialog(self._window, f"Save a copy of {guest.name}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(f"Profile (*{PROFILE_SUFFIX})")
        dialog.setDefaultSuffix(PROFILE_SUFFIX[1:])
        dialog.selectFile(f"{guest.name}{PROFILE_SUFFIX}")
        dialog.fileSelected.connect(lambda name: self._session.keeping.export(guest, Path(name)))
        dialog.open()

    # Running profiles

    def choose_profile(self) -> None:
        from pocketvisor.profiles import profiles_path

        dialog = QFileDialog(self._window, "Run a profile")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(f"Profiles (*{PROFILE_SUFFIX})")
        if profiles_path().is_dir():
            dialog.setDirectory(str(profiles_path()))
        dialog.filesSelected.connect(lambda names: self.run_profiles(None, [Path(name) for name in names]))
        dialog.open()

    def run_profiles(self, handset: "Handset | None", paths: list[Path]) -> None:
        """On the handset, on the selected one, or on a new one where there is none."""
        for path in paths:
            self._run_profile(handset, path.absolute())

    def _run_profile(self, wanted: "Handset | None", path: Path) -> None:
        running = next((guest for guest in self._session.guests if _is_of(guest, path)), None)
        if running is not None:
            self._runs_already(running, wanted)
            return
        unlock = self._session.keeping.unlocks.get(path)

        async def look(_: Job) -> None:
            from pocketvisor.profiles import profile_info

            info = await asyncio.to_thread(profile_info, path)
            other = next((guest for guest in self._session.guests if _has_id(guest, info.id)), None)

            def go_on() -> None:
                handset = wanted or self._session.handset or self._new_handset()
                if info.sealed and unlock is None:
                    self._ask_key(handset, path)
                else:
                    self._session.keeping.open(handset, path, unlock=unlock)

            if other is None:
                go_on()
            else:
                self._is_copy(other, path, go_on)

        self._session.run(f"Look at {path.name}", look, shown=False)

    def _ask_key(self, handset: "Handset", path: Path) -> None:
        dialog = UnlockDialog(self._session, path, self._window)

        def unlocked(unlock: "Unlock") -> None:
            self._session.keeping.open(handset, path, unlock=unlock)

        dialog.unlocked.connect(unlocked)
        dialog.open()

    def _runs_already(self, guest: "Guest", wanted: "Handset | None") -> None:
        self._window.bring_to_front(guest)
        words = f"{guest.name} runs on {guest.handset.name} already."
        if wanted is None or wanted is guest.handset:
            self._window.banners.add(Banner(words, Level.INFO))
            return
        self._window.banners.add(
            Banner(words, Level.INFO, "Move it here", lambda: self._session.moves.start(guest, wanted))
        )

    def _is_copy(self, other: "Guest", path: Path, go_on: Callable[[], None]) -> None:
        words = (
            f"{other.name} on {other.handset.name} is of the same profile as {path.name}. If both go on, "
            "their histories part: what one does, the other never has."
        )
        self._window.banners.add(Banner(words, Level.WARNING, "Run both", go_on, _ASKED_MS))

    def _new_handset(self) -> "Handset":
        models = self._session.models
        return self._session.add_handset(models.get(DEFAULT_MODEL) or next(iter(models.values())))

    # Lost phones

    def _lost(self, lost: Lost) -> None:
        place = self._session.phones_lost.place_for(lost)
        new = "a new " if isinstance(place, HandsetModel) else ""
        button = "Restore" if lost.guest is not None else f"Restore on {new}{place.name}"
        self._window.banners.add(
            Banner(
                lost.words,
                Level.WARNING,
                button,
                lambda: self._session.phones_lost.restore(lost, place),
                _LOST_SHOWN_MS,
            )
        )

    def _remember(self) -> None:
        """The vault and the interval are the same at the next start."""
        seconds = self._session.keeping.default_autosave
        wanted = {"vault": self._session.vaulting.address, "autosave": str(seconds or "off")}
        settings = self._window.settings
        if wanted["vault"] != settings.text("vault"):
            _keep_vault(wanted["vault"])
        if any(settings.text(key) != value for key, value in wanted.items()):
            for key, value in wanted.items():
                settings.set(key, value)
            settings.save()


def _known_vault() -> str:
    """The command line's first one is the window's."""
    from pocketvisor.vaults import first_vault

    with suppress(PocketvisorError):
        return first_vault()
    return ""


def _keep_vault(address: str) -> None:
    from pocketvisor.vaults import set_first_vault

    with suppress(PocketvisorError):  # no vault can be there: the pane says so
        set_first_vault(address)


def _seconds(text: str) -> float | None:
    """An interval as it was remembered."""
    if text == "off":
        return None
    try:
        seconds = float(text)
    except ValueError:
        return DEFAULT_AUTOSAVE
    return seconds if 1.0 <= seconds <= 86400.0 else DEFAULT_AUTOSAVE


def _is_of(guest: "Guest", path: Path) -> bool:
    profile = profile_of(guest)
    return profile is not None and profile.path == path


def _has_id(guest: "Guest", ident: bytes) -> bool:
    profile = profile_of(guest)
    return profile is not None and profile.file.id == ident
