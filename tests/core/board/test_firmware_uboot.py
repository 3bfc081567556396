"""Debian's U-Boot for QEMU's `virt`, unmodified: prompt, environment, and the kernels that it boots."""

import os
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from firmware_disks import fat_disk

from pocketvisor.api import Guest, GuestImage, Handset, RunOptions, catalogue, image_from_files, load_models
from pocketvisor.storage.disk import DiskSpec

FIRMWARE = Path("/usr/lib/u-boot/qemu_arm/u-boot.bin")
SECONDS = 240.0
CONFIG = b"""default debian
timeout 1
label debian
  kernel /vmlinuz
  initrd /initrd.gz
  append console=ttyAMA0 from-disk
"""

pytestmark = pytest.mark.skipif(not FIRMWARE.exists(), reason="u-boot-qemu is not installed")


@pytest.fixture
async def phone() -> AsyncIterator[Handset]:
    phone = Handset(load_models()["galaxy-s2"])
    yield phone
    await phone.close()


@pytest.fixture
def debian() -> GuestImage:
    image = catalogue()["debian"]
    if not image.available:
        pytest.skip(image.missing)
    return image


@pytest.fixture
def disk(debian: GuestImage, tmp_path: Path) -> DiskSpec:
    """A kernel and its first disk, and nothing that says so."""
    assert debian.initrd is not None
    path = tmp_path / "disk.img"
    kernel, initrd = debian.main_file.read_bytes(), debian.initrd.read_bytes()
    path.write_bytes(fat_disk({"vmlinuz": kernel, "initrd.gz": initrd}))
    return DiskSpec(path=path)


async def start(phone: Handset, image: GuestImage, **options: object) -> Guest:
    return await phone.start(image, options=RunOptions(rate="max", **options))  # type: ignore[arg-type]


async def prompt(guest: Guest) -> None:
    await guest.console.expect("Hit any key", SECONDS)
    guest.console.write(b" ")
    await guest.console.expect("^=> ", SECONDS)


async def test_its_environment_survives_a_reset_and_a_power_cycle(phone: Handset, tmp_path: Path) -> None:
    image = image_from_files(firmware=FIRMWARE, ram_mib=64)
    guest = await start(phone, image, flash=tmp_path / "env.img")
    await prompt(guest)
    guest.console.write(b"setenv kept over-all; saveenv\r")
    await guest.console.expect("OK", SECONDS)
    guest.console.write(b"reset\r")
    await prompt(guest)
    guest.console.write(b"printenv kept\r")
    await guest.console.expect("kept=over-all", SECONDS)
    guest.console.write(b"poweroff\r")
    assert (await guest.wait_stopped()).kind == "power-off"
    await phone.remove(guest)
    guest = await start(phone, image, flash=tmp_path / "env.img")
    await prompt(guest)
    guest.console.write(b"printenv kept\r")
    await guest.console.expect("kept=over-all", SECONDS)


async def asked(guest: Guest, *lines: str, answer: str = "\n") -> None:
    for line in lines:
        guest.console.write(line.encode() + b"\r")
        await guest.console.expect(answer, SECONDS)
        await guest.console.expect("^=> ", SECONDS)


@pytest.mark.debian
async def test_it_boots_debians_kernel_from_a_virtio_disk(phone: Handset, disk: DiskSpec) -> None:
    before = os.stat(disk.path).st_mtime_ns
    image = image_from_files(firmware=FIRMWARE, ram_mib=256)
    guest = await start(phone, image, disks=(disk,))
    await prompt(guest)
    await asked(guest, "virtio scan")
    load = ("load virtio 0 $kernel_addr_r vmlinuz", "load virtio 0 $ramdisk_addr_r initrd.gz")
    await asked(guest, *load, answer="bytes read")
    await asked(guest, "setenv bootargs console=ttyAMA0 from-disk")
    guest.console.write(b"bootz $kernel_addr_r $ramdisk_addr_r:$filesize $fdt_addr\r")
    await guest.console.expect("Kernel command line: .*from-disk", SECONDS)
    await guest.console.expect("^debian:/root# ", SECONDS)
    assert os.stat(disk.path).st_mtime_ns == before


@pytest.mark.debian
async def test_it_reads_a_legacy_virtio_disk(phone: Handset, debian: GuestImage, disk: DiskSpec) -> None:
    """Bit by bit. What it does then with what it has read has been seen."""
    before = os.stat(disk.path).st_mtime_ns
    kernel = zlib.crc32(debian.main_file.read_bytes())
    guest = await start(
        phone, image_from_files(firmware=FIRMWARE, ram_mib=256), disks=(disk,), legacy_virtio=True
    )
    await prompt(guest)
    await asked(guest, "virtio scan")
    await asked(guest, "load virtio 0 $kernel_addr_r vmlinuz", answer="bytes read")
    await asked(guest, "crc32 $kernel_addr_r $filesize", answer=f"==> {kernel:08x}")
    assert os.stat(disk.path).st_mtime_ns == before


@pytest.mark.debian
async def test_it_boots_what_a_disk_says_by_itself(
    phone: Handset, debian: GuestImage, tmp_path: Path
) -> None:
    assert debian.initrd is not None
    path = tmp_path / "disk.img"
    files = {"vmlinuz": debian.main_file.read_bytes(), "initrd.gz": debian.initrd.read_bytes()}
    path.write_bytes(fat_disk({**files, "extlinux/extlinux.conf": CONFIG}))
    image = image_from_files(firmware=FIRMWARE, ram_mib=256)
    guest = await start(phone, image, disks=(DiskSpec(path=path),))
    await guest.console.expect("Found /extlinux/extlinux.conf", SECONDS)
    await guest.console.expect("Kernel command line: .*from-disk", SECONDS)


@pytest.mark.debian
async def test_it_boots_a_kernel_that_it_is_handed(phone: Handset, debian: GuestImage) -> None:
    image = image_from_files(
        firmware=FIRMWARE,
        kernel=debian.kernel,
        initrd=debian.initrd,
        append="console=ttyAMA0 handed-in",
        ram_mib=256,
    )
    guest = await start(phone, image)
    await guest.console.expect("loading kernel to address", SECONDS)
    await guest.console.expect("Kernel command line: .*handed-in", SECONDS)
    await guest.console.expect("Freeing initrd memory", SECONDS)
