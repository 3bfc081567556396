"""ARM PrimeCell Real Time Clock PL031 (ARM DDI 0224): seconds, and an interrupt when they match.

The chip's second hand starts anew when the clock is set; here it keeps to whole seconds since power on.
Left out: the integration test registers.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.device import Device, Port

DR: Final = 0x00  # the seconds
MR: Final = 0x04  # the second to interrupt at
LR: Final = 0x08  # sets the seconds
CR: Final = 0x0C  # always reads as started, and cannot be stopped
IMSC: Final = 0x10
RIS: Final = 0x14
MIS: Final = 0x18
ICR: Final = 0x1C
ID: Final = 0xFE0
_ID_BYTES: Final = (0x31, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1)

_SECOND: Final = 1_000_000_000
_MASK: Final = 0xFFFFFFFF

_Word = Annotated[int, Meta(ge=0, le=_MASK)]
_Bit = Annotated[int, Meta(ge=0, le=1)]


class Pl031State(Struct):
    offset: _Word = 0  # seconds shown less seconds since power on
    match: _Word = 0
    load: _Word = 0
    mask: _Bit = 0
    raw: _Bit = 0


class Pl031(Device[Pl031State]):
    name = "pl031"

    def __init__(self, port: Port, epoch: int) -> None:
        """epoch: what the clock shows at power on, in seconds since 1970."""
        super().__init__(port, Pl031State(offset=epoch & _MASK, load=epoch & _MASK))

    def read(self, offset: int, size: int) -> int:
        state = self.state
        if ID <= offset < ID + 4 * len(_ID_BYTES):
            return _ID_BYTES[(offset - ID) // 4]
        values = {
            DR: self._seconds(),
            MR: state.match,
            LR: state.load,
            CR: 1,
            IMSC: state.mask,
            RIS: state.raw,
            MIS: state.raw & state.mask,
        }
        return values.get(offset, 0)

    def write(self, offset: int, size: int, value: int) -> None:
        state = self.state
        value &= _MASK
        if offset == MR:
            state.match = value
            self._plan()
        elif offset == LR:
            state.load = value
            state.offset = (state.offset + value - self._seconds()) & _MASK
            self._plan()
        elif offset == IMSC:
            state.mask = value & 1
        elif offset == ICR:
            state.raw &= ~value
        self._drive()

    def alarm(self) -> None:
        self._plan()
        self._drive()

    def restored(self) -> None:
        """The alarm is the machine's and restored with it."""
        self._drive()

    def _seconds(self) -> int:
        return (self.state.offset + self.port.now_ns() // _SECOND) & _MASK

    def _plan(self) -> None:
        """Interrupt if the seconds match now, else set the alarm to when they do."""
        ahead = (self.state.match - self._seconds()) & _MASK
        if ahead == 0:
            self.state.raw = 1
            self.port.set_alarm(None)
        else:
            self.port.set_alarm((self.port.now_ns() // _SECOND + ahead) * _SECOND)

    def _drive(self) -> None:
        self.port.wire(bool(self.state.raw & self.state.mask))
