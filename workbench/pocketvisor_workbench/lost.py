"""Phones that are gone: whose process was killed, or whose handset was taken away; and having them back.

What is left of such a guest is its profile, or the profile's copies in the vault. It comes back as it was
saved last, in place or on another handset, and what is missing is said in seconds.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from pocketvisor.api import GuestState, HandsetModel
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.keeping import profile_of
from pocketvisor_workbench.words import span_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor_workbench.session import Session

DEFAULT_MODEL = "nexus-one"


@dataclass(frozen=True)
class Lost:
    """A guest as it was when it went."""

    name: str
    accent: str
    path: Path
    generation: int
    unsaved: float
    """Seconds of it that are in no generation."""
    ram_mib: int
    where: str
    guest: "Guest | None" = None
    """Where it is still on its handset, though it has stopped."""

    @property
    def words(self) -> str:
        what = "has stopped" if self.guest is not None else f"went with {self.where}"
        kept = f"It was saved {span_words(self.unsaved)} before"
        if self.unsaved < 0.5:
            kept = "It was saved as it was"
        return f"{self.name} {what}. {kept}."


def lost_guest(guest: "Guest", *, gone: bool) -> Lost | None:
    """None for one that is kept nowhere."""
    profile = profile_of(guest)
    if profile is None or not profile.generation:
        return None
    unsaved = max(time.time() - profile.saved_ns / 1e9, 0.0)
    if gone and guest.state is GuestState.OFF:
        unsaved = 0.0  # it was off since
    return Lost(
        name=guest.name,
        accent=accent_of(guest),
        path=profile.path,
        generation=profile.generation,
        unsaved=unsaved,
        ram_mib=guest.ram_mib,
        where=guest.handset.name,
        guest=None if gone else guest,
    )


class LostPhones(QObject):
    lost = Signal(object)

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session
        session.state_changed.connect(self._state)

    def _state(self, guest: "Guest") -> None:
        if guest.state is GuestState.CRASHED and guest.lock is None:  # one that was wiped is not lost
            lost = lost_guest(guest, gone=False)
            if lost is not None:
                self.lost.emit(lost)

    def gone(self, lost: list[Lost]) -> None:
        """Their handset is gone."""
        for one in lost:
            self.lost.emit(one)

    def place_for(self, lost: Lost) -> "Handset | HandsetModel":
        """Where it would come back: in its place, on a handset with room, or on a new one of this model."""
        session = self._session
        if lost.guest is not None and lost.guest in session.guests:
            return lost.guest.handset
        chosen = [session.handset] if session.handset is not None else []
        for handset in [*chosen, *session.handsets]:
            if handset.ram_free_mib >= lost.ram_mib:
                return handset
        models = session.models
        first = models.get(DEFAULT_MODEL) or next(iter(models.values()))
        fitting = [model for model in (first, *models.values()) if model.ram_mib >= lost.ram_mib]
        return fitting[0] if fitting else first

    def restore(self, lost: Lost, place: "Handset | HandsetModel") -> None:
        """One action: from the profile, or where its file is gone, from the vault. `place`: as offered."""
        session = self._session
        if not isinstance(place, HandsetModel) and place not in session.handsets:
            place = self.place_for(lost)
        if lost.guest is not None and place is lost.guest.handset and lost.path.exists():
            session.keeping.restore(lost.guest, lost.generation, lost=lost.unsaved)
            return
        handset = session.add_handset(place) if isinstance(place, HandsetModel) else place
        if lost.path.exists():
            session.keeping.open(handset, lost.path, lost=lost.unsaved)
            return
        self._from_vault(lost, handset)

    def _from_vault(self, lost: Lost, handset: "Handset") -> None:
        session = self._session
        address, unlock = session.vaulting.address, session.keeping.unlocks.get(lost.path)

        async def fetch(job: Job) -> Path:
            if not address:
                from pocketvisor.errors import ProfileError

                raise ProfileError(f"{lost.path} is gone, and no vault is set that could have a copy of it")

            def tell(words: str, done: float | None) -> None:
                job.report(done, words)

            ident = session.vaulting.ident_of(lost.path)
            return await asyncio.to_thread(_fetch, address, lost, ident, unlock, tell)

        session.keeping.open_from(
            handset, f"Restore {lost.name} from the vault on {handset.name}", fetch, unlock, lost.unsaved
        )


def _fetch(address: str, lost: Lost, ident: bytes | None, unlock: object, tell: object) -> Path:
    """In a thread."""
    from pocketvisor.errors import ProfileError
    from pocketvisor.profile.keys import Unlock
    from pocketvisor.profile.vault import Vault
    from pocketvisor.profiles import free_profile

    vault = Vault(address)
    known = unlock if isinstance(unlock, Unlock) else None
    if ident is None:
        listed = vault.list([known] if known is not None else ())
        named = [one for one in listed if one.name == lost.path.stem]
        if len(named) != 1:
            raise ProfileError(f"The vault {vault.shown} has no profile called {lost.path.stem}")
        ident = named[0].id
    path = lost.path if lost.path.parent.is_dir() else free_profile(lost.path.stem)
    vault.fetch(ident, path, unlock=known, history=True, progress=tell)  # type: ignore[arg-type]
    return path
