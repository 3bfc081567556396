"""A clone of a running guest: what it was at one moment, its RAM shared with it from then on."""

import asyncio
from typing import TYPE_CHECKING

from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.errors import GuestError
from pocketvisor.guest.capture import GuestCapture
from pocketvisor.guest.disks import Disks
from pocketvisor.guest.memory import data_pieces
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.origin import Progress
from pocketvisor.guest.ram import Ram
from pocketvisor.guest.record import record_of
from pocketvisor.guest.spaces import FIRMWARE, FLASH, FRAMEBUFFER, FW_CFG
from pocketvisor.guest.transit import check_movable
from pocketvisor.storage.files import write_all

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

_PIECE = 1 << 20


class CloneOrigin:
    """Made by of(). It is used up by one guest's start; a reset of that reads the image again."""

    def __init__(self, guest: "Guest", capture: GuestCapture) -> None:
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
    async def of(cls, guest: "Guest") -> "CloneOrigin":
        """With guest.capturing held, to close(). Raises GuestError where it cannot be cloned."""
        check_movable(guest)
        if guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            raise GuestError(f"{guest.name} is {guest.state.value}: it can be cloned when it runs")
        ram = guest.run.boot.ram
        if ram.loading:
            await asyncio.to_thread(ram.complete)
        return cls(guest, await guest.capture(freeze=True))

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

    def close(self) -> None:
        """When the clone has started, or has not."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.end()
            self._boot.close()
        if self._ram is not None:
            self._ram.close()
            self._ram = None
