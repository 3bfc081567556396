"""The smart battery as the Smart Battery Data Specification 1.1 has it."""

import msgspec
import pytest
from i2c_master import Master, NoAnswer

from pocketvisor.devices.battery import (
    MODE_ENERGY,
    STATUS_DISCHARGING,
    STATUS_EMPTY,
    STATUS_FULL,
    STATUS_INITIALISED,
    Command,
    SmartBattery,
)
from pocketvisor.devices.phone_state import BatteryState

AT = SmartBattery.address


@pytest.fixture
def master() -> Master:
    return Master(SmartBattery())


def show(master: Master, **fields: object) -> None:
    master.tell("battery", msgspec.msgpack.encode(BatteryState(**fields)))  # type: ignore[arg-type]


def signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def test_the_level_is_a_percentage(master: Master) -> None:
    for level in (0.0, 0.9, 37.0, 99.9, 100.0):
        show(master, level=level)
        assert master.word(AT, Command.RELATIVE_CHARGE) == int(level)


def test_charging_discharging_and_full(master: Master) -> None:
    show(master, level=50.0, plugged=False)
    assert master.word(AT, Command.STATUS) == STATUS_INITIALISED | STATUS_DISCHARGING
    assert signed(master.word(AT, Command.CURRENT)) < 0
    show(master, level=50.0, plugged=True)
    assert master.word(AT, Command.STATUS) == STATUS_INITIALISED
    assert signed(master.word(AT, Command.CURRENT)) > 0
    show(master, level=100.0, plugged=True)
    assert master.word(AT, Command.STATUS) == STATUS_INITIALISED | STATUS_FULL
    assert master.word(AT, Command.CURRENT) == 0
    show(master, level=0.5)
    assert master.word(AT, Command.STATUS) & STATUS_EMPTY


def test_voltage_follows_the_level_unless_it_is_said(master: Master) -> None:
    voltages = []
    for level in range(0, 101, 5):
        show(master, level=float(level))
        voltages.append(master.word(AT, Command.VOLTAGE))
    assert voltages == sorted(voltages)
    assert (voltages[0], voltages[-1]) == (3300, 4200)
    show(master, level=50.0, millivolts=3456)
    assert master.word(AT, Command.VOLTAGE) == 3456


def test_temperature_is_in_tenths_of_a_kelvin(master: Master) -> None:
    show(master, temperature=-10.0)
    assert master.word(AT, Command.TEMPERATURE) == 2631


def test_capacity_is_the_models_in_charge_or_in_energy(master: Master) -> None:
    show(master, level=25.0, capacity_mah=1400)
    assert master.word(AT, Command.DESIGN_CAPACITY) == 1400
    assert master.word(AT, Command.REMAINING_CAPACITY) == 350
    master.write(AT, Command.MODE, MODE_ENERGY & 0xFF, MODE_ENERGY >> 8)
    assert master.word(AT, Command.FULL_CAPACITY) == 518  # 1.4 Ah at 3.7 V, in 10 mWh
    assert master.word(AT, Command.MODE) == MODE_ENERGY


def test_times_go_with_current_and_level(master: Master) -> None:
    show(master, level=50.0, capacity_mah=1000, milliamps=-100)
    assert master.word(AT, Command.AVERAGE_TIME_TO_EMPTY) == 300
    assert master.word(AT, Command.AVERAGE_TIME_TO_FULL) == 0xFFFF
    show(master, level=50.0, capacity_mah=1000, milliamps=500, plugged=True)
    assert master.word(AT, Command.AVERAGE_TIME_TO_FULL) == 60


def test_strings_have_their_length_before_them(master: Master) -> None:
    assert master.read(AT, 5, Command.CHEMISTRY) == b"\x04LION"


def test_it_is_of_version_1_1_without_error_codes(master: Master) -> None:
    assert master.word(AT, Command.SPECIFICATION) == 0x0021


def test_what_is_measured_cannot_be_written(master: Master) -> None:
    with pytest.raises(NoAnswer):
        master.write(AT, Command.VOLTAGE, 1, 2)
    with pytest.raises(NoAnswer):
        master.write(AT, Command.MODE, 0, 0, 0)


def test_commands_that_are_not_known_read_as_zero(master: Master) -> None:
    assert [master.word(AT, command) for command in (0x00, 0x1D, 0x2F, 0xFF)] == [0, 0, 0, 0]


def test_beyond_the_answer_is_the_idle_bus(master: Master) -> None:
    show(master, level=9.0)
    assert master.read(AT, 4, Command.RELATIVE_CHARGE) == b"\x09\0\xff\xff"
