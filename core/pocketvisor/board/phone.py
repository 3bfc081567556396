"""A phone's own parts on a guest's board: GPS receiver, battery and accelerometer on an I2C bus, charger.

They show the handset's physical state. It is there at power on; what changes later comes in as events, each
part's only when it has changed.
"""

import copy
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from pocketvisor import _native
from pocketvisor.board import map as board
from pocketvisor.devices.accelerometer import Mma8452
from pocketvisor.devices.battery import SmartBattery
from pocketvisor.devices.device import Port
from pocketvisor.devices.gps import Gps
from pocketvisor.devices.i2c import I2cBus
from pocketvisor.devices.i2c_ocores import OcoresI2c
from pocketvisor.devices.phone_state import BatteryState, PhoneState
from pocketvisor.devices.pl061 import Pl061

if TYPE_CHECKING:
    from pocketvisor.board.board import Board


class PhoneLines(Pl061):
    name = "phone-lines"

    def __init__(self, port: Port, plugged: bool) -> None:
        super().__init__(port)
        self.state.inputs = 1 << board.BATTERY_LINE | plugged << board.CHARGER_LINE
        self._power_on = copy.deepcopy(self.state)


class PhoneParts:
    """Made before the first run; told a PhoneState by its handset."""

    def __init__(self, on: "Board", shown: PhoneState, epoch: int) -> None:
        """epoch: what the board's clock shows at power on."""
        machine = self._machine = on.machine
        battery, accelerometer = SmartBattery(shown.battery), Mma8452(shown.motion)
        bus = I2cBus(battery, accelerometer)

        def alert(level: bool) -> None:
            machine.set_line(board.I2C_ALERT_SPI, level)

        self._gps = on.add_device(board.GPS_UART, lambda port: Gps(port, epoch, shown.location))
        self._i2c = on.add_device(board.I2C, lambda port: OcoresI2c(port, bus, alert))
        self._lines = on.add_device(
            board.PHONE_GPIO, lambda port: PhoneLines(port, plugged=shown.battery.plugged)
        )
        self._told: dict[str, Struct] = {
            "battery": shown.battery,
            "accelerometer": shown.motion,
            "gps": shown.location,
        }

    def control(self, data: bytes, fd: int | None = None) -> None:
        """Raises ValueError where it is no PhoneState. What cannot be posted now is told with the next."""
        if fd is not None:
            os.close(fd)
        state = msgspec.msgpack.decode(data, type=PhoneState)
        self._tell("battery", state.battery, lambda: self._post_battery(state.battery))
        self._tell("accelerometer", state.motion, lambda: self._post_chip("accelerometer", state.motion))
        location = msgspec.msgpack.encode(state.location)
        self._tell("gps", state.location, lambda: self._post(self._gps, location))

    def restored(self) -> None:
        """The devices show what they did when they were saved: whatever is told next is news."""
        self._told = {}

    def _tell(self, name: str, part: Struct, post: Callable[[], bool]) -> None:
        if self._told.get(name) != part and post():
            self._told[name] = part

    def _post_battery(self, battery: BatteryState) -> bool:
        lines = bytes((board.CHARGER_LINE, battery.plugged))
        return self._post_chip("battery", battery) and self._post(self._lines, lines)

    def _post_chip(self, name: str, part: Struct) -> bool:
        return self._post(self._i2c, name.encode() + b"\0" + msgspec.msgpack.encode(part))

    def _post(self, device: int, payload: bytes) -> bool:
        return self._machine.post(_native.EVENT_DEVICE, device, payload)
