"""The nodes of a user's own devices: what their files say, and where the board has put them."""

from typing import Any

from pocketvisor.board import map as board
from pocketvisor.board.config import BoardConfig
from pocketvisor.board.devicetree_writer import Writer


def add(w: Writer, config: BoardConfig) -> None:
    for index, device in enumerate(config.devices.user):
        place = board.user_device(index)
        with w.node(f"{device.name}@{place.base:x}"):
            for name, value in device.tree.items():
                _property(w, name, value)
            registers = device.registers or (("", 0, device.size),)
            w.reg(*(board.Part(place.base + offset, size) for _, offset, size in registers))
            if device.registers:
                w.strings("reg-names", *(name for name, _, _ in registers))
            if device.interrupt:
                w.spi(place.spi)


def _property(w: Writer, name: str, value: Any) -> None:
    values = value if isinstance(value, list) else [value]
    if value is True:
        w.flag(name)
    elif value is False:
        pass
    elif all(isinstance(entry, str) for entry in values):
        w.strings(name, *values)
    else:
        w.cells(name, *values)
