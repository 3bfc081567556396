"""A driver of the I2C controller, as small as one can be: what Linux's does, transfer by transfer."""

from typing import Any

from pocketvisor.devices.device import Port
from pocketvisor.devices.i2c import I2cBus, I2cChip
from pocketvisor.devices.i2c_ocores import (
    COMMAND,
    COMMAND_ACKNOWLEDGE,
    COMMAND_NACK,
    COMMAND_READ,
    COMMAND_START,
    COMMAND_STOP,
    COMMAND_WRITE,
    CONTROL,
    CONTROL_ENABLE,
    CONTROL_INTERRUPT,
    DATA,
    STATUS,
    STATUS_INTERRUPT,
    STATUS_NACK,
    OcoresI2c,
)


class NoAnswer(Exception):
    """Nobody acknowledged."""


class Master:
    """The controller with its two lines, and transfers on it."""

    def __init__(self, *chips: I2cChip[Any]) -> None:
        self.level = self.alert = False
        self.controller = OcoresI2c(
            Port(self._wire, lambda: 0, lambda at: None), I2cBus(*chips), self._raise_alert
        )
        self.controller.write(CONTROL, 4, CONTROL_ENABLE | CONTROL_INTERRUPT)

    def _wire(self, level: bool) -> None:
        self.level = level

    def _raise_alert(self, level: bool) -> None:
        self.alert = level

    def command(self, value: int) -> int:
        """Does it, and takes the interrupt; answers the status."""
        self.controller.write(COMMAND, 4, value)
        assert self.level, "a command ends with an interrupt"
        status = self.controller.read(STATUS, 4)
        assert status & STATUS_INTERRUPT
        self.controller.write(COMMAND, 4, COMMAND_ACKNOWLEDGE)
        assert not self.level
        return status

    def send(self, value: int, command: int = COMMAND_WRITE) -> None:
        self.controller.write(DATA, 4, value)
        if self.command(command) & STATUS_NACK:
            self.command(COMMAND_STOP)
            raise NoAnswer

    def write(self, address: int, *values: int) -> None:
        self.send(address << 1, COMMAND_START | COMMAND_WRITE)
        for value in values:
            self.send(value)
        self.command(COMMAND_STOP)

    def read(self, address: int, size: int, *written: int) -> bytes:
        """`size` bytes; before them what is written without a stop in between."""
        if written:
            self.send(address << 1, COMMAND_START | COMMAND_WRITE)
            for value in written:
                self.send(value)
        self.send(address << 1 | 1, COMMAND_START | COMMAND_WRITE)
        data = bytearray()
        for index in range(size):
            self.command(COMMAND_READ | (COMMAND_NACK if index == size - 1 else 0))
            data.append(self.controller.read(DATA, 4))
        self.command(COMMAND_STOP)
        return bytes(data)

    def word(self, address: int, register: int) -> int:
        return int.from_bytes(self.read(address, 2, register), "little")

    def tell(self, name: str, told: bytes) -> None:
        self.controller.event(name.encode() + b"\0" + told)
