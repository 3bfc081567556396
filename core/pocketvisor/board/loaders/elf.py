"""ELF files: segments at physical addresses, in RAM or in the first flash bank, entered as QEMU enters them.

Left out: relocations (what needs them, as a static PIE, makes its own) and big-endian files.
"""

import io
from typing import Any, Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.map import FLASH_BANK_SIZE, FLASH_BANKS

MAGIC: Final = b"\x7fELF"
_SEGMENTS_MAX: Final = 256
_MACHINES: Final = {
    "EM_AARCH64": "64-bit ARM",
    "EM_386": "x86",
    "EM_X86_64": "x86-64",
    "EM_RISCV": "RISC-V",
    "EM_MIPS": "MIPS",
    "EM_PPC": "PowerPC",
}
_PARSE_ERRORS: Final = (
    ELFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
)
_KERNEL_SPACE: Final = 0xC0000000


def boot(job: Job, source: Source) -> BootPlan:
    header, segments = _parse(source)
    _check_machine(source, header)
    if any(segment["p_type"] == "PT_INTERP" for segment in segments):
        source.fail("is a program that runs under an operating system, not a guest's image")
    segments = [segment for segment in segments if segment["p_type"] == "PT_LOAD" and segment["p_memsz"]]
    entry, thumb = header["e_entry"] & ~1, bool(header["e_entry"] & 1)
    flash = bytearray()
    found: int | None = None
    for segment in segments:
        address, size = segment["p_paddr"], segment["p_memsz"]
        if segment["p_filesz"] > size:
            source.fail("is damaged: a segment holds more in the file than in memory")
        data = source.part(segment["p_offset"], segment["p_filesz"], "a segment").data
        if address >= _KERNEL_SPACE:
            source.fail(
                f"is linked for 0x{address:08x}, which is no RAM here (of a Linux kernel give the zImage)"
            )
        if FLASH_BANKS[0] <= address < FLASH_BANKS[0] + FLASH_BANK_SIZE:
            _to_flash(source, flash, address - FLASH_BANKS[0], data, size)
        else:
            job.layout.place(source.name, "a segment", address, data, size)
        if segment["p_vaddr"] <= entry < segment["p_vaddr"] + size:
            found = entry - segment["p_vaddr"] + address
    if found is None:
        source.fail(f"cannot be entered: 0x{entry:08x}, where it begins, is in none of its segments")
    summary = f"ELF file, {len(segments)} segments, entered at 0x{found:08x}"
    return job.boot_bare(found, summary, thumb=thumb, flash=bytes(flash) or None)


def _parse(source: Source) -> tuple[Any, list[Any]]:
    try:
        elf = ELFFile(io.BytesIO(source.data))
        header = elf.header
        if elf.num_segments() > _SEGMENTS_MAX:
            source.fail(f"has {elf.num_segments()} program headers, which no guest's image has")
        segments = [segment.header for segment in elf.iter_segments()]
    except _PARSE_ERRORS as error:
        source.fail(f"is a damaged or truncated ELF file: {error or type(error).__name__}")
    return header, segments


def _check_machine(source: Source, header: Any) -> None:
    machine = header["e_machine"]
    if machine != "EM_ARM":
        name = _MACHINES.get(machine, str(machine).removeprefix("EM_"))
        source.fail(f"is an ELF file for {name}, this board's CPU is a 32-bit ARM")
    if header["e_ident"]["EI_CLASS"] != "ELFCLASS32":
        source.fail("is a 64-bit ELF file, this board's CPU is a 32-bit ARM")
    if header["e_ident"]["EI_DATA"] != "ELFDATA2LSB":
        source.fail("is a big-endian ELF file, this board is little-endian")
    if header["e_type"] not in ("ET_EXEC", "ET_DYN"):
        source.fail("is an ELF file that is not linked: an object or a core, not a program")


def _to_flash(source: Source, flash: bytearray, offset: int, data: memoryview, size: int) -> None:
    if offset + size > FLASH_BANK_SIZE:
        source.fail(f"does not fit: a segment of {size} bytes goes beyond the end of the flash")
    if len(flash) < offset + size:
        flash.extend(bytes(offset + size - len(flash)))
    flash[offset : offset + len(data)] = data
