"""ELF files: segments at physical addresses, in RAM or in the first flash bank, entered as QEMU enters them.

Left out: relocations (what needs them, as a static PIE, makes its own) and big-endian files.
"""

import struct
from typing import Final

from msgspec import Struct

from pocketvisor.board.config import BootPlan
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.source import Source
from pocketvisor.board.map import FLASH_BANK_SIZE, FLASH_BANKS

MAGIC: Final = b"\x7fELF"
_SEGMENTS_MAX: Final = 256
_PT_LOAD: Final = 1
_PT_INTERP: Final = 3
_ET_PROGRAMS: Final = (2, 3)  # ET_EXEC, ET_DYN
_EM_ARM: Final = 40
_MACHINES: Final = {183: "64-bit ARM", 3: "x86", 62: "x86-64", 243: "RISC-V", 8: "MIPS", 20: "PowerPC"}
_HEADER: Final = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIIIIIII")
_KERNEL_SPACE: Final = 0xC0000000


class _Segment(Struct, frozen=True):
    """A program header, in the order of its fields in the file."""

    kind: int
    offset: int
    virtual: int
    physical: int
    file_size: int
    size: int
    flags: int
    alignment: int


def boot(job: Job, source: Source) -> BootPlan:
    entry, segments = _parse(source)
    if any(segment.kind == _PT_INTERP for segment in segments):
        source.fail("is a program that runs under an operating system, not a guest's image")
    segments = [segment for segment in segments if segment.kind == _PT_LOAD and segment.size]
    entry, thumb = entry & ~1, bool(entry & 1)
    flash = bytearray()
    found: int | None = None
    for segment in segments:
        address, size = segment.physical, segment.size
        if segment.file_size > size:
            source.fail("is damaged: a segment holds more in the file than in memory")
        data = source.part(segment.offset, segment.file_size, "a segment").data
        if address >= _KERNEL_SPACE:
            source.fail(
                f"is linked for 0x{address:08x}, which is no RAM here (of a Linux kernel give the zImage)"
            )
        if FLASH_BANKS[0] <= address < FLASH_BANKS[0] + FLASH_BANK_SIZE:
            _to_flash(source, flash, address - FLASH_BANKS[0], data, size)
        else:
            job.layout.place(source.name, "a segment", address, data, size)
        if segment.virtual <= entry < segment.virtual + size:
            found = entry - segment.virtual + address
    if found is None:
        source.fail(f"cannot be entered: 0x{entry:08x}, where it begins, is in none of its segments")
    summary = f"ELF file, {len(segments)} segments, entered at 0x{found:08x}"
    return job.boot_bare(found, summary, thumb=thumb, flash=bytes(flash) or None)


def _parse(source: Source) -> tuple[int, list[_Segment]]:
    """Where it is entered, and its program headers."""
    data = source.data
    if len(data) < _HEADER.size:
        source.fail(f"is a damaged or truncated ELF file: it has {len(data)} bytes")
    ident, kind, machine, _, entry, table, _, _, _, size, count, *_ = _HEADER.unpack_from(data)
    if ident[5] == 2:  # big-endian
        kind, machine = struct.unpack_from(">HH", data, 16)
    _check_machine(source, ident, kind, machine)
    if count > _SEGMENTS_MAX:
        source.fail(f"has {count} program headers, which no guest's image has")
    if count and size != _SEGMENT.size:
        source.fail(f"is a damaged or truncated ELF file: its program headers have {size} bytes each")
    headers = source.part(table, count * _SEGMENT.size, "its program headers").data
    return entry, [_Segment(*fields) for fields in _SEGMENT.iter_unpack(headers)]


def _check_machine(source: Source, ident: bytes, kind: int, machine: int) -> None:
    if machine != _EM_ARM:
        name = _MACHINES.get(machine) or _name_of(machine)
        source.fail(f"is an ELF file for {name}, this board's CPU is a 32-bit ARM")
    if ident[4] != 1:
        source.fail("is a 64-bit ELF file, this board's CPU is a 32-bit ARM")
    if ident[5] != 1:
        source.fail("is a big-endian ELF file, this board is little-endian")
    if kind not in _ET_PROGRAMS:
        source.fail("is an ELF file that is not linked: an object or a core, not a program")


def _name_of(machine: int) -> str:
    from elftools.elf.enums import ENUM_E_MACHINE  # slow to load, and rarely needed

    names = {number: name for name, number in ENUM_E_MACHINE.items() if isinstance(number, int)}
    return str(names.get(machine, f"machine {machine}")).removeprefix("EM_")


def _to_flash(source: Source, flash: bytearray, offset: int, data: memoryview, size: int) -> None:
    if offset + size > FLASH_BANK_SIZE:
        source.fail(f"does not fit: a segment of {size} bytes goes beyond the end of the flash")
    if len(flash) < offset + size:
        flash.extend(bytes(offset + size - len(flash)))
    flash[offset : offset + len(data)] = data
