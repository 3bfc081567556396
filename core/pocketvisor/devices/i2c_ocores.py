"""The OpenCores I2C master (I2C-Master Core Specification, rev. 0.9), each register in a 32-bit word.

A command is done at once: a byte's time on the wire is not modelled, nor is the prescaler's effect. Further
left out: arbitration, which a lone master never loses.
"""

from collections.abc import Callable
from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.device import Device, Port, State, from_plain
from pocketvisor.devices.i2c import I2cBus

PRESCALE_LOW: Final = 0x00
PRESCALE_HIGH: Final = 0x04
CONTROL: Final = 0x08
DATA: Final = 0x0C  # written: the byte to send; read: the byte received
COMMAND: Final = 0x10  # written
STATUS: Final = 0x10  # read

CONTROL_ENABLE: Final = 0x80
CONTROL_INTERRUPT: Final = 0x40

COMMAND_START: Final = 0x80
COMMAND_STOP: Final = 0x40
COMMAND_READ: Final = 0x20
COMMAND_WRITE: Final = 0x10
COMMAND_NACK: Final = 0x08
COMMAND_ACKNOWLEDGE: Final = 0x01
_TRANSFERS: Final = COMMAND_START | COMMAND_STOP | COMMAND_READ | COMMAND_WRITE

STATUS_NACK: Final = 0x80
STATUS_BUSY: Final = 0x40
STATUS_INTERRUPT: Final = 0x01

_Byte = Annotated[int, Meta(ge=0, le=0xFF)]


class OcoresState(Struct):
    prescale: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0xFFFF
    control: _Byte = 0
    send: _Byte = 0
    received: _Byte = 0
    interrupt: bool = False
    busy: bool = False
    nack: bool = False
    starting: bool = False  # the next byte sent is an address
    reading: bool = False
    chip: Annotated[int, Meta(ge=-1, le=0x7F)] = -1  # who is spoken to, -1 where nobody has answered


class OcoresI2c(Device[OcoresState]):
    """Events: the name of a chip, a zero byte, and what it is to be told."""

    name = "i2c"

    def __init__(self, port: Port, bus: I2cBus, alert: Callable[[bool], None] = lambda level: None) -> None:
        """`alert` is the bus's SMBus alert line, as a level that is high while a chip alerts."""
        super().__init__(port, OcoresState())
        self._bus = bus
        self._alert = alert

    def read(self, offset: int, size: int) -> int:
        state = self.state
        if offset == PRESCALE_LOW:
            return state.prescale & 0xFF
        if offset == PRESCALE_HIGH:
            return state.prescale >> 8
        if offset == CONTROL:
            return state.control
        if offset == DATA:
            return state.received
        if offset == STATUS:
            return (
                (STATUS_NACK if state.nack else 0)
                | (STATUS_BUSY if state.busy else 0)
                | (STATUS_INTERRUPT if state.interrupt else 0)
            )
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        state = self.state
        value &= 0xFF
        if offset == PRESCALE_LOW:
            state.prescale = state.prescale & 0xFF00 | value
        elif offset == PRESCALE_HIGH:
            state.prescale = state.prescale & 0xFF | value << 8
        elif offset == CONTROL:
            state.control = value
            if not value & CONTROL_ENABLE:
                self._release()
        elif offset == DATA:
            state.send = value
        elif offset == COMMAND:
            self._command(value)
        self._drive()

    def event(self, payload: bytes) -> None:
        name, _, told = payload.partition(b"\0")
        chip = self._bus.chips.get(name.decode("ascii", "replace"))
        if chip is not None:
            chip.event(told)
            self._drive()

    def save(self) -> State:
        return {**super().save(), "chips": {name: chip.save() for name, chip in self._bus.chips.items()}}

    def restore(self, state: State) -> None:
        saved = state.get("chips") if isinstance(state, dict) else None
        if not isinstance(saved, dict):
            raise ValueError("the state has no part 'chips'")
        own = from_plain(state, OcoresState)
        parsed = {name: chip.parsed(saved.get(name)) for name, chip in self._bus.chips.items()}
        self.state = own
        for name, chip in self._bus.chips.items():
            chip.state = parsed[name]
        self.restored()

    def restored(self) -> None:
        self._drive()

    def _command(self, command: int) -> None:
        state, bus = self.state, self._bus
        if command & COMMAND_ACKNOWLEDGE:
            state.interrupt = False
        if not state.control & CONTROL_ENABLE or not command & _TRANSFERS:
            return
        if command & COMMAND_START:
            state.busy, state.starting, state.chip = True, True, -1
        if command & COMMAND_WRITE:
            self._send()
        elif command & COMMAND_READ:
            listening = state.busy and state.reading and state.chip >= 0
            state.received = bus.read(state.chip) if listening else 0xFF
            state.nack = bool(command & COMMAND_NACK)
        if command & COMMAND_STOP:
            self._release()
        state.interrupt = True

    def _send(self) -> None:
        state, bus = self.state, self._bus
        if state.starting and state.busy:
            address, state.reading = state.send >> 1, bool(state.send & 1)
            state.starting = False
            state.nack = not bus.start(address, state.reading)
            state.chip = -1 if state.nack else address
        else:
            listening = state.busy and not state.reading and state.chip >= 0
            state.nack = not (listening and bus.write(state.chip, state.send))

    def _release(self) -> None:
        state = self.state
        state.busy = state.starting = state.reading = False
        state.chip = -1

    def _drive(self) -> None:
        self.port.wire(self.state.interrupt and bool(self.state.control & CONTROL_INTERRUPT))
        self._alert(self._bus.alerting)
