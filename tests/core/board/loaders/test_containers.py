"""uImages, Android boot images, firmware and initrds."""

import gzip
import lzma
import struct
import zlib
from pathlib import Path

import pytest
from images import CODE, CPIO, android, config, linux_image, plan_of, uimage, written, zimage

from pocketvisor.board import devicetree
from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.errors import ImageError

RAM = 0x40000000


def test_uimage_goes_where_its_header_says(tmp_path: Path) -> None:
    boot = plan_of("uimage", uimage(entry=0x40300008), tmp_path)
    assert written(boot, 0x40300000) == CODE
    assert boot.entry.pc == 0x40300008


@pytest.mark.parametrize(
    "number, packed", [(1, gzip.compress(CODE)), (3, lzma.compress(CODE, lzma.FORMAT_ALONE))]
)
def test_packed_uimage(number: int, packed: bytes, tmp_path: Path) -> None:
    assert written(plan_of("linux", uimage(packed, compression=number), tmp_path), 0x40300000) == CODE


def test_kernel_in_a_uimage_goes_where_it_wants_to_be(tmp_path: Path) -> None:
    """Also where the header names an address of some other board."""
    assert plan_of("uimage", uimage(zimage(), load=0x80008000, system=5), tmp_path).entry.pc == RAM + 0x8000
    assert (
        plan_of("uimage", uimage(linux_image(), load=0x80008000, system=5), tmp_path).entry.pc == RAM + 0x8000
    )


@pytest.mark.parametrize(
    "image, cause",
    [
        (uimage()[:50], "header is truncated"),
        (uimage()[:-1], "the uImage is truncated: 4095 of 4096"),
        (uimage()[:-1] + b"x", "content's checksum"),
        (uimage()[:20] + b"\1" + uimage()[21:], "header's checksum"),
        (uimage(architecture=22), "a uImage for 64-bit ARM"),
        (uimage(architecture=3), "a uImage for x86"),
        (uimage(kind=3), "of an initrd"),
        (uimage(kind=4), "of several parts"),
        (uimage(load=0x80000000), "does not fit into the guest's RAM"),
        (uimage(entry=0x40200000), "cannot be entered"),
        (uimage(compression=5), "lz4, which cannot be unpacked"),
        (uimage(compression=99), "unknown compression"),
        (uimage(compression=1), "its content is damaged"),
        (uimage(gzip.compress(bytes(65 << 20)), compression=1), "more than the 64 MiB"),
        (CODE, "is not a uImage"),
    ],
)
def test_bad_uimage_is_named(image: bytes, cause: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=cause):
        plan_of("uimage", image, tmp_path)


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("page", [2048, 4096])
def test_android_image(version: int, page: int, tmp_path: Path) -> None:
    image = android(second=b"second stage", version=version, page=page)
    boot = plan_of("android", image, tmp_path, append="quiet")
    assert boot.entry.pc == RAM + 0x8000
    assert written(boot, RAM + (32 << 20)) == CPIO
    assert written(boot, 0x40F00000) == b"second stage"
    assert b"androidboot.hardware=virt quiet\0" in written(boot, boot.entry.r2)


def test_long_command_line_of_android(tmp_path: Path) -> None:
    line = b"x" * 600
    boot = plan_of("linux", android(command_line=line), tmp_path)
    assert line + b"\0" in written(boot, boot.entry.r2)


def test_android_tree_is_taken_if_it_is_for_this_board(tmp_path: Path) -> None:
    ours = devicetree.build(config(), "from-the-image")
    boot = plan_of("android", android(tree=ours, command_line=b""), tmp_path)
    assert b"from-the-image" in written(boot, boot.entry.r2)
    other = ours.replace(b"linux,dummy-virt", b"vendor,dummy-phon")
    boot = plan_of("android", android(tree=other, command_line=b""), tmp_path)
    assert b"from-the-image" not in written(boot, boot.entry.r2)


@pytest.mark.parametrize(
    "image, cause",
    [
        (android()[:30], "truncated"),
        (android()[:1000], "truncated"),
        (android()[:2300], "kernel in the Android boot image is truncated"),
        (android(version=3), "version 3"),
        (android(version=4), "version 4"),
        (android(page=3000), "its pages have 3000 bytes"),
        (android(kernel=b""), "without a kernel"),
        (android(kernel=bytes(56) + b"ARM\x64" + bytes(5000)), "64-bit ARM"),
        (android(kernel=b"what is this" * 100), "does not begin with an ARM instruction"),
        (android(ramdisk=b"what is this" * 100), "is no initrd"),
        (android(second=CODE, second_address=RAM + 0x8000), "overlaps the kernel"),
        (CODE, "is not an Android boot image"),
    ],
)
def test_bad_android_image_is_named(image: bytes, cause: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=cause):
        plan_of("android", image, tmp_path)


def test_firmware_is_in_flash_and_the_tree_in_ram(tmp_path: Path) -> None:
    boot = plan_of("firmware", CODE, tmp_path)
    assert bytes(boot.flash[0]) == CODE
    assert boot.entry.pc == 0
    assert [address for address, _ in boot.writes] == [RAM]


@pytest.mark.parametrize(
    "image, cause",
    [
        (struct.pack("<I", 0x14000001) + bytes(100), "firmware for 64-bit ARM"),
        (CODE + bytes(FLASH_BANK_SIZE), "larger than the flash"),
        (b"text", "does not begin with an ARM instruction"),
    ],
)
def test_bad_firmware_is_named(image: bytes, cause: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=cause):
        plan_of("firmware", image, tmp_path)


def _with_initrd(folder: Path, initrd: bytes, ram_mib: int = 64) -> bytes:
    path = folder / "initrd"
    path.write_bytes(initrd)
    boot = plan_of("linux", zimage(), folder, ram_mib, initrd=path)
    return written(boot, RAM + (ram_mib << 19))


@pytest.mark.parametrize("packer", [bytes, gzip.compress, lzma.compress])
def test_initrd_is_handed_over_as_it_is(packer: type[bytes], tmp_path: Path) -> None:
    packed = packer(CPIO)
    assert _with_initrd(tmp_path, packed) == packed


def test_initrd_in_a_uimage_is_taken_out(tmp_path: Path) -> None:
    assert _with_initrd(tmp_path, uimage(CPIO, kind=3)) == CPIO


@pytest.mark.parametrize(
    "initrd, cause",
    [
        (b"", "is empty"),
        (b"neither nor", "is no initrd"),
        (CPIO + bytes(64 << 20), "has 64 MiB and does not fit into the guest's 64 MiB of RAM"),
        (CPIO + bytes(40 << 20), "does not fit into the guest's RAM"),
        (uimage(CPIO), "something else than an initrd"),
    ],
)
def test_bad_initrd_is_named(initrd: bytes, cause: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=rf"initrd: .*{cause}"):
        _with_initrd(tmp_path, initrd)


def test_firmware_takes_no_initrd(tmp_path: Path) -> None:
    path = tmp_path / "initrd"
    path.write_bytes(CPIO)
    with pytest.raises(ImageError, match=r"initrd: cannot be handed to firmware"):
        plan_of("firmware", CODE, tmp_path, initrd=path)


def test_tree_of_ones_own_is_used(tmp_path: Path) -> None:
    path = tmp_path / "my.dtb"
    path.write_bytes(devicetree.build(config(), "mine"))
    boot = plan_of("linux", zimage(), tmp_path, dtb=path)
    assert b"mine\0" in written(boot, boot.entry.r2)
    path.write_bytes(b"not a tree")
    with pytest.raises(ImageError, match=r"my\.dtb: is no device tree blob"):
        plan_of("linux", zimage(), tmp_path, dtb=path)


@pytest.mark.parametrize("append", ["a\0b", "x" * 5000, "\udc80"])
def test_bad_command_line_is_refused(append: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="command line"):
        plan_of("linux", zimage(), tmp_path, append=append)


def test_crc_of_the_tests_own_images() -> None:
    image = uimage()
    assert zlib.crc32(image[64:]) == struct.unpack_from(">I", image, 24)[0]
