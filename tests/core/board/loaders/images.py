"""Small images of every kind, made here."""

import gzip
import lzma
import struct
import zlib
from pathlib import Path
from typing import Any

from pocketvisor.board.config import BoardConfig, BootPlan, ImageFiles, PanelConfig
from pocketvisor.board.loaders import load

NOP = 0xE1A00000
CODE = struct.pack("<4I", 0xEA000000, NOP, NOP, 0xEAFFFFFE) + bytes(4080)
CPIO = b"070701" + bytes(506)


def config(ram_mib: int = 64) -> BoardConfig:
    return BoardConfig(ram_size=ram_mib << 20, panel=PanelConfig(320, 480), tick_ps=1000)


def plan(kind: str, path: Path, ram_mib: int = 64, **files: Any) -> BootPlan:
    return load(ImageFiles(kind=kind, main=path, **files), config(ram_mib))


def plan_of(kind: str, data: bytes, folder: Path, ram_mib: int = 64, **files: Any) -> BootPlan:
    path = folder / "image"
    path.write_bytes(data)
    return plan(kind, path, ram_mib, **files)


def written(boot: BootPlan, address: int) -> bytes:
    """What the plan writes at an address."""
    return next(bytes(data) for at, data in boot.writes if at == address)


def linux_image(size: int = 0x6000, offset: int = 0x8000) -> bytes:
    """Begins as Linux's head.S does: reads MIDR, then finds the start of RAM below itself."""
    shift = (offset.bit_length() - 8 + 1) // 2 * 2
    immediate = (32 - shift) // 2 % 16 << 8 | offset >> shift
    head = struct.pack("<6I", 0xEB000001, NOP, NOP, 0xEE109F10, 0xE088800F, 0xE2488000 | immediate)
    return head + bytes(index * 7 & 0xFF for index in range(size - len(head)))


def zimage(
    content: bytes | None = None,
    packer: str = "xz",
    *,
    table: bool = True,
    text_offset: int = 0x8000,
    size: int | None = None,
    tail: bytes = b"",
) -> bytes:
    """As arch/arm/boot/compressed lays it out: header, code with misleading magics, payload, size, table."""
    content = linux_image() if content is None else content
    pack = {
        "xz": lambda data: lzma.compress(data) + struct.pack("<I", len(data)),
        "gzip": gzip.compress,  # ends in the size by itself
        "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE) + struct.pack("<I", len(data)),
        "none": lambda data: data + struct.pack("<I", len(data)),
    }[packer]
    code = struct.pack("<8I", *[NOP] * 8) + b"\xfd7zXZ\0" + b"\x1f\x8b\x08" + b"\x5d\0\0" + bytes(7)
    payload = pack(content)
    payload_at = 0x40 + len(code)
    size_at = payload_at + len(payload) - 4
    table_at = size_at + 4 + -(size_at + 4) % 4
    fields = (6, 0x5A534C4B, size_at, 0x1000, text_offset, 0x10000, 0)
    end = table_at + 4 * len(fields)
    head = struct.pack("<9I", *[NOP] * 8, 0xEA000006)
    head += struct.pack("<3I", 0x016F2818, 0, end if size is None else size)
    head += struct.pack("<4I", 0x04030201, 0x45454545 if table else 0, table_at, 0)
    body = head + code + payload
    return body + bytes(table_at - len(body)) + struct.pack("<7I", *fields) + tail


def elf(
    code: bytes = CODE,
    address: int = 0x40200000,
    *,
    entry: int | None = None,
    machine: int = 40,
    kind: int = 2,
    segments: list[tuple[int, int, int]] | None = None,
) -> bytes:
    """segments: (virtual, physical, size in memory), each with the code in it."""
    segments = segments or [(address, address, len(code))]
    start = 52 + 32 * len(segments)
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    entry = segments[0][0] if entry is None else entry
    head += struct.pack(
        "<HHIIIIIHHHHHH", kind, machine, 1, entry, 52, 0, 0x05000000, 52, 32, len(segments), 40, 0, 0
    )
    for virtual, physical, size in segments:
        head += struct.pack("<8I", 1, start, virtual, physical, min(len(code), size), size, 5, 4)
    return head + code


def uimage(
    content: bytes = CODE,
    *,
    load: int = 0x40300000,
    entry: int | None = None,
    system: int = 17,
    architecture: int = 2,
    kind: int = 2,
    compression: int = 0,
) -> bytes:
    def header(checksum: int) -> bytes:
        start = load if entry is None else entry
        fields = (0x27051956, checksum, 0, len(content), load, start, zlib.crc32(content))
        return struct.pack(">7I4B32s", *fields, system, architecture, kind, compression, b"test")

    return header(zlib.crc32(header(0))) + content


def android(
    kernel: bytes | None = None,
    ramdisk: bytes = CPIO,
    *,
    second: bytes = b"",
    second_address: int = 0x40F00000,
    tree: bytes = b"",
    version: int = 2,
    page: int = 2048,
    command_line: bytes = b"androidboot.hardware=virt",
) -> bytes:
    kernel = zimage() if kernel is None else kernel
    head = b"ANDROID!" + struct.pack(
        "<10I",
        len(kernel),
        0x10008000,
        len(ramdisk),
        0x11000000,
        len(second),
        second_address,
        0x10000100,
        page,
        version,
        0,
    )
    head += (
        bytes(16) + command_line[:512].ljust(512, b"\0") + bytes(32) + command_line[512:].ljust(1024, b"\0")
    )
    head += struct.pack("<IQI", 0, 0, 1660) + struct.pack("<IQ", len(tree), 0)
    parts = [head, kernel, ramdisk, second, *([tree] if version == 2 else [])]
    return b"".join(part + bytes(-len(part) % page) for part in parts)


ALL = {
    "zimage": ("linux", zimage),
    "zimage-gzip": ("linux", lambda: zimage(packer="gzip")),
    "linux-image": ("linux", linux_image),
    "elf": ("elf", elf),
    "uimage": ("uimage", uimage),
    "android": ("android", android),
    "raw": ("raw", lambda: CODE),
    "firmware": ("firmware", lambda: CODE),
}
