"""The EDID block of a phone's panel: one mode, its own, at 60 Hz, and its size so that a guest knows its dpi.

EDID 1.4 (VESA E-EDID, release A2), the base block alone. Left out: extension blocks, other modes.
"""

import struct
from typing import Final

SIZE: Final = 128
_HEADER: Final = bytes.fromhex("00ffffffffffff00")
_MAKER: Final = "PVR"
_SRGB: Final = bytes.fromhex("ee91a3544c99260f5054")  # the chromaticity of its primaries
_DIGITAL_8_BITS: Final = 0xA0
_GAMMA_2_2: Final = 120
_NATIVE_MODE_SRGB: Final = 0x06
_NO_STANDARD_MODE: Final = b"\x01\x01" * 8
_DUMMY: Final = struct.pack(">IB13x", 0x10, 0)
_MM_PER_INCH: Final = 25.4

# Blanking as of the reduced CVT timings: front porch, sync, all.
_H_BLANK: Final = (48, 32, 160)
_V_BLANK: Final = (3, 6, 30)
_HERTZ: Final = 60


def millimetres(width: int, height: int, ppi: float) -> tuple[int, int]:
    """What a picture of so many pixels measures."""
    return max(round(width * _MM_PER_INCH / ppi), 1), max(round(height * _MM_PER_INCH / ppi), 1)


def edid(width: int, height: int, ppi: float, name: str = "Panel") -> bytes:
    """128 bytes; width and height below 4096."""
    wide, high = millimetres(width, height, ppi)
    block = b"".join(
        (
            _HEADER,
            struct.pack(">H", _letters(_MAKER)),
            struct.pack("<HIBB", 1, 0, 0, 2026 - 1990),
            bytes((1, 4, _DIGITAL_8_BITS, min(max(wide // 10, 1), 255), min(max(high // 10, 1), 255))),
            bytes((_GAMMA_2_2, _NATIVE_MODE_SRGB)),
            _SRGB,
            bytes(3),
            _NO_STANDARD_MODE,
            _timing(width, height, wide, high),
            struct.pack(">IB13s", 0xFC, 0, (name.encode("ascii", "replace")[:12] + b"\n").ljust(13)),
            _DUMMY,
            _DUMMY,
            bytes(1),
        )
    )
    return block + bytes((-sum(block) & 0xFF,))


def _letters(three: str) -> int:
    value = 0
    for letter in three:
        value = value << 5 | (ord(letter) - ord("A") + 1)
    return value


def _timing(width: int, height: int, wide: int, high: int) -> bytes:
    """The detailed timing descriptor of the one mode."""
    h_front, h_sync, h_blank = _H_BLANK
    v_front, v_sync, v_blank = _V_BLANK
    clock = round((width + h_blank) * (height + v_blank) * _HERTZ / 10_000)
    wide, high = min(wide, 4095), min(high, 4095)
    return struct.pack(
        "<H16B",
        clock,
        width & 0xFF,
        h_blank,
        width >> 8 << 4,
        height & 0xFF,
        v_blank,
        height >> 8 << 4,
        h_front,
        h_sync,
        v_front << 4 | v_sync,
        0,
        wide & 0xFF,
        high & 0xFF,
        wide >> 8 << 4 | high >> 8,
        0,
        0,
        0x1E,
    )
