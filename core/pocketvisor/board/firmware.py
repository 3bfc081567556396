"""What firmware finds on the board besides the hardware: fw_cfg with its items, and ramfb through it."""

import mmap
from collections.abc import Callable

from pocketvisor import _native
from pocketvisor.board.config import BoardConfig, FwCfgConfig
from pocketvisor.devices.device import Port
from pocketvisor.devices.fw_cfg import Content, FwCfg, board_items, kernel_items
from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.ramfb import CONFIG, FILE, Ramfb
from pocketvisor.devices.virtqueue import GuestMemory


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
