"""Raw images: placed 64 KiB into RAM and entered there, as QEMU's `virt` does with what it does not know.

A Linux `Image`, a zImage's content, says nowhere where it wants to be except in its code: it finds the
start of RAM by subtracting a constant from its own address. Where those instructions are found, that
constant is followed.
"""

from typing import Final

from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders.foreign import check_code
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.layout import KERNEL_OFFSET
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.map import RAM_BASE

_LOOK_AT: Final = 64  # words
_READ_MIDR: Final = 0xEE109F10  # mrc p15, 0, r9, c0, c0, 0
_SUB_R8: Final = 0xE2488  # sub r8, r8, #constant
_OFFSET_MAX: Final = 0x0100_0000
_BSS_GUESS: Final = 4 << 20


def boot(job: Job, source: Source, what: str = "kernel") -> BootPlan:
    """`what` it should be, for errors."""
    check_code(source, what)
    offset = linux_text_offset(source)
    if offset is not None:
        address = RAM_BASE + offset
        job.layout.place(source.name, "the kernel", address, source.data, len(source) + _BSS_GUESS)
        return job.boot_linux(address, f"Linux Image at 0x{address:08x}")
    address = RAM_BASE + KERNEL_OFFSET
    job.layout.place(source.name, "the image", address, source.data)
    return job.boot_linux(address, f"raw image at 0x{address:08x}")


def linux_text_offset(source: Source) -> int | None:
    """Where from the start of RAM a Linux Image wants to be; None for what is not known to be one."""
    count = min(_LOOK_AT, len(source) // 4)
    words = source.unpack(f"<{count}I", 0, "the image")
    if _READ_MIDR not in words:
        return None
    for word in words[words.index(_READ_MIDR) :]:
        if word >> 12 == _SUB_R8:
            offset = _rotated(word & 0xFFF)
            return offset if is_text_offset(offset) else None
    return None


def is_text_offset(offset: int) -> bool:
    return 0x8000 <= offset < _OFFSET_MAX and offset % 0x1000 == 0


def _rotated(immediate: int) -> int:
    """An ARM data-processing constant: eight bits rotated right by twice the other four."""
    value, by = immediate & 0xFF, immediate >> 8 << 1
    return (value >> by | value << (32 - by)) & 0xFFFFFFFF
