"""What a guest was before, for one that goes on: a profile's generation, or the guest that it is a clone of.

Besides memory and state it says what the board is made of, for the first start and for each reset after it.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from pocketvisor.board.config import FwCfgConfig
from pocketvisor.control.messages import STATE_MAX, StateAt
from pocketvisor.errors import PolicyError, ProfileError
from pocketvisor.guest.boot import Boot, GuestMemory
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.options import RunOptions
from pocketvisor.guest.ram import Ram
from pocketvisor.guest.record import BOARD_VERSION, GuestRecord, decode, image_of
from pocketvisor.guest.spaces import FILE, FIRMWARE, FRAMEBUFFER, FW_CFG, RAM, STATE
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.migration.lease import why_not
from pocketvisor.migration.leases import Leases
from pocketvisor.policies.governed import Governed
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.profile.ledger import Ledger
from pocketvisor.profile.manifest import Manifest
from pocketvisor.profile.tree import Space, SpaceReader
from pocketvisor.storage.files import write_all
from pocketvisor.storage.lazy import BLOCK, block_count

if TYPE_CHECKING:
    from pocketvisor.guest.disks import Disks
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.peripherals import Peripherals

Progress = Callable[[str], None]


class Origin(Protocol):
    """`goes_on`: there are memory and a state that no run has taken yet."""

    record: GuestRecord
    goes_on: bool
    strange: bool
    """This computer has never seen it: its network's cable is out until the user puts it in."""

    @property
    def image(self) -> GuestImage: ...

    def take_ram(self, guest: "Guest") -> Ram: ...
    def fill(self, name: str, fd: int) -> None:
        """Copies the memory of this name, FRAMEBUFFER and so on, to a memfd of zeros. Blocks."""

    def state(self) -> bytes: ...
    def open_disks(self, guest: "Guest", progress: Progress) -> "Disks | None":
        """Blocks."""

    async def have_files(self) -> None:
        """What the guest's image names is there after that, for a reset."""

    def close(self) -> None: ...


async def go_on(
    origin: Origin, guest: "Guest", memory: GuestMemory, peripherals: "Peripherals"
) -> tuple[Boot, StateAt]:
    """The boot of a guest that goes on, and where its state is, whose descriptor is the caller's."""
    origin.goes_on = False
    ram = origin.take_ram(guest)
    boot = Boot(guest.image, guest.handset.model, guest.options, memory, peripherals, ram)
    try:
        state = await asyncio.to_thread(_fill, origin, boot, memory)
    except BaseException:
        boot.close()
        raise
    return boot, state


def _fill(origin: Origin, boot: Boot, memory: GuestMemory) -> StateAt:
    board = origin.record.board
    state = origin.state()
    origin.fill(FRAMEBUFFER, memory.panel.memory_fd)
    origin.fill(FIRMWARE, boot.add_firmware())
    fw_cfg = FwCfgConfig()
    if size := board.fw_cfg.kernel_size + board.fw_cfg.initrd_size:
        fd = boot.add_handed(size)
        origin.fill(FW_CFG, fd)
        fw_cfg = structs.replace(board.fw_cfg, content=fd)
    boot.describe(board.entry, fw_cfg)
    fd = create_memfd("state", max(len(state), 1))
    write_all(fd, (state,), len(state), 0)
    return StateAt(fd, len(state))


class ProfileOrigin:
    """A generation of a profile. The file stays its opener's."""

    def __init__(self, file: ProfileFile, manifest: Manifest) -> None:
        """Raises ProfileError where it is none of a guest's."""
        self.file = file
        self.manifest = manifest
        self.record = decode(manifest.guest)
        self.goes_on = self.record.running
        self.strange = False
        self.background = True
        """What is not touched of its RAM is loaded too."""
        self._folder: Path | None = None
        self._writing = threading.Lock()
        _check_sizes(self.record, manifest)

    @property
    def image(self) -> GuestImage:
        """With its files in a folder of this guest's own, where have_files() puts them."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="pocketvisor-"))
        folder = self._folder
        return image_of(self.record, {field: folder / field for field in self.record.image.files})

    def reader(self, name: str) -> SpaceReader | None:
        space = self.manifest.space(name)
        return self.file.reader(space) if space is not None else None

    def take_ram(self, guest: "Guest") -> Ram:
        reader = self.reader(RAM)
        size = self.record.board.ram_size
        if reader is None:
            raise ProfileError("The profile has no RAM of its guest")
        ram = Ram(size)
        absent = bytearray(block_count(size))
        for chunk in reader.present():
            absent[chunk * reader.space.chunk_size // BLOCK] = 1
        loop = asyncio.get_running_loop()

        def fill(block: int) -> bytes:
            at = block * BLOCK
            return reader.read(at, min(BLOCK, size - at))

        def failed(_: int, error: Exception) -> None:
            loop.call_soon_threadsafe(guest.loading_failed, str(error))

        def ended() -> None:
            loop.call_soon_threadsafe(guest.ram_loaded)

        ram.load(bytes(absent), fill, on_failure=failed, on_end=ended, background=self.background)
        return ram

    def fill(self, name: str, fd: int) -> None:
        reader = self.reader(name)
        if reader is None:
            return
        if reader.space.size > os.fstat(fd).st_size:
            raise ProfileError(f"The profile's {name} is larger than there is room for")
        for index in reader.present():
            content = reader.chunk(index)
            write_all(fd, (content,), len(content), index * reader.space.chunk_size)

    def state(self) -> bytes:
        reader = self.reader(STATE)
        if reader is None:
            raise ProfileError("The profile has no state of its guest")
        return reader.read(0, reader.space.size)

    def open_disks(self, guest: "Guest", progress: Progress) -> "Disks | None":
        from pocketvisor.guest.disks import Disks

        return Disks.from_profile(self)

    async def have_files(self) -> None:
        await asyncio.to_thread(self._have_files)

    def _have_files(self) -> None:
        """Whoever finds one finds all of it."""
        for field, path in self.image.files.items():
            reader = self.reader(FILE + field)
            if reader is None:
                raise ProfileError(f"The profile lacks the file that {self.record.name} is started from")
            with self._writing:
                if path.exists():
                    continue
                part = path.with_suffix(".part")
                try:
                    with part.open("wb") as file:
                        os.truncate(file.fileno(), reader.space.size)
                        for index in reader.present():
                            file.seek(index * reader.space.chunk_size)
                            file.write(reader.chunk(index))
                    part.rename(path)
                except OSError as error:
                    raise ProfileError(f"{path}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def open_origin(
    path: Path, generation: int | None, unlock: Unlock | None, accept_older: bool, *, arriving: bool = False
) -> tuple[ProfileFile, ProfileOrigin]:
    """Blocks; raises ProfileError. The file is the caller's. `arriving`: it is not this machine's yet."""
    file = ProfileFile.open(path)
    try:
        if not arriving and (why := why_not(Leases(Ledger()).get(file.id), path.stem)):
            raise ProfileError(why)
        if unlock is not None:
            file.unlock(unlock)
        number = file.head if generation is None else generation
        if not number:
            raise ProfileError(_why_empty(file))
        origin = ProfileOrigin(file, file.manifest(number))
        if origin.manifest.board > BOARD_VERSION:
            raise ProfileError(
                f"{path.name} was saved by a newer Pocketvisor, whose board this one does not have"
            )
        seen = Ledger().seen(file.id)
        digests = file.digests(since=seen.generation if seen is not None else file.last)
        Ledger().record(file.id, digests, accept_older=accept_older)
        origin.strange = seen is None and not arriving
        if number != file.head:
            file.set_head(number)
    except BaseException:
        file.close()
        raise
    return file, origin


def _why_empty(file: ProfileFile) -> str:
    """Of one without a generation: whoever finds a wiped one is told who did it, and why."""
    with contextlib.suppress(PolicyError):
        governed = Governed.of_file(file)
        if governed is not None and governed.wiped:
            return f"{file.path.name} is empty: {governed.standing().why}"
    return f"{file.path.name} has no generation: nothing was saved in it"


def options_of(origin: ProfileOrigin, *, paused: bool = False) -> RunOptions:
    record = origin.record
    return RunOptions(
        rate=record.rate,
        restart_on_reset=record.restart_on_reset,
        deterministic=record.board.deterministic,
        skip_idle=record.board.skip_idle,
        semihosting=record.board.semihosting is not None,
        paused=paused,
        origin=origin,
    )


def _check_sizes(record: GuestRecord, manifest: Manifest) -> None:
    """Raises ProfileError where record and spaces do not fit."""

    def size(name: str) -> int:
        space: Space | None = manifest.space(name)
        return space.size if space is not None else 0

    wanted = {f"disk{number}": disk.size for number, disk in enumerate(record.disks)}
    if record.running:
        wanted |= {
            RAM: record.board.ram_size,
            FRAMEBUFFER: record.board.panel.size,
            FW_CFG: record.board.fw_cfg.kernel_size + record.board.fw_cfg.initrd_size,
            STATE: record.state_size,
        }
    for name, bytes_wanted in wanted.items():
        if size(name) != bytes_wanted:
            raise ProfileError(
                f"The profile's {name} has {size(name)} bytes, and its guest says {bytes_wanted}: it is no "
                "whole generation"
            )
    if not 0 < record.state_size <= STATE_MAX and record.running:
        raise ProfileError("The state of the profile's guest has an impossible size")
