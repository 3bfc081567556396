"""What is on the board for firmware: fw_cfg with its items, ramfb through it, the flash of its variables."""

import contextlib
import mmap
import os
from collections.abc import Callable
from typing import Final

from pocketvisor import _native
from pocketvisor.board.config import BoardConfig, FwCfgConfig
from pocketvisor.devices.cfi_flash import CfiFlash
from pocketvisor.devices.device import Port
from pocketvisor.devices.fw_cfg import Content, FwCfg, board_items, kernel_items
from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.ramfb import CONFIG, FILE, Ramfb
from pocketvisor.devices.virtqueue import GuestMemory

_KEEP_SECONDS: Final = 0.2  # after the first change, the handset is told


class _FlashChanges:
    """Tells that the flash has changed, not each time but shortly after."""

    def __init__(self, loop: DeviceLoop, tell: Callable[[], None]) -> None:
        self._loop = loop
        self._tell = tell
        self._changed = False
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        loop.watch(self._fd, self._first)

    def changed(self) -> None:
        """On the vCPU's thread."""
        if not self._changed:
            self._changed = True
            os.eventfd_write(self._fd, 1)

    def _first(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)
        self._loop.later(_KEEP_SECONDS, self._report)

    def _report(self) -> None:
        self._changed = False
        self._tell()


def flash(fd: int, size: int, loop: DeviceLoop, tell: Callable[[], None]) -> Callable[[Port], CfiFlash]:
    """The bank that is written, to be put on the bus. `tell` says that there is something to keep."""
    content = memoryview(mmap.mmap(fd, size, mmap.MAP_SHARED))
    changes = _FlashChanges(loop, tell)
    return lambda port: CfiFlash(port, content, changes.changed)


def fw_cfg(
    config: BoardConfig,
    machine: _native.Machine,
    loop: DeviceLoop,
    memory: GuestMemory,
    note: Callable[[str], None],
) -> Callable[[Port], FwCfg]:
    """The board's, to be put on the bus. `note` takes a sentence about what is not as it should be."""
    items = board_items() | _handed_in(config.fw_cfg)
    if config.devices.display != "ramfb" or config.descriptors.scanout < 0:
        return lambda port: FwCfg(port, machine, items)
    scanout = mmap.mmap(config.descriptors.scanout, 0, mmap.MAP_SHARED)
    ramfb = Ramfb(loop, memory, memoryview(scanout), machine, note)
    return lambda port: FwCfg(
        port, machine, items, {FILE: bytes(CONFIG.size)}, written={FILE: ramfb.configure}
    )


def _handed_in(given: FwCfgConfig) -> dict[int, Content]:
    """The kernel that firmware is to boot."""
    if given.content < 0:
        return {}
    size = given.kernel_size + given.initrd_size
    content = memoryview(mmap.mmap(given.content, size, mmap.MAP_SHARED, mmap.PROT_READ))
    initrd = content[given.kernel_size :] if given.initrd_size else None
    return kernel_items(content[: given.kernel_size], initrd, given.append)
