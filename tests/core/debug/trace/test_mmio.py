"""Accesses of devices have the names that the manuals have."""

import pytest

from pocketvisor.board import map as board_map
from pocketvisor.debug.trace.device_registers import REGISTERS, register_name, timer_register
from pocketvisor.debug.trace.mmio import NOTHING, accesses, device_name
from pocketvisor.debug.trace.ring import NO_DEVICE, RawAccess, RawDevice


@pytest.mark.parametrize(
    ("device", "offset", "name"),
    [
        ("pl011", 0x00, "UARTDR"),
        ("pl011", 0x18, "UARTFR"),
        ("pl011", 0x1A, "UARTFR+2"),
        ("pl011", 0xFE0, "UARTPeriphID0"),
        ("pl011", 0xFFC, "UARTPCellID3"),
        ("pl011", 0x100, "+0x100"),
        ("gps", 0x30, "UARTCR"),
        ("pl031", 0x0, "RTCDR"),
        ("pl061", 0x3FC, "GPIODATA[0xff]"),
        ("pl061", 0x41C, "GPIOIC"),
        ("gic", 0x000, "GICD_CTLR"),
        ("gic", 0x108, "GICD_ISENABLER2"),
        ("gic", 0x41B, "GICD_IPRIORITYR6+3"),
        ("gic", 0xF00, "GICD_SGIR"),
        ("gic-cpu", 0x0C, "GICC_IAR"),
        ("gic-cpu", 0x1000, "GICC_DIR"),
        ("virtio", 0x200 * 5 + 0x50, "QueueNotify"),
        ("virtio", 0x200 * 31 + 0x104, "Config+0x4"),
        ("fw_cfg", 4, "Data"),
        ("fw_cfg", 8, "Selector"),
        ("i2c", 0x10, "CR/SR"),
        ("flash", 0x555, "Array+0x555"),
        ("timer", timer_register(True, 0, 1, 14, 0), "CNTVCT"),
        ("timer", timer_register(False, 14, 0, 3, 1), "CNTV_CTL"),
        ("somebody's own", 12, "+0xc"),
    ],
)
def test_registers_have_names(device: str, offset: int, name: str) -> None:
    assert register_name(device, offset) == name


def test_every_offset_of_every_device_has_some_name() -> None:
    for device in REGISTERS:
        for offset in (0, 1, 2, 3, 4, 0x7C, 0x3FF, 0xFFC, 0xFFFF, 0xFFFFFFFF):
            assert register_name(device, offset)


def test_devices_are_called_by_their_place_on_the_board() -> None:
    def named(name: str, base: int, size: int = 0x1000, offset: int = 0) -> str:
        return device_name(RawDevice(name, base, size, 0, 0), offset)

    assert named("gic", board_map.GIC_DISTRIBUTOR.base) == "gic distributor"
    assert named("pl061", board_map.GPIO.base) == "pl061"
    assert named("pl061", board_map.PHONE_GPIO.base) == "phone gpio"
    assert named("gps", board_map.GPS_UART.base) == "gps uart"
    assert named("flash", 0) == "flash"
    assert named("lamp", board_map.USER_DEVICES.base) == "lamp"
    assert named("virtio", board_map.VIRTIO.base, 0x4000, 0x200 * board_map.DISK_SLOTS[0]) == "virtio disk 0"
    assert named("virtio", board_map.VIRTIO.base, 0x4000, 0x200 * 31) == "virtio slot 31"
    assert named("timer", 0, 0) == "timer"


def test_an_access_says_all_in_a_line() -> None:
    devices = [RawDevice("pl011", board_map.UART.base, 0x1000, 0, 0)]
    raw = [
        RawAccess(400, 0x41, 0x8000, 7, 0x00, 0, 1, 1),
        RawAccess(404, (1 << 64) - 1, 0x8004, 7, 0x18, 0, 2, 0),
        RawAccess(408, 0, 0x8008, 7, 0x0900_0F00, NO_DEVICE, 4, 0),
        RawAccess(412, 0, 0x8008, 7, 0, 55, 200, 0),
    ]
    found = accesses(raw, devices, first=10)
    assert [str(one) for one in found[:2]] == ["pl011 UARTDR <- 0x41", "pl011 UARTFR -> 0xffff"]
    assert found[0].address == board_map.UART.base
    assert [one.number for one in found] == [10, 11, 12, 13]
    assert (found[2].device, found[2].register, found[2].address) == (NOTHING, "0x09000f00", 0x0900_0F00)
    assert found[3].device == NOTHING and found[3].size == 8
