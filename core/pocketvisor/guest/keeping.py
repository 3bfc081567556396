"""A guest's profile while the guest is on a handset: its generations are saved here, as it runs.

What has changed since the last generation is known without looking (the engine's dirty log, the disks' maps),
so that one more costs what changed. A generation counts when ProfileFile.commit() has come back.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.errors import GuestError, PocketvisorError, ProfileError
from pocketvisor.guest import origin as names
from pocketvisor.guest.boot import Boot
from pocketvisor.guest.capture import PAGE, GuestCapture, merged, pieces_of
from pocketvisor.guest.disk_files import CapturedDisk
from pocketvisor.guest.flash import PIECE, Flash
from pocketvisor.guest.memory import data_pieces
from pocketvisor.guest.options import GuestState
from pocketvisor.guest.record import BOARD_VERSION, encode, record_of
from pocketvisor.profile.file import Generation, ProfileFile, Saving
from pocketvisor.profile.ledger import Ledger
from pocketvisor.profile.manifest import Kind, Manifest
from pocketvisor.profile.tree import Space
from pocketvisor.storage.capture import CHUNK
from pocketvisor.storage.files import read_exactly

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

RAM_CHUNK: Final = 16 << 10
MEMORY_CHUNK: Final = 64 << 10
AUTOSAVES_KEPT: Final = 10
LEAST_AUTOSAVE_SECONDS: Final = 1.0
_SAVEABLE: Final = frozenset({GuestState.RUNNING, GuestState.PAUSED, GuestState.OFF, GuestState.CRASHED})

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
        self._boot: Boot | None = None  # whose RAM the generation has, but for the dirty pages
        self._dirty = b""
        self._flash_known = False
        self._lock = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def name(self) -> str:
        return self.path.stem

    async def begun(self, boot: Boot) -> None:
        """A boot goes on from the generation that this has."""
        self._boot, self._dirty = boot, b""
        self._manifest = await asyncio.to_thread(self.file.manifest, self.generation)

    def written(self, boot: Boot, dirty: bytes) -> None:
        """What a process of the guest has written to that boot's RAM since it told last."""
        if boot is self._boot:
            self._dirty = merged(self._dirty, dirty)

    async def save(self, kind: Kind, name: str = "", progress: Progress | None = None) -> Generation:
        """A new generation, of the guest as it is now. Raises ProfileError, GuestError."""
        guest = self._guest
        async with self._lock:
            if guest.state not in _SAVEABLE:
                raise GuestError(
                    f"{guest.name} is {guest.state.value}: it can be saved when it runs or is off"
                )
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
                self.saving = False
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
        async with self._lock:
            await asyncio.to_thread(self.file.close)

    async def _autosave(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            if self._guest.state is not GuestState.RUNNING:
                continue
            try:
                await self.save("autosave")
                async with self._lock:
                    await asyncio.to_thread(self.thin)
            except PocketvisorError as error:
                self.problem = str(error)
                self._guest.run_note(f"was not saved: {error}")
                self._tell()

    def thin(self) -> None:
        """Of the autosaves the newest stay."""
        listed = self.file.generations()
        autosaves = [
            each.number for each in listed if each.kind == "autosave" and each.number != self.file.head
        ]
        old = autosaves[: -(AUTOSAVES_KEPT - 1)]
        for number in old:
            self.file.delete(number)
        if old:
            self.file.prune()

    # Live

    async def _save_live(self, kind: Kind, name: str, progress: Progress | None) -> tuple[Generation, float]:
        guest = self._guest
        run = guest.run
        boot = run.boot
        if boot.ram.loading:
            await asyncio.to_thread(boot.ram.complete)
        flash = guest.peripherals.find(Flash)
        if boot is not self._boot:
            self._flash_known = False
        capture = await GuestCapture.begin(guest, run, flash=not self._flash_known)
        try:
            fresh = boot is not self._boot
            self.written(boot, capture.dirty)
            if capture.captured.saved.flash:
                self._flash_known = False
            thumbnail = await asyncio.to_thread(guest.panel.thumbnail)
            generation, manifest = await _finished(
                lambda: self._write_live(capture, boot, flash, fresh, kind, name, thumbnail, progress)
            )
            self._boot, self._dirty, self._flash_known = boot, b"", True
            self._done(generation, manifest, capture.disks)
            if flash is not None:
                flash.pieces.committed()
        finally:
            capture.end()
        return generation, capture.pause_ms

    def _write_live(
        self,
        capture: GuestCapture,
        boot: Boot,
        flash: Flash | None,
        fresh: bool,
        kind: Kind,
        name: str,
        thumbnail: bytes,
        progress: Progress | None,
    ) -> tuple[Generation, Manifest]:
        before = self._manifest
        state = capture.state()
        board = boot.board
        record = record_of(
            self._guest,
            board,
            self._guest.disk_records,
            running=True,
            paused=not capture.captured.saved.ran,
            state_size=len(state),
        )
        with self.file.begin(self.generation) as saving:
            saving.progress = progress
            chunks = None if fresh else pieces_of(self._dirty, capture.ram_size // PAGE, RAM_CHUNK // PAGE)

            def ram(index: int) -> bytes | bytearray:
                at = index * RAM_CHUNK
                return capture.ram(at, min(RAM_CHUNK, capture.ram_size - at))

            spaces = [
                saving.space(names.RAM, capture.ram_size, RAM_CHUNK, _of(before, names.RAM), chunks, ram),
                self._memory(saving, names.FRAMEBUFFER, capture.framebuffer, board.panel.size),
                saving.space(
                    names.STATE,
                    len(state),
                    RAM_CHUNK,
                    None,
                    None,
                    lambda index: _slice(state, index),
                ),
            ]
            if flash is not None:
                spaces.append(self._flash(saving, flash, capture.flash))
            spaces += self._fixed(saving, boot if fresh or before is None else None)
            spaces += self._disks(saving, capture.disks)
            spaces += self._files(saving)
            generation = saving.commit(
                name=name,
                kind=kind,
                guest=encode(record),
                spaces=spaces,
                thumbnail=thumbnail,
                board=BOARD_VERSION,
            )
        return self._committed(generation)

    # Off

    async def _save_off(self, name: str, progress: Progress | None) -> Generation:
        """Its disks and its flash."""
        guest = self._guest
        disks = guest.begin_disk_capture()
        flash = guest.peripherals.find(Flash)
        try:
            for disk in disks:
                disk.begin_here()
            generation, manifest = await _finished(lambda: self._write_off(disks, flash, name, progress))
            self._boot = None
            self._done(generation, manifest, disks)
            if flash is not None:
                flash.pieces.committed()
        finally:
            for disk in disks:
                disk.close()
        return generation

    def _write_off(
        self, disks: list[CapturedDisk], flash: Flash | None, name: str, progress: Progress | None
    ) -> tuple[Generation, Manifest]:
        guest = self._guest
        record = record_of(guest, guest.board_when_off, guest.disk_records)
        with self.file.begin(self.generation) as saving:
            saving.progress = progress
            spaces = [*self._disks(saving, disks), *self._files(saving)]
            if flash is not None:
                spaces.append(self._flash(saving, flash, flash.fd))
            generation = saving.commit(
                name=name, kind="off", guest=encode(record), spaces=spaces, board=BOARD_VERSION
            )
        return self._committed(generation)

    # Spaces

    def _memory(self, saving: Saving, name: str, fd: int, size: int) -> Space:
        def read(index: int) -> bytearray:
            at = index * MEMORY_CHUNK
            return _read(fd, min(MEMORY_CHUNK, size - at), at)

        return saving.space(name, size, MEMORY_CHUNK, _of(self._manifest, name), None, read)

    def _flash(self, saving: Saving, flash: Flash, fd: int) -> Space:
        before = _of(self._manifest, names.FLASH)
        if self._flash_known and before is not None:
            return before
        changed = flash.pieces.changed(fd) if before is not None else None
        if changed is None:
            changed = [at // PIECE for at, _ in data_pieces(fd, PIECE)]
        return saving.space(
            names.FLASH,
            FLASH_BANK_SIZE,
            PIECE,
            before or None,
            changed if before else None,
            lambda piece: flash.pieces.read(fd, piece),
        )

    def _fixed(self, saving: Saving, boot: Boot | None) -> list[Space]:
        """What a boot has put into memory and nobody writes; None where the last generation has it."""
        if boot is None:
            found = [_of(self._manifest, name) for name in (names.FIRMWARE, names.FW_CFG)]
            return [space for space in found if space is not None]
        spaces = [self._sparse(saving, names.FIRMWARE, boot.firmware_fd, FLASH_BANK_SIZE)]
        fw_cfg = boot.board.fw_cfg
        if size := fw_cfg.kernel_size + fw_cfg.initrd_size:
            spaces.append(self._memory(saving, names.FW_CFG, fw_cfg.content, size))
        return spaces

    def _sparse(self, saving: Saving, name: str, fd: int, size: int) -> Space:
        filled = {at // MEMORY_CHUNK for at, _ in data_pieces(fd, MEMORY_CHUNK)}

        def read(index: int) -> bytes | bytearray:
            at = index * MEMORY_CHUNK
            return _read(fd, min(MEMORY_CHUNK, size - at), at) if index in filled else b""

        return saving.space(name, size, MEMORY_CHUNK, None, None, read)

    def _disks(self, saving: Saving, disks: list[CapturedDisk]) -> list[Space]:
        return [
            saving.space(
                disk.name, disk.size, CHUNK, _of(self._manifest, disk.name), disk.changed, disk.chunk
            )
            for disk in disks
        ]

    def _files(self, saving: Saving) -> list[Space]:
        """What the guest is reset from. They are read once: an image's files do not change."""
        spaces = []
        for field, path in self._guest.image.files.items():
            name = names.FILE + field
            known = _of(self._manifest, name)
            if known is None:
                known = self._file(saving, name, path)
            spaces.append(known)
        return spaces

    def _file(self, saving: Saving, name: str, path: Path) -> Space:
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                return self._memory(saving, name, file.fileno(), size)
        except OSError as error:
            raise ProfileError(f"{path}: cannot be read: {error.strerror}") from error

    # After it

    def _committed(self, generation: Generation) -> tuple[Generation, Manifest]:
        Ledger().record(self.file.id, {generation.number: generation.digest})
        return generation, self.file.manifest(generation.number)

    def _done(self, generation: Generation, manifest: Manifest, disks: list[CapturedDisk]) -> None:
        self.generation, self._manifest = generation.number, manifest
        self.saved_ns = generation.created_ns
        for disk in disks:
            disk.committed()

    def _tell(self) -> None:
        self._guest.profile_changed()


async def _finished(work: Callable[[], T]) -> T:
    """A thread cannot be stopped in the midst: what waits for it waits to its end, cancelled or not."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        raise


def _of(manifest: Manifest | None, name: str) -> Space | None:
    return manifest.space(name) if manifest is not None else None


def _read(fd: int, size: int, offset: int) -> bytearray:
    content = bytearray(size)
    read_exactly(fd, memoryview(content), offset)
    return content


def _slice(content: bytes, index: int) -> bytes:
    return content[index * RAM_CHUNK : (index + 1) * RAM_CHUNK]
