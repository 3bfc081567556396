"""A GPS receiver behind a serial port of its own, an ARM PrimeCell UART PL011 (ARM DDI 0183).

Once a second of the guest's clock it says where it is, to a guest that has its port open and has read what
was said before. That is a function of the guest's state and of the locations that came as events: nothing
else enters. What the guest sends is taken and dropped. Left out: the line's speed, breaks and errors, DMA,
loopback, the modem lines and the integration test registers.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices.device import Device, Port
from pocketvisor.devices.gps_nmea import sentences
from pocketvisor.devices.phone_state import LocationState

DATA: Final = 0x000
FLAGS: Final = 0x018
BAUD: Final = 0x024
BAUD_FRACTION: Final = 0x028
LINE: Final = 0x02C
CONTROL: Final = 0x030
LEVELS: Final = 0x034
MASK: Final = 0x038
RAW: Final = 0x03C
MASKED: Final = 0x040
CLEAR: Final = 0x044
DMA: Final = 0x048
ID: Final = 0xFE0
_ID_BYTES: Final = (0x11, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1)

FLAGS_SENT: Final = 0x80
FLAGS_FULL: Final = 0x40
FLAGS_EMPTY: Final = 0x10
CONTROL_ENABLE: Final = 0x001
CONTROL_RECEIVE: Final = 0x200
INTERRUPT_RECEIVE: Final = 0x10
INTERRUPT_SEND: Final = 0x20

_FULL: Final = 16
_SECOND: Final = 1_000_000_000
_REGISTERS: Final = {
    BAUD: ("baud", 0xFFFF),
    BAUD_FRACTION: ("baud_fraction", 0x3F),
    LINE: ("line", 0xFF),
    CONTROL: ("control", 0xFFFF),
    LEVELS: ("levels", 0x3F),
    MASK: ("mask", 0x7FF),
    DMA: ("dma", 0x7),
}

_Word = Annotated[int, Meta(ge=0, le=0xFFFF)]


class GpsState(Struct):
    location: LocationState = LocationState()
    waiting: Annotated[bytes, Meta(max_length=2048)] = b""
    baud: _Word = 0
    baud_fraction: _Word = 0
    line: _Word = 0
    control: _Word = 0x300
    levels: _Word = 0x12
    mask: _Word = 0
    dma: _Word = 0
    sent: bool = False  # the interrupt after a byte was sent


class Gps(Device[GpsState]):
    name = "gps"

    def __init__(self, port: Port, epoch: int, location: LocationState | None = None) -> None:
        """epoch: seconds since 1970 at power on, as the board's clock has it."""
        super().__init__(port, GpsState(location=location or LocationState()))
        self._epoch = epoch

    def read(self, offset: int, size: int) -> int:
        state = self.state
        if offset == DATA:
            return self._take()
        if offset == FLAGS:
            full = FLAGS_FULL if len(state.waiting) >= _FULL else 0
            return FLAGS_SENT | full | (0 if state.waiting else FLAGS_EMPTY)
        if offset == RAW:
            return self._raw()
        if offset == MASKED:
            return self._raw() & state.mask
        if offset in _REGISTERS:
            return int(getattr(state, _REGISTERS[offset][0]))
        if ID <= offset < ID + 4 * len(_ID_BYTES):
            return _ID_BYTES[(offset - ID) // 4]
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        state = self.state
        if offset == DATA:
            state.sent = True
        elif offset == CLEAR:
            state.sent = state.sent and not value & INTERRUPT_SEND
        elif offset in _REGISTERS:
            name, bits = _REGISTERS[offset]
            listened = self._listening
            setattr(state, name, value & bits)
            if self._listening and not listened:
                self._plan()
            elif listened and not self._listening:
                state.waiting = b""
                self.port.set_alarm(None)
        self._drive()

    def event(self, payload: bytes) -> None:
        try:
            self.state.location = msgspec.msgpack.decode(payload, type=LocationState)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return

    def alarm(self) -> None:
        state = self.state
        if not self._listening:
            return
        if not state.waiting:
            state.waiting = sentences(state.location, self._epoch + self.port.now_ns() // _SECOND)
            self._drive()
        self._plan()

    def reset(self) -> None:
        """Where it is it stays."""
        location = self.state.location
        super().reset()
        self.state.location = location
        self.port.set_alarm(None)

    def restored(self) -> None:
        """The alarm is the machine's and restored with it."""
        self._drive()

    @property
    def _listening(self) -> bool:
        wanted = CONTROL_ENABLE | CONTROL_RECEIVE
        return self.state.control & wanted == wanted

    def _plan(self) -> None:
        self.port.set_alarm((self.port.now_ns() // _SECOND + 1) * _SECOND)

    def _take(self) -> int:
        state = self.state
        if not state.waiting:
            return 0
        value, state.waiting = state.waiting[0], state.waiting[1:]
        self._drive()
        return value

    def _raw(self) -> int:
        state = self.state
        receive = INTERRUPT_RECEIVE if state.waiting else 0
        return receive | (INTERRUPT_SEND if state.sent else 0)

    def _drive(self) -> None:
        self.port.wire(bool(self._raw() & self.state.mask))
