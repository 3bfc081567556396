"""What is no guest of this board though somebody might try it, so that the sentence can say what it is."""

from typing import Final

from pocketvisor.board.loaders.source import Source

_MAGICS: Final = (
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"!<arch>\n", "a Debian package or other ar archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"QFI\xfb", "a qcow2 disk"),
    (0x8001, b"CD001", "an ISO 9660 disc"),
    (0, b"hsqs", "a squashfs file system"),
    (0, b"070701", "a cpio archive, as an initrd is"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"\xd0\x0d\xfe\xed", "a device tree blob or FIT image"),
    (0, b"#!", "a script"),
    (0, b"\x3a\xff\x26\xed", "an Android sparse image"),
)
_PE_MACHINES: Final = {
    0x014C: "x86",
    0x8664: "x86-64",
    0xAA64: "64-bit ARM",
    0x01C2: "32-bit ARM",
    0x01C4: "ARM",
}
_AARCH64_BRANCH: Final = 0b000101


def refuse_foreign(source: Source) -> None:
    """Raises ImageError for a kernel of another architecture, or a file that is no kernel or firmware."""
    if source.starts(b"ARM\x64", 56):
        source.fail("is a kernel for 64-bit ARM, this board's CPU is a 32-bit Cortex-A9")
    if source.starts(b"HdrS", 0x202):
        source.fail("is a kernel for x86, this board's CPU is a 32-bit ARM")
    if source.starts(b"RISCV", 48) or source.starts(b"RSC\x05", 56):
        source.fail("is a kernel for RISC-V, this board's CPU is a 32-bit ARM")
    if source.starts(b"MZ"):
        source.fail(
            f"is a program for {_pe_machine(source)} in Windows' or UEFI's format, not a guest's image"
        )
    for offset, magic, what in _MAGICS:
        if source.starts(magic, offset):
            source.fail(f"is {what}, not a guest's image")


def _pe_machine(source: Source) -> str:
    if len(source) < 0x40:
        return "another machine"
    (at,) = source.unpack("<I", 0x3C, "its header")
    if at + 6 > len(source) or not source.starts(b"PE\0\0", at):
        return "DOS"
    (machine,) = source.unpack("<H", at + 4, "its header")
    return _PE_MACHINES.get(machine, "another machine")


def check_code(source: Source, what: str) -> None:
    """Raises ImageError where the first word, which is executed first, is no likely ARM instruction."""
    if len(source) < 4:
        source.fail(f"is no {what}: it has only {len(source)} bytes")
    (word,) = source.unpack("<I", 0, what)
    condition = word >> 28
    if word >> 26 == _AARCH64_BRANCH and (word & 0x3FFFFFF) * 4 < len(source):
        source.fail(f"is a {what} for 64-bit ARM, this board's CPU is a 32-bit Cortex-A9")
    if condition < 0xE or word == 0xFFFFFFFF:
        source.fail(f"is no {what} for 32-bit ARM: it does not begin with an ARM instruction")
    if word >> 24 in (0xEA, 0xEB):
        distance = (word & 0xFFFFFF ^ 0x800000) - 0x800000
        if not 0 <= 8 + distance * 4 < len(source):
            source.fail(
                f"is no {what} for 32-bit ARM, or truncated: it begins with a branch to beyond its end"
            )
