"""Initrds: handed to the guest as they are, once it is clear that they are one and fit."""

from typing import Final

from pocketvisor.board.loaders import uimage
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.loaders.unpack import compression

_RAMDISK: Final = 3
_MAGICS: Final = (
    (0, b"070701"),  # cpio, newc
    (0, b"070702"),  # with checksums
    (0, b"070707"),  # odc
    (0, b"\xc7\x71"),  # binary
    (0x438, b"\x53\xef"),  # ext2 to ext4
    (0, b"hsqs"),  # squashfs
    (0, b"-rom1fs-"),
    (0, b"\x45\x3d\xcd\x28"),  # cramfs
)
_LZ4_FRAME: Final = b"\x04\x22\x4d\x18"


def check(source: Source, ram_size: int) -> Source:
    """The initrd itself; raises ImageError where it is none, or more than the guest's RAM."""
    if source.starts(uimage.MAGIC):
        header = uimage.parse(source)
        if header.kind != _RAMDISK:
            source.fail("is a uImage of something else than an initrd")
        source = header.content
    if len(source) >= ram_size:
        source.fail(
            f"has {len(source) >> 20} MiB and does not fit into the guest's {ram_size >> 20} MiB of RAM"
        )
    packed = compression(source.data) is not None or source.starts(_LZ4_FRAME)
    if not packed and not any(source.starts(magic, offset) for offset, magic in _MAGICS):
        source.fail("is no initrd: neither a cpio archive nor a file system, compressed or not")
    return source
