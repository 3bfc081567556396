"""The flash that a guest writes, where firmware keeps its variables: memory, and a file where it is kept.

The memory is the guest's over resets and power off, as a chip's content is. The file is written shortly
after the guest wrote to the chip, and when a run has ended, in whatever way; always whole, into a new file
that takes the old one's place, so that there is either the old content or the new. It is raw and of the
chip's size, as QEMU's pflash takes it, with holes. Where a guest is saved, this memory belongs to it as its
RAM does.

Left out: keeping what a replay writes, which the recorded run has kept already.
"""

import asyncio
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from blake3 import blake3
from msgspec import structs

from pocketvisor.board.config import DevicesConfig
from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.errors import StorageError
from pocketvisor.guest.memory import create_memfd, data_pieces, digest
from pocketvisor.storage.descriptors import let_go
from pocketvisor.storage.files import data_ranges
from pocketvisor.storage.keep import KeptFolder, keep, nothing_kept

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.origin import Origin

DEVICE: Final = "flash"
PIECE: Final = 64 << 10
"""What it is saved in."""
_ZEROS: Final = bytes(PIECE)


class FlashFile:
    """A flash's content in a file, locked while it is open. Blocks; raises StorageError with the sentence."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._fd = _locked(self.path, os.O_RDWR | os.O_CREAT)
        try:
            status = os.fstat(self._fd)
            if not stat.S_ISREG(status.st_mode):
                raise StorageError(f"{path}: is no regular file")
            if status.st_size > FLASH_BANK_SIZE:
                raise StorageError(f"{path}: is larger than the flash, which has {FLASH_BANK_SIZE >> 20} MiB")
        except BaseException:
            os.close(self._fd)
            raise

    def load(self, memory: int) -> None:
        """Into the flash's memory; where the file is shorter, zeros follow."""
        try:
            _copy(self._fd, memory)
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be read: {error.strerror}") from error

    def save(self, memory: int) -> None:
        """In one step: whoever looks, or comes back after the computer has lost its power, finds either."""
        new = self.path.with_name(f".{self.path.name}.new")
        fd = -1
        try:
            with suppress(FileNotFoundError):
                new.unlink()
            fd = _locked(new, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            os.fchmod(fd, stat.S_IMODE(os.fstat(self._fd).st_mode))
            os.ftruncate(fd, FLASH_BANK_SIZE)
            _copy(memory, fd)
            os.fsync(fd)
            os.rename(new, self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
                with suppress(OSError):
                    new.unlink()
            raise StorageError(f"{self.path}: cannot be written: {error.strerror}") from error
        os.close(self._fd)
        self._fd = fd

    def close(self) -> None:
        self._fd = let_go([self._fd])


class FlashPieces:
    """Which pieces of a flash's content a profile has otherwise. Only what is no hole is looked at, which
    costs less than a millisecond for the variables of a firmware."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] | None = None
        self._seen: dict[int, bytes] = {}

    def changed(self, memory: int) -> list[int] | None:
        """Numbers of the pieces of this content that are other than when it was committed() last; None for
        all of them. Blocks."""
        self._seen = {}
        for begin, end in data_ranges(memory, 0, FLASH_BANK_SIZE):
            for piece in range(begin // PIECE, -(-end // PIECE)):
                content = self.read(memory, piece)
                if content:
                    self._seen[piece] = blake3(content).digest()
        if self._known is None:
            return None
        pieces = self._known.keys() | self._seen.keys()
        return sorted(piece for piece in pieces if self._known.get(piece) != self._seen.get(piece))

    def committed(self) -> None:
        """What changed() has seen last is durable in the profile."""
        self._known = self._seen

    def read(self, memory: int, piece: int) -> bytes:
        """b"" for zeros."""
        content = os.pread(memory, PIECE, piece * PIECE)
        return b"" if content == _ZEROS else content


class Flash:
    """One guest's, as a peripheral. `fd` is its memory; `file` is None where it is not kept."""

    def __init__(
        self, note: Callable[[str], None], file: FlashFile | None = None, kept: KeptFolder | None = None
    ) -> None:
        self.fd = create_memfd("flash", FLASH_BANK_SIZE)
        self.pieces = FlashPieces()
        self.file = file
        self._note = note
        self._kept = kept
        self._saved = ""
        self._asked = False
        self._saving: asyncio.Task[None] | None = None
        self.unsubscribe: Callable[[], None] = lambda: None

    def load(self) -> None:
        if self.file is not None:
            self.file.load(self.fd)
            self._saved = digest(self.fd)

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        return structs.replace(devices, flash=self.fd)

    @property
    def descriptors(self) -> Sequence[int]:
        return [self.fd]

    def ended(self) -> None:
        self.keep()

    def keep(self) -> None:
        """Soon, without waiting: what the guest has written to it up to now."""
        self._asked = self.file is not None
        if self._asked and self._saving is None:
            self._saving = asyncio.create_task(self._save())

    async def close(self) -> None:
        if self.fd < 0:
            return
        self.unsubscribe()
        self.keep()
        if self._saving is not None:
            await self._saving
        self.fd = let_go([self.fd])
        if self.file is not None:
            self.file.close()
        if self._kept is not None:
            self._kept.close()

    async def _save(self) -> None:
        while self._asked:
            self._asked = False
            try:
                await asyncio.to_thread(self._save_changes)
            except StorageError as error:
                self._note(f"What it wrote to its flash is not kept: {error}")
        self._saving = None

    def _save_changes(self) -> None:
        now = digest(self.fd)
        if self.file is not None and now != self._saved:
            self.file.save(self.fd)
            self._saved = now


async def open_flash(guest: "Guest", _: Callable[[str], None]) -> Flash:
    """In the file that was named, else in the guest's folder if the guest keeps what it writes."""
    options, path = guest.options, guest.options.flash
    if options.origin is not None:
        return await _flash_of_origin(guest, options.origin)
    kept = nothing_kept()
    if path is None and guest.image.keep and guest.image.kind == "firmware":
        kept = keep(guest.image.id, guest.id, guest.name)
        if kept.sentence:
            guest.run_note(kept.sentence[:1].upper() + kept.sentence[1:])
        path = kept.path / "flash" if kept.path is not None else None
    try:
        file = await asyncio.to_thread(FlashFile, path) if path is not None else None
        flash = Flash(guest.run_note, file, kept)
    except BaseException:
        kept.close()
        raise
    try:
        await asyncio.to_thread(flash.load)
    except BaseException:
        if file is not None:
            flash.file = None
            file.close()
        await flash.close()
        raise
    if options.replay is not None and file is not None:
        flash.file = None
        file.close()
    flash.unsubscribe = guest.on("device", lambda device, _: flash.keep() if device == DEVICE else None)
    return flash


async def _flash_of_origin(guest: "Guest", origin: "Origin") -> Flash:
    """Its profile keeps it."""
    flash = Flash(guest.run_note)
    try:
        await asyncio.to_thread(origin.fill, DEVICE, flash.fd)
    except BaseException:
        await flash.close()
        raise
    return flash


def _locked(path: Path, flags: int) -> int:
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise StorageError(f"{path}: cannot be opened to keep a flash in: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise StorageError(f"{path}: is another guest's flash already") from error
    return fd


def _copy(source: int, target: int) -> None:
    """What is not zero; the target is."""
    for at, piece in data_pieces(source, PIECE):
        if piece == _ZEROS[: len(piece)]:
            continue
        written = 0
        while written < len(piece):
            written += os.pwrite(target, piece[written:], at + written)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
