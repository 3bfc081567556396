"""Eight lamps and eight switches: the plainest bank of GPIO lines that Linux knows (its driver gpio-mmio).

pocketvisor run debian --device bank.py
in the guest:    echo 511 > /sys/class/gpio/export       # the lines' base is in /sys/class/gpio/gpiochip*
                 echo out > /sys/class/gpio/gpio511/direction; echo 1 > /sys/class/gpio/gpio511/value
on the host:     pocketvisor tell Debian bank 5           # closes switches 0 and 2
"""

from msgspec import Struct

from pocketvisor.devices.device import Device, Port

DATA, SET, DIRECTION = 0, 4, 8


class BankState(Struct):
    lamps: int = 0
    switches: int = 0
    outputs: int = 0


class Bank(Device[BankState]):
    name, size = "bank", 0x1000
    registers = (("dat", DATA, 4), ("set", SET, 4), ("dirout", DIRECTION, 4))
    tree = {"compatible": "wd,mbl-gpio", "gpio-controller": True, "#gpio-cells": 2}

    def __init__(self, port: Port) -> None:
        super().__init__(port, BankState())

    def read(self, offset: int, size: int) -> int:
        state = self.state
        lines = (state.lamps & state.outputs) | (state.switches & ~state.outputs)
        return {DATA: lines, SET: state.lamps, DIRECTION: state.outputs}.get(offset, 0)

    def write(self, offset: int, size: int, value: int) -> None:
        if offset == SET:
            self.state.lamps = value & 0xFF
        elif offset == DIRECTION:
            self.state.outputs = value & 0xFF

    def event(self, payload: bytes) -> None:
        if payload.isdigit():
            self.state.switches = int(payload[:3]) & 0xFF
