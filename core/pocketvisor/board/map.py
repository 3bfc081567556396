"""The board's memory map and interrupts: those of QEMU's `virt` machine, as data.

What `virt` has not lies where it has nothing, or what a guest does without: the framebuffer and the user's
own devices in its platform bus window, the second UART at its secure one. Left out: the PCI host, the GICv2m
frame, secure memory.
"""

from typing import Final, NamedTuple


class Part(NamedTuple):
    """A device's registers and its shared interrupt (the first of several), None where it has none."""

    base: int
    size: int
    spi: int | None = None


FLASH_BANK_SIZE: Final = 0x0400_0000
FLASH_BANKS: Final = (0x0000_0000, 0x0400_0000)

GIC_DISTRIBUTOR: Final = Part(0x0800_0000, 0x1_0000)
GIC_CPU_INTERFACE: Final = Part(0x0801_0000, 0x1_0000)
UART: Final = Part(0x0900_0000, 0x1000, spi=1)
RTC: Final = Part(0x0901_0000, 0x1000, spi=2)
FW_CFG: Final = Part(0x0902_0000, 0x18)
GPIO: Final = Part(0x0903_0000, 0x1000, spi=7)
GPS_UART: Final = Part(0x0904_0000, 0x1000, spi=8)
I2C: Final = Part(0x0905_0000, 0x1000, spi=100)
I2C_ALERT_SPI: Final = 101
PHONE_GPIO: Final = Part(0x0906_0000, 0x1000, spi=102)
CHARGER_LINE: Final = 0
BATTERY_LINE: Final = 1
"""Of the phone's own GPIO controller: high while a charger is connected, and while the battery is there."""
VIRTIO: Final = Part(0x0A00_0000, 0x200 * 32, spi=16)
FRAMEBUFFER: Final = Part(0x0C00_0000, 0x0100_0000)
USER_DEVICES: Final = Part(0x0D00_0000, 0x0100_0000, spi=112)
"""A user's own devices, each with a page range of USER_DEVICE_SIZE and an interrupt of its own."""
USER_DEVICE_SIZE: Final = 0x1_0000
USER_DEVICES_MAX: Final = 16


def user_device(index: int) -> Part:
    """Where the nth of a user's own devices is; its size is its own."""
    assert USER_DEVICES.spi is not None
    return Part(USER_DEVICES.base + index * USER_DEVICE_SIZE, USER_DEVICE_SIZE, spi=USER_DEVICES.spi + index)


VIRTIO_SLOTS: Final = 32
VIRTIO_SLOT_SIZE: Final = 0x200
TOUCH_SLOT: Final = 0
KEYBOARD_SLOT: Final = 1
GPU_SLOT: Final = 2
NETWORK_SLOT: Final = 3
DISK_SLOTS: Final = range(4, 11)
MEDIA_SLOT: Final = 11
CONSOLE_SLOT: Final = 12
RNG_SLOT: Final = 13
BALLOON_SLOT: Final = 14
VSOCK_SLOT: Final = 15
ACCELEROMETER_SLOT: Final = 16

RAM_BASE: Final = 0x4000_0000
RAM_MIN: Final = 1 << 20
RAM_MAX: Final = 2 << 30

TIMER_PPIS: Final = (13, 14, 11, 10)
"""Secure, non-secure, virtual and hypervisor timer."""

PARTS: Final[dict[str, Part]] = {
    "flash": Part(FLASH_BANKS[0], FLASH_BANK_SIZE * len(FLASH_BANKS)),
    "gic distributor": GIC_DISTRIBUTOR,
    "gic cpu interface": GIC_CPU_INTERFACE,
    "pl011": UART,
    "pl031": RTC,
    "fw_cfg": FW_CFG,
    "pl061": GPIO,
    "gps uart": GPS_UART,
    "i2c": I2C,
    "phone gpio": PHONE_GPIO,
    "virtio": VIRTIO,
    "framebuffer": FRAMEBUFFER,
    "user devices": USER_DEVICES,
    "ram": Part(RAM_BASE, RAM_MAX),
}
