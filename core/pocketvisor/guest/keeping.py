"""A guest's profile while the guest is on a handset: when it is saved there, and what is known of it.

What has changed since the last generation is known without looking (the engine's dirty log, the disks' maps),
so that one more costs what changed. A generation counts when ProfileFile.commit() has come back.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from pocketvisor.errors import GuestError, PocketvisorError, ProfileError
from pocketvisor.guest.boot import Boot
from pocketvisor.guest.capture import GuestCapture
from pocketvisor.guest.disk_files import CapturedDisk
from pocketvisor.guest.flash import Flash
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.record import BOARD_VERSION, GuestRecord, encode, record_of
from pocketvisor.guest.spaces import FRAMEBUFFER, SpaceWriter
from pocketvisor.guest.unsaved import Unsaved
from pocketvisor.migration.leases import Leases, written_lease
from pocketvisor.policies.act import Act
from pocketvisor.profile.file import Generation, ProfileFile, Saving
from pocketvisor.profile.ledger import Ledger
from pocketvisor.profile.manifest import Kind, Manifest
from pocketvisor.profile.tree import Space

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

AUTOSAVES_KEPT: Final = 10
LEAST_AUTOSAVE_SECONDS: Final = 1.0

Progress = Callable[[str, float | None], None]
T = TypeVar("T")


class SaveReport(Struct, frozen=True, kw_only=True):
    """How the last save went: how long the guest stood still, how long it took, what the file grew by."""

    generation: int
    pause_ms: float
    seconds: float
    bytes: int


class GuestProfile:
    """The guest emits "profile" when something here changes. close() lets the file go."""

    def __init__(self, guest: "Guest", file: ProfileFile, generation: int) -> None:
        """`generation`: which one the guest's memory and disks are; 0 for none."""
        self.file = file
        self.generation = generation
        self.saved_ns = 0
        """When the generation was made, of the host's clock; 0 for never."""
        self.autosave: float | None = None
        self.saving = False
        self.problem = ""
        self.last: SaveReport | None = None
        self._guest = guest
        self._manifest: Manifest | None = None
        self._unsaved = Unsaved()
        guest.unsaved.append(self._unsaved)
        self._lock = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._attach: Callable[[Saving], list[Space]] | None = None
        self._saving: Saving | None = None
        self._thumbnail = b""
        self._deleted = 0

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def name(self) -> str:
        return self.path.stem

    async def begun(self, boot: Boot) -> None:
        """A boot goes on from the generation that this has."""
        self._unsaved.begun(boot, self._guest.disk_names)
        self._manifest = await asyncio.to_thread(self.file.manifest, self.generation)

    async def save(
        self,
        kind: Kind,
        name: str = "",
        progress: Progress | None = None,
        *,
        attach: Callable[[Saving], list[Space]] | None = None,
    ) -> Generation:
        """A new generation, of the guest as it is now. Cancelled, there is none. `attach` writes what else is
        in it, on a thread. Raises ProfileError, GuestError."""
        guest = self._guest
        async with self._lock:
            self._attach = attach
            if guest.state in (GuestState.STARTING, GuestState.STOPPED):
                raise GuestError(f"{guest.name} is {guest.state.value}, and cannot be saved now")
            began = time.monotonic()
            self.saving, self.problem = True, ""
            self._tell()
            try:
                if guest.state in (GuestState.OFF, GuestState.CRASHED):
                    generation, pause = await self._save_off(name, progress), 0.0
                else:
                    generation, pause = await self._save_live(kind, name, progress)
            except BaseException as error:
                self.problem = str(error) if isinstance(error, PocketvisorError) else ""
                raise
            finally:
                self.saving, self._attach = False, None
                self._tell()
            self.last = SaveReport(
                generation=generation.number,
                pause_ms=pause,
                seconds=time.monotonic() - began,
                bytes=generation.added,
            )
            self._tell()
            return generation

    def set_autosave(self, seconds: float | None) -> None:
        """A generation every so often while the guest runs; the oldest of them go. Raises ProfileError."""
        if seconds is not None and not LEAST_AUTOSAVE_SECONDS <= seconds <= 86400:
            raise ProfileError("It is saved every second at most, and once a day at least")
        self.autosave = seconds
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.create_task(self._autosave(seconds))
        self._tell()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.cancel()
        if self._unsaved in self._guest.unsaved:
            self._guest.unsaved.remove(self._unsaved)
        async with self._lock:
            await asyncio.to_thread(self.file.close)

    def cancel(self) -> None:
        """What is being saved is given up."""
        if self._saving is not None:
            self._saving.cancel()

    async def _autosave(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            if self._guest.state is not GuestState.RUNNING:
                continue
            try:
                await self.save("autosave")
                async with self._lock:
                    await self._through(self.thin)
            except PocketvisorError as error:
                self.problem = str(error)
                self._guest.run_note(f"was not saved: {error}")
                self._tell()

    def thin(self) -> None:
        """Of those that nobody asked for the newest stay."""
        head = self.file.head
        unasked = [
            each.number
            for each in self.file.generations()
            if each.kind in ("autosave", "move") and each.number != head
        ]
        old = unasked[: -(AUTOSAVES_KEPT - 1)]
        for number in old:
            self.file.delete(number)
        self._deleted += len(old)
        if self._deleted >= AUTOSAVES_KEPT:  # giving their room back costs more than a save
            self._deleted = 0
            self.file.prune()

    # Saving

    async def _save_live(self, kind: Kind, name: str, progress: Progress | None) -> tuple[Generation, float]:
        guest = self._guest
        run = guest.run
        boot = run.boot
        flash = guest.peripherals.find(Flash)
        async with AsyncExitStack() as held:
            boot.hold()  # a reset meanwhile begins another one
            held.callback(boot.close)
            if boot.ram.loading:
                await self._through(boot.ram.complete)
            await held.enter_async_context(guest.capturing)
            run = guest.run  # it may have moved meanwhile
            if run.boot is not boot:
                raise GuestError(f"{guest.name} was reset, and is saved when it is asked for again")
            unsaved = self._unsaved
            fresh = unsaved.is_all(boot)
            capture = await GuestCapture.begin(guest, run, flash=fresh or unsaved.flash, unsaved=unsaved)
            held.callback(capture.end)
            saved = capture.captured.saved
            record = record_of(
                guest,
                boot.board,
                guest.disk_records,
                running=True,
                paused=not saved.ran,
                state_size=saved.size,
            )
            changed = unsaved.pages(boot)
            flash_changed = fresh or unsaved.flash

            def write(writer: SpaceWriter) -> None:
                writer.ram(capture, changed)
                writer.memory(FRAMEBUFFER, capture.framebuffer, boot.board.panel.size)
                writer.state(capture.state())
                writer.flash(flash, capture.flash, changed=flash_changed)
                writer.fixed(boot, known=not fresh)
                writer.disks(capture.disks, unsaved)
                writer.files(guest.image)

            self._thumbnail = b""
            if not guest.allows(Act.SCREENSHOT):
                self._thumbnail = await self._through(guest.panel.thumbnail)
            generation = await self._through(lambda: self._write(kind, name, record, write, progress))
            self._committed(boot, capture.disks, flash)
        return generation, capture.pause_ms

    async def _save_off(self, name: str, progress: Progress | None) -> Generation:
        """Its disks and its flash."""
        guest = self._guest
        disks = guest.begin_disk_capture(everything=self._unsaved.wants_all_of(guest.disk_names))
        flash = guest.peripherals.find(Flash)
        try:
            for disk in disks:
                disk.begin_here()
            record = record_of(guest, guest.board_when_off, guest.disk_records)

            def write(writer: SpaceWriter) -> None:
                writer.disks(disks, self._unsaved)
                writer.files(guest.image)
                if flash is not None:
                    writer.flash(flash, flash.fd, changed=True)

            self._thumbnail = b""
            generation = await self._through(lambda: self._write("off", name, record, write, progress))
            self._committed(None, disks, flash)
        finally:
            for disk in disks:
                disk.close()
        return generation

    def _write(
        self,
        kind: Kind,
        name: str,
        record: GuestRecord,
        write: Callable[[SpaceWriter], None],
        progress: Progress | None,
    ) -> Generation:
        """On a thread."""
        guest = self._guest
        attach = self._attach
        with self.file.begin(self.generation) as saving:
            self._saving = saving
            try:
                saving.progress = progress
                writer = SpaceWriter(saving, self._manifest)
                write(writer)
                generation = saving.commit(
                    name=name,
                    kind=kind,
                    guest=encode(record),
                    policy=guest.policy_document,
                    spaces=[*writer.spaces, *(attach(saving) if attach is not None else ())],
                    thumbnail=self._thumbnail,
                    board=BOARD_VERSION,
                    lease=written_lease(Leases(Ledger()), self.file.id, self._manifest),
                )
            finally:
                self._saving = None
        self._manifest = self.file.manifest(generation.number)
        self.generation, self.saved_ns = generation.number, generation.created_ns
        Ledger().record(self.file.id, {generation.number: generation.digest})
        return generation

    def _committed(self, boot: Boot | None, disks: list[CapturedDisk], flash: Flash | None) -> None:
        self._unsaved.nothing(boot, [disk.name for disk in disks])
        self._guest.disks_saved(disks, self._unsaved)
        if flash is not None:
            flash.pieces.committed()

    async def _through(self, work: Callable[[], T]) -> T:
        """A thread cannot be stopped in its midst: whoever is cancelled waits until it has given up."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.cancel()
            if not task.done():
                await asyncio.wait([task])
            task.exception()
            raise

    def _tell(self) -> None:
        self._guest.profile_changed()
