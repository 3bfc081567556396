"""QEMU's ramfb: firmware says in fw_cfg's file etc/ramfb where in RAM its picture is, and the pane shows it.

Nobody tells when the picture changes: the devices' thread compares it with what is shown, sixty times a
second while it changes and less often while it does not, and copies what differs. The guest notices nothing.

Left out: pixels other than 32 bits of red, green and blue, and pictures that do not lie wholly in RAM.
"""

import contextlib
import os
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.virtqueue import GuestMemory

FILE: Final = "etc/ramfb"
CONFIG: Final = struct.Struct(">QIIIII")
"""Address, four-character code of the pixels, flags, width, height, bytes from row to row (0: no gap)."""

XR24: Final = int.from_bytes(b"XR24", "little")
AR24: Final = int.from_bytes(b"AR24", "little")
LEAST: Final = 16
LARGEST: Final = 2048
_STRIDE_MAX: Final = 1 << 16
_PIXEL: Final = 4

_ROWS: Final = 8  # are compared at once, and damage is in steps of them
_FAST: Final = 1 / 60
_SLOW: Final = 1 / 15
_STILL: Final = 30  # looks without a change, before it is looked at less often


class Picture(NamedTuple):
    address: int
    width: int
    height: int
    stride: int


class Shown(Protocol):
    """The pane, from any thread."""

    def publish_scanout(self, width: int, height: int, stride: int) -> None: ...
    def publish_damage(self, rectangles: Sequence[tuple[int, int, int, int]]) -> None: ...
    def ticks(self) -> int: ...


def picture(content: bytes, memory: GuestMemory) -> Picture | None:
    """What firmware has written to the file; None where it says that there is none (all zero).

    Raises ValueError with a sentence where it cannot be shown."""
    if len(content) != CONFIG.size:
        raise ValueError(f"its configuration has {len(content)} bytes, not {CONFIG.size}")
    address, fourcc, _flags, width, height, stride = CONFIG.unpack(content)
    if not any(content):
        return None
    if fourcc not in (XR24, AR24):
        raise ValueError(f"its pixels are {fourcc.to_bytes(4, 'little')!r}, not XR24 or AR24")
    if not (LEAST <= width <= LARGEST and LEAST <= height <= LARGEST):
        raise ValueError(f"it is {width} by {height} pixels, not {LEAST} to {LARGEST}")
    stride = stride or width * _PIXEL
    if not width * _PIXEL <= stride <= _STRIDE_MAX:
        raise ValueError(f"its rows are {stride} bytes apart and {width * _PIXEL} long")
    if not memory.contains(address, stride * (height - 1) + width * _PIXEL):
        raise ValueError(f"it is at 0x{address:x} with {height} rows of {stride} bytes, outside of RAM")
    return Picture(address, width, height, stride)


class Ramfb:
    """`scanout` is the memory that the pane shows, writable; `note` takes a sentence on what is not shown."""

    def __init__(
        self,
        loop: DeviceLoop,
        memory: GuestMemory,
        scanout: memoryview,
        shown: Shown,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._loop = loop
        self._memory = memory
        self._scanout = scanout
        self._shown = shown
        self._note = note
        self._lock = threading.Lock()
        self._wanted = b""
        self._picture: Picture | None = None
        self._strips: list[bytes] = []
        self._still = 0
        self._ticks = -1
        self._looking = False  # a look is planned
        self._changed_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        loop.watch(self._changed_fd, self._reconfigure)

    def configure(self, content: bytes) -> None:
        """The file's new content; from any thread, the vCPU's above all."""
        with self._lock:
            self._wanted = content
        os.eventfd_write(self._changed_fd, 1)

    # On the devices' thread

    def _reconfigure(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._changed_fd)
        with self._lock:
            content = self._wanted
        try:
            wanted = picture(content, self._memory)
            if wanted is not None and wanted.width * wanted.height * _PIXEL > len(self._scanout):
                raise ValueError(f"it is {wanted.width} by {wanted.height} pixels, too many for the pane")
        except ValueError as problem:
            self._note(f"The picture of ramfb is not shown: {problem}")
            return
        if wanted == self._picture:
            return
        self._picture, self._strips = wanted, []
        if wanted is None:
            self._shown.publish_scanout(0, 0, 0)
            return
        self._copy(wanted)
        self._shown.publish_scanout(wanted.width, wanted.height, wanted.width * _PIXEL)
        self._still = 0
        self._plan()

    def _plan(self) -> None:
        if not self._looking:
            self._looking = True
            self._loop.later(_FAST if self._still < _STILL else _SLOW, self._look)

    def _look(self) -> None:
        self._looking = False
        if self._picture is None:
            return
        ticks = self._shown.ticks()
        damage = self._copy(self._picture) if ticks != self._ticks else []
        self._ticks = ticks
        self._still = 0 if damage else self._still + 1
        if damage:
            self._shown.publish_damage(damage)
        self._plan()

    def _copy(self, picture: Picture) -> list[tuple[int, int, int, int]]:
        """What differs from what is shown, to the scanout; answers where that is."""
        damage: list[tuple[int, int, int, int]] = []
        row = picture.width * _PIXEL
        known = len(self._strips)
        for number, top in enumerate(range(0, picture.height, _ROWS)):
            bottom = min(top + _ROWS, picture.height)
            pixels = self._strip(picture, top, bottom)
            if number >= known:
                self._strips.append(pixels)
            elif pixels == self._strips[number]:
                continue
            self._strips[number] = pixels
            self._scanout[top * row : bottom * row] = pixels
            if damage and damage[-1][3] == top:
                damage[-1] = (0, damage[-1][1], picture.width, bottom)
            else:
                damage.append((0, top, picture.width, bottom))
        return damage

    def _strip(self, picture: Picture, top: int, bottom: int) -> bytes:
        row = picture.width * _PIXEL
        start = picture.address + top * picture.stride
        if picture.stride == row:
            return self._memory.read(start, (bottom - top) * row)
        return b"".join(
            self._memory.read(start + number * picture.stride, row) for number in range(bottom - top)
        )
