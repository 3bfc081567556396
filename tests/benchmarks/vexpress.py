"""The device tree for QEMU's vexpress-a9 that has what a Pocketvisor board has, as far as both can.

Memory, GIC, PL011, PL031 and a simple framebuffer in RAM; the timer is an SP804 where our board has the
generic timer, for a Cortex-A9 has none in QEMU. QEMU itself adds the memory's size, initrd and bootargs.
Left out: all of the real board that ours has no twin of, so that the kernel probes as much on both.
"""

import struct

import libfdt

_GIC, _CLOCK_24, _CLOCK_1 = 1, 2, 3  # phandles
_FRAMEBUFFER = 0x6FE00000

_Value = int | str | tuple[int, ...] | tuple[str, ...] | None
_Node = dict[str, "_Value | _Node"]


def device_tree(width: int, height: int) -> bytes:
    """The blob, for a panel of this size."""
    pixels = width * height * 4
    return build(
        {
            "model": "V2P-CA9",
            "compatible": ("arm,vexpress,v2p-ca9", "arm,vexpress", "linux,dummy-virt"),
            "#address-cells": 1,
            "#size-cells": 1,
            "interrupt-parent": _GIC,
            "chosen": {
                "#address-cells": 1,
                "#size-cells": 1,
                "ranges": None,
                "stdout-path": "/amba/uart@10009000",
                f"framebuffer@{_FRAMEBUFFER:x}": {
                    "compatible": "simple-framebuffer",
                    "reg": (_FRAMEBUFFER, pixels),
                    "width": width,
                    "height": height,
                    "stride": width * 4,
                    "format": "x8r8g8b8",
                },
            },
            "aliases": {"serial0": "/amba/uart@10009000"},
            "memory@60000000": {"device_type": "memory", "reg": (0x60000000, 0x10000000)},
            "reserved-memory": {
                "#address-cells": 1,
                "#size-cells": 1,
                "ranges": None,
                f"fb@{_FRAMEBUFFER:x}": {"reg": (_FRAMEBUFFER, 0x200000), "no-map": None},
            },
            "cpus": {
                "#address-cells": 1,
                "#size-cells": 0,
                "cpu@0": {"device_type": "cpu", "compatible": "arm,cortex-a9", "reg": 0},
            },
            "clk24": _fixed_clock(24_000_000, _CLOCK_24),
            "clk1": _fixed_clock(1_000_000, _CLOCK_1),
            "interrupt-controller@1e001000": {
                "compatible": "arm,cortex-a9-gic",
                "#interrupt-cells": 3,
                "#address-cells": 0,
                "interrupt-controller": None,
                "reg": (0x1E001000, 0x1000, 0x1E000100, 0x100),
                "phandle": _GIC,
            },
            "amba": {
                "compatible": "simple-bus",
                "#address-cells": 1,
                "#size-cells": 1,
                "ranges": None,
                "uart@10009000": _prime_cell("arm,pl011", 0x10009000, 5, ("uartclk", "apb_pclk")),
                "timer@10011000": {
                    **_prime_cell("arm,sp804", 0x10011000, 2, ("timer0clk", "timer1clk", "apb_pclk")),
                    "clocks": (_CLOCK_1, _CLOCK_1, _CLOCK_24),
                },
                "rtc@10017000": _prime_cell("arm,pl031", 0x10017000, 4, ("apb_pclk",)),
            },
        }
    )


def _fixed_clock(hertz: int, phandle: int) -> _Node:
    return {"compatible": "fixed-clock", "#clock-cells": 0, "clock-frequency": hertz, "phandle": phandle}


def _prime_cell(name: str, base: int, spi: int, clocks: tuple[str, ...]) -> _Node:
    return {
        "compatible": (name, "arm,primecell"),
        "reg": (base, 0x1000),
        "interrupts": (0, spi, 4),
        "clocks": (_CLOCK_24,) * len(clocks),
        "clock-names": clocks,
    }


def build(root: _Node) -> bytes:
    """A flat device tree of nested dicts: numbers are cells, strings and tuples of strings as they are."""
    writer = libfdt.FdtSw()
    writer.finish_reservemap()
    _write(writer, "", root)
    return bytes(writer.as_fdt().as_bytearray())


def _write(writer: libfdt.FdtSw, name: str, node: _Node) -> None:
    writer.begin_node(name)
    for key, value in node.items():
        if not isinstance(value, dict):
            writer.property(key, _raw(value))
    for key, value in node.items():
        if isinstance(value, dict):
            _write(writer, key, value)
    writer.end_node()


def _raw(value: _Value) -> bytes:
    if value is None:
        return b""
    parts = value if isinstance(value, tuple) else (value,)
    return b"".join(
        part.encode() + b"\0" if isinstance(part, str) else struct.pack(">I", part) for part in parts
    )
