"""A zImage's content is unpacked here where that is safe, and else the zImage does it by itself."""

import struct
from pathlib import Path

import pytest
from images import linux_image, plan, plan_of, written, zimage

from pocketvisor.errors import ImageError
from pocketvisor.images.catalogue import catalogue

RAM = 0x40000000


@pytest.mark.parametrize("packer", ["xz", "gzip", "lzma"])
@pytest.mark.parametrize("offset", [0x8000, 0x208000])
def test_content_is_unpacked_to_where_the_kernel_wants_to_be(
    packer: str, offset: int, tmp_path: Path
) -> None:
    boot = plan_of("linux", zimage(packer=packer, text_offset=offset), tmp_path)
    assert boot.entry.pc == RAM + offset
    assert written(boot, RAM + offset) == linux_image()
    assert (boot.entry.r0, boot.entry.r1) == (0, 0xFFFFFFFF)
    assert written(boot, boot.entry.r2)[:4] == b"\xd0\x0d\xfe\xed"


@pytest.mark.parametrize(
    "image",
    [
        zimage(table=False),
        zimage(packer="none"),
        zimage(text_offset=0x123),
        zimage(text_offset=0x40000000),
        zimage(content=b"no kernel" * 1000),
        zimage(tail=b"\xd0\x0d\xfe\xed" + bytes(100)),
    ],
    ids=["no table", "unknown packing", "odd offset", "far offset", "no code", "appended tree"],
)
def test_what_is_not_certain_unpacks_itself(image: bytes, tmp_path: Path) -> None:
    boot = plan_of("linux", image, tmp_path)
    assert boot.entry.pc == RAM + 0x10000
    assert written(boot, RAM + 0x10000) == image


def test_size_that_lies_is_not_believed(tmp_path: Path) -> None:
    image = bytearray(zimage())
    size_at = image.index(struct.pack("<I", len(linux_image())))
    image[size_at : size_at + 4] = struct.pack("<I", len(linux_image()) - 4)
    assert plan_of("linux", bytes(image), tmp_path).entry.pc == RAM + 0x10000


def test_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """The header says 24 KiB, the stream holds 256 MiB."""
    image = zimage(content=bytes(256 << 20))
    small = image.replace(struct.pack("<I", 256 << 20), struct.pack("<I", 0x6000))
    assert plan_of("linux", small, tmp_path).entry.pc == RAM + 0x10000


def test_self_unpacking_kernel_keeps_clear_of_initrd_and_tree(tmp_path: Path) -> None:
    content = linux_image(20 << 20)
    image = zimage(content=content, packer="none", text_offset=0x208000)
    boot = plan_of("linux", image, tmp_path)
    unpacked_end = RAM + 0x208000 + len(content) + len(image)
    assert boot.entry.r2 >= unpacked_end


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_truncated_kernel_is_refused(kept: float, tmp_path: Path) -> None:
    image = zimage()
    with pytest.raises(ImageError, match=r"image: is truncated: \d+ of the zImage's \d+ bytes"):
        plan_of("linux", image[: max(64, int(len(image) * kept))], tmp_path)


def test_big_endian_kernel_is_refused(tmp_path: Path) -> None:
    image = zimage().replace(struct.pack("<I", 0x016F2818), struct.pack(">I", 0x016F2818), 1)
    with pytest.raises(ImageError, match="big-endian"):
        plan_of("linux", image, tmp_path)


def test_kernel_larger_than_ram_is_refused(tmp_path: Path) -> None:
    image = zimage(content=linux_image(9 << 20), packer="none")
    with pytest.raises(ImageError, match=r"has 8 MiB of RAM|does not fit"):
        plan_of("linux", image, tmp_path, ram_mib=8)


@pytest.mark.debian
def test_debians_kernel_is_unpacked() -> None:
    debian = catalogue()["debian"]
    if not debian.available or debian.kernel is None:
        pytest.skip("Debian is not fetched: pocketvisor guests fetch debian")
    boot = plan("linux", debian.kernel, 256, initrd=debian.initrd)
    assert boot.entry.pc == RAM + 0x208000
    assert "unpacked" in boot.summary
