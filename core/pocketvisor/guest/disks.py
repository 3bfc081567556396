"""A guest's disks and the medium in its drive: opened before its first run, kept over resets and power off.

The drive takes files and folders, as a read-only ISO 9660 disk that is made of them when they are put in.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec import structs

from pocketvisor.board.config import DevicesConfig, DiskConfig
from pocketvisor.board.map import DISK_SLOTS
from pocketvisor.devices.virtio_blk import DiskTrouble, Medium
from pocketvisor.errors import GuestError, StorageError
from pocketvisor.guest.options import LIVE_STATES
from pocketvisor.recording import RecordingHead
from pocketvisor.storage.disk import OpenDisks, open_disks
from pocketvisor.storage.keep import KeptFolder, keep, nothing_kept
from pocketvisor.storage.media import make_media

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.peripherals import Peripherals

Progress = Callable[[str], None]
T = TypeVar("T")

DRIVE: Final = "media"
DISKS_MAX: Final = len(DISK_SLOTS)
_TROUBLES: Final = {
    "full": "this computer's disk is full, and what the guest wrote to {disk} was refused",
    "short": "the file of {disk} has become shorter while in use, and the guest could not read all of it",
    "lost": "{disk} could not be made durable: what the guest wrote last may be lost, and it was told so",
    "failed": "{disk} could not be read or written",
}


class Disks:
    """The peripheral: see guest/peripherals.py. `drive`: it has one, empty at first."""

    def __init__(self, opened: OpenDisks, kept: KeptFolder, drive: bool) -> None:
        self._opened = opened
        self._kept = kept
        self._medium: tuple[int, int] | None = None  # descriptor, size
        self._recorded: tuple[DiskConfig, ...] = ()
        self._recorded_drive: DiskConfig | None = None
        self.drive = drive

    @classmethod
    def recorded(cls, head: RecordingHead) -> "Disks":
        """For a replay, where nobody reads or writes them: their driver sees the same ones."""
        disks = cls(OpenDisks(), nothing_kept(), drive=False)
        disks._recorded = tuple(DiskConfig(size=disk.size, direct=disk.writable) for disk in head.disks)
        if head.drive is not None:
            disks._recorded_drive = DiskConfig(size=head.drive)
        return disks

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        disks = tuple(
            DiskConfig(
                base=disk.base,
                base_size=disk.base_size,
                overlay=disk.overlay,
                temporary=disk.temporary,
                direct=disk.direct,
                size=disk.size,
                serial=disk.serial,
            )
            for disk in self._opened.disks
        )
        drive = self._drive_config() if self.drive else self._recorded_drive
        return structs.replace(devices, disks=disks or self._recorded, media=drive)

    @property
    def descriptors(self) -> Sequence[int]:
        medium = [self._medium[0]] if self._medium is not None else []
        return [*self._opened.descriptors, *medium]

    def ended(self) -> None:
        pass

    async def close(self) -> None:
        self._change(None)
        self._opened.close()
        self._kept.close()

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
        self._change((made.fd, made.size))
        if guest.state in LIVE_STATES:
            guest.hand_over(DRIVE, Medium(made.size), made.fd)

    async def eject(self, guest: "Guest") -> None:
        self._check_drive(guest)
        self._change(None)
        guest.tell(DRIVE, Medium())

    def _check_drive(self, guest: "Guest") -> None:
        if not self.drive:
            raise GuestError(f"{guest.name} has no drive to put files into")

    def _change(self, medium: tuple[int, int] | None) -> None:
        """The medium's descriptor belongs to the drive."""
        if self._medium is not None:
            os.close(self._medium[0])
        self._medium = medium

    def _drive_config(self) -> DiskConfig:
        if self._medium is None:
            return DiskConfig(serial=DRIVE)
        fd, size = self._medium
        return DiskConfig(base=fd, base_size=size, size=size, serial=DRIVE)


async def open_guest_disks(guest: "Guest", progress: Progress) -> Disks | None:
    """As the options and the image say, or as recorded."""
    options, image = guest.options, guest.image
    if options.replay is not None:
        return Disks.recorded(options.replay.head)
    specs = (*image.disks, *options.disks)
    drive = image.media if options.media is None else options.media
    if not specs and not drive:
        return None
    if len(specs) > DISKS_MAX:
        raise StorageError(f"A guest has at most {DISKS_MAX} disks, not {len(specs)}")
    wants_folder = any(spec.keep and spec.mode == "overlay" for spec in specs)
    kept = keep(image.id, guest.id, guest.name) if wants_folder else nothing_kept()
    try:
        opened = await _in_thread(
            lambda tell, cancelled: open_disks(specs, kept.path, tell, cancelled),
            progress,
            lambda opened: opened.close(),
        )
    except BaseException:
        kept.close()
        raise
    if kept.sentence:
        progress(kept.sentence)
        guest.run_note(kept.sentence)
    guest.on("device", lambda device, data: _note_trouble(guest, device, data))
    return Disks(opened, kept, drive)


def of(guest: "Guest", peripherals: "Peripherals | None") -> Disks:
    """Raises GuestError where it has neither disk nor drive."""
    found = peripherals.find(Disks) if peripherals is not None else None
    if found is None:
        raise GuestError(f"{guest.name} has no drive to put files into")
    return found


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
    except msgspec.MsgspecError:
        return
    sentence = _TROUBLES.get(trouble.kind, _TROUBLES["failed"]).format(disk=device)
    guest.run_note(f"{sentence} ({trouble.detail[:100]})" if trouble.detail else sentence)
