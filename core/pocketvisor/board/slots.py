"""What stands in the board's virtio slots, by the board's configuration. A new device is a line in fill()."""

from collections.abc import Iterator

from msgspec import Struct

from pocketvisor import _native
from pocketvisor.board import map as board
from pocketvisor.board.config import BoardConfig
from pocketvisor.board.disks import disk
from pocketvisor.devices.virtio import VirtioDevice


class Site(Struct, frozen=True):
    """What a device may be made from. The machine is for what goes around the queues: the panel's damage."""

    config: BoardConfig
    machine: _native.Machine


def fill(site: Site) -> Iterator[tuple[int, str, VirtioDevice]]:
    """(slot, name, device) of all devices that the configuration asks for, besides touch screen and keyboard.
    The name is what control messages and saved states go by."""
    devices = site.config.devices
    for index, (number, config) in enumerate(zip(board.DISK_SLOTS, devices.disks, strict=False)):
        yield number, f"disk{index}", disk(config)
    if devices.media is not None:
        yield board.MEDIA_SLOT, "media", disk(devices.media, removable=True)
