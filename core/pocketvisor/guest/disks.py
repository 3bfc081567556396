"""A guest's disks and the medium in its drive: opened before its first run, kept over resets and power off.

The drive takes files and folders, as a read-only ISO 9660 disk that is made of them when they are put in.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec import structs

from pocketvisor.board.config import DevicesConfig, DiskConfig
from pocketvisor.board.map import DISK_SLOTS
from pocketvisor.devices.virtio_blk import DiskTrouble, Medium
from pocketvisor.errors import GuestError, ProfileError, StorageError
from pocketvisor.guest.disk_files import CapturedDisk, GuestDisk, disk_from_space, disks_of_files
from pocketvisor.guest.options import LIVE_STATES
from pocketvisor.guest.record import DiskRecord
from pocketvisor.recording import RecordingHead
from pocketvisor.storage.disk import DiskSpec, OpenDisk, open_disks
from pocketvisor.storage.keep import KeptFolder, keep, nothing_kept
from pocketvisor.storage.media import make_media

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.origin import ProfileOrigin
    from pocketvisor.guest.peripherals import Peripherals

Progress = Callable[[str], None]
T = TypeVar("T")

DRIVE: Final = "media"
DISKS_MAX: Final = len(DISK_SLOTS)
_TROUBLES: Final = {
    "full": "this computer's disk is full, and what the guest wrote to {disk} was refused",
    "short": "the file of {disk} has become shorter while in use, and the guest could not read all of it",
    "lost": "{disk} could not be made durable: what the guest wrote last may be lost, and it was told so",
    "unloaded": "a part of {disk} cannot be had from the profile, and reading it fails",
    "failed": "{disk} could not be read or written",
}


class Disks:
    """The peripheral: see guest/peripherals.py. `drive`: it has one, empty at first."""

    def __init__(self, disks: Sequence[GuestDisk], kept: KeptFolder, drive: bool) -> None:
        """The disks are named "disk0" and so on, in their order."""
        self._disks = list(disks)
        self._kept = kept
        self._medium: GuestDisk | None = None
        self._recorded: tuple[DiskConfig, ...] = ()
        self._recorded_drive: DiskConfig | None = None
        self.drive = drive

    @classmethod
    def recorded(cls, head: RecordingHead) -> "Disks":
        """For a replay, where nobody reads or writes them: their driver sees the same ones."""
        disks = cls([], nothing_kept(), drive=False)
        disks._recorded = tuple(DiskConfig(size=disk.size, direct=disk.writable) for disk in head.disks)
        if head.drive is not None:
            disks._recorded_drive = DiskConfig(size=head.drive)
        return disks

    @classmethod
    def from_profile(cls, origin: "ProfileOrigin") -> "Disks | None":
        """As a generation of a profile has them: they are loaded while the guest runs, from attach() on.
        Blocks; raises StorageError, OutOfMemory or ProfileError."""
        records, medium = origin.record.disks, origin.reader(DRIVE)
        drive = origin.record.image.media or medium is not None
        if not records and not drive:
            return None
        disks = cls([], nothing_kept(), drive)
        try:
            for number, record in enumerate(records):
                name = f"disk{number}"
                reader = origin.reader(name)
                if reader is None or reader.space.size != record.size:
                    raise ProfileError(f"The profile does not have {name} as its guest knows it")
                disks._disks.append(disk_from_space(name, reader, record.serial, writable=record.writable))
            if medium is not None:
                disks._medium = disk_from_space(DRIVE, medium, DRIVE, writable=False)
        except BaseException:
            disks._close_disks()
            raise
        return disks

    @classmethod
    def cloned(cls, captured: Sequence[CapturedDisk], drive: bool) -> "Disks | None":
        """As those of another guest were. Blocks; raises StorageError or OutOfMemory."""
        if not captured and not drive:
            return None
        disks = cls([], nothing_kept(), drive)
        try:
            for disk in captured:
                copied = GuestDisk(disk.name, disk.copy())
                if disk.name == DRIVE:
                    disks._medium = copied
                else:
                    disks._disks.append(copied)
        except BaseException:
            disks._close_disks()
            raise
        return disks

    def attach(self, guest: "Guest") -> None:
        """Before its first run: what goes wrong with its disks becomes a note of this guest's."""
        loop = asyncio.get_running_loop()

        def note(sentence: str) -> None:
            loop.call_soon_threadsafe(guest.run_note, sentence)

        for disk in self._all:
            disk.begin(note)
        guest.on("device", lambda device, data: _note_trouble(guest, device, data))

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        disks = tuple(disk.config for disk in self._disks)
        drive = self._recorded_drive
        if self.drive:
            drive = self._medium.config if self._medium is not None else DiskConfig(serial=DRIVE)
        return structs.replace(devices, disks=disks or self._recorded, media=drive)

    @property
    def descriptors(self) -> Sequence[int]:
        return [fd for disk in self._all for fd in disk.descriptors]

    @property
    def loading(self) -> float | None:
        """How much of what comes from a profile is here, 0 to 1; None where nothing is on its way."""
        loaders = [disk.lazy.loader for disk in self._all if disk.lazy is not None]
        left, total = sum(loader.left for loader in loaders), sum(loader.total for loader in loaders)
        return 1 - left / total if left else None

    @property
    def records(self) -> list[DiskRecord]:
        """What a profile says of them. The medium is none of them."""
        return [
            DiskRecord(size=disk.opened.size, serial=disk.opened.serial, writable=disk.writable)
            for disk in self._disks
        ]

    @property
    def names(self) -> list[str]:
        """Of their devices, the medium's too."""
        return [disk.name for disk in self._all]

    def begin_capture(self, *, everything: bool = False) -> list[CapturedDisk]:
        """Of all disks, and of the medium, by the names of their devices. What is sent to the guest's process
        has their names and shadows. `everything`: not only what has changed since the last capture.

        Blocks shortly; raises StorageError, or ProfileError where one cannot be in a profile."""
        captured: list[CapturedDisk] = []
        try:
            for disk in self._all:
                captured.append(CapturedDisk(disk, everything=everything))
        except BaseException:
            for begun in captured:
                begun.close()
            raise
        return captured

    def ended(self) -> None:
        pass

    async def close(self) -> None:
        await asyncio.to_thread(self._close_disks)
        self._kept.close()

    @property
    def _all(self) -> list[GuestDisk]:
        return [*self._disks, *([self._medium] if self._medium is not None else [])]

    def _close_disks(self) -> None:
        for disk in self._all:
            with suppress(OSError):  # it was told already: the guest's own flush has failed
                disk.flush()
            disk.close()
        self._disks, self._medium = [], None

    async def insert(self, guest: "Guest", paths: Sequence[Path], progress: Progress) -> None:
        """See Guest.insert_media()."""
        self._check_drive(guest)
        made = await _in_thread(
            lambda tell, cancelled: make_media(paths, _label(paths), tell, cancelled),
            progress,
            lambda made: os.close(made.fd),
        )
        if made.sentence:
            guest.run_note(made.sentence)
        opened = OpenDisk(base=made.fd, base_size=made.size, size=made.size, serial=DRIVE)
        await self._change(GuestDisk(DRIVE, opened))
        if guest.state in LIVE_STATES:
            guest.hand_over(DRIVE, Medium(made.size), made.fd)

    async def eject(self, guest: "Guest") -> None:
        self._check_drive(guest)
        await self._change(None)
        guest.tell(DRIVE, Medium())

    def _check_drive(self, guest: "Guest") -> None:
        if not self.drive:
            raise GuestError(f"{guest.name} has no drive to put files into")

    async def _change(self, medium: GuestDisk | None) -> None:
        """The medium is the drive's."""
        before, self._medium = self._medium, medium
        if before is not None:
            await asyncio.to_thread(before.close)


async def open_guest_disks(guest: "Guest", progress: Progress) -> Disks | None:
    """As the options and the image say, or as recorded."""
    options, image = guest.options, guest.image
    if options.replay is not None:
        return Disks.recorded(options.replay.head)
    if options.origin is not None:
        found = await asyncio.to_thread(options.origin.open_disks, guest, progress)
        if found is not None:
            found.attach(guest)
        return found
    specs = (*image.disks, *options.disks)
    drive = image.media if options.media is None else options.media
    if not specs and not drive:
        return None
    if len(specs) > DISKS_MAX:
        raise StorageError(f"A guest has at most {DISKS_MAX} disks, not {len(specs)}")
    wants_folder = any(spec.keep and spec.mode == "overlay" for spec in specs)
    kept = keep(image.id, guest.id, guest.name) if wants_folder else nothing_kept()
    try:
        disks = await _in_thread(
            lambda tell, cancelled: _open(specs, kept, drive, tell, cancelled),
            progress,
            lambda disks: disks._close_disks(),
        )
    except BaseException:
        kept.close()
        raise
    if kept.sentence:
        progress(kept.sentence)
        guest.run_note(kept.sentence)
    disks.attach(guest)
    return disks


def of(guest: "Guest", peripherals: "Peripherals | None") -> Disks:
    """Raises GuestError where it has neither disk nor drive."""
    found = peripherals.find(Disks) if peripherals is not None else None
    if found is None:
        raise GuestError(f"{guest.name} has no drive to put files into")
    return found


def _open(
    specs: Sequence[DiskSpec], kept: KeptFolder, drive: bool, tell: Progress, cancelled: Callable[[], bool]
) -> Disks:
    return Disks(disks_of_files(open_disks(specs, kept.path, tell, cancelled)), kept, drive)


async def _in_thread(
    work: Callable[[Progress, Callable[[], bool]], T], progress: Progress, undo: Callable[[T], None]
) -> T:
    """Cancelled, it stops soon, and what it made all the same is undone."""
    loop = asyncio.get_running_loop()
    given_up = False

    def tell(sentence: str) -> None:
        loop.call_soon_threadsafe(progress, sentence)

    def undo_late(done: asyncio.Future[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            undo(done.result())

    working = asyncio.ensure_future(asyncio.to_thread(work, tell, lambda: given_up))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        given_up = True
        working.add_done_callback(undo_late)
        raise


def _label(paths: Sequence[Path]) -> str:
    return paths[0].stem if len(paths) == 1 else "FILES"


def _note_trouble(guest: "Guest", device: str, data: bytes) -> None:
    if not device.startswith("disk") and device != DRIVE:
        return
    try:
        trouble = msgspec.msgpack.decode(data, type=DiskTrouble)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    sentence = _TROUBLES.get(trouble.kind, _TROUBLES["failed"]).format(disk=device)
    guest.run_note(f"{sentence} ({trouble.detail[:100]})" if trouble.detail else sentence)
