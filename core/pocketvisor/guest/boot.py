"""What a guest's process is started with: memory, filled with the image, and the board in plain values.

All reading and unpacking of images happens here, in a thread of the handset's process: the guest's process
gets memory and numbers. An image is taken for hostile: the loaders bound what they read.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from blake3 import blake3

from pocketvisor.board.config import (
    BoardConfig,
    BootPlan,
    Descriptors,
    Entry,
    FwCfgConfig,
    ImageFiles,
    PanelConfig,
    tick_ps,
)
from pocketvisor.board.loaders import load
from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.control.status import PAGE_SIZE, StatusPage
from pocketvisor.errors import ImageError
from pocketvisor.guest.memory import create_memfd, digest, is_zero
from pocketvisor.guest.options import RunOptions
from pocketvisor.guest.panel import PanelView
from pocketvisor.guest.peripherals import Peripherals
from pocketvisor.guest.ram import Ram
from pocketvisor.handset_memory.placing import place
from pocketvisor.handset_memory.pool import Pool
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import HandsetModel
from pocketvisor.models import Panel as ModelPanel
from pocketvisor.network.spec import card_head
from pocketvisor.recording import RecordedDisk, RecordingHead, recorded_parts
from pocketvisor.storage.descriptors import let_go

DETERMINISTIC_EPOCH: Final = 1_767_225_600
"""What the clock shows at power on where runs are to be alike: the first second of 2026, UTC."""


class GuestMemory:
    """What stays the same over a guest's resets: the status page and the panel, in pixels."""

    def __init__(self, panel: ModelPanel | PanelConfig) -> None:
        self.status_fd = create_memfd("status", PAGE_SIZE)
        self.status = StatusPage(self.status_fd)
        self.panel = PanelView(panel.width, panel.height, self.status)

    def new_status(self) -> int:
        """A page for another process of the same guest, which use_status() takes when it has begun."""
        fd = create_memfd("status", PAGE_SIZE)
        page = StatusPage(fd)
        page.rate = self.status.rate
        page.close()
        return fd

    def use_status(self, fd: int) -> None:
        self.status.move_to(fd)
        let_go([self.status_fd])
        self.status_fd = fd

    def clear(self) -> None:
        """Only when no process of the guest lives."""
        self.status.clear()
        self.panel.clear()

    def close(self) -> None:
        self.panel.close()
        self.status.close()
        self.status_fd = let_go([self.status_fd])


class Boot:
    """Memory of one run. It lives until close(), longer than the process if need be."""

    def __init__(
        self,
        image: GuestImage,
        model: HandsetModel,
        options: RunOptions,
        memory: GuestMemory,
        peripherals: Peripherals,
        ram: Ram | None = None,
    ) -> None:
        """`ram`: what it has already, and is the boot's from here on."""
        self.image = image
        self.model = model
        self.options = options
        self.status = memory.status
        self.digests: dict[str, str] = {}
        self.summary = ""
        self._holders = 1
        self._flash_fds: list[int] = []
        self._handed_fds: list[int] = []
        self._shared = memory
        self._peripherals = peripherals
        ram_size = options.ram_of(image) << 20
        head = options.replay.head if options.replay is not None else None
        recorded = head.tick_ps if head is not None else None
        semihosting = f"{image.id} {image.append}".rstrip() if options.semihosting else None
        native = memory.panel.native
        saved = options.origin.record.board if options.origin is not None else None
        self.board = BoardConfig(
            ram_size=ram_size,
            panel=saved.panel if saved is not None else PanelConfig(native.width, native.height, model.ppi),
            tick_ps=recorded or _tick_ps(options, model, saved),
            keys=saved.keys if saved is not None else model.keys,
            rtc_epoch=saved.rtc_epoch if saved is not None and ram is not None else _epoch(options),
            deterministic=head.deterministic if head is not None else options.deterministic,
            skip_idle=options.skip_idle,
            semihosting=(head.semihosting if head is not None else None) or semihosting,
            devices=peripherals.configure(options.devices_of(image)),
        )
        self.ram = ram or Ram(ram_size)
        self.pool: Pool | None = None
        """Where the image's content is shared with other guests of its handset."""

    @property
    def descriptors(self) -> list[int]:
        """What the process inherits."""
        shared = self._shared
        return [
            *self.ram.descriptors,
            shared.status_fd,
            shared.panel.memory_fd,
            shared.panel.scanout_fd,
            shared.panel.fileno(),
            *self._flash_fds,
            *self._handed_fds,
            *self._peripherals.descriptors,
        ]

    def fill(self, progress: Callable[[str], None]) -> None:
        """Reads the image and writes it to memory. Blocks; raises ImageError."""
        image = self.image
        progress(f"Checking {image.name}")
        image.check()
        if self.options.record or self.options.replay is not None:
            self.digests = {field: _file_digest(path) for field, path in sorted(image.files.items())}
            for device in self.board.devices.user:
                self.digests[f"device {device.name}"] = blake3(device.source.encode()).hexdigest()
            if not is_zero(self.board.devices.flash):
                self.digests["content of its flash"] = digest(self.board.devices.flash)
        progress(f"Loading {image.name}")
        plan = load(
            ImageFiles(
                kind=image.kind,
                main=image.main_file,
                kernel=image.kernel if image.kind == "firmware" else None,
                initrd=image.initrd,
                dtb=image.dtb,
                append=image.append,
            ),
            self.board,
        )
        place(self.ram, plan.writes, self.pool)
        firmware = self.add_firmware()
        if 0 in plan.flash:
            _write(firmware, 0, plan.flash[0])
        self.summary = plan.summary
        self.describe(plan.entry, self._hand_in(plan))

    def describe(self, entry: Entry, fw_cfg: FwCfgConfig) -> None:
        """When all of its memory is there: what the process is told."""
        shared = self._shared
        self.board = msgspec.structs.replace(
            self.board,
            entry=entry,
            fw_cfg=fw_cfg,
            descriptors=self.ram.described(
                Descriptors(
                    framebuffer=shared.panel.memory_fd,
                    scanout=shared.panel.scanout_fd,
                    frame_event=shared.panel.fileno(),
                    status=shared.status_fd,
                    flash=(self._flash_fds[0], self.board.devices.flash),
                )
            ),
        )

    def describe_again(self) -> None:
        """For another process: layers of its RAM come while a guest runs."""
        descriptors = self.ram.described(self.board.descriptors)
        self.board = msgspec.structs.replace(self.board, descriptors=descriptors)

    @property
    def firmware_fd(self) -> int:
        """The first bank of its flash."""
        return self._flash_fds[0]

    def on_another(self, model: HandsetModel, status_fd: int) -> BoardConfig:
        """The board as a process on another handset is told of it: the same but for its rate, which is that
        handset's, and with memory and peripherals as they are now."""
        descriptors = msgspec.structs.replace(self.board.descriptors, status=status_fd)
        return msgspec.structs.replace(
            self.board,
            tick_ps=_tick_ps(self.options, model),
            descriptors=self.ram.described(descriptors),
        )

    def head(self, engine: str) -> RecordingHead:
        """What a recording of this run names."""
        return RecordingHead(
            engine=engine,
            guest=self.image.name,
            image=self.image.id,
            model=self.model.id,
            digests=self.digests,
            ram_mib=self.board.ram_size >> 20,
            rtc_epoch=self.board.rtc_epoch,
            tick_ps=self.board.tick_ps,
            panel=(self.board.panel.width, self.board.panel.height),
            append=self.image.append,
            deterministic=self.board.deterministic,
            semihosting=self.board.semihosting,
            display=self.board.devices.display,
            legacy_virtio=self.board.devices.legacy,
            phone=self.board.devices.phone,
            network=card_head(self.board.devices.network),
            disks=tuple(
                RecordedDisk(disk.size, disk.overlay >= 0 or disk.direct) for disk in self.board.devices.disks
            ),
            parts=recorded_parts(self.board.devices),
            drive=self.board.devices.media.size if self.board.devices.media is not None else None,
        )

    def ended(self) -> None:
        """The process is gone: what it left behind is safe to read."""
        self._peripherals.ended()

    def hold(self) -> None:
        """It stays for one more close()."""
        self._holders += 1

    def close(self) -> None:
        self._holders -= 1
        if self._holders:
            return
        self.ram.close()
        let_go([*self._flash_fds, *self._handed_fds])
        self._flash_fds, self._handed_fds = [], []

    def add_firmware(self) -> int:
        """The first bank, for the firmware. The second is a peripheral of the guest's."""
        fd = create_memfd("firmware", FLASH_BANK_SIZE)
        self._flash_fds.append(fd)
        return fd

    def add_handed(self, size: int) -> int:
        """Memory for what firmware is handed to boot."""
        fd = create_memfd("kernel", size)
        self._handed_fds.append(fd)
        return fd

    def _hand_in(self, plan: BootPlan) -> FwCfgConfig:
        """The kernel that firmware is to boot, in memory of its own."""
        if not plan.kernel:
            return FwCfgConfig()
        sizes = len(plan.kernel), len(plan.initrd)
        fd = self.add_handed(sum(sizes))
        _write(fd, 0, plan.kernel)
        _write(fd, sizes[0], plan.initrd)
        return FwCfgConfig(content=fd, kernel_size=sizes[0], initrd_size=sizes[1], append=self.image.append)


async def prepare(
    image: GuestImage,
    model: HandsetModel,
    memory: GuestMemory,
    options: RunOptions,
    peripherals: Peripherals,
    progress: Callable[[str], None] | None,
    pool: Pool | None = None,
) -> Boot:
    """A filled Boot. Cancelled, it leaves nothing behind."""
    loop = asyncio.get_running_loop()

    def tell(sentence: str) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, sentence)

    boot = Boot(image, model, options, memory, peripherals)
    boot.pool = pool
    filling = asyncio.ensure_future(asyncio.to_thread(boot.fill, tell))
    try:
        await asyncio.shield(filling)
    except asyncio.CancelledError:
        filling.add_done_callback(lambda done: _abandon(done, boot))
        raise
    except BaseException:
        boot.close()
        raise
    return boot


def _abandon(filling: asyncio.Future[None], boot: Boot) -> None:
    if not filling.cancelled():
        filling.exception()  # looked at, so that nobody complains about it
    boot.close()


def _tick_ps(options: RunOptions, model: HandsetModel, saved: BoardConfig | None = None) -> int:
    if saved is not None and options.follow is not None:
        return saved.tick_ps
    return tick_ps(options.rate if isinstance(options.rate, int) else model.mips)


def _epoch(options: RunOptions) -> int:
    if options.replay is not None:
        return options.replay.head.rtc_epoch
    if options.rtc_epoch is not None:
        return options.rtc_epoch
    return DETERMINISTIC_EPOCH if options.deterministic else int(time.time())


def _write(fd: int, offset: int, content: bytes | bytearray | memoryview) -> None:
    view = memoryview(content).cast("B")
    at = 0
    while at < len(view):
        at += os.pwrite(fd, view[at:], offset + at)


def _file_digest(path: Path) -> str:
    hasher = blake3()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                hasher.update(piece)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    return hasher.hexdigest()
