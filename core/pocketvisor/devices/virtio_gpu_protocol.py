"""virtio-gpu's numbers and structures (VIRTIO 1.1, chapter 5.7.6), as far as 2D goes."""

import struct
from typing import Final, NamedTuple

GET_DISPLAY_INFO: Final = 0x0100
RESOURCE_CREATE_2D: Final = 0x0101
RESOURCE_UNREF: Final = 0x0102
SET_SCANOUT: Final = 0x0103
RESOURCE_FLUSH: Final = 0x0104
TRANSFER_TO_HOST_2D: Final = 0x0105
RESOURCE_ATTACH_BACKING: Final = 0x0106
RESOURCE_DETACH_BACKING: Final = 0x0107
GET_EDID: Final = 0x010A
UPDATE_CURSOR: Final = 0x0300
MOVE_CURSOR: Final = 0x0301

OK_NODATA: Final = 0x1100
OK_DISPLAY_INFO: Final = 0x1101
OK_EDID: Final = 0x1104
ERR_UNSPEC: Final = 0x1200
ERR_OUT_OF_MEMORY: Final = 0x1201
ERR_INVALID_SCANOUT_ID: Final = 0x1202
ERR_INVALID_RESOURCE_ID: Final = 0x1203
ERR_INVALID_PARAMETER: Final = 0x1205

FLAG_FENCE: Final = 1
F_EDID: Final = 1 << 1
EVENT_DISPLAY: Final = 1
SCANOUTS_MAX: Final = 16
EDID_MAX: Final = 1024
CURSOR_SIDE: Final = 64

HEADER: Final = struct.Struct("<IIQI4x")  # type, flags, fence, context
CONFIG: Final = struct.Struct("<IIII")  # events to read, events to clear, scanouts, capsets
CREATE: Final = struct.Struct("<IIII")  # resource, format, width, height
RESOURCE: Final = struct.Struct("<I4x")
SCANOUT: Final = struct.Struct("<IIIIII")  # x, y, width, height, scanout, resource
FLUSH: Final = struct.Struct("<IIIII4x")  # x, y, width, height, resource
TRANSFER: Final = struct.Struct("<IIIIQI4x")  # x, y, width, height, offset, resource
ATTACH: Final = struct.Struct("<II")  # resource, entries
ENTRY: Final = struct.Struct("<QI4x")  # address, length
MODE: Final = struct.Struct("<IIIIII")  # x, y, width, height, enabled, flags
EDID_HEAD: Final = struct.Struct("<I4x")
CURSOR: Final = struct.Struct("<Iii4xIII4x")  # scanout, x, y, resource, hot x, hot y

ENTRIES_MAX: Final = 16384
REQUEST_MAX: Final = HEADER.size + ATTACH.size + ENTRIES_MAX * ENTRY.size


class GpuError(Exception):
    """A command that cannot be done; `code` is the standard's answer to it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"0x{code:x}")
        self.code = code


class Rect(NamedTuple):
    x: int
    y: int
    width: int
    height: int

    def within(self, width: int, height: int) -> bool:
        """Not empty, and inside of a picture of this size."""
        return (
            self.width > 0
            and self.height > 0
            and self.x + self.width <= width
            and self.y + self.height <= height
        )

    def intersected(self, other: "Rect") -> "Rect | None":
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Rect(x, y, right - x, bottom - y) if right > x and bottom > y else None
