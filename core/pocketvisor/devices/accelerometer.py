"""A three-axis accelerometer, NXP's MMA8452Q (data sheet rev. 10), at I2C address 0x1c.

Each read is a fresh sample of 12 bits. Left out: samples of 8 bits, interrupts (whoever wants to know
asks), the high-pass filter, tap, motion, transient and orientation detection, whose registers hold what is
written to them.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices.i2c import I2cChip
from pocketvisor.devices.phone_state import STANDARD_GRAVITY, MotionState

STATUS: Final = 0x00
OUT_X: Final = 0x01  # six bytes: three times high byte, low byte
SYSTEM_MODE: Final = 0x0B
WHO_AM_I: Final = 0x0D
DATA_CONFIG: Final = 0x0E
CONTROL_1: Final = 0x2A
CONTROL_2: Final = 0x2B
OFFSET_X: Final = 0x2F

DEVICE_ID: Final = 0x2A
READY: Final = 0x0F
ACTIVE: Final = 0x01  # of CONTROL_1
RESET: Final = 0x40  # of CONTROL_2

_REGISTERS: Final = 0x32
_WRITABLE: Final = (0x0E, 0x0F, 0x11, 0x15, 0x17, 0x18, 0x1D, 0x1F, 0x20, 0x21, *range(0x23, 0x32))
_OFFSET_STEP: Final = 0.002  # g
_FULL_SCALE: Final = (2, 4, 8, 8)  # g

_Byte = Annotated[int, Meta(ge=0, le=0xFF)]


class Mma8452State(Struct):
    motion: MotionState = MotionState()
    held: MotionState | None = None  # the last sample before standby; None before the first
    registers: Annotated[bytes, Meta(min_length=_REGISTERS, max_length=_REGISTERS)] = bytes(_REGISTERS)
    pointer: _Byte = 0
    pointed: bool = False  # the register of this transfer has come


class Mma8452(I2cChip[Mma8452State]):
    name = "accelerometer"
    address = 0x1C

    def __init__(self, motion: MotionState | None = None) -> None:
        super().__init__(Mma8452State(motion=motion or MotionState()))

    def start(self, reading: bool) -> bool:
        if not reading:
            self.state.pointed = False
        return True

    def write(self, value: int) -> bool:
        state = self.state
        if not state.pointed:
            state.pointer, state.pointed = value, True
            return True
        self._set(state.pointer, value)
        state.pointer = state.pointer + 1 & 0xFF
        return True

    def read(self) -> int:
        state = self.state
        value = self._get(state.pointer)
        # Samples are read round and round.
        state.pointer = STATUS if state.pointer == OUT_X + 5 else state.pointer + 1 & 0xFF
        return value

    def event(self, payload: bytes) -> None:
        try:
            self.state.motion = msgspec.msgpack.decode(payload, type=MotionState)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return

    def _set(self, register: int, value: int) -> None:
        state = self.state
        if register == CONTROL_2 and value & RESET:
            state.registers, state.held = bytes(_REGISTERS), None
        elif register in _WRITABLE:
            if self._active:
                state.held = state.motion
            registers = bytearray(state.registers)
            registers[register] = value
            state.registers = bytes(registers)

    def _get(self, register: int) -> int:
        if register == STATUS:
            return READY if self._active or self.state.held is not None else 0
        if OUT_X <= register < OUT_X + 6:
            axis, low = divmod(register - OUT_X, 2)
            sample = self._sample(axis)
            return sample << 4 & 0xF0 if low else sample >> 4 & 0xFF
        if register == SYSTEM_MODE:
            return 1 if self._active else 0
        if register == WHO_AM_I:
            return DEVICE_ID
        return self.state.registers[register] if register < _REGISTERS else 0

    @property
    def _active(self) -> bool:
        return bool(self.state.registers[CONTROL_1] & ACTIVE)

    def _sample(self, axis: int) -> int:
        """12 bits, two's complement; over the full scale it stays there. In standby it is the last one, which
        drivers wait for before they wake the chip."""
        state = self.state
        motion = state.motion if self._active else state.held
        if motion is None:
            return 0
        offset = state.registers[OFFSET_X + axis]
        g = motion.acceleration[axis] / STANDARD_GRAVITY
        g += (offset - 256 if offset & 0x80 else offset) * _OFFSET_STEP
        value = round(g * 2048 / _FULL_SCALE[state.registers[DATA_CONFIG] & 3])
        return min(max(value, -2048), 2047) & 0xFFF
