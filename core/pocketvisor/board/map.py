"""The board's memory map and interrupts: those of QEMU's `virt` machine, as data.

The framebuffer, which `virt` has not, lies in its platform bus window. Left out: the PCI host, the GICv2m
frame, the secure UART and memory, which `virt` leaves out or a guest does without.
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
GPIO: Final = Part(0x0903_0000, 0x1000, spi=7)
VIRTIO: Final = Part(0x0A00_0000, 0x200 * 32, spi=16)
FRAMEBUFFER: Final = Part(0x0C00_0000, 0x0200_0000)

VIRTIO_SLOTS: Final = 32
VIRTIO_SLOT_SIZE: Final = 0x200
TOUCH_SLOT: Final = 0
KEYBOARD_SLOT: Final = 1

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
    "pl061": GPIO,
    "virtio": VIRTIO,
    "framebuffer": FRAMEBUFFER,
    "ram": Part(RAM_BASE, RAM_MAX),
}
