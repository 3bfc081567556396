"""The spaces of a guest's generation, written where they have changed and taken over where they have not."""

from pathlib import Path
from typing import Final

from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.errors import ProfileError
from pocketvisor.guest.boot import Boot
from pocketvisor.guest.capture import PAGE, GuestCapture, pieces_of
from pocketvisor.guest.disk_files import CapturedDisk
from pocketvisor.guest.flash import PIECE, Flash
from pocketvisor.guest.memory import data_pieces
from pocketvisor.guest.unsaved import Unsaved
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.profile.file import Saving
from pocketvisor.profile.manifest import Manifest
from pocketvisor.profile.tree import Space
from pocketvisor.storage.capture import CHUNK
from pocketvisor.storage.files import read_exactly

RAM: Final = "ram"
FRAMEBUFFER: Final = "framebuffer"
STATE: Final = "state"
FLASH: Final = "flash"
FIRMWARE: Final = "firmware"
FW_CFG: Final = "fw_cfg"
FILE: Final = "file:"

RAM_CHUNK: Final = 16 << 10
MEMORY_CHUNK: Final = 64 << 10


class SpaceWriter:
    """All of it blocks. `before`: the generation that this one goes on from."""

    def __init__(self, saving: Saving, before: Manifest | None) -> None:
        self._saving = saving
        self._before = before
        self.spaces: list[Space] = []

    def ram(self, capture: GuestCapture, changed: bytes | None) -> None:
        """`changed`: the pages that have, a bit each; None for all."""
        size = capture.ram_size
        chunks = None if changed is None else pieces_of(changed, size // PAGE, RAM_CHUNK // PAGE)

        def read(index: int) -> bytes | bytearray:
            at = index * RAM_CHUNK
            return capture.ram(at, min(RAM_CHUNK, size - at))

        self._add(self._saving.space(RAM, size, RAM_CHUNK, self._known(RAM), chunks, read))

    def state(self, state: bytes) -> None:
        def read(index: int) -> bytes:
            return state[index * RAM_CHUNK : (index + 1) * RAM_CHUNK]

        self._add(self._saving.space(STATE, len(state), RAM_CHUNK, None, None, read))

    def memory(self, name: str, fd: int, size: int) -> None:
        """A whole memfd or file, which may have holes."""
        filled = {at // MEMORY_CHUNK for at, _ in data_pieces(fd, MEMORY_CHUNK)}

        def read(index: int) -> bytes | bytearray:
            at = index * MEMORY_CHUNK
            return _read(fd, min(MEMORY_CHUNK, size - at), at) if index in filled else b""

        self._add(self._saving.space(name, size, MEMORY_CHUNK, self._known(name), None, read))

    def again(self, name: str) -> None:
        """As the generation before has it, if it does."""
        before = self._known(name)
        if before is not None:
            self._add(before)

    def flash(self, flash: Flash | None, fd: int, *, changed: bool) -> None:
        """`fd`: its content, where it has changed."""
        before = self._known(FLASH)
        if flash is None:
            return
        if before is not None and not changed:
            self._add(before)
            return
        pieces = flash.pieces.changed(fd)
        if pieces is None or before is None:
            self.memory(FLASH, fd, FLASH_BANK_SIZE)
            return
        self._add(
            self._saving.space(
                FLASH, FLASH_BANK_SIZE, PIECE, before, pieces, lambda piece: flash.pieces.read(fd, piece)
            )
        )

    def fixed(self, boot: Boot, *, known: bool) -> None:
        """What a boot has put into memory and nobody writes."""
        fw_cfg = boot.board.fw_cfg
        given = ((FIRMWARE, boot.firmware_fd, FLASH_BANK_SIZE),)
        handed = ((FW_CFG, fw_cfg.content, fw_cfg.kernel_size + fw_cfg.initrd_size),)
        for name, fd, size in (*given, *handed):
            before = self._known(name)
            if known and before is not None:
                self._add(before)
            elif fd >= 0 and size:
                self.memory(name, fd, size)

    def disks(self, disks: list[CapturedDisk], unsaved: Unsaved) -> None:
        for disk in disks:
            before, changed = self._known(disk.name), unsaved.chunks(disk)
            self._add(self._saving.space(disk.name, disk.size, CHUNK, before, changed, disk.chunk))

    def files(self, image: GuestImage) -> None:
        """What the guest is reset from. They are read once: an image's files do not change."""
        for field, path in image.files.items():
            before = self._known(FILE + field)
            if before is not None:
                self._add(before)
            else:
                self._file(FILE + field, path)

    def _file(self, name: str, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self.memory(name, file.fileno(), file.seek(0, 2))
        except OSError as error:
            raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error

    def _add(self, space: Space) -> None:
        self.spaces.append(space)

    def _known(self, name: str) -> Space | None:
        return self._before.space(name) if self._before is not None else None


def _read(fd: int, size: int, offset: int) -> bytearray:
    content = bytearray(size)
    read_exactly(fd, memoryview(content), offset)
    return content
