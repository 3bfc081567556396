"""Disks for firmware to boot from, made here: a FAT16 file system in a partition, as UEFI and U-Boot read it.

Left out: more than a few files in a folder, names of more than thirteen characters more than once in it.
"""

import struct
from collections.abc import Mapping

_SECTOR = 512
_CLUSTER = 4 * _SECTOR
_FAT_SECTORS = 128
_ROOT_ENTRIES = 512
_RESERVED = 1
_START = 2048  # of the partition, in sectors
_CLUSTERS = 30_000  # within FAT16's bounds


class _Fat16:
    def __init__(self) -> None:
        self.table = [0xFFF8, 0xFFFF]
        self.data = bytearray()

    def add(self, content: bytes) -> int:
        """The first cluster."""
        first = len(self.table)
        count = max(1, -(-len(content) // _CLUSTER))
        self.table += [*range(first + 1, first + count), 0xFFFF]
        self.data += content.ljust(count * _CLUSTER, b"\0")
        return first

    def folder(self, files: Mapping[str, bytes]) -> bytes:
        """The entries of a folder: its files, and the folders that are in their names."""
        below: dict[str, dict[str, bytes]] = {}
        entries = b""
        for name, content in files.items():
            top, slash, rest = name.partition("/")
            if slash:
                below.setdefault(top, {})[rest] = content
            else:
                entries += _entry(top, 0x20, self.add(content), len(content))
        for name, inside in below.items():
            entries += _entry(name, 0x10, self.add(self.folder(inside)), 0)
        return entries


def fat_disk(files: Mapping[str, bytes]) -> bytes:
    """A disk with one partition that holds these files (by path)."""
    fat = _Fat16()
    root = fat.folder(files).ljust(_ROOT_ENTRIES * 32, b"\0")
    assert len(root) == _ROOT_ENTRIES * 32
    assert len(fat.table) <= _CLUSTERS
    sectors = _RESERVED + _FAT_SECTORS + len(root) // _SECTOR + _CLUSTERS * 4
    boot = struct.pack(
        "<3s8sHBHBHHBHHHIIBBBI11s8s",
        *(b"\xeb\x3c\x90", b"POCKET  ", _SECTOR, _CLUSTER // _SECTOR, _RESERVED, 1, _ROOT_ENTRIES),
        *(0, 0xF8, _FAT_SECTORS, 63, 255, _START, sectors, 0x80, 0, 0x29, 1, b"FIRMWARE   ", b"FAT16   "),
    )
    table = struct.pack(f"<{len(fat.table)}H", *fat.table).ljust(_FAT_SECTORS * _SECTOR, b"\0")
    volume = boot.ljust(510, b"\0") + b"\x55\xaa" + table + root + fat.data
    return _partitioned(volume.ljust(sectors * _SECTOR, b"\0"), 0x0E)


def _partitioned(volume: bytes, kind: int) -> bytes:
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\2\0", kind, b"\xff" * 3, _START, len(volume) // _SECTOR)
    record = bytes(446) + entry.ljust(64, b"\0") + b"\x55\xaa"
    return record.ljust(_START * _SECTOR, b"\0") + volume


def _entry(name: str, attributes: int, cluster: int, size: int) -> bytes:
    """With a long name before it where it is not 8.3."""
    stem, _, extension = name.upper().partition(".")
    long = b""
    if len(stem) > 8 or len(extension) > 3:
        short = f"{stem[:6]}~1{extension[:3]:3}".encode()
        long = _long_name(name, short)
    else:
        short = f"{stem:8}{extension:3}".encode()
    return long + struct.pack("<11sB8xHHHHI", short, attributes, 0, 0, 0x5A21, cluster, size)


def _long_name(name: str, short: bytes) -> bytes:
    checksum = 0
    for byte in short:
        checksum = ((checksum & 1) << 7 | checksum >> 1) + byte & 0xFF
    parts = [name[at : at + 13] for at in range(0, len(name), 13)]
    entries = []
    for number, part in enumerate(parts, 1):
        text = (part + "\0" if len(part) < 13 else part).encode("utf-16-le").ljust(26, b"\xff")
        order = number | (0x40 if number == len(parts) else 0)
        fields = order, text[:10], 0x0F, 0, checksum, text[10:22], 0, text[22:]
        entries.append(struct.pack("<B10sBBB12sH4s", *fields))
    return b"".join(reversed(entries))
