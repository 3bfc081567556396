"""The nodes of a phone's own parts, which `virt` has not: GPS receiver, battery, accelerometer, charger."""

from typing import Final

from pocketvisor.board import map as board
from pocketvisor.board.devicetree_writer import CLOCK, LEVEL_HIGH, PHONE_GPIO, SPI, Writer
from pocketvisor.devices.accelerometer import Mma8452
from pocketvisor.devices.battery import SmartBattery

_BUS_HZ: Final = 100_000


def add(w: Writer) -> None:
    with w.node(f"pl011@{board.GPS_UART.base:x}"):
        w.strings("clock-names", "uartclk", "apb_pclk")
        w.cells("clocks", CLOCK, CLOCK)
        w.spi(board.GPS_UART.spi)
        w.reg(board.GPS_UART)
        w.strings("compatible", "arm,pl011", "arm,primecell")
    with w.node(f"pl061@{board.PHONE_GPIO.base:x}"):
        w.cells("phandle", PHONE_GPIO)
        w.strings("clock-names", "apb_pclk")
        w.cells("clocks", CLOCK)
        w.spi(board.PHONE_GPIO.spi)
        w.flag("gpio-controller")
        w.cells("#gpio-cells", 2)
        w.strings("compatible", "arm,pl061", "arm,primecell")
        w.reg(board.PHONE_GPIO)
    with w.node("charger"):
        w.strings("compatible", "gpio-charger")
        w.strings("charger-type", "mains")
        w.cells("gpios", PHONE_GPIO, board.CHARGER_LINE, 0)
    with w.node(f"i2c@{board.I2C.base:x}"):
        assert board.I2C.spi is not None
        w.cells("interrupts", SPI, board.I2C.spi, LEVEL_HIGH, SPI, board.I2C_ALERT_SPI, LEVEL_HIGH)
        w.strings("interrupt-names", "i2c", "smbus_alert")
        w.cells("clocks", CLOCK)
        w.cells("clock-frequency", _BUS_HZ)
        w.cells("reg-shift", 2)
        w.cells("reg-io-width", 4)
        w.reg(board.I2C)
        w.cells("#address-cells", 1)
        w.cells("#size-cells", 0)
        w.strings("compatible", "opencores,i2c-ocores")
        with w.node(f"battery@{SmartBattery.address:x}"):
            w.cells("reg", SmartBattery.address)
            w.cells("sbs,battery-detect-gpios", PHONE_GPIO, board.BATTERY_LINE, 0)
            w.strings("compatible", "sbs,sbs-battery")
        with w.node(f"accelerometer@{Mma8452.address:x}"):
            w.cells("reg", Mma8452.address)
            # What reads it takes gravity for what is felt, which is its opposite.
            w.strings("mount-matrix", "-1", "0", "0", "0", "-1", "0", "0", "0", "-1")
            w.strings("compatible", "fsl,mma8452")
