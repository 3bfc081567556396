"""The device tree is QEMU's `virt`'s where both have a part, and a user's own is fitted or refused."""

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import libfdt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.board import devicetree
from pocketvisor.board.config import BoardConfig, PanelConfig
from pocketvisor.errors import ImageError

QEMU = shutil.which("qemu-system-arm")
CONFIG = BoardConfig(
    ram_size=256 << 20, panel=PanelConfig(480, 800), tick_ps=500, keys=("power", "home", "menu")
)

# What this board has not, or has of its own.
NOT_HERE = {"/platform-bus@c000000", "/pcie@10000000", "/pmu", "/intc@8000000/v2m@8020000"}
OWN = {"/aliases", "/chosen/framebuffer@c000000", "/gpio-keys/home", "/gpio-keys/menu"}
OWN_PROPERTIES = {
    ("/chosen", "#address-cells"),
    ("/chosen", "#size-cells"),
    ("/chosen", "ranges"),
    ("/chosen", "rng-seed"),
    ("/chosen", "kaslr-seed"),
    ("/cpus/cpu@0", "compatible"),
}

Nodes = dict[str, dict[str, bytes]]


def nodes_of(blob: bytes) -> Nodes:
    tree = libfdt.Fdt(blob)
    found: Nodes = {}

    def visit(offset: int, path: str) -> None:
        found[path or "/"] = properties = {}
        at = tree.first_property_offset(offset, libfdt.QUIET_NOTFOUND)
        while at >= 0:
            prop = tree.get_property_by_offset(at)
            properties[prop.name] = bytes(prop)
            at = tree.next_property_offset(at, libfdt.QUIET_NOTFOUND)
        child = tree.first_subnode(offset, libfdt.QUIET_NOTFOUND)
        while child >= 0:
            visit(child, f"{path}/{tree.get_name(child)}")
            child = tree.next_subnode(child, libfdt.QUIET_NOTFOUND)

    visit(0, "")
    return found


@pytest.fixture(scope="module")
def qemu_blob(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if QEMU is None:
        pytest.skip("qemu-system-arm is not installed")
    path: Path = tmp_path_factory.mktemp("qemu") / "virt.dtb"
    machine = f"virt,gic-version=2,dumpdtb={path}"
    command = [QEMU, "-M", machine, "-cpu", "cortex-a15", "-m", "256"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return path.read_bytes()


def test_parts_are_those_of_virt(qemu_blob: bytes) -> None:
    theirs, ours = nodes_of(qemu_blob), nodes_of(devicetree.build(CONFIG))
    assert theirs.keys() - ours.keys() == NOT_HERE
    assert ours.keys() - theirs.keys() == OWN
    for path in theirs.keys() & ours.keys():
        names = {
            name for name in theirs[path].keys() | ours[path].keys() if (path, name) not in OWN_PROPERTIES
        }
        for name in names:
            assert ours[path].get(name) == theirs[path].get(name), f"{path}: {name}"


def test_panel_keys_and_initrd_are_in_it() -> None:
    nodes = nodes_of(devicetree.build(CONFIG, "console=tty0", (0x48000000, 0x48012345)))
    panel = nodes["/chosen/framebuffer@c000000"]
    assert panel["compatible"] == b"simple-framebuffer\0"
    assert panel["format"] == b"x8r8g8b8\0"
    assert struct.unpack(">4I", panel["reg"]) == (0, 0x0C000000, 0, 480 * 800 * 4)
    assert struct.unpack(">III", panel["width"] + panel["height"] + panel["stride"]) == (480, 800, 1920)
    assert struct.unpack(">I", nodes["/gpio-keys/home"]["linux,code"]) == (172,)
    assert nodes["/chosen"]["bootargs"] == b"console=tty0\0"
    assert nodes["/chosen"]["linux,initrd-end"] == struct.pack(">I", 0x48012345)


def test_seed_is_given_to_deterministic_runs_alone() -> None:
    def seed(**changes: Any) -> bytes | None:
        config = BoardConfig(ram_size=64 << 20, panel=PanelConfig(480, 800), tick_ps=500, **changes)
        return nodes_of(devicetree.build(config))["/chosen"].get("rng-seed")

    assert seed() is None
    assert seed(deterministic=True) == seed(deterministic=True)
    assert seed(deterministic=True) != seed(deterministic=True, rtc_epoch=1)


def test_users_tree_is_fitted(qemu_blob: bytes) -> None:
    config = BoardConfig(ram_size=64 << 20, panel=PanelConfig(480, 800), tick_ps=500)
    nodes = nodes_of(devicetree.fit(qemu_blob, "my.dtb", config, "root=/dev/ram", (0x42000000, 0x42000100)))
    assert struct.unpack(">4I", nodes["/memory@40000000"]["reg"]) == (0, 0x40000000, 0, 64 << 20)
    assert nodes["/chosen"]["bootargs"] == b"root=/dev/ram\0"
    assert nodes["/chosen"]["linux,initrd-start"] == struct.pack(">I", 0x42000000)
    untouched = nodes_of(qemu_blob)
    assert nodes["/pl011@9000000"] == untouched["/pl011@9000000"]


def test_users_tree_keeps_its_own_command_line() -> None:
    theirs = devicetree.build(CONFIG, "quiet", (1, 2))
    nodes = nodes_of(devicetree.fit(theirs, "my.dtb", CONFIG))
    assert nodes["/chosen"]["bootargs"] == b"quiet\0"
    assert "linux,initrd-start" not in nodes["/chosen"]


@pytest.mark.parametrize(
    "blob, cause",
    [
        (b"", "no device tree"),
        (b"\x7fELF" * 20, "no device tree"),
        (b"\xd0\x0d\xfe\xed", "truncated"),
        (b"\xd0\x0d\xfe\xed\0\1\0\0" + bytes(100), "truncated"),
        (b"\xd0\x0d\xfe\xed\0\0\0\x40" + bytes(100), "damaged"),
        (b"\xd0\x0d\xfe\xed" + bytes(2 << 20), "larger"),
    ],
)
def test_what_is_no_tree_is_refused_by_name(blob: bytes, cause: str) -> None:
    with pytest.raises(ImageError, match=rf"^my\.dtb: .*{cause}"):
        devicetree.fit(blob, "my.dtb", CONFIG)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=8), st.integers(0, 16000))
def test_damaged_tree_is_fitted_or_refused(damage: list[tuple[int, int]], length: int) -> None:
    blob = bytearray(devicetree.build(CONFIG, "quiet", slack=0))
    for at, value in damage:
        blob[at % len(blob)] = value
    try:
        fitted = devicetree.fit(
            bytes(blob[:length] if length < 8000 else blob), "my.dtb", CONFIG, "x", (1, 2)
        )
    except ImageError as error:
        assert str(error).startswith("my.dtb: ")
    else:
        libfdt.Fdt(fitted)
    devicetree.compatible_with(bytes(blob), "linux,dummy-virt")
