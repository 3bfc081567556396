"""The device tree that a guest is handed: node for node QEMU's `virt`, with the handset's panel and keys.

Also fits a device tree of the user's own to a guest: command line, initrd and memory, as `virt` does.

Left out of `virt`'s tree because the board has not got it: PCI, the GICv2m frame, the platform bus.
"""

import hashlib
import struct
from typing import Any, Final

import libfdt

from pocketvisor.board import devicetree_phone, devicetree_user
from pocketvisor.board import map as board
from pocketvisor.board.config import BoardConfig
from pocketvisor.board.devicetree_writer import (
    CLOCK,
    CPU,
    EDGE_RISING,
    GIC,
    GPIO,
    LEVEL_LOW_ON_CPU0,
    PPI,
    Writer,
)
from pocketvisor.devices.keys import HARDWARE_KEYS, key_lines
from pocketvisor.errors import ImageError

LARGEST: Final = 1 << 20
_SLACK: Final = 0x2000
"""Room for what firmware adds to the tree in place."""


def build(
    config: BoardConfig, append: str = "", initrd: tuple[int, int] | None = None, slack: int = _SLACK
) -> bytes:
    """The tree as a blob. initrd is its start and end, guest physical."""
    w = Writer()
    with w.node(""):
        w.cells("interrupt-parent", GIC)
        w.strings("model", "linux,dummy-virt")
        w.strings("compatible", "linux,dummy-virt")
        w.cells("#size-cells", 2)
        w.cells("#address-cells", 2)
        _psci(w)
        with w.node(f"memory@{board.RAM_BASE:x}"):
            w.reg(board.Part(board.RAM_BASE, config.ram_size))
            w.strings("device_type", "memory")
        _cpu(w)
        _interrupt_controller(w)
        _serial_clock_and_keys(w, config)
        if config.devices.phone is not None:
            devicetree_phone.add(w)
        with w.node(f"fw-cfg@{board.FW_CFG.base:x}"):
            w.flag("dma-coherent")
            w.reg(board.FW_CFG)
            w.strings("compatible", "qemu,fw-cfg-mmio")
        devicetree_user.add(w, config)
        for slot in range(board.VIRTIO_SLOTS):
            _virtio_slot(w, slot)
        with w.node("flash@0"):
            w.cells("bank-width", 4)
            w.reg(*(board.Part(base, board.FLASH_BANK_SIZE) for base in board.FLASH_BANKS))
            w.strings("compatible", "cfi-flash")
        with w.node("aliases"):
            w.strings("serial0", f"/pl011@{board.UART.base:x}")
            if config.devices.phone is not None:
                w.strings("serial1", f"/pl011@{board.GPS_UART.base:x}")
        _chosen(w, config, append, initrd)
    return _with_slack(libfdt.Fdt(w.finish()), slack)


def _psci(w: Writer) -> None:
    with w.node("psci"):
        w.cells("migrate", 0x84000005)
        w.cells("cpu_on", 0x84000003)
        w.cells("cpu_off", 0x84000002)
        w.cells("cpu_suspend", 0x84000001)
        w.strings("method", "hvc")
        w.strings("compatible", "arm,psci-1.0", "arm,psci-0.2", "arm,psci")


def _cpu(w: Writer) -> None:
    with w.node("cpus"):
        w.cells("#size-cells", 0)
        w.cells("#address-cells", 1)
        with w.node("cpu-map"), w.node("socket0"), w.node("cluster0"), w.node("core0"):
            w.cells("cpu", CPU)
        with w.node("cpu@0"):
            w.cells("phandle", CPU)
            w.cells("reg", 0)
            w.strings("compatible", "arm,cortex-a9")
            w.strings("device_type", "cpu")
    with w.node("timer"):
        ppis = [(PPI, ppi, LEVEL_LOW_ON_CPU0) for ppi in board.TIMER_PPIS]
        w.cells("interrupts", *(cell for ppi in ppis for cell in ppi))
        w.flag("always-on")
        w.strings("compatible", "arm,armv7-timer")


def _interrupt_controller(w: Writer) -> None:
    with w.node(f"intc@{board.GIC_DISTRIBUTOR.base:x}"):
        w.cells("phandle", GIC)
        w.reg(board.GIC_DISTRIBUTOR, board.GIC_CPU_INTERFACE)
        w.strings("compatible", "arm,cortex-a15-gic")
        w.flag("ranges")
        w.cells("#size-cells", 2)
        w.cells("#address-cells", 2)
        w.flag("interrupt-controller")
        w.cells("#interrupt-cells", 3)


def _serial_clock_and_keys(w: Writer, config: BoardConfig) -> None:
    with w.node("apb-pclk"):
        w.cells("phandle", CLOCK)
        w.strings("clock-output-names", "clk24mhz")
        w.cells("clock-frequency", 24_000_000)
        w.cells("#clock-cells", 0)
        w.strings("compatible", "fixed-clock")
    with w.node(f"pl011@{board.UART.base:x}"):
        w.strings("clock-names", "uartclk", "apb_pclk")
        w.cells("clocks", CLOCK, CLOCK)
        w.spi(board.UART.spi)
        w.reg(board.UART)
        w.strings("compatible", "arm,pl011", "arm,primecell")
    with w.node(f"pl031@{board.RTC.base:x}"):
        w.strings("clock-names", "apb_pclk")
        w.cells("clocks", CLOCK)
        w.spi(board.RTC.spi)
        w.reg(board.RTC)
        w.strings("compatible", "arm,pl031", "arm,primecell")
    with w.node(f"pl061@{board.GPIO.base:x}"):
        w.cells("phandle", GPIO)
        w.strings("clock-names", "apb_pclk")
        w.cells("clocks", CLOCK)
        w.spi(board.GPIO.spi)
        w.flag("gpio-controller")
        w.cells("#gpio-cells", 2)
        w.strings("compatible", "arm,pl061", "arm,primecell")
        w.reg(board.GPIO)
    with w.node("gpio-keys"):
        w.strings("compatible", "gpio-keys")
        for key, line in key_lines(config.keys).items():
            name = "poweroff" if key == "power" else key
            with w.node(name):
                w.cells("gpios", GPIO, line, 0)
                w.cells("linux,code", HARDWARE_KEYS[key])
                w.strings("label", f"GPIO Key {name.replace('-', ' ').title()}")


def _virtio_slot(w: Writer, slot: int) -> None:
    base = board.VIRTIO.base + slot * board.VIRTIO_SLOT_SIZE
    assert board.VIRTIO.spi is not None
    with w.node(f"virtio_mmio@{base:x}"):
        w.flag("dma-coherent")
        w.spi(board.VIRTIO.spi + slot, EDGE_RISING)
        w.reg(board.Part(base, board.VIRTIO_SLOT_SIZE))
        w.strings("compatible", "virtio,mmio")


def _chosen(w: Writer, config: BoardConfig, append: str, initrd: tuple[int, int] | None) -> None:
    panel = config.panel
    with w.node("chosen"):
        # Linux translates the framebuffer's address through its parent, this node.
        w.cells("#address-cells", 2)
        w.cells("#size-cells", 2)
        w.flag("ranges")
        w.strings("stdout-path", f"/pl011@{board.UART.base:x}")
        if append:
            w.strings("bootargs", append)
        if initrd:
            w.cells("linux,initrd-start", initrd[0])
            w.cells("linux,initrd-end", initrd[1])
        if config.deterministic:
            # A known seed is no secret, so only a run that must come out the same is given one.
            w.raw("rng-seed", hashlib.sha256(b"pocketvisor %d" % config.rtc_epoch).digest())
        if config.devices.display != "framebuffer":
            return  # a guest with two displays would not know which is the panel
        with w.node(f"framebuffer@{board.FRAMEBUFFER.base:x}"):
            w.strings("compatible", "simple-framebuffer")
            w.reg(board.Part(board.FRAMEBUFFER.base, panel.stride * panel.height))
            w.cells("width", panel.width)
            w.cells("height", panel.height)
            w.cells("stride", panel.stride)
            w.strings("format", "x8r8g8b8")
            w.strings("status", "okay")


def _with_slack(tree: Any, slack: int) -> bytes:
    tree.pack()
    tree.resize(tree.totalsize() + slack)
    return bytes(tree.as_bytearray())


def fit(
    blob: bytes, name: str, config: BoardConfig, append: str = "", initrd: tuple[int, int] | None = None
) -> bytes:
    """A user's tree with this guest's command line, initrd and memory put in. `name` is the file's."""
    tree = _checked(blob, name)
    extra = len(append) + _SLACK
    try:
        tree.resize(tree.totalsize() + extra)
        chosen = _child(tree, 0, "chosen")
        if append:
            tree.setprop(chosen, "bootargs", append.encode() + b"\0")
        for prop in ("linux,initrd-start", "linux,initrd-end"):
            if tree.hasprop(chosen, prop):
                tree.delprop(chosen, prop)
        if initrd:
            tree.setprop(chosen, "linux,initrd-start", struct.pack(">I", initrd[0]))
            tree.setprop(chosen, "linux,initrd-end", struct.pack(">I", initrd[1]))
        _set_memory(tree, name, config.ram_size)
        return _with_slack(tree, _SLACK)
    except (libfdt.FdtException, ValueError) as error:
        raise ImageError(f"{name}: the device tree cannot be fitted to the guest: {error}") from error


def _checked(blob: bytes, name: str) -> Any:
    """The blob as a tree, every structure in it checked to lie inside."""
    if len(blob) > LARGEST:
        raise ImageError(f"{name}: is larger than {LARGEST >> 10} KiB, so it is no device tree of a guest")
    if blob[:4] != b"\xd0\x0d\xfe\xed":
        raise ImageError(f"{name}: is no device tree blob")
    if len(blob) < 40:
        raise ImageError(f"{name}: the device tree is truncated")
    (total,) = struct.unpack_from(">I", blob, 4)
    if total > len(blob):
        raise ImageError(f"{name}: the device tree is truncated: {len(blob)} of {total} bytes are there")
    if libfdt.fdt_check_full(bytearray(blob[:total]), total) != 0:
        raise ImageError(f"{name}: the device tree is damaged")
    try:
        return libfdt.Fdt(blob[:total])
    except libfdt.FdtException as error:
        raise ImageError(f"{name}: the device tree is damaged: {error}") from error


def _child(tree: Any, parent: int, name: str) -> int:
    offset = tree.subnode_offset(parent, name, libfdt.QUIET_NOTFOUND)
    return offset if offset >= 0 else int(tree.add_subnode(parent, name))


def _set_memory(tree: Any, name: str, ram_size: int) -> None:
    """One memory node with the guest's RAM in place of those that are there."""
    cells = []
    for prop in ("#address-cells", "#size-cells"):
        value = tree.getprop(0, prop, libfdt.QUIET_NOTFOUND) if tree.hasprop(0, prop) else None
        cells.append(value.as_uint32() if value is not None and len(value) == 4 else 1)
    if not all(1 <= count <= 2 for count in cells):
        raise ImageError(f"{name}: the device tree gives memory {cells[0]} and {cells[1]} cells, not 1 or 2")
    while (old := _memory_node(tree)) is not None:
        tree.del_node(old)
    node = tree.add_subnode(0, f"memory@{board.RAM_BASE:x}")
    tree.setprop(node, "device_type", b"memory\0")
    pack = {1: ">I", 2: ">Q"}
    tree.setprop(
        node, "reg", struct.pack(pack[cells[0]], board.RAM_BASE) + struct.pack(pack[cells[1]], ram_size)
    )


def _memory_node(tree: Any) -> int | None:
    offset = tree.first_subnode(0, libfdt.QUIET_NOTFOUND)
    while offset >= 0:
        if tree.get_name(offset).partition("@")[0] == "memory":
            return int(offset)
        offset = tree.next_subnode(offset, libfdt.QUIET_NOTFOUND)
    return None


def compatible_with(blob: bytes, compatible: str) -> bool:
    """Whether a tree says that it is for such a board; False for what is no tree."""
    try:
        tree = _checked(blob, "")
        value = tree.getprop(0, "compatible", libfdt.QUIET_NOTFOUND)
    except ImageError:
        return False
    return isinstance(value, bytearray) and compatible.encode() in bytes(value).split(b"\0")
