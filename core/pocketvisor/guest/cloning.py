"""A clone of a running guest: what it was at one moment, its RAM shared with it from then on."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.errors import GuestError, ProfileError
from pocketvisor.guest.capture import GuestCapture
from pocketvisor.guest.disks import Disks
from pocketvisor.guest.memory import data_pieces
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.origin import Progress
from pocketvisor.guest.ram import Ram
from pocketvisor.guest.record import record_of
from pocketvisor.guest.spaces import FIRMWARE, FLASH, FRAMEBUFFER, FW_CFG
from pocketvisor.guest.transit import check_movable
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.storage.files import write_all

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

_PIECE = 1 << 20


class CloneOrigin:
    """Made by of(). It is used up by one guest's start; a reset of that reads the image again."""

    def __init__(self, guest: "Guest", capture: GuestCapture, image: GuestImage, folder: Path | None) -> None:
        self.image = image
        self._folder = folder
        run = guest.run
        captured = capture.captured
        self.goes_on = True
        self.strange = False
        self.record = record_of(
            guest,
            run.boot.board,
            guest.disk_records,
            without_network=True,
            running=True,
            paused=not captured.saved.ran,
            state_size=captured.saved.size,
        )
        self._capture: GuestCapture | None = capture
        self._drive = guest.has_drive
        self._boot = run.boot
        self._boot.hold()
        self._ram: Ram | None = run.boot.ram.shared(captured.blocks)
        board = run.boot.board
        self._sources = {
            FRAMEBUFFER: (capture.framebuffer, board.panel.size),
            FLASH: (capture.flash, FLASH_BANK_SIZE),
            FIRMWARE: (run.boot.firmware_fd, FLASH_BANK_SIZE),
            FW_CFG: (board.fw_cfg.content, board.fw_cfg.kernel_size + board.fw_cfg.initrd_size),
        }

    @classmethod
    async def of(cls, guest: "Guest", origin_of: "Guest | None" = None) -> "CloneOrigin":
        """With guest.capturing held, to used_up(). `origin_of`: whose past this guest is, if it is one's.
        Raises GuestError where it cannot be cloned."""
        check_movable(guest)
        if guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            raise GuestError(f"{guest.name} is {guest.state.value}: it can be cloned when it runs")
        ram = guest.run.boot.ram
        if ram.loading:
            await asyncio.to_thread(ram.complete)
        image, folder = await _files_of(origin_of or guest)
        try:
            return cls(guest, await guest.capture(freeze=True), image, folder)
        except BaseException:
            _forget(folder)
            raise

    def take_ram(self, guest: "Guest") -> Ram:
        ram, self._ram = self._ram, None
        if ram is None:
            raise GuestError(f"{guest.name} was started from what it is a clone of already")
        return ram

    def state(self) -> bytes:
        assert self._capture is not None
        return self._capture.state()

    def fill(self, name: str, fd: int) -> None:
        if self._capture is None:
            return  # a reset: its flash is its own by now
        source, size = self._sources[name]
        if size and source >= 0:
            for at, piece in data_pieces(source, _PIECE):
                write_all(fd, (piece,), len(piece), at)

    def open_disks(self, guest: "Guest", progress: Progress) -> Disks | None:
        assert self._capture is not None
        return Disks.cloned(self._capture.disks, self._drive)

    async def have_files(self) -> None:
        """They are the image's own."""

    @property
    def lends_files(self) -> bool:
        """Whether its image's files go with it."""
        return self._folder is not None

    def used_up(self) -> None:
        """When the clone has started, or has not."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.end()
            self._boot.close()
        if self._ram is not None:
            self._ram.close()
            self._ram = None

    def close(self) -> None:
        """With the clone."""
        self.used_up()
        _forget(self._folder)
        self._folder = None


async def _files_of(guest: "Guest") -> tuple[GuestImage, Path | None]:
    """The image that a clone is reset from. Where its files go with the guest the clone has its own; a guest
    without any, as out of a recording, has none for it either."""
    image, origin = guest.image, guest.options.origin
    if origin is None or not image.files or (isinstance(origin, CloneOrigin) and not origin.lends_files):
        return image, None
    try:
        await origin.have_files()
    except ProfileError:
        return image, None  # whoever wants to reset the clone is told
    folder = Path(tempfile.mkdtemp(prefix="pocketvisor-"))
    try:
        for field, path in image.files.items():
            try:
                os.link(path, folder / field)
            except OSError:  # somebody else's, or on another file system
                await asyncio.to_thread(shutil.copyfile, path, folder / field)
    except OSError as error:
        _forget(folder)
        raise GuestError(f"{guest.name} cannot be cloned: {error.filename}: {error.strerror}") from error
    return structs.replace(image, **{field: folder / field for field in image.files}), folder


def _forget(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
