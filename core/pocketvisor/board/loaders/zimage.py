"""A zImage: a Linux kernel with the program that unpacks it (Documentation/arch/arm/booting.rst in Linux).

Unpacking runs with the MMU off, where the engine is slow, so it is done here if that is safe: the zImage
must say where its content ends and where the kernel goes (the table that it has since Linux 4.15), and the
content must come out at the size that it gives. Else it is placed and entered as QEMU does, and unpacks
itself.

Left out: a device tree that is appended to the zImage (it unpacks itself then, and finds it).
"""

from typing import Final

from msgspec import Struct

from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders.foreign import check_code
from pocketvisor.board.loaders.image import is_text_offset
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.layout import KERNEL_OFFSET, align
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.loaders.unpack import MAGICS, UNPACKABLE, UnpackError, unpack
from pocketvisor.board.map import RAM_BASE
from pocketvisor.errors import ImageError

_HEADER: Final = 0x24
_MAGIC: Final = 0x016F2818
_MAGIC_SWAPPED: Final = 0x18286F01
_TABLE_FOLLOWS: Final = 0x45454545
_TABLE_MAGIC: Final = 0x5A534C4B
_LITTLE_ENDIAN: Final = 0x04030201
_CANDIDATES_MAX: Final = 32
_MEBIBYTE: Final = 1 << 20


class _Table(Struct):
    content_end: int  # in the file, behind the word with the content's size
    content_size: int
    bss_size: int
    text_offset: int
    heap_size: int


def is_zimage(source: Source) -> bool:
    return len(source) >= _HEADER + 4 and source.unpack("<I", _HEADER, "")[0] in (_MAGIC, _MAGIC_SWAPPED)


def boot(job: Job, source: Source) -> BootPlan:
    magic, start, end = source.unpack("<3I", _HEADER, "the zImage's header")
    if magic == _MAGIC_SWAPPED:
        source.fail("is a big-endian kernel, this board is little-endian")
    size = end - start
    if size < _HEADER:
        source.fail("is damaged: its header gives it no size")
    if size > len(source):
        source.fail(f"is truncated: {len(source)} of the zImage's {size} bytes are there")
    table = _table(source, size)
    appended = source.starts(b"\xd0\x0d\xfe\xed", size)
    if table is not None and not appended:
        content = _unpack(source, table, job.room)
        if content is not None:
            address = RAM_BASE + table.text_offset
            job.layout.place(source.name, "the kernel", address, content, len(content) + table.bss_size)
            return job.boot_linux(
                address, f"zImage, unpacked to {len(content) / _MEBIBYTE:.1f} MiB at 0x{address:08x}"
            )
    address = RAM_BASE + KERNEL_OFFSET
    job.layout.place(source.name, "the zImage", address, source.data)
    if table is not None:
        _reserve(job, source, table)
    return job.boot_linux(address, f"zImage at 0x{address:08x}, unpacks itself")


def _table(source: Source, size: int) -> _Table | None:
    """None where there is none, or none that makes sense."""
    if size < 0x3C:
        return None
    order, follows, at = source.unpack("<3I", 0x30, "the zImage's header")
    if order != _LITTLE_ENDIAN or follows != _TABLE_FOLLOWS or at + 24 > size:
        return None
    words, magic, size_at, bss_size, text_offset, heap_size = source.unpack("<6I", at, "the zImage's table")
    if words < 5 or magic != _TABLE_MAGIC or size_at + 4 > size or not is_text_offset(text_offset):
        return None
    (content_size,) = source.unpack("<I", size_at, "the zImage's content")
    return _Table(size_at + 4, content_size, bss_size, text_offset, heap_size)


def _unpack(source: Source, table: _Table, room: int) -> bytes | None:
    """The kernel, or None where it is not certain. Any magic may also occur in the unpacking code."""
    if not 0 < table.content_size <= room:
        return None
    data = source.bytes(table.content_end)
    for kind in ("xz", "gzip", "zstd", "lzma", "bzip2"):
        assert kind in UNPACKABLE
        at = data.find(MAGICS[kind], _HEADER)
        for _ in range(_CANDIDATES_MAX):
            if at < 0:
                break
            try:
                content = unpack(kind, memoryview(data)[at:], table.content_size)
            except UnpackError:
                content = b""
            if len(content) == table.content_size and _is_kernel(source.name, content):
                return content
            at = data.find(MAGICS[kind], at + 1)
    return None


def _is_kernel(name: str, content: bytes) -> bool:
    try:
        check_code(Source(name, content), "kernel")
    except ImageError:
        return False
    return True


def _reserve(job: Job, source: Source, table: _Table) -> None:
    """Room for the kernel, and behind it for the zImage, which moves out of the kernel's way."""
    start = max(RAM_BASE + table.text_offset, job.layout.top())
    kernel_end = RAM_BASE + table.text_offset + table.content_size + table.bss_size
    end = align(max(kernel_end, start) + len(source) + table.heap_size + _MEBIBYTE)
    job.layout.reserve(source.name, "the unpacked kernel", start, end - start)
