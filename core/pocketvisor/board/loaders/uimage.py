"""U-Boot's legacy image format: a header of 64 bytes, big-endian, before a kernel or an initrd.

Placed and entered where its header says, as QEMU does; a zImage or Linux Image in it knows better by itself.
Left out: images of several parts, and LZO and LZ4.
"""

import zlib
from typing import Final

from msgspec import Struct

from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders import image, zimage
from pocketvisor.board.loaders.foreign import check_code
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.loaders.unpack import UnpackError, unpack

MAGIC: Final = b"\x27\x05\x19\x56"
_SIZE: Final = 64
_ARM: Final = 2
_ARCHITECTURES: Final = {
    3: "x86",
    5: "MIPS",
    7: "PowerPC",
    8: "S390",
    22: "64-bit ARM",
    24: "x86-64",
    26: "RISC-V",
}
_LINUX: Final = 5
_STANDALONE, _KERNEL, _RAMDISK, _MULTI, _KERNEL_NOLOAD = 1, 2, 3, 4, 14
_COMPRESSIONS: Final = {1: "gzip", 2: "bzip2", 3: "lzma", 4: "lzo", 5: "lz4", 6: "zstd"}


class Header(Struct):
    load: int
    entry: int
    system: int
    kind: int
    compression: int
    content: Source


def parse(source: Source) -> Header:
    """Checks all that can be checked; the content is still compressed."""
    header = source.part(0, _SIZE, "the uImage's header").bytes()
    fields = source.unpack(">7I4B", 0, "the uImage's header")
    _, header_crc, _, size, load, entry, data_crc, system, architecture, kind, compression = fields
    if zlib.crc32(header[:4] + bytes(4) + header[8:]) != header_crc:
        source.fail("is a damaged uImage: its header's checksum is wrong")
    if architecture != _ARM:
        name = _ARCHITECTURES.get(architecture, f"architecture {architecture}")
        source.fail(f"is a uImage for {name}, this board's CPU is a 32-bit ARM")
    content = source.part(_SIZE, size, "the uImage")
    if zlib.crc32(content.data) != data_crc:
        source.fail("is a damaged uImage: its content's checksum is wrong")
    return Header(load, entry, system, kind, compression, content)


def boot(job: Job, source: Source) -> BootPlan:
    header = parse(source)
    if header.kind == _RAMDISK:
        source.fail("is a uImage of an initrd, not of a kernel")
    if header.kind == _MULTI:
        source.fail("is a uImage of several parts, which is not supported: give kernel and initrd apart")
    if header.kind not in (_STANDALONE, _KERNEL, _KERNEL_NOLOAD):
        source.fail(f"is a uImage of type {header.kind}, not of a kernel")
    content = _unpacked(job, header)
    if header.system == _LINUX:
        if zimage.is_zimage(content):
            return zimage.boot(job, content)
        if image.linux_text_offset(content) is not None:
            return image.boot(job, content)
    check_code(content, "program")
    job.layout.place(source.name, "the program", header.load, content.data)
    if not header.load <= header.entry < header.load + len(content):
        source.fail(f"cannot be entered: 0x{header.entry:08x}, where it begins, is outside of it")
    summary = f"uImage at 0x{header.load:08x}, entered at 0x{header.entry:08x}"
    return (job.boot_linux if header.system == _LINUX else job.boot_bare)(header.entry, summary)


def _unpacked(job: Job, header: Header) -> Source:
    if header.compression == 0:
        return header.content
    kind = _COMPRESSIONS.get(header.compression)
    if kind is None:
        header.content.fail(f"is a uImage with an unknown compression, {header.compression}")
    try:
        return Source(header.content.name, unpack(kind, header.content.data, job.room))
    except UnpackError as error:
        header.content.fail(f"its content {error}")
