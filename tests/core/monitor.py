"""The guest of these tests: monitor.S as words, so that no toolchain is needed."""

import struct
from pathlib import Path

BASE = 0x40200000
WORDS = """
    e3a04409 e3a00070 e584002c e3000301 e5840030 e3a00050 e5840038 e3a06302 e3a00001 e5860000 e5c60821
    e3a01002 e5861104 e2866801 e5860000 e3a010ff e5861004 e28f50d0 eb00002e e320f003 e5940018 e3100010
    1afffffb e5940000 e20000ff e3500071 0a00000f e3500072 0a000010 e3500073 0afffffe e3500066 0a00000f
    e3500074 0a000015 e3500075 0a00001b e5840000 e350000d 1affffeb e28f5082 eb000017 eaffffe8 e3000008
    e3480400 e1400070 e3000009 e3480400 e1400070 e3a01303 e30020ff e34020ff e3a03d05 e4812004 e2533001
    1afffffc eaffffda e3a01101 e2811601 e3a03c01 e5813000 e2811a01 e2533001 1afffffb eaffffd2 e7f000f0
    e4d50001 e3500000 012fff1e e5840000 eafffffa 696e6f6d 20726f74 64616572 230a0d79 00000020
"""


def code() -> bytes:
    """monitor.S, assembled."""
    words = [int(word, 16) for word in WORDS.split()]
    return struct.pack(f"<{len(words)}I", *words)


def elf(program: bytes, machine: int = 40) -> bytes:
    """An ELF file of one segment that is entered at its start. 40 is ARM."""
    header = b"\x7fELF" + bytes([1, 1, 1, 0]) + bytes(8)
    header += struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, BASE, 52, 0, 0x05000200, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0x1000, BASE, BASE, len(program), len(program), 7, 0x1000)
    return (header + segment).ljust(0x1000, b"\0") + program


def write_elf(folder: Path, name: str = "monitor.elf") -> Path:
    path = folder / name
    path.write_bytes(elf(code()))
    return path
