"""Profiles of the guests on the bench: keeping a guest in one, snapshots, going back, and running one again.

Every operation is a job. What blocks (the profile's file) goes to a thread.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, Signal

from pocketvisor.api import GuestState
from pocketvisor.errors import ProfileError
from pocketvisor.profile.ledger import OlderProfile
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.ending import Ending
from pocketvisor_workbench.jobs import Job, JobState, ending_quietly
from pocketvisor_workbench.log import Level, words_of
from pocketvisor_workbench.words import span_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor.guest.keeping import GuestProfile
    from pocketvisor.profile.file import ProfileFile
    from pocketvisor.profile.keys import NewKeys, Unlock
    from pocketvisor_workbench.session import Session


DEFAULT_AUTOSAVE = 60.0
"""Seconds: that much is lost at most."""


class Tell(Protocol):
    def __call__(self, words: str, done: float | None = None) -> None: ...


def profile_of(guest: "Guest | None") -> "GuestProfile | None":
    """The guest's profile, None where it has none."""
    return guest.profile if guest is not None else None


def kept_profile(guest: "Guest") -> "GuestProfile":
    """Raises ProfileError for a guest that is kept nowhere, or not any more."""
    if guest.profile is None:
        raise ProfileError(f"{guest.name} is not kept in a profile")
    return guest.profile


def is_suspended(guest: "Guest") -> bool:
    """Whether it is off because it was suspended: then it goes on where it stood."""
    stop = guest.stop_reason
    off = guest.state is GuestState.OFF and guest.profile is not None
    return off and stop is not None and stop.kind == "suspended"


def saved_seconds(guest: "Guest") -> float | None:
    """Since its profile was saved last."""
    profile = profile_of(guest)
    if profile is None or not profile.saved_ns:
        return None
    return max(time.time() - profile.saved_ns / 1e9, 0.0)


class Keeping(QObject):
    changed = Signal(object)
    """Something of a guest's profile has changed."""
    began = Signal(object, object)
    """A job that is waited for, and what it says when it has ended."""

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session
        self.default_autosave: float | None = DEFAULT_AUTOSAVE
        self.unlocks: dict[Path, Unlock] = {}
        """What opened the profiles that were opened here, for as long as the workbench runs."""

    # Saving

    def keep(self, guest: "Guest", path: Path, keys: "NewKeys | None" = None) -> Job:
        """A new profile, which the guest is kept in from then on."""

        async def work(job: Job) -> None:
            await guest.keep(path, keys=keys, progress=_to(job))
            if keys is not None and keys.passphrase is not None:
                self._remember(path, passphrase=keys.passphrase)
            guest.set_autosave(self.default_autosave)
            self.changed.emit(guest)

        done = f"{guest.name} is kept in {path.name}."
        return self._begin(guest, f"Keep {guest.name} in {path.name}", work, lambda _: Ending(done))

    def snapshot(self, guest: "Guest", name: str = "") -> Job:
        async def work(job: Job) -> Any:
            generation = await guest.snapshot(name, progress=_to(job))
            called = f" '{name}'" if name else ""
            self._session.log.add(
                f"Snapshot {generation.number}{called} of {guest.name} is saved",
                source=guest.name,
                accent=accent_of(guest),
            )
            self.changed.emit(guest)
            return generation

        return self._session.run(f"Snapshot of {guest.name}", work, source=guest.name)

    def suspend(self, guest: "Guest") -> Job:
        async def work(job: Job) -> None:
            await guest.suspend(progress=_to(job))
            self.changed.emit(guest)

        done = f"{guest.name} is suspended: it goes on from here when it is resumed."
        return self._begin(guest, f"Suspend {guest.name}", work, lambda _: Ending(done))

    def set_autosave(self, guest: "Guest", seconds: float | None) -> None:
        """This one's, and from now on that of what is kept or run anew."""
        self.default_autosave = seconds
        guest.set_autosave(seconds)
        self.changed.emit(guest)

    # Going back and on

    def restore(self, guest: "Guest", number: int, *, lost: float | None = None) -> Job:
        """In place. `lost`: seconds of it that are in no generation, where that is to be said."""

        async def work(job: Job) -> None:
            job.report(None, f"Reading generation {number}")
            await guest.restore(number)
            self.changed.emit(guest)

        words = f"{guest.name} is as it was in generation {number}."
        if lost is not None:
            words = f"{guest.name} is back. {lost_words(lost)}"
        title = f"Restore {guest.name} from generation {number}"
        return self._begin(guest, title, work, lambda _: Ending(words))

    def resume(self, guest: "Guest") -> Job:
        """One that was suspended goes on where it stood."""

        async def work(job: Job) -> None:
            job.report(None, "Reading where it stood")
            await guest.restore(kept_profile(guest).generation)
            self.changed.emit(guest)

        return self._session.run(f"Resume {guest.name}", work, source=guest.name)

    def open(
        self,
        handset: "Handset",
        path: Path,
        *,
        generation: int | None = None,
        unlock: "Unlock | None" = None,
        lost: float | None = None,
    ) -> Job:
        """A profile's guest, running on a handset."""
        unlock = unlock or self.unlocks.get(path)

        async def already(_: Job) -> Path:
            return path

        title = f"Run {path.name} on {handset.name}"
        return self.open_from(handset, title, already, unlock, lost, generation)

    def open_from(
        self,
        handset: "Handset",
        title: str,
        find: Callable[[Job], Awaitable[Path]],
        unlock: "Unlock | None",
        lost: float | None,
        generation: int | None = None,
        accept_older: bool = False,
    ) -> Job:
        """As open(), of a profile that is to be found first, such as in the vault. One that is behind what
        this machine has seen of it is run where the user says so."""

        async def work(job: Job) -> Any:
            path = await find(job)

            def added(guest: "Guest") -> None:
                if handset in self._session.handsets:
                    self._session.bring_to_front(guest)

            guest = await handset.open_profile(
                path,
                generation=generation,
                unlock=unlock,
                accept_older=accept_older,
                progress=_to(job),
                on_guest=added,
            )
            if unlock is not None:
                self.unlocks[path] = unlock
            guest.set_autosave(self.default_autosave)
            self.changed.emit(guest)
            return guest

        def ending(job: Job) -> Ending:
            if lost is not None:
                words = f"{job.result.name} is back, on {handset.name}. {lost_words(lost)}"
                return Ending(words)
            return Ending(f"{job.result.name} runs on {handset.name}.")

        def refused(error: BaseException) -> Ending | None:
            if not isinstance(error, OlderProfile):
                return None

            def all_the_same() -> None:
                self.open_from(handset, title, find, unlock, lost, generation, accept_older=True)

            words = f"{words_of(error)}. Running it gives up what is missing in it."
            return Ending(words, Level.WARNING, "Run it all the same", all_the_same, shown_ms=60_000)

        return self._begin(None, title, work, ending, refused)

    def clone(self, guest: "Guest", handset: "Handset") -> Job:
        async def work(_: Job) -> Any:
            return await handset.clone(guest)

        return self._begin(
            guest,
            f"Clone {guest.name} on {handset.name}",
            work,
            lambda job: Ending(f"{job.result.name} runs on {handset.name}, from the same moment on."),
        )

    # Files

    def export(self, guest: "Guest", target: Path) -> Job:
        """A copy of its profile, as it is now, as a file or in a folder. A guest that is kept nowhere yet is
        kept in the library first."""

        async def work(job: Job) -> Path:
            from pocketvisor.profile_copies import export
            from pocketvisor.profiles import free_profile

            if profile_of(guest) is None:
                await guest.keep(await asyncio.to_thread(free_profile, guest.name), progress=_to(job))
            elif guest.state in ("running", "paused"):
                await guest.snapshot(progress=_to(job))
            self.changed.emit(guest)
            return await _copying(lambda stop: export(kept_profile(guest).path, target, _to(job), stop))

        return self._begin(
            guest,
            f"Save a copy of {guest.name}",
            work,
            lambda job: Ending(f"{guest.name} is in {job.result}."),
        )

    def rename_generation(self, guest: "Guest", number: int, name: str) -> Job:
        return self._change(guest, f"Rename generation {number}", lambda file: file.rename(number, name))

    def delete_generation(self, guest: "Guest", number: int) -> Job:
        def delete(file: "ProfileFile") -> None:
            file.delete(number)
            file.prune()

        return self._change(guest, f"Delete generation {number}", delete)

    def _change(self, guest: "Guest", title: str, change: "Callable[[ProfileFile], object]") -> Job:

        async def work(_: Job) -> None:
            await asyncio.to_thread(change, kept_profile(guest).file)
            self.changed.emit(guest)

        return self._session.run(title, work, shown=False, source=guest.name)

    # Inside

    def _remember(self, path: Path, *, passphrase: str) -> None:
        from pocketvisor.profile.keys import Unlock

        self.unlocks[path] = Unlock(passphrase=passphrase)

    def _begin(
        self,
        guest: "Guest | None",
        title: str,
        work: Callable[[Job], Any],
        ending: Callable[[Job], Ending],
        refused: Callable[[BaseException], Ending | None] = lambda _: None,
    ) -> Job:
        """A job with a card. `refused`: what an error means, where it is not all that there is to say."""
        job = self._session.run(title, work, source=guest.name if guest is not None else "")

        def ended(job: Job) -> Ending:
            if job.state is JobState.CANCELLED:
                return Ending(f"Cancelled: {title[0].lower()}{title[1:]}.")
            if job.error is not None:
                return refused(job.error) or Ending(words_of(job.error), Level.ERROR)
            return ending(job)

        self.began.emit(job, ended)
        return job


def lost_words(seconds: float) -> str:
    """What a guest that came back from its profile has not got."""
    if seconds < 0.5:
        return "Nothing was lost."
    return f"The last {span_words(seconds)} before it ended are lost."


def _to(job: Job) -> Tell:
    def tell(words: str, done: float | None = None) -> None:
        job.report(done, words)

    return tell


async def _copying(work: Callable[[threading.Event], Path]) -> Path:
    """In a thread, which stops at its next piece when the job is cancelled."""
    stop = threading.Event()
    copying = ending_quietly(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(copying)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([copying])
        raise
