"""Names of the registers of every device of the board, as their manuals have them.

Sources: PL011 ARM DDI 0183, PL031 ARM DDI 0224, PL061 ARM DDI 0190, GICv2 ARM IHI 0048B chapter 4, generic
timer ARM DDI 0406C chapter B8 (its registers are coprocessor 15's), virtio-mmio VIRTIO 1.2 chapters 4.2.2 and
4.2.4, fw_cfg QEMU's docs/specs/fw_cfg.rst, I2C OpenCores I2C-Master Core Specification 0.9, flash JESD68
(whose commands are written to any address, so it has no registers but its array).

Left out: the meaning of single bits, what a virtio device's own configuration holds, and user devices: those
have offsets.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

_IDENTIFICATION: Final = {
    0xFE0 + 4 * n: name
    for n, name in enumerate(
        [f"PeriphID{n}" for n in range(4)] + [f"PCellID{n}" for n in range(4)],
    )
}

_PL011: Final = {
    0x000: "UARTDR",
    0x004: "UARTRSR/UARTECR",
    0x018: "UARTFR",
    0x020: "UARTILPR",
    0x024: "UARTIBRD",
    0x028: "UARTFBRD",
    0x02C: "UARTLCR_H",
    0x030: "UARTCR",
    0x034: "UARTIFLS",
    0x038: "UARTIMSC",
    0x03C: "UARTRIS",
    0x040: "UARTMIS",
    0x044: "UARTICR",
    0x048: "UARTDMACR",
    **{at: f"UART{name}" for at, name in _IDENTIFICATION.items()},
}

_PL031: Final = {
    0x00: "RTCDR",
    0x04: "RTCMR",
    0x08: "RTCLR",
    0x0C: "RTCCR",
    0x10: "RTCIMSC",
    0x14: "RTCRIS",
    0x18: "RTCMIS",
    0x1C: "RTCICR",
    **{at: f"RTC{name}" for at, name in _IDENTIFICATION.items()},
}

_PL061: Final = {
    0x400: "GPIODIR",
    0x404: "GPIOIS",
    0x408: "GPIOIBE",
    0x40C: "GPIOIEV",
    0x410: "GPIOIE",
    0x414: "GPIORIS",
    0x418: "GPIOMIS",
    0x41C: "GPIOIC",
    0x420: "GPIOAFSEL",
    **{at: f"GPIO{name}" for at, name in _IDENTIFICATION.items()},
}

_CPU_INTERFACE: Final = {
    0x000: "GICC_CTLR",
    0x004: "GICC_PMR",
    0x008: "GICC_BPR",
    0x00C: "GICC_IAR",
    0x010: "GICC_EOIR",
    0x014: "GICC_RPR",
    0x018: "GICC_HPPIR",
    0x01C: "GICC_ABPR",
    0x020: "GICC_AIAR",
    0x024: "GICC_AEOIR",
    0x028: "GICC_AHPPIR",
    0x0D0: "GICC_APR0",
    0x0E0: "GICC_NSAPR0",
    0x0FC: "GICC_IIDR",
    0x1000: "GICC_DIR",
}

_DISTRIBUTOR: Final = {
    0x000: "GICD_CTLR",
    0x004: "GICD_TYPER",
    0x008: "GICD_IIDR",
    0xF00: "GICD_SGIR",
}
_DISTRIBUTOR_ARRAYS: Final = (
    (0x080, 0x100, "GICD_IGROUPR"),
    (0x100, 0x180, "GICD_ISENABLER"),
    (0x180, 0x200, "GICD_ICENABLER"),
    (0x200, 0x280, "GICD_ISPENDR"),
    (0x280, 0x300, "GICD_ICPENDR"),
    (0x300, 0x380, "GICD_ISACTIVER"),
    (0x380, 0x400, "GICD_ICACTIVER"),
    (0x400, 0x800, "GICD_IPRIORITYR"),
    (0x800, 0xC00, "GICD_ITARGETSR"),
    (0xC00, 0xD00, "GICD_ICFGR"),
    (0xF10, 0xF20, "GICD_CPENDSGIR"),
    (0xF20, 0xF30, "GICD_SPENDSGIR"),
    (0xFD0, 0x1000, "GICD_ID"),
)

_VIRTIO: Final = {
    0x000: "MagicValue",
    0x004: "Version",
    0x008: "DeviceID",
    0x00C: "VendorID",
    0x010: "DeviceFeatures",
    0x014: "DeviceFeaturesSel",
    0x020: "DriverFeatures",
    0x024: "DriverFeaturesSel",
    0x028: "GuestPageSize",
    0x030: "QueueSel",
    0x034: "QueueNumMax",
    0x038: "QueueNum",
    0x03C: "QueueAlign",
    0x040: "QueuePFN",
    0x044: "QueueReady",
    0x050: "QueueNotify",
    0x060: "InterruptStatus",
    0x064: "InterruptACK",
    0x070: "Status",
    0x080: "QueueDescLow",
    0x084: "QueueDescHigh",
    0x090: "QueueDriverLow",
    0x094: "QueueDriverHigh",
    0x0A0: "QueueDeviceLow",
    0x0A4: "QueueDeviceHigh",
    0x0AC: "SHMSel",
    0x0B0: "SHMLenLow",
    0x0B4: "SHMLenHigh",
    0x0B8: "SHMBaseLow",
    0x0BC: "SHMBaseHigh",
    0x0C0: "QueueReset",
    0x0FC: "ConfigGeneration",
}
VIRTIO_CONFIG: Final = 0x100
VIRTIO_SLOT: Final = 0x200

_FW_CFG: Final = {0x00: "Data", 0x08: "Selector", 0x10: "DMA address (high)", 0x14: "DMA address (low)"}

_I2C: Final = {0x00: "PRERlo", 0x04: "PRERhi", 0x08: "CTR", 0x0C: "TXR/RXR", 0x10: "CR/SR"}


def timer_register(is64: bool, crn: int, opc1: int, crm: int, opc2: int) -> int:
    """The offset that stands for a register of coprocessor 15 in a trace."""
    return is64 << 16 | crn << 12 | opc1 << 8 | crm << 4 | opc2


_TIMER: Final = {
    timer_register(False, 14, 0, 0, 0): "CNTFRQ",
    timer_register(False, 14, 0, 1, 0): "CNTKCTL",
    timer_register(False, 14, 0, 2, 0): "CNTP_TVAL",
    timer_register(False, 14, 0, 2, 1): "CNTP_CTL",
    timer_register(False, 14, 0, 3, 0): "CNTV_TVAL",
    timer_register(False, 14, 0, 3, 1): "CNTV_CTL",
    timer_register(True, 0, 0, 14, 0): "CNTPCT",
    timer_register(True, 0, 1, 14, 0): "CNTVCT",
    timer_register(True, 0, 2, 14, 0): "CNTP_CVAL",
    timer_register(True, 0, 3, 14, 0): "CNTV_CVAL",
}


def _named(names: dict[int, str]) -> Callable[[int], str]:
    def name(offset: int) -> str:
        base = offset & ~3
        return _beside(names[base], offset - base) if base in names else ""

    return name


def _beside(name: str, at: int) -> str:
    return f"{name}+{at}" if at else name


def _distributor(offset: int) -> str:
    for begin, end, name in _DISTRIBUTOR_ARRAYS:
        if begin <= offset < end:
            return _beside(f"{name}{(offset - begin) // 4}", offset & 3)
    return _named(_DISTRIBUTOR)(offset)


def _pl061(offset: int) -> str:
    return f"GPIODATA[0x{offset >> 2:02x}]" if offset < 0x400 else _named(_PL061)(offset)


def _virtio(offset: int) -> str:
    offset %= VIRTIO_SLOT
    return f"Config+0x{offset - VIRTIO_CONFIG:x}" if offset >= VIRTIO_CONFIG else _named(_VIRTIO)(offset)


def _fw_cfg(offset: int) -> str:
    return "Data" if offset < 8 else _named(_FW_CFG)(offset)


def _timer(offset: int) -> str:
    return _TIMER.get(offset, "")


def _flash(offset: int) -> str:
    return f"Array+0x{offset:x}"


REGISTERS: Final[dict[str, Callable[[int], str]]] = {
    "pl011": _named(_PL011),
    "gps": _named(_PL011),
    "pl031": _named(_PL031),
    "pl061": _pl061,
    "gic": _distributor,
    "gic-cpu": _named(_CPU_INTERFACE),
    "timer": _timer,
    "virtio": _virtio,
    "fw_cfg": _fw_cfg,
    "i2c": _named(_I2C),
    "flash": _flash,
}
"""By the name that a device has in the machine."""


@lru_cache(4096)
def register_name(device: str, offset: int) -> str:
    """The register at an offset of a device; the offset itself where no name is known."""
    names = REGISTERS.get(device)
    found = names(offset) if names is not None else ""
    return found or f"+0x{offset:x}"
