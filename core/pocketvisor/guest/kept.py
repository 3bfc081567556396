"""The half of a Guest that has to do with its profile: kept in a file, brought back from it, cloned."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec import structs

from pocketvisor.board.config import BoardConfig
from pocketvisor.control import messages
from pocketvisor.errors import GuestError, ProfileError
from pocketvisor.guest.boot import Boot
from pocketvisor.guest.capture import GuestCapture
from pocketvisor.guest.disk_files import CapturedDisk
from pocketvisor.guest.disks import Disks
from pocketvisor.guest.keeping import GuestProfile, Progress
from pocketvisor.guest.listeners import Listeners
from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.guest.origin import ProfileOrigin
from pocketvisor.guest.peripherals import Peripherals
from pocketvisor.guest.record import DiskRecord
from pocketvisor.guest.run import GuestRun
from pocketvisor.guest.unsaved import Unsaved
from pocketvisor.policies.act import Act
from pocketvisor.profile.file import Generation, ProfileFile
from pocketvisor.profile.keys import NewKeys

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest


class GuestKept:
    """`profile`: where it is kept; None for a guest that is gone when it is removed."""

    name: str
    state: GuestState
    options: RunOptions
    profile: GuestProfile | None
    unsaved: list[Unsaved]
    """What the files lack that it is saved in."""
    _listeners: Listeners
    _run: GuestRun | None
    _peripherals: Peripherals | None

    @property
    def _self(self) -> "Guest":
        return cast("Guest", self)

    async def keep(
        self, path: Path, *, keys: NewKeys | None = None, name: str = "", progress: Progress | None = None
    ) -> Generation:
        """Makes a profile of it, with a first generation of this name. Raises ProfileError, GuestError; there
        is no file then."""
        if self.profile is not None:
            raise GuestError(f"{self.name} is kept in {self.profile.path} already")
        self._self.check(Act.EXPORT)  # of a governed one's clone: the new profile would be free
        if self.options.origin is not None:
            await self.options.origin.have_files()
        file = await asyncio.to_thread(ProfileFile.create, path, keys)
        profile = self.profile = GuestProfile(self._self, file, 0)
        try:
            return await profile.save("snapshot", name, progress)
        except BaseException:
            self.profile = None
            await profile.close()
            await asyncio.to_thread(path.unlink, missing_ok=True)
            self.profile_changed()
            raise

    async def snapshot(self, name: str = "", *, progress: Progress | None = None) -> Generation:
        """A generation of the guest as it is now, while it runs on. Raises ProfileError, GuestError."""
        return await self._kept_in().save("snapshot", name, progress)

    async def suspend(self, *, progress: Progress | None = None) -> Generation:
        """Stands still, is saved, and its process ends. Where it cannot be saved it runs on."""
        guest, profile = self._self, self._kept_in()
        was = self.state
        if was not in (GuestState.RUNNING, GuestState.PAUSED):
            raise GuestError(f"{self.name} is {was.value}: there is nothing to suspend")
        await guest.pause()
        try:
            generation = await profile.save("suspend", "", progress)
        except BaseException:
            if was is GuestState.RUNNING:
                await guest.go_on()
            raise
        await guest.suspended()
        return generation

    async def restore(self, generation: int, *, paused: bool = False) -> None:
        """Is again what it was at that generation, in place. What is not saved is lost; other generations
        stay. Raises ProfileError, where nothing has happened, or GuestError."""
        guest, profile = self._self, self._kept_in()
        guest.check_held()
        manifest = await asyncio.to_thread(profile.file.manifest, generation)
        origin = ProfileOrigin(profile.file, manifest)
        guest.handset.check_room(guest.ram_mib, besides=guest)
        await asyncio.to_thread(profile.file.set_head, generation)
        await guest.become(origin, paused=paused)
        profile.generation = generation
        profile.saved_ns = manifest.created_ns
        await profile.begun(guest.run.boot)
        self.profile_changed()

    def set_autosave(self, seconds: float | None) -> None:
        """Saves it every so many seconds while it runs. Raises ProfileError, GuestError."""
        self._kept_in().set_autosave(seconds)

    async def capture(self, *, freeze: bool = False) -> GuestCapture:
        """All of it as it is now, with `capturing` held up to its end(). Raises GuestError, Refused."""
        self._self.check(Act.CLONE)
        return await GuestCapture.begin(self._self, self.run, freeze=freeze, flash=True)

    def _kept_in(self) -> GuestProfile:
        if self.profile is None:
            raise ProfileError(f"{self.name} is not kept in a profile yet")
        return self.profile

    # For its profile, captures and origins

    @property
    def run(self) -> GuestRun:
        """Raises GuestError where it was never started."""
        if self._run is None:
            raise GuestError(f"{self.name} was not started yet")
        return self._run

    @property
    def peripherals(self) -> Peripherals:
        if self._peripherals is None:
            raise GuestError(f"{self.name} was not started yet")
        return self._peripherals

    @property
    def board_when_off(self) -> BoardConfig:
        return self.run.boot.board

    @property
    def disk_records(self) -> list[DiskRecord]:
        disks = self.peripherals.find(Disks)
        return disks.records if disks is not None else []

    def begin_disk_capture(self, *, everything: bool = False) -> list[CapturedDisk]:
        """Raises StorageError, ProfileError."""
        disks = self.peripherals.find(Disks)
        return disks.begin_capture(everything=everything) if disks is not None else []

    @property
    def disk_names(self) -> list[str]:
        disks = self.peripherals.find(Disks)
        return disks.names if disks is not None else []

    def written(self, boot: Boot, dirty: bytes, flash: bool) -> None:
        """What its process has written to that boot's RAM since it told last, a bit a page, and whether it
        has written its flash. Whoever takes that from the process has to say so here."""
        for file in self.unsaved:
            file.written(boot, dirty, flash)

    def lost_track(self) -> None:
        """What was written may have been told to nobody: what saves it next looks at everything."""
        for file in self.unsaved:
            file.lost_track()

    def disks_saved(self, disks: list[CapturedDisk], where: Unsaved) -> None:
        """What had changed of them is in one file, and the others have yet to save it."""
        for disk in disks:
            disk.committed()
        for file in self.unsaved:
            if file is not where:
                file.disks_changed(disks)

    def profile_changed(self) -> None:
        self._listeners.emit("profile")

    def lock_changed(self) -> None:
        self._listeners.emit("lock")

    def policy_changed(self) -> None:
        self._listeners.emit("policy")

    def loading_failed(self, sentence: str) -> None:
        """A part of its RAM cannot be had: it waits for it, and would for ever."""
        self._self.end_crashed(sentence)

    def ram_loaded(self) -> None:
        if self._run is not None:
            self._run.send(messages.RamComplete())

    async def _close_profile(self) -> None:
        profile, self.profile = self.profile, None
        if profile is not None:
            await profile.close()
        origin: Any = self.options.origin
        if origin is not None:
            origin.close()


def on_its_own(options: RunOptions, origin: Any, *, paused: bool) -> RunOptions:
    """The options of a guest that goes on from an origin: what is asked for is what it was."""
    return structs.replace(
        options, origin=origin, paused=paused, replay=None, script=None, ports=(), vsock=None, offers=None
    )
