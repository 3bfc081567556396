"""The I2C controller as its specification has it, the SMBus alert, and a bus that survives any traffic."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from i2c_master import Master, NoAnswer

from pocketvisor.devices.accelerometer import Mma8452
from pocketvisor.devices.battery import Command, SmartBattery
from pocketvisor.devices.i2c import ALERT_RESPONSE, I2cBus
from pocketvisor.devices.i2c_ocores import (
    COMMAND,
    COMMAND_READ,
    COMMAND_START,
    COMMAND_STOP,
    COMMAND_WRITE,
    CONTROL,
    DATA,
    PRESCALE_HIGH,
    PRESCALE_LOW,
    STATUS,
    STATUS_BUSY,
    STATUS_NACK,
)
from pocketvisor.devices.phone_state import BatteryState, MotionState

BATTERY, ACCELEROMETER = SmartBattery.address, Mma8452.address


@pytest.fixture
def master() -> Master:
    return Master(SmartBattery(), Mma8452())


def test_registers_at_power_on() -> None:
    fresh = Master().controller
    fresh.restore({**fresh.save(), "control": 0})
    values = [fresh.read(offset, 4) for offset in (PRESCALE_LOW, PRESCALE_HIGH, CONTROL, DATA, STATUS, 0x14)]
    assert values == [0xFF, 0xFF, 0, 0, 0, 0]


def test_the_prescaler_holds_sixteen_bits(master: Master) -> None:
    master.controller.write(PRESCALE_LOW, 4, 0x12F)
    master.controller.write(PRESCALE_HIGH, 4, 0x101)
    assert (master.controller.read(PRESCALE_LOW, 4), master.controller.read(PRESCALE_HIGH, 4)) == (0x2F, 1)


def test_nobody_answers_at_an_address_without_a_chip(master: Master) -> None:
    with pytest.raises(NoAnswer):
        master.write(0x42, 0)
    with pytest.raises(NoAnswer):
        master.read(0x42, 1)


def test_the_bus_is_busy_from_start_to_stop(master: Master) -> None:
    master.send(BATTERY << 1, COMMAND_START | COMMAND_WRITE)
    assert master.controller.read(STATUS, 4) & STATUS_BUSY
    assert not master.command(COMMAND_STOP) & STATUS_BUSY


def test_a_disabled_controller_does_nothing(master: Master) -> None:
    master.controller.write(CONTROL, 4, 0)
    master.controller.write(DATA, 4, BATTERY << 1)
    master.controller.write(COMMAND, 4, COMMAND_START | COMMAND_WRITE)
    assert not master.level
    assert master.controller.read(STATUS, 4) == 0


def test_reading_and_writing_without_a_start_reach_no_chip(master: Master) -> None:
    assert master.command(COMMAND_WRITE) & STATUS_NACK
    master.command(COMMAND_READ)
    assert master.controller.read(DATA, 4) == 0xFF


def test_two_chips_cannot_share_an_address() -> None:
    with pytest.raises(ValueError, match="address"):
        I2cBus(SmartBattery(), SmartBattery())


def test_a_change_raises_the_alert_until_the_master_has_asked_who_it_was(master: Master) -> None:
    with pytest.raises(NoAnswer):
        master.read(ALERT_RESPONSE, 1)
    assert not master.alert
    master.tell("battery", msgspec.msgpack.encode(BatteryState(level=12.0)))
    assert master.alert
    assert master.read(ALERT_RESPONSE, 1) == bytes((BATTERY << 1,))
    assert not master.alert
    with pytest.raises(NoAnswer):
        master.read(ALERT_RESPONSE, 1)


def test_what_does_not_change_raises_no_alert(master: Master) -> None:
    master.tell("battery", msgspec.msgpack.encode(BatteryState()))
    master.tell("accelerometer", msgspec.msgpack.encode(MotionState(orientation=90)))
    assert not master.alert


@pytest.mark.parametrize(
    "payload", [b"", b"battery", b"battery\0", b"battery\0\xc1", b"nobody\0\x80", b"\xff\0"]
)
def test_an_event_that_makes_no_sense_changes_nothing(master: Master, payload: bytes) -> None:
    before = master.controller.save()
    master.controller.event(payload)
    assert master.controller.save() == before


def test_a_transfer_goes_on_where_it_was_saved(master: Master) -> None:
    master.tell("battery", msgspec.msgpack.encode(BatteryState(level=37.0)))
    master.send(BATTERY << 1, COMMAND_START | COMMAND_WRITE)
    master.send(Command.RELATIVE_CHARGE)
    master.send(BATTERY << 1 | 1, COMMAND_START | COMMAND_WRITE)
    other = Master(SmartBattery(), Mma8452())
    other.controller.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(master.controller.save())))
    assert other.alert
    other.command(COMMAND_READ)
    assert other.controller.read(DATA, 4) == 37


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"chips": {}},
        {"chips": {"battery": {}, "accelerometer": {}}},
        {"control": 256},
        {"chip": 200},
        {"chips": None},
    ],
)
def test_an_impossible_state_is_refused_and_changes_nothing(
    master: Master, broken: dict[str, object]
) -> None:
    before = master.controller.save()
    with pytest.raises(ValueError):
        master.controller.restore({**before, **broken} if broken else {})
    assert master.controller.save() == before


ACCESS = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 0x3FF).map(lambda at: at * 4), st.just(0)),
    st.tuples(
        st.just("write"),
        st.sampled_from((PRESCALE_LOW, PRESCALE_HIGH, CONTROL, DATA, COMMAND, 0x14, 0xFFC)),
        st.one_of(
            st.integers(0, 0xFFFFFFFF),
            st.sampled_from((0x91, 0x41, 0x21, 0x29, 0x11, 0x01, 0xC0, 0x80)),
            st.sampled_from((BATTERY, ACCELEROMETER, ALERT_RESPONSE)).map(lambda at: at << 1),
            st.sampled_from((BATTERY, ACCELEROMETER, ALERT_RESPONSE)).map(lambda at: at << 1 | 1),
        ),
    ),
    st.tuples(
        st.just("event"),
        st.just(0),
        st.one_of(
            st.binary(max_size=64),
            st.integers(0, 100).map(
                lambda level: b"battery\0" + msgspec.msgpack.encode(BatteryState(level=float(level)))
            ),
        ),
    ),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(ACCESS, max_size=150))
def test_no_traffic_breaks_it_or_its_state(accesses: list[tuple[str, int, int | bytes]]) -> None:
    """Whatever a guest does nothing raises, registers stay bytes, and the state can be taken over."""
    master = Master(SmartBattery(), Mma8452())
    for kind, offset, value in accesses:
        if kind == "read":
            assert 0 <= master.controller.read(offset, 4) <= 0xFF
        elif kind == "write":
            assert isinstance(value, int)
            master.controller.write(offset, 4, value)
        else:
            assert isinstance(value, bytes)
            master.controller.event(value)
    other = Master(SmartBattery(), Mma8452())
    other.controller.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(master.controller.save())))
    assert other.controller.save() == master.controller.save()
    assert (other.level, other.alert) == (master.level, master.alert)
