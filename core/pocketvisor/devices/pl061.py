"""ARM PrimeCell General Purpose Input/Output PL061 (ARM DDI 0190): eight lines, each an interrupt's source.

Lines come from outside by event(): two bytes, line and level. Left out: what an output drives (nothing is
connected), the pins of the alternate function, and the integration test registers.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.device import Device, Port

DATA_END: Final = 0x400  # below: the data register, bits 9 to 2 of the address being its mask
DIR: Final = 0x400
IS: Final = 0x404
IBE: Final = 0x408
IEV: Final = 0x40C
IE: Final = 0x410
RIS: Final = 0x414
MIS: Final = 0x418
IC: Final = 0x41C
AFSEL: Final = 0x420
ID: Final = 0xFE0
_ID_BYTES: Final = (0x61, 0x10, 0x04, 0x00, 0x0D, 0xF0, 0x05, 0xB1)

_Byte = Annotated[int, Meta(ge=0, le=0xFF)]


class Pl061State(Struct):
    inputs: _Byte = 0  # levels at the pins
    outputs: _Byte = 0
    direction: _Byte = 0  # 1: output
    level_sense: _Byte = 0
    both_edges: _Byte = 0
    event: _Byte = 0  # 1: rising edge or high level
    mask: _Byte = 0
    edges: _Byte = 0  # edges seen and not cleared
    alternate: _Byte = 0


_FIELDS: Final = {
    DIR: "direction",
    IS: "level_sense",
    IBE: "both_edges",
    IEV: "event",
    IE: "mask",
    AFSEL: "alternate",
}


class Pl061(Device[Pl061State]):
    name = "pl061"

    def __init__(self, port: Port) -> None:
        super().__init__(port, Pl061State())

    def read(self, offset: int, size: int) -> int:
        if offset < DATA_END:
            return self._data() & offset >> 2
        if offset == RIS:
            return self._raw()
        if offset == MIS:
            return self._raw() & self.state.mask
        if offset in _FIELDS:
            return int(getattr(self.state, _FIELDS[offset]))
        if ID <= offset < ID + 4 * len(_ID_BYTES):
            return _ID_BYTES[(offset - ID) // 4]
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        state = self.state
        if offset < DATA_END:
            mask = offset >> 2 & state.direction
            state.outputs = state.outputs & ~mask | value & mask
        elif offset == IC:
            state.edges &= ~value & 0xFF
        elif offset in _FIELDS:
            setattr(state, _FIELDS[offset], value & 0xFF)
        self._drive()

    def event(self, payload: bytes) -> None:
        if len(payload) != 2 or payload[0] > 7:
            return
        state = self.state
        bit = 1 << payload[0]
        before = state.inputs
        state.inputs = before | bit if payload[1] else before & ~bit
        changed = (before ^ state.inputs) & ~state.direction & ~state.level_sense
        state.edges |= changed & (state.both_edges | ~(state.inputs ^ state.event)) & 0xFF
        self._drive()

    def reset(self) -> None:
        """What is pressed stays pressed."""
        inputs = self.state.inputs
        super().reset()
        self.state.inputs = inputs

    def restored(self) -> None:
        self._drive()

    def _data(self) -> int:
        state = self.state
        return state.outputs & state.direction | state.inputs & ~state.direction

    def _raw(self) -> int:
        state = self.state
        levels = ~(self._data() ^ state.event) & ~state.direction
        return (state.edges & ~state.level_sense | levels & state.level_sense) & 0xFF

    def _drive(self) -> None:
        self.port.wire(bool(self._raw() & self.state.mask))
