"""fw_cfg as QEMU's specification has it; a hostile guest reaches nothing but its own RAM."""

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.devices import fw_cfg
from pocketvisor.devices.device import Port
from pocketvisor.devices.fw_cfg import (
    CTL_ERROR,
    CTL_READ,
    CTL_SELECT,
    CTL_SKIP,
    CTL_WRITE,
    DMA_HIGH,
    DMA_LOW,
    FILE_DIR,
    FILE_FIRST,
    SELECTOR,
    FwCfg,
)

BASE = 0x4000_0000
SIZE = 1 << 16
FILES = {
    "etc/ramfb": bytes(28),
    "bootorder": b"/virtio-mmio@000000000a003e00/disk@0,0\n",
    "opt/big": b"x" * 5000,
}


class Ram:
    """As the machine's: whole or not at all."""

    def __init__(self) -> None:
        self.data = bytearray(SIZE)

    def load(self, address: int, size: int) -> bytes:
        at = address - BASE
        if at < 0 or at + size > SIZE:
            raise ValueError("outside")
        return bytes(self.data[at : at + size])

    def store(self, address: int, data: bytes | memoryview) -> None:
        at = address - BASE
        if at < 0 or at + len(data) > SIZE:
            raise ValueError("outside")
        self.data[at : at + len(data)] = data


class Bench:
    def __init__(self, items: dict[int, bytes] | None = None) -> None:
        self.ram = Ram()
        self.told: list[bytes] = []
        port = Port(lambda _: None, lambda: 0, lambda _: None)
        self.device = FwCfg(
            port, self.ram, fw_cfg.board_items() | (items or {}), FILES, {"etc/ramfb": self.told.append}
        )

    def select(self, key: int) -> None:
        self.device.write(SELECTOR, 2, int.from_bytes(key.to_bytes(2, "big"), "little"))

    def take(self, size: int) -> bytes:
        return b"".join(self.device.read(0, 1).to_bytes(1, "little") for _ in range(size))

    def transfer(self, control: int, length: int, address: int, at: int = BASE) -> int:
        """The descriptor's first word afterwards."""
        self.ram.store(at, struct.pack(">IIQ", control, length, address))
        for offset, half in ((DMA_HIGH, at >> 32), (DMA_LOW, at & 0xFFFFFFFF)):
            self.device.write(offset, 4, int.from_bytes(half.to_bytes(4, "big"), "little"))
        return int.from_bytes(self.ram.load(at, 4), "big")

    def directory(self) -> dict[str, tuple[int, int]]:
        self.select(FILE_DIR)
        (count,) = struct.unpack(">I", self.take(4))
        found = {}
        for _ in range(count):
            size, key, _, name = struct.unpack(">IHH56s", self.take(64))
            found[name.rstrip(b"\0").decode()] = (size, key)
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_signature_version_and_dma_say_what_it_is(bench: Bench) -> None:
    assert bench.take(4) == b"QEMU"  # selected from power on
    bench.select(fw_cfg.ID)
    assert struct.unpack("<I", bench.take(4)) == (3,)
    assert bench.device.read(DMA_HIGH, 8).to_bytes(8, "little") == b"QEMU CFG"
    assert bench.device.read(DMA_LOW, 4).to_bytes(4, "little") == b" CFG"


def test_an_item_is_read_in_any_width_and_ends_in_zeros(bench: Bench) -> None:
    for size in (1, 2, 4, 8):
        bench.select(fw_cfg.SIGNATURE)
        data = b"".join(bench.device.read(0, size).to_bytes(size, "little") for _ in range(8 // size))
        assert data == b"QEMU\0\0\0\0"


def test_what_is_not_there_reads_as_zeros(bench: Bench) -> None:
    for key in (fw_cfg.KERNEL_SIZE, 0x1F, FILE_FIRST + 3, 0x40, 0x8000, 0xFFFF):
        bench.select(key)
        assert bench.take(4) == bytes(4)


def test_directory_names_every_file_in_order(bench: Bench) -> None:
    found = bench.directory()
    assert list(found) == ["bootorder", "etc/ramfb", "opt/big"]
    assert found["opt/big"] == (5000, FILE_FIRST + 2)
    bench.select(found["bootorder"][1])
    assert bench.take(39) == FILES["bootorder"]


def test_dma_selects_skips_and_reads(bench: Bench) -> None:
    key = bench.directory()["bootorder"][1]
    assert bench.transfer(CTL_SELECT | CTL_SKIP | key << 16, 1, 0) == 0
    assert bench.transfer(CTL_READ, 6, BASE + 0x100) == 0
    assert bench.ram.load(BASE + 0x100, 7) == b"virtio\0"
    assert bench.take(1) == b"-"


def test_dma_reads_zeros_behind_an_items_end(bench: Bench) -> None:
    bench.ram.store(BASE + 0x100, b"\xff" * 8)
    assert bench.transfer(CTL_SELECT | CTL_READ | fw_cfg.SIGNATURE << 16, 6, BASE + 0x100) == 0
    assert bench.ram.load(BASE + 0x100, 8) == b"QEMU\0\0\xff\xff"


def test_eight_byte_write_starts_a_transfer(bench: Bench) -> None:
    bench.ram.store(BASE, struct.pack(">IIQ", CTL_READ, 4, BASE + 0x100))
    bench.device.write(DMA_HIGH, 8, int.from_bytes(BASE.to_bytes(8, "big"), "little"))
    assert bench.ram.load(BASE + 0x100, 4) == b"QEMU"


def test_a_file_that_may_be_written_is_told_and_kept(bench: Bench) -> None:
    key = bench.directory()["etc/ramfb"][1]
    bench.ram.store(BASE + 0x100, bytes(range(28)))
    assert bench.transfer(CTL_SELECT | CTL_WRITE | key << 16, 28, BASE + 0x100) == 0
    assert bench.told == [bytes(range(28))]
    bench.select(key)
    assert bench.take(28) == bytes(range(28))
    other = Bench()
    other.device.restore(bench.device.save())
    assert other.told == [bytes(range(28))]
    assert other.device.save() == bench.device.save()
    other.device.reset()
    assert other.told[-1] == bytes(28)


def test_what_may_not_be_written_is_an_error_and_stays(bench: Bench) -> None:
    for key in (fw_cfg.SIGNATURE, bench.directory()["bootorder"][1], 0x3F, 0xFFFF):
        assert bench.transfer(CTL_SELECT | CTL_WRITE | key << 16, 1, BASE) == CTL_ERROR
    key = bench.directory()["etc/ramfb"][1]
    assert bench.transfer(CTL_SELECT | CTL_WRITE | key << 16, 29, BASE) == CTL_ERROR
    assert bench.told == []


@pytest.mark.parametrize("address", [0, BASE - 1, BASE + SIZE - 3, 0xFFFF_FFFC, 1 << 32, (1 << 64) - 4])
@pytest.mark.parametrize("control", [CTL_READ, CTL_WRITE])
def test_a_transfer_outside_of_ram_is_an_error(bench: Bench, address: int, control: int) -> None:
    key = bench.directory()["etc/ramfb"][1]
    assert bench.transfer(CTL_SELECT | control | key << 16, 4, address) == CTL_ERROR
    assert bench.told == []


def test_a_descriptor_outside_of_ram_is_ignored(bench: Bench) -> None:
    before = bytes(bench.ram.data)
    for half in (0, 0xFFFFFFFF):
        bench.device.write(DMA_HIGH, 4, half)
        bench.device.write(DMA_LOW, 4, half)
    assert bench.ram.data == before


def test_a_transfer_is_bounded(bench: Bench) -> None:
    assert bench.transfer(CTL_READ, fw_cfg.TRANSFER_MAX + 1, BASE) == CTL_ERROR
    assert bench.transfer(CTL_SKIP, 0xFFFFFFFF, 0) == CTL_ERROR


def test_a_kernel_is_handed_in_as_qemu_hands_it_in() -> None:
    bench = Bench(dict(fw_cfg.kernel_items(memoryview(b"kernel!"), b"initrd", "quiet")))  # type: ignore[arg-type]
    for key, content in (
        (fw_cfg.KERNEL_SIZE, b"\7\0\0\0"),
        (fw_cfg.KERNEL_DATA, b"kernel!"),
        (fw_cfg.INITRD_SIZE, b"\6\0\0\0"),
        (fw_cfg.INITRD_DATA, b"initrd"),
        (fw_cfg.CMDLINE_SIZE, b"\6\0\0\0"),
        (fw_cfg.CMDLINE_DATA, b"quiet\0"),
    ):
        bench.select(key)
        assert bench.take(len(content)) == content


@pytest.mark.parametrize(
    "damage",
    [{"selected": 1 << 16}, {"offset": -1}, {"written": {"etc/ramfb": b"x" * 5000}}, {"dma_high": "?"}],
)
def test_an_impossible_state_is_refused(bench: Bench, damage: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"selected|offset|written|dma_high"):
        bench.device.restore(bench.device.save() | damage)


_ADDRESSES = st.one_of(
    st.integers(BASE - 64, BASE + SIZE + 64), st.integers(0, (1 << 64) - 1), st.sampled_from([BASE, 0])
)
_LENGTHS = st.one_of(st.integers(0, 64), st.integers(0, SIZE * 2), st.integers(0, 0xFFFFFFFF))
_KEYS = st.one_of(st.integers(0, 0x40), st.integers(0, 0xFFFF))
_CONTROLS = st.tuples(_KEYS, st.integers(0, 0x3F)).map(lambda both: both[0] << 16 | both[1])
_ACCESSES = st.one_of(
    st.tuples(st.just("transfer"), _CONTROLS, _LENGTHS, _ADDRESSES),
    st.tuples(st.just("read"), st.integers(0, 0x17), st.sampled_from([1, 2, 4, 8]), st.just(0)),
    st.tuples(
        st.just("write"), st.integers(0, 0x17), st.sampled_from([1, 2, 4, 8]), st.integers(0, (1 << 64) - 1)
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_ACCESSES, max_size=30))
def test_a_hostile_guest_changes_its_own_ram_alone(accesses: list[tuple[str, int, int, int]]) -> None:
    bench = Bench({fw_cfg.KERNEL_DATA: b"k" * 3000})
    for kind, first, second, third in accesses:
        if kind == "transfer":
            bench.transfer(first, second, third, BASE + SIZE // 2)
        elif kind == "read":
            assert 0 <= bench.device.read(first, second) < 1 << 8 * second
        else:
            bench.device.write(first, second, third & (1 << 8 * second) - 1)
        assert len(bench.ram.data) == SIZE
    assert all(len(told) == 28 for told in bench.told)
    other = Bench({fw_cfg.KERNEL_DATA: b"k" * 3000})
    other.device.restore(bench.device.save())
    assert other.take(16) == bench.take(16)
