"""Accesses of devices, with the names of the registers."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pocketvisor.board import map as board_map
from pocketvisor.debug.board_state import interrupt_device
from pocketvisor.debug.trace.device_registers import VIRTIO_SLOT, register_name
from pocketvisor.debug.trace.ring import NO_DEVICE, RawAccess, RawDevice

NOTHING: Final = "nothing"
"""The device of an access that met none."""
_SEVERAL: Final = frozenset({"flash", "user devices", "ram"})


class Access(Struct, frozen=True):
    """One load or store of a device. `position`: clock bytes of its instruction. `pc` is virtual, `address`
    physical; 0 for the timer, whose registers are coprocessor 15's."""

    number: int
    position: int
    pc: int
    context: int
    device: str
    register: str
    address: int
    offset: int
    size: int
    write: bool
    value: int

    def __str__(self) -> str:
        arrow = "<-" if self.write else "->"
        return f"{self.device} {self.register} {arrow} 0x{self.value:0{self.size * 2}x}"


def device_name(device: RawDevice, offset: int = 0) -> str:
    """What a person calls it: by its place on the board where that has a name, a virtio device by its own."""
    if device.name == "virtio":
        return interrupt_device(32 + (board_map.VIRTIO.spi or 0) + offset // VIRTIO_SLOT)
    if not device.size:
        return device.name
    for name, part in board_map.PARTS.items():
        if part.base == device.base and name not in _SEVERAL:
            return name
    return device.name


def accesses(raw: Sequence[RawAccess], devices: Sequence[RawDevice], first: int = 0) -> list[Access]:
    """`first`: the number of the first one."""
    return [_access(one, devices, first + n) for n, one in enumerate(raw)]


def _access(raw: RawAccess, devices: Sequence[RawDevice], number: int) -> Access:
    known = raw.device != NO_DEVICE and raw.device < len(devices)
    device = devices[raw.device] if known else None
    mask = (1 << min(raw.size, 8) * 8) - 1
    return Access(
        number=number,
        position=raw.position,
        pc=raw.pc,
        context=raw.context,
        device=device_name(device, raw.offset) if device is not None else NOTHING,
        register=register_name(device.name, raw.offset) if device is not None else f"0x{raw.offset:08x}",
        address=(device.base + raw.offset if device.size else 0) if device is not None else raw.offset,
        offset=raw.offset,
        size=min(raw.size, 8),
        write=bool(raw.write),
        value=raw.value & mask,
    )
