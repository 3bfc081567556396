"""What stands in the board's virtio slots, by the board's configuration. A new device is a line in fill().

What a board has not got is not imported either: a guest's process starts that much sooner.
"""

from collections.abc import Iterator

from msgspec import Struct

from pocketvisor import _native
from pocketvisor.board import map as board
from pocketvisor.board.config import BoardConfig
from pocketvisor.devices.virtio import VirtioDevice


class Site(Struct, frozen=True):
    """What a device may be made from. The machine is for what goes around the queues: the panel's damage."""

    config: BoardConfig
    machine: _native.Machine
    scanout: memoryview | None = None
    """The memory that the pane shows besides the framebuffer."""


def fill(site: Site) -> Iterator[tuple[int, str, VirtioDevice]]:
    """(slot, name, device) of all devices that the configuration asks for, besides touch screen and keyboard.
    The name is what control messages and saved states go by."""
    devices, panel = site.config.devices, site.config.panel
    if devices.display == "gpu" and site.scanout is not None:
        from pocketvisor.devices.virtio_gpu import VirtioGpu

        gpu = VirtioGpu(panel.width, panel.height, panel.ppi, site.scanout, site.machine)
        yield board.GPU_SLOT, "gpu", gpu
    if devices.network is not None:
        from pocketvisor.devices.virtio_net import VirtioNet

        yield board.NETWORK_SLOT, "network", VirtioNet(devices.network)
    if devices.disks or devices.media is not None:
        from pocketvisor.board.disks import disk
    for index, (number, config) in enumerate(zip(board.DISK_SLOTS, devices.disks, strict=False)):
        yield number, f"disk{index}", disk(config)
    if devices.media is not None:
        yield board.MEDIA_SLOT, "media", disk(devices.media, removable=True)
    if devices.console is not None or devices.rng or devices.balloon is not None or devices.vsock is not None:
        from pocketvisor.board.paravirtual import balloon, console, rng, vsock
    if devices.console is not None:
        yield board.CONSOLE_SLOT, "console", console(site.config, devices.console, site.machine.now_ns)
    if devices.rng:
        yield board.RNG_SLOT, "rng", rng(site.config)
    if devices.balloon is not None:
        yield board.BALLOON_SLOT, "balloon", balloon(site.config, devices.balloon)
    if devices.vsock is not None:
        yield board.VSOCK_SLOT, "vsock", vsock(devices.vsock)
