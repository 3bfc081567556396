"""ARM PrimeCell General Purpose Input/Output PL061 (ARM DDI 0190): eight lines, each an interrupt's source.

Lines come from outside by event(): two bytes, line and level. A level lasts at least HOLD_NS, as that of a
key under a finger does: a program that presses and releases at once is noticed by a guest that looks again
after the edge. Left out: what an output drives (nothing is connected), the pins of the alternate function,
and the integration test registers.
"""

from typing import Annotated, Final

import msgspec
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

LINES: Final = 8
HOLD_NS: Final = 30_000_000
_WAITING_MAX: Final = 64

_Byte = Annotated[int, Meta(ge=0, le=0xFF)]
_Line = Annotated[int, Meta(ge=0, lt=LINES)]
_Time = Annotated[int, Meta(ge=0)]


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
    waiting: Annotated[list[tuple[_Line, bool]], Meta(max_length=_WAITING_MAX + LINES)] = []
    held_until: Annotated[list[_Time], Meta(min_length=LINES, max_length=LINES)] = msgspec.field(
        default_factory=lambda: [0] * LINES
    )


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
        if len(payload) != 2 or payload[0] >= LINES:
            return
        line, level = payload[0], bool(payload[1])
        waiting = self.state.waiting
        last = next((at for at in reversed(range(len(waiting))) if waiting[at][0] == line), None)
        if last is not None and len(waiting) >= _WAITING_MAX:
            waiting[last] = (line, level)
        else:
            waiting.append((line, level))
        self._change()

    def alarm(self) -> None:
        self._change()

    def reset(self) -> None:
        """What is pressed stays pressed."""
        old = self.state
        super().reset()
        self.state.inputs, self.state.waiting, self.state.held_until = old.inputs, old.waiting, old.held_until
        self._change()
        self._drive()

    def _change(self) -> None:
        """Let the lines change that may by now, each its changes in order."""
        state, now = self.state, self.port.now_ns()
        held: list[tuple[int, bool]] = []
        for line, level in state.waiting:
            if now < state.held_until[line] or any(line == other for other, _ in held):
                held.append((line, level))
            elif bool(state.inputs >> line & 1) != level:
                state.held_until[line] = now + HOLD_NS
                self._set(line, level)
        state.waiting = held
        self.port.set_alarm(min(state.held_until[line] for line, _ in held) if held else None)

    def _set(self, line: int, level: bool) -> None:
        state = self.state
        bit = 1 << line
        state.inputs = state.inputs | bit if level else state.inputs & ~bit
        watched = bit & ~state.direction & ~state.level_sense
        state.edges |= watched & (state.both_edges | ~(state.inputs ^ state.event)) & 0xFF
        self._drive()

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
