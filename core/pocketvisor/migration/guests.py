"""Guests on handsets as a move between machines needs them: one that goes, and the place for one that comes.

While it is not certain whose a guest is it is `held`: nobody resumes or restarts it by accident.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pocketvisor.errors import GuestError, PocketvisorError
from pocketvisor.guest import nursery
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.keeping import GuestProfile
from pocketvisor.guest.options import LIVE_STATES, GuestState
from pocketvisor.guest.record import decode
from pocketvisor.guest.transit import check_movable
from pocketvisor.handset import Handset
from pocketvisor.migration.lease import Peer
from pocketvisor.migration.peers import shown_fingerprint
from pocketvisor.policies.act import Act
from pocketvisor.policies.doors import check_file
from pocketvisor.policies.generations import governed_head
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.to_the_end import to_the_end


class LeavingGuest:
    """A MovingGuest that is on a handset here; it has a profile."""

    def __init__(self, guest: Guest) -> None:
        """Raises GuestError where it cannot leave."""
        check_movable(guest)
        if guest.held:
            raise GuestError(guest.held)
        self.guest = guest
        self.name = guest.name
        self.ram_mib = guest.ram_mib if guest.state in LIVE_STATES else 0
        self.key = self._profile.file.sealer.key_text
        self.runs = guest.would_run
        self._autosave = self._profile.autosave

    @property
    def _profile(self) -> GuestProfile:
        if self.guest.profile is None:
            raise GuestError(f"{self.guest.name} is not kept in a profile yet")
        return self.guest.profile

    @property
    def file(self) -> ProfileFile:
        return self._profile.file

    def may_leave(self, peer: Peer) -> None:
        self.guest.check(Act.MOVE, to=shown_fingerprint(peer.fingerprint))

    async def take_generation(self) -> int | None:
        if self.guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            return None
        return (await self._profile.save("move")).number

    async def last_generation_paused(self) -> int:
        guest = self.guest
        self._profile.set_autosave(None)
        self.runs = guest.would_run
        guest.held = f"{self.name} is moving to another machine"
        await to_the_end(asyncio.ensure_future(guest.pause()))  # cancelled or not: go_on() finds it paused
        return (await self._profile.save("move" if guest.state in LIVE_STATES else "off")).number

    async def go_on(self) -> None:
        self.guest.held = ""
        if self._autosave is not None:
            self._profile.set_autosave(self._autosave)
        if self.runs:
            await self.guest.go_on()

    async def end(self) -> None:
        await self.guest.handset.remove(self.guest)

    def unknown(self, sentence: str) -> None:
        """It is not known whose it is: that is why it does not go on."""
        self.guest.held = sentence


class StoredPhone:
    """A MovingGuest that does not run: a profile's file alone, unlocked. What runs there is its head."""

    ram_mib = 0
    runs = True

    def __init__(self, file: ProfileFile) -> None:
        self.file = file
        self.name = file.path.stem
        self.key = file.sealer.key_text

    def may_leave(self, peer: Peer) -> None:
        check_file(self.file, Act.MOVE, to=shown_fingerprint(peer.fingerprint))

    async def take_generation(self) -> int | None:
        return None

    async def last_generation_paused(self) -> int:
        return await asyncio.to_thread(governed_head, self.file)

    async def go_on(self) -> None:
        pass

    async def end(self) -> None:
        pass

    def unknown(self, sentence: str) -> None:
        pass


class HandsetLanding:
    """A Landing: what arrives runs on this handset. A phone that was off stays off: it is a file here.

    `arrived` gets the guest when it runs, and the path of a phone that is off."""

    def __init__(self, handset: Handset, arrived: Callable[[Guest | None, Path], None]) -> None:
        self._handset = handset
        self._arrived = arrived

    async def check(self, name: str, ram_mib: int) -> None:
        if ram_mib:
            self._handset.check_room(ram_mib)
        nursery.warm()  # while it is on its way

    async def prepare(
        self, path: Path, generation: int, key: str | None, runs: bool
    ) -> "ArrivingGuest | ArrivingFile":
        unlock = Unlock(key=key) if key is not None else None
        if not await asyncio.to_thread(_was_running, path, generation, unlock):
            return ArrivingFile(path, self._arrived)

        def hold(guest: Guest) -> None:
            guest.held = f"{guest.name} is on its way here, and not this machine's yet"

        guest = await self._handset.open_profile(
            path, generation=generation, unlock=unlock, paused=True, arriving=True, on_guest=hold
        )
        return ArrivingGuest(guest, path, runs, self._arrived)


class ArrivingGuest:
    def __init__(
        self, guest: Guest, path: Path, runs: bool, arrived: Callable[[Guest | None, Path], None]
    ) -> None:
        self.guest = guest
        self._path = path
        self._runs = runs
        self._arrived = arrived

    async def go_on(self) -> None:
        self.guest.held = ""
        if self._runs:
            await self.guest.resume()
        self._arrived(self.guest, self._path)

    async def end(self) -> None:
        with suppress(PocketvisorError):
            await self.guest.handset.remove(self.guest)


class ArrivingFile:
    def __init__(self, path: Path, arrived: Callable[[Guest | None, Path], None]) -> None:
        self._path = path
        self._arrived = arrived

    async def go_on(self) -> None:
        self._arrived(None, self._path)

    async def end(self) -> None:
        pass


def _was_running(path: Path, generation: int, unlock: Unlock | None) -> bool:
    """Whether there are memory and a state to go on from. Raises ProfileError."""
    file = ProfileFile.open(path, read_only=True)
    try:
        if unlock is not None:
            file.unlock(unlock)
        return decode(file.manifest(generation).guest).running
    finally:
        file.close()
