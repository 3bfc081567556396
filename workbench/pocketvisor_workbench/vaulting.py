"""The vault: generations of the guests that are kept are copied to it as they are made, while they run on.

One copy at a time, the newest generation first. What cannot be copied is told once and tried again with the
next generation. Left out: pruning a vault, which the command line does.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from pocketvisor.api import Act, PocketvisorError
from pocketvisor_workbench.jobs import Job, ending_quietly
from pocketvisor_workbench.keeping import profile_of
from pocketvisor_workbench.log import Level, words_of
from pocketvisor_workbench.policy.asking import why_not

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.profile.file import ProfileFile
    from pocketvisor_workbench.session import Session


Tell = Callable[[int, int, float | None], None]


@dataclass(frozen=True)
class Copies:
    """How a profile's copies in the vault are."""

    newest: int = 0
    """The newest generation that is in the vault."""
    missing: int = 0
    busy: bool = False
    fraction: float | None = None
    problem: str = ""


class Vaulting(QObject):
    changed = Signal()

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session
        self.address = ""
        self._copies: dict[Path, Copies] = {}
        self._idents: dict[Path, bytes] = {}
        self._job: Job | None = None
        self._waiting: list[Guest] = []
        session.keeping.changed.connect(self._saved)

    def set_address(self, address: str) -> None:
        """A folder, or a URL that fsspec knows; empty for no vault. All that is kept is copied there."""
        address = address.strip()
        if address == self.address:
            return
        self.address = address
        self._copies.clear()
        self._waiting.clear()
        if self._job is not None:
            self._job.cancel()
        for guest in self._session.guests:
            self._saved(guest)
        self.changed.emit()

    def ident_of(self, path: Path) -> bytes | None:
        """The id of a profile that was copied."""
        return self._idents.get(path)

    def of(self, path: Path) -> Copies:
        return self._copies.get(path, Copies())

    def _saved(self, guest: "Guest") -> None:
        profile = profile_of(guest)
        if not self.address or profile is None or not profile.generation:
            return
        copies = self.of(profile.path)
        if copies.newest >= profile.generation and not copies.missing and not copies.problem:
            return
        if copies.problem and why_not(guest, Act.EXPORT):
            return  # it was told, and is in the audit log
        if guest not in self._waiting:
            self._waiting.append(guest)
        self._next()

    def _next(self) -> None:
        if self._job is not None or not self._waiting:
            return
        guest = self._waiting.pop(0)
        profile, address = profile_of(guest), self.address
        if profile is None:
            self._next()
            return
        path = profile.path

        async def work(job: Job) -> None:
            stop = threading.Event()

            def tell(missing: int, newest: int, fraction: float | None) -> None:
                loop.call_soon_threadsafe(self._tell, path, Copies(newest, missing, True, fraction))

            loop = asyncio.get_running_loop()
            copying = ending_quietly(asyncio.to_thread(_copy, address, profile.file, tell, stop))
            try:
                newest, self._idents[path] = await asyncio.shield(copying)
                self._tell(path, Copies(newest))
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait([copying])
                raise
            except PocketvisorError as error:
                if profile_of(guest) is not profile:  # it was closed meanwhile
                    return
                known = self.of(path)
                if known.problem != words_of(error):
                    words = f"{path.name} could not be copied to the vault: {words_of(error)}"
                    self._session.log.add(words, Level.WARNING, notice=True)
                self._tell(path, Copies(known.newest, known.missing, problem=words_of(error)))

        self._job = self._session.run(f"Copy {path.name} to the vault", work, shown=False)
        self._job.changed.connect(self._job_changed)

    def _job_changed(self) -> None:
        if self._job is not None and not self._job.running:
            self._job = None
            self._next()

    def _tell(self, path: Path, copies: Copies) -> None:
        self._copies[path] = copies
        self.changed.emit()


def _copy(address: str, file: "ProfileFile", tell: Tell, stop: threading.Event) -> tuple[int, bytes]:
    """In a thread. Answers the newest generation, which is in the vault then, and the profile's id."""
    from pocketvisor.errors import ProfileError
    from pocketvisor.policies.doors import check_file
    from pocketvisor.profile.vault import Vault
    from pocketvisor.profile.vault.store import without_secrets
    from pocketvisor.vaults import thin

    check_file(file, Act.EXPORT, to=without_secrets(address))
    vault = Vault(address)
    there: set[int] = set()
    try:
        for listed in vault.list():
            if listed.id == file.id:
                there = {one.number for one in listed.generations}
    except ProfileError:
        there = set()  # no vault yet: the first copy makes it one
    numbers = sorted((one.number for one in file.generations()), reverse=True)
    missing = [number for number in numbers if number not in there]
    newest = max(there, default=0)
    for done, number in enumerate(missing):
        left = len(missing) - done
        tell(left, newest, None)
        vault.copy(file, number, progress=_Copying(tell, left, newest), cancelled=stop.is_set)
        newest = max(newest, number)
    if missing:
        thin(vault, file)
    return max(numbers, default=0), file.id


@dataclass(frozen=True)
class _Copying:
    """The progress of one generation's copy."""

    tell: Tell
    missing: int
    newest: int

    def __call__(self, _: str, fraction: float | None) -> None:
        self.tell(self.missing, self.newest, fraction)
