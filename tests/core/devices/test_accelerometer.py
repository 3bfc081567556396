"""The MMA8452Q as its data sheet has it, and which way is up."""

import msgspec
import pytest
from i2c_master import Master

from pocketvisor.devices.accelerometer import (
    ACTIVE,
    CONTROL_1,
    CONTROL_2,
    DATA_CONFIG,
    DEVICE_ID,
    OFFSET_X,
    OUT_X,
    READY,
    RESET,
    STATUS,
    WHO_AM_I,
    Mma8452,
)
from pocketvisor.devices.phone_state import STANDARD_GRAVITY, MotionState

AT = Mma8452.address


@pytest.fixture
def master() -> Master:
    master = Master(Mma8452())
    master.write(AT, CONTROL_1, ACTIVE)
    return master


def sample(master: Master, **fields: object) -> tuple[int, ...]:
    master.tell("accelerometer", msgspec.msgpack.encode(MotionState(**fields)))  # type: ignore[arg-type]
    data = master.read(AT, 6, OUT_X)
    return tuple(int.from_bytes(data[at : at + 2], "big", signed=True) >> 4 for at in (0, 2, 4))


def test_who_it_is(master: Master) -> None:
    assert master.read(AT, 1, WHO_AM_I) == bytes((DEVICE_ID,))


def test_up_is_where_the_sky_is(master: Master) -> None:
    """At 2 g full scale 1 g is 1024. Turned clockwise the left side is up."""
    assert sample(master) == (0, 1024, 0)
    assert sample(master, orientation=90) == (-1024, 0, 0)
    assert sample(master, orientation=180) == (0, -1024, 0)
    assert sample(master, orientation=270) == (1024, 0, 0)
    assert sample(master, pitch=90.0) == (0, 0, 1024)
    assert sample(master, pitch=-90.0) == (0, 0, -1024)


def test_gravity_is_as_long_however_it_is_held(master: Master) -> None:
    for orientation in (0, 90, 180, 270):
        for pitch, roll in ((-60.0, 10.0), (33.0, -45.0), (5.0, 45.0)):
            held = MotionState(orientation=orientation, pitch=pitch, roll=roll)
            assert sum(value**2 for value in held.acceleration) ** 0.5 == pytest.approx(STANDARD_GRAVITY)


def test_full_scale_and_what_is_over_it(master: Master) -> None:
    master.write(AT, DATA_CONFIG, 1)
    assert sample(master) == (0, 512, 0)
    assert sample(master, shake=(80.0, -80.0, 0.0)) == (2047, -2048, 0)


def test_offsets_are_added_in_steps_of_2_mg(master: Master) -> None:
    master.write(AT, OFFSET_X, 50, 0x100 - 50)
    x, y, z = sample(master)
    assert (x, 1024 - y, z) == (102, 102, 0)


def test_before_it_is_woken_there_is_no_sample() -> None:
    master = Master(Mma8452())
    assert master.read(AT, 1, STATUS) == b"\0"
    assert sample(master) == (0, 0, 0)


def test_in_standby_the_last_sample_waits(master: Master) -> None:
    """Linux asks whether there is one before it wakes the chip."""
    assert master.read(AT, 1, STATUS) == bytes((READY,))
    master.write(AT, CONTROL_1, 0)
    assert master.read(AT, 1, STATUS) == bytes((READY,))
    assert sample(master, orientation=180) == (0, 1024, 0)
    master.write(AT, CONTROL_1, ACTIVE)
    assert sample(master, orientation=180) == (0, -1024, 0)


def test_samples_are_read_round_and_round(master: Master) -> None:
    data = master.read(AT, 14, STATUS)
    assert data[:7] == data[7:]


def test_reset_clears_what_was_written(master: Master) -> None:
    master.write(AT, DATA_CONFIG, 2)
    master.write(AT, CONTROL_2, RESET)
    assert master.read(AT, 1, DATA_CONFIG) == master.read(AT, 1, CONTROL_1) == master.read(AT, 1, CONTROL_2)


def test_registers_for_reading_alone_and_missing_ones_hold_nothing(master: Master) -> None:
    for register in (WHO_AM_I, 0x33, 0xFF):
        before = master.read(AT, 1, register)
        master.write(AT, register, 0x55)
        assert master.read(AT, 1, register) == before
