"""ELF files: segments at their physical addresses, the entry translated, and what cannot be loaded named."""

import struct
import sys
from pathlib import Path

import pytest
from images import CODE, elf, plan, plan_of, written

from pocketvisor.errors import ImageError

RAM = 0x40000000


def test_segments_go_to_physical_addresses_and_the_tree_to_the_start(tmp_path: Path) -> None:
    boot = plan_of(
        "elf", elf(segments=[(0xC0008000, RAM + 0x300000, 0x2000), (0x100, RAM + 0x400000, 0x1000)]), tmp_path
    )
    assert boot.entry.pc == RAM + 0x300000
    assert written(boot, RAM + 0x300000) == CODE
    assert written(boot, RAM + 0x400000) == CODE
    assert boot.entry.r2 == RAM
    assert written(boot, RAM)[:4] == b"\xd0\x0d\xfe\xed"


def test_thumb_entry(tmp_path: Path) -> None:
    boot = plan_of("elf", elf(entry=0x40200005), tmp_path)
    assert (boot.entry.pc, boot.entry.thumb) == (0x40200004, True)


def test_image_at_the_start_of_ram_gets_no_tree(tmp_path: Path) -> None:
    boot = plan_of("elf", elf(address=RAM), tmp_path)
    assert boot.entry.r2 == 0
    assert [address for address, _ in boot.writes] == [RAM]


def test_image_in_flash(tmp_path: Path) -> None:
    boot = plan_of("elf", elf(address=0x8000), tmp_path)
    assert bytes(boot.flash[0]) == bytes(0x8000) + CODE
    assert boot.entry.pc == 0x8000


def test_linux_may_be_an_elf_file(tmp_path: Path) -> None:
    assert plan_of("linux", elf(), tmp_path).entry.pc == 0x40200000


def test_this_interpreter_is_no_guest() -> None:
    with pytest.raises(ImageError, match=r"is an ELF file for|runs under an operating system"):
        plan("elf", Path(sys.executable).resolve())


@pytest.mark.parametrize(
    "image, cause",
    [
        (b"no ELF file at all", "is not an ELF file"),
        (elf()[:40], "truncated"),
        (elf()[:60], "truncated"),
        (elf()[:-1], "a segment is truncated: 4095 of 4096 bytes"),
        (elf(machine=62), "an ELF file for x86-64"),
        (elf(machine=183), "an ELF file for 64-bit ARM"),
        (elf(machine=243), "an ELF file for RISC-V"),
        (elf(kind=1), "not linked"),
        (elf(address=0x80000000), "does not fit into the guest's RAM"),
        (elf(address=0xC0008000), "give the zImage"),
        (elf(address=RAM + (64 << 20) - 16), "does not fit into the guest's RAM"),
        (elf(segments=[(RAM, RAM, 65 << 20)]), "needs 65 MiB, the guest has 64 MiB"),
        (elf(segments=[(RAM, RAM, 0x1000), (RAM, RAM + 0x800, 0x1000)]), "overlaps"),
        (elf(segments=[(RAM, RAM, 0xFFFFFFFF)]), "needs 4096 MiB"),
        (elf(entry=0x50000000), "cannot be entered"),
        (elf(address=0x03FFF800), "beyond the end of the flash"),
    ],
)
def test_what_cannot_be_loaded_is_named(image: bytes, cause: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=cause):
        plan_of("elf", image, tmp_path)


def test_program_for_linux_is_named(tmp_path: Path) -> None:
    image = bytearray(elf())
    image[52:56] = struct.pack("<I", 3)  # PT_INTERP
    with pytest.raises(ImageError, match="runs under an operating system"):
        plan_of("elf", bytes(image), tmp_path)
