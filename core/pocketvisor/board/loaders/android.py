"""Android boot images, versions 0 to 2: kernel, initrd, second stage and device tree in pages of one file.

The addresses in it are those of the phone that it was built for, and are not followed: kernel and initrd go
where this board has them. Its device tree is taken only if it says that it is for `virt`. A second stage is
put where it wants to be if that is free RAM. Left out: versions 3 and 4, which are only half of what starts
a phone.
"""

from typing import Final

from msgspec import Struct

from pocketvisor.board import devicetree
from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders import image, initrd, zimage
from pocketvisor.board.loaders.foreign import refuse_foreign
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.loaders.unpack import UnpackError, compression, unpack
from pocketvisor.board.map import RAM_BASE

MAGIC: Final = b"ANDROID!"
_HEADER_SIZES: Final = {0: 1632, 1: 1648, 2: 1660}
_COMMAND_LINE: Final = ((64, 512), (608, 1024))
_BOARD: Final = "linux,dummy-virt"


class _Parts(Struct):
    kernel: Source
    ramdisk: Source | None
    second: Source | None
    second_address: int
    tree: Source | None
    command_line: str


def boot(job: Job, source: Source) -> BootPlan:
    parts = _parts(source)
    job.append = " ".join(text for text in (parts.command_line, job.append) if text)
    if job.initrd is None and parts.ramdisk is not None:
        job.initrd = initrd.check(parts.ramdisk, job.config.ram_size)
    if job.dtb is None and parts.tree is not None and _for_this_board(parts.tree):
        job.dtb = parts.tree
    kernel = parts.kernel
    if compression(kernel.data) == "gzip":
        try:
            kernel = Source(source.name, unpack("gzip", kernel.data, job.room))
        except UnpackError as error:
            source.fail(f"its kernel {error}")
    if zimage.is_zimage(kernel):
        plan = zimage.boot(job, kernel)
    else:
        refuse_foreign(kernel)
        plan = image.boot(job, kernel)
    if parts.second is not None and RAM_BASE <= parts.second_address < job.layout.end:
        job.layout.place(source.name, "the second stage", parts.second_address, parts.second.data)
    return plan


def _parts(source: Source) -> _Parts:
    fields = source.unpack("<10I", 8, "the Android boot image's header")
    kernel_size, _, ramdisk_size, _, second_size, second_address, _, page_size, version, _ = fields
    if version in (3, 4):
        source.fail(f"is an Android boot image of version {version}; versions 0 to 2 are supported")
    # Before there were versions, this field was the size of a device tree.
    header_size = _HEADER_SIZES.get(version, _HEADER_SIZES[0])
    if page_size not in (2048, 4096, 8192, 16384, 32768, 65536):
        source.fail(f"is a damaged Android boot image: its pages have {page_size} bytes")
    source.part(0, header_size, "the Android boot image's header")
    if kernel_size == 0:
        source.fail("is an Android boot image without a kernel")
    command_line, more = (source.part(at, size, "the header").bytes() for at, size in _COMMAND_LINE)
    sizes = {"kernel": kernel_size, "ramdisk": ramdisk_size, "second": second_size, "recovery": 0, "tree": 0}
    if version == 1 or version == 2:
        (sizes["recovery"],) = source.unpack("<I", 1632, "the header")
    if version == 2:
        (sizes["tree"],) = source.unpack("<I", 1648, "the header")
    found: dict[str, Source | None] = {}
    at = page_size
    for name, size in sizes.items():
        found[name] = source.part(at, size, f"the {name} in the Android boot image") if size else None
        at += -(-size // page_size) * page_size
    assert found["kernel"] is not None
    text = _text(command_line) + _text(more)
    return _Parts(found["kernel"], found["ramdisk"], found["second"], second_address, found["tree"], text)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _for_this_board(tree: Source) -> bool:
    return devicetree.compatible_with(tree.bytes(), _BOARD)
