"""A phone's parts on the board: where the tree says, shown to the CPU, told, saved and restored."""

import struct
from pathlib import Path
from typing import Any

import libfdt
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.board import devicetree
from pocketvisor.board import map as board
from pocketvisor.board.config import BoardConfig, DevicesConfig, PanelConfig
from pocketvisor.devices.battery import Command, SmartBattery
from pocketvisor.devices.phone_state import BatteryState, LocationState, MotionState, PhoneState

GPS, I2C, LINES = board.GPS_UART.base, board.I2C.base, board.PHONE_GPIO.base
START = PhoneState(battery=BatteryState(level=40.0))


@pytest.fixture
def phone(tmp_path: Path, inside: bool) -> Any:
    if not inside:
        return None
    from built_board import PokeBoard

    return PokeBoard(tmp_path, devices=DevicesConfig(phone=START))


def tell(on: Any, state: PhoneState) -> None:
    on.board.control("phone", msgspec.msgpack.encode(state))
    on.settle()


def battery_word(on: Any, command: int) -> int:
    """As a driver reads it: the CPU writes and reads the controller's registers."""
    on.write(I2C + 0x08, 0x80)
    for data, control in (
        (SmartBattery.address << 1, 0x91),
        (command, 0x11),
        (SmartBattery.address << 1 | 1, 0x91),
    ):
        on.write(I2C + 0x0C, data)
        on.write(I2C + 0x10, control)
        assert not on.read(I2C + 0x10) & 0x80, "nobody answered"
    word = 0
    for shift, control in ((0, 0x21), (8, 0x29)):
        on.write(I2C + 0x10, control)
        word |= on.read(I2C + 0x0C) << shift
    on.write(I2C + 0x10, 0x41)
    return word


@pytest.mark.guest_process
def test_what_was_so_at_power_on_is_shown_without_an_event(phone: Any) -> None:
    assert battery_word(phone, Command.RELATIVE_CHARGE) == 40
    assert not phone.pending(board.I2C_ALERT_SPI)
    assert phone.read(LINES + 0x3FC) == 1 << board.BATTERY_LINE


@pytest.mark.guest_process
def test_a_change_is_told_by_lines_and_an_alert(phone: Any) -> None:
    tell(phone, PhoneState(battery=BatteryState(level=39.0, plugged=True)))
    assert phone.pending(board.I2C_ALERT_SPI)
    assert phone.read(LINES + 0x3FC) == 1 << board.BATTERY_LINE | 1 << board.CHARGER_LINE
    assert battery_word(phone, Command.RELATIVE_CHARGE) == 39


@pytest.mark.guest_process
def test_what_is_so_already_is_no_event(phone: Any) -> None:
    tell(phone, PhoneState(battery=BatteryState(level=39.0), location=LocationState(fix=True)))
    before = phone.machine.counters()["events"]
    tell(phone, PhoneState(battery=BatteryState(level=39.0), location=LocationState(fix=True)))
    assert phone.machine.counters()["events"] == before
    tell(phone, PhoneState(battery=BatteryState(level=39.0), motion=MotionState(orientation=90)))
    assert phone.machine.counters()["events"] == before + 2  # held otherwise, and no fix any more


@pytest.mark.guest_process
@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x81\xa7battery\x81\xa5level\xcb\x7f\xf8\0\0\0\0\0\0", b"\x90"]
)
def test_what_makes_no_sense_is_refused(phone: Any, data: bytes) -> None:
    before = phone.machine.counters()["events"]
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        phone.board.control("phone", data)
    assert phone.machine.counters()["events"] == before


@pytest.mark.guest_process
def test_a_board_without_them_says_so(poke: Any) -> None:
    with pytest.raises(ValueError, match="no device 'phone'"):
        poke.board.control("phone", msgspec.msgpack.encode(START))


@pytest.mark.guest_process
def test_the_receiver_interrupts_once_a_second(phone: Any) -> None:
    phone.write(GPS + 0x38, 0x10)
    phone.write(GPS + 0x30, 0x301)
    assert not phone.pending(8)
    phone.settle(1_000_000)
    assert phone.pending(8)
    said = bytearray()
    while not phone.read(GPS + 0x18) & 0x10:
        said.append(phone.read(GPS))
    assert said.startswith(b"$GPRMC,0000")
    assert not phone.pending(8)


@pytest.mark.guest_process
def test_it_is_saved_with_what_it_shows_and_then_told_what_is_so(phone: Any, tmp_path: Path) -> None:
    from built_board import PokeBoard

    tell(phone, PhoneState(battery=BatteryState(level=12.0, plugged=True)))
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(phone.board.save()))
    other = PokeBoard(tmp_path, devices=DevicesConfig(phone=PhoneState()))
    other.board.restore(state)
    assert battery_word(other, Command.RELATIVE_CHARGE) == 12
    assert other.read(LINES + 0x3FC) & 1 << board.CHARGER_LINE
    tell(other, PhoneState())
    assert battery_word(other, Command.RELATIVE_CHARGE) == 80
    assert not other.read(LINES + 0x3FC) & 1 << board.CHARGER_LINE


@pytest.mark.guest_process
def test_random_accesses_by_the_cpu_break_nothing(phone: Any) -> None:
    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from((GPS, I2C, LINES)),
                st.one_of(st.integers(0, 0x20), st.integers(0, 0x3FF)),
                st.sampled_from((1, 2, 4)),
                st.one_of(st.none(), st.integers(0, 0xFFFFFFFF), st.sampled_from((0x91, 0x21, 0x80, 0x16))),
            ),
            max_size=30,
        )
    )
    def access(accesses: list[tuple[int, int, int, int | None]]) -> None:
        for base, register, size, value in accesses:
            if value is None:
                phone.read(base + register * 4, size)
            else:
                phone.write(base + register * 4, value & (1 << 8 * size) - 1, size)

    access()
    phone.settle(3_000_000)
    tell(phone, PhoneState(battery=BatteryState(level=55.0)))
    assert battery_word(phone, Command.RELATIVE_CHARGE) == 55


def tree_of(phone: PhoneState | None) -> Any:
    config = BoardConfig(
        ram_size=64 << 20, panel=PanelConfig(480, 800), tick_ps=500, devices=DevicesConfig(phone=phone)
    )
    return libfdt.Fdt(devicetree.build(config))


def test_the_tree_has_them_where_they_are() -> None:
    tree = tree_of(PhoneState())
    for path, part, compatible in (
        ("/pl011@9040000", board.GPS_UART, "arm,pl011"),
        ("/pl061@9060000", board.PHONE_GPIO, "arm,pl061"),
        ("/i2c@9050000", board.I2C, "opencores,i2c-ocores"),
    ):
        node = tree.path_offset(path)
        assert bytes(tree.getprop(node, "compatible")).startswith(compatible.encode() + b"\0")
        assert struct.unpack(">4I", tree.getprop(node, "reg")) == (0, part.base, 0, part.size)
        assert struct.unpack_from(">3I", tree.getprop(node, "interrupts")) == (0, part.spi, 4)
    alert = struct.unpack(">6I", tree.getprop(tree.path_offset("/i2c@9050000"), "interrupts"))[3:]
    assert alert == (0, board.I2C_ALERT_SPI, 4)
    assert (
        bytes(tree.getprop(tree.path_offset("/i2c@9050000/battery@b"), "compatible")) == b"sbs,sbs-battery\0"
    )
    assert bytes(tree.getprop(tree.path_offset("/aliases"), "serial1")) == b"/pl011@9040000\0"


def test_the_tree_of_a_guest_without_them_has_none() -> None:
    tree = tree_of(None)
    for path in ("/pl011@9040000", "/pl061@9060000", "/i2c@9050000", "/charger"):
        assert tree.path_offset(path, libfdt.QUIET_NOTFOUND) < 0
