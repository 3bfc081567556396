"""A smart battery (Smart Battery Data Specification 1.1) at SMBus address 0x0b, without packet error codes.

A command byte names a 16-bit word, low byte first, or a string with its length before it. A change of what
it shows raises the SMBus alert, so that a guest need not ask again and again. Left out: charger broadcasts,
the manufacturer's own commands, and alarms by remaining capacity or time.
"""

from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices.i2c import I2cChip
from pocketvisor.devices.phone_state import BatteryState


class Command(IntEnum):
    """The first byte of a transfer."""

    REMAINING_CAPACITY_ALARM = 0x01
    REMAINING_TIME_ALARM = 0x02
    MODE = 0x03
    AT_RATE = 0x04
    TEMPERATURE = 0x08
    VOLTAGE = 0x09
    CURRENT = 0x0A
    AVERAGE_CURRENT = 0x0B
    MAX_ERROR = 0x0C
    RELATIVE_CHARGE = 0x0D
    ABSOLUTE_CHARGE = 0x0E
    REMAINING_CAPACITY = 0x0F
    FULL_CAPACITY = 0x10
    RUN_TIME_TO_EMPTY = 0x11
    AVERAGE_TIME_TO_EMPTY = 0x12
    AVERAGE_TIME_TO_FULL = 0x13
    CHARGING_CURRENT = 0x14
    CHARGING_VOLTAGE = 0x15
    STATUS = 0x16
    CYCLE_COUNT = 0x17
    DESIGN_CAPACITY = 0x18
    DESIGN_VOLTAGE = 0x19
    SPECIFICATION = 0x1A
    MANUFACTURE_DATE = 0x1B
    SERIAL_NUMBER = 0x1C
    MANUFACTURER = 0x20
    DEVICE_NAME = 0x21
    CHEMISTRY = 0x22


MODE_ENERGY: Final = 0x8000  # capacities in 10 mWh, not in mAh

STATUS_INITIALISED: Final = 0x0080
STATUS_DISCHARGING: Final = 0x0040
STATUS_FULL: Final = 0x0020
STATUS_EMPTY: Final = 0x0010

_STRINGS: Final[dict[int, bytes]] = {
    Command.MANUFACTURER: b"Pocketvisor",
    Command.DEVICE_NAME: b"Handset battery",
    Command.CHEMISTRY: b"LION",
}
_WRITABLE: Final = (
    Command.REMAINING_CAPACITY_ALARM,
    Command.REMAINING_TIME_ALARM,
    Command.MODE,
    Command.AT_RATE,
)
_MODE_WRITABLE: Final = 0xE000
_DESIGN_MILLIVOLTS: Final = 3700
_FULL_MILLIVOLTS: Final = 4200
_VERSION_1_1: Final = 0x0021
_MADE: Final = (2026 - 1980) << 9 | 1 << 5 | 1
_ICE_POINT: Final = 2731  # tenths of a kelvin, as guests take them
_NEVER: Final = 0xFFFF

_Byte = Annotated[int, Meta(ge=0, le=0xFF)]
_Word = Annotated[int, Meta(ge=0, le=0xFFFF)]


class SmartBatteryState(Struct):
    shown: BatteryState = BatteryState()
    alert: bool = False
    command: _Byte = 0
    written: Annotated[bytes, Meta(max_length=2)] = b""
    commanded: bool = False  # the command byte of this transfer has come
    answer: Annotated[bytes, Meta(max_length=33)] = b""
    mode: _Word = 0
    capacity_alarm: _Word = 0
    time_alarm: _Word = 10
    at_rate: _Word = 0


def _noticeable(shown: BatteryState) -> tuple[object, ...]:
    """What is worth an alert: not each milliampere."""
    return int(shown.level), shown.status, round(shown.temperature), shown.millivolts, shown.capacity_mah


class SmartBattery(I2cChip[SmartBatteryState]):
    name = "battery"
    address = 0x0B

    def __init__(self, shown: BatteryState | None = None) -> None:
        super().__init__(SmartBatteryState(shown=shown or BatteryState()))

    def start(self, reading: bool) -> bool:
        state = self.state
        if reading:
            state.answer = self._answer(state.command)
        else:
            state.commanded, state.written = False, b""
        return True

    def write(self, value: int) -> bool:
        state = self.state
        if not state.commanded:
            state.command, state.commanded = value, True
        elif state.command not in _WRITABLE or len(state.written) >= 2:
            return False
        else:
            state.written += bytes((value,))
            if len(state.written) == 2:
                self._set(state.command, int.from_bytes(state.written, "little"))
        return True

    def read(self) -> int:
        state = self.state
        if not state.answer:
            return 0xFF
        value, state.answer = state.answer[0], state.answer[1:]
        return value

    def event(self, payload: bytes) -> None:
        try:
            shown = msgspec.msgpack.decode(payload, type=BatteryState)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        if _noticeable(shown) != _noticeable(self.state.shown):
            self.state.alert = True
        self.state.shown = shown

    @property
    def alerting(self) -> bool:
        return self.state.alert

    def alert_answered(self) -> None:
        self.state.alert = False

    def _set(self, command: int, word: int) -> None:
        state = self.state
        if command == Command.MODE:
            state.mode = word & _MODE_WRITABLE
        elif command == Command.REMAINING_CAPACITY_ALARM:
            state.capacity_alarm = word
        elif command == Command.REMAINING_TIME_ALARM:
            state.time_alarm = word
        else:
            state.at_rate = word

    def _answer(self, command: int) -> bytes:
        text = _STRINGS.get(command)
        if text is not None:
            return bytes((len(text),)) + text
        return (self._word(command) & 0xFFFF).to_bytes(2, "little")

    def _word(self, command: int) -> int:
        state, shown = self.state, self.state.shown
        match command:
            case Command.REMAINING_CAPACITY_ALARM:
                return state.capacity_alarm
            case Command.REMAINING_TIME_ALARM:
                return state.time_alarm
            case Command.MODE:
                return state.mode
            case Command.AT_RATE:
                return state.at_rate
            case Command.TEMPERATURE:
                return round(shown.temperature * 10) + _ICE_POINT
            case Command.VOLTAGE:
                return shown.voltage
            case Command.CURRENT | Command.AVERAGE_CURRENT:
                return shown.current
            case Command.MAX_ERROR:
                return 1
            case Command.RELATIVE_CHARGE | Command.ABSOLUTE_CHARGE:
                return int(shown.level)
            case Command.REMAINING_CAPACITY:
                return self._capacity(shown.level)
            case Command.FULL_CAPACITY | Command.DESIGN_CAPACITY:
                return self._capacity(100.0)
            case Command.RUN_TIME_TO_EMPTY | Command.AVERAGE_TIME_TO_EMPTY:
                return self._minutes(shown.level) if shown.current < 0 else _NEVER
            case Command.AVERAGE_TIME_TO_FULL:
                return self._minutes(100.0 - shown.level) if shown.current > 0 else _NEVER
            case Command.CHARGING_CURRENT:
                return shown.capacity_mah // 2 if shown.level < 100.0 else 0
            case Command.CHARGING_VOLTAGE:
                return _FULL_MILLIVOLTS
            case Command.STATUS:
                return self._status()
            case Command.DESIGN_VOLTAGE:
                return _DESIGN_MILLIVOLTS
            case Command.SPECIFICATION:
                return _VERSION_1_1
            case Command.MANUFACTURE_DATE:
                return _MADE
            case Command.SERIAL_NUMBER:
                return 1
        return 0

    def _capacity(self, level: float) -> int:
        milliampere_hours = self.state.shown.capacity_mah * level / 100.0
        if self.state.mode & MODE_ENERGY:
            return int(milliampere_hours * _DESIGN_MILLIVOLTS / 10_000)
        return int(milliampere_hours)

    def _minutes(self, level: float) -> int:
        shown = self.state.shown
        return min(int(60 * shown.capacity_mah * level / 100.0 / abs(shown.current)), _NEVER - 1)

    def _status(self) -> int:
        shown = self.state.shown
        value = STATUS_INITIALISED
        if shown.status == "discharging":
            value |= STATUS_DISCHARGING
        elif shown.status == "full":
            value |= STATUS_FULL
        return value | STATUS_EMPTY if shown.level < 1.0 else value
