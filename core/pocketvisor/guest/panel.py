"""A guest's panel on the handset's side: the picture that it shares, without a copy.

The picture is one of two memories, as the guest's process says in the status page: the framebuffer, which has
the panel's size, or the scanout, which a GPU or firmware's display draws into and whose size may change while
the guest runs. What a guest's process says of it is checked: it cannot lead beyond the memory.
"""

import asyncio
import io
import mmap
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from pocketvisor.control.status import SOURCE_SCANOUT, Rectangle, StatusPage
from pocketvisor.guest.memory import create_memfd, map_shared
from pocketvisor.storage import shared_event
from pocketvisor.storage.descriptors import let_go

if TYPE_CHECKING:
    from PIL.Image import Image

SCANOUT_SIZE: Final = 16 << 20
"""Bytes of the scanout's memory, of which the guest takes what it draws on."""
_SIDE_MAX: Final = 8192


class Picture(NamedTuple):
    """What is shown: x8r8g8b8, rows of `stride` bytes."""

    width: int
    height: int
    stride: int
    scanout: bool = False


class PanelView:
    """`native` is the panel as it is built, `picture` what it shows now. The memories stay the same over
    resets of the guest."""

    def __init__(self, width: int, height: int, status: StatusPage) -> None:
        self.native = Picture(width, height, width * 4)
        self._status = status
        self._picture = self.native
        self._size = -(-width * 4 * height // mmap.PAGESIZE) * mmap.PAGESIZE
        self.memory_fd = create_memfd("framebuffer", self._size)
        self.scanout_fd = create_memfd("scanout", SCANOUT_SIZE)
        self._map = map_shared(self.memory_fd, self._size)
        self._scanout_map = map_shared(self.scanout_fd, SCANOUT_SIZE)
        self._view = memoryview(self._map)
        self._scanout_view = memoryview(self._scanout_map)
        self._frame_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.before_screenshot: Callable[[], None] = lambda: None
        self.withheld: Callable[[], str] = lambda: ""
        """Raises where whoever governs the guest does not want pictures of it to be kept."""

    @property
    def picture(self) -> Picture:
        """Each call looks anew. One that cannot be is taken for the framebuffer."""
        shown = self._status.shown()
        if shown is None:
            return self._picture
        picture = self.native
        if shown.source == SOURCE_SCANOUT:
            _, width, height, stride = shown
            sides = 0 < width <= _SIDE_MAX and 0 < height <= _SIDE_MAX
            if sides and width * 4 <= stride and stride * height <= SCANOUT_SIZE:
                picture = Picture(width, height, stride, scanout=True)
        self._picture = picture
        return picture

    @property
    def width(self) -> int:
        return self.picture.width

    @property
    def height(self) -> int:
        return self.picture.height

    @property
    def stride(self) -> int:
        return self.picture.stride

    @property
    def buffer(self) -> memoryview:
        return self.memory_of(self.picture)

    def memory_of(self, picture: Picture) -> memoryview:
        """The memory of a picture that was shown."""
        view = self._scanout_view if picture.scanout else self._view
        return view[: picture.stride * picture.height]

    def on_glass(self, x: float, y: float) -> tuple[int, int]:
        """Where a pixel of the picture is among the panel's own, which is what its touch screen speaks of."""
        picture, native = self.picture, self.native
        return (
            min(max(int(x * native.width / picture.width), 0), native.width - 1),
            min(max(int(y * native.height / picture.height), 0), native.height - 1),
        )

    @property
    def sequence(self) -> int:
        """Frames published since the guest was started or reset."""
        return self._status.frame_sequence

    def damage_since(self, sequence: int) -> tuple[int, list[Rectangle] | None]:
        """(newest sequence, what has changed since `sequence`): None stands for everything."""
        newest, rectangles = self._status.damage_since(sequence)
        if rectangles is None:
            return newest, None
        width, height, *_ = self.picture
        return newest, [
            (x0, y0, min(x1, width), min(y1, height))
            for x0, y0, x1, y1 in rectangles
            if x0 < width and y0 < height
        ]

    def fileno(self) -> int:
        """An eventfd that is signalled at each published frame. Whoever reads it takes the signal away:
        subscribe to the guest's "frame" instead, unless nobody else does."""
        return self._frame_fd

    def watch(self, on_frame: Callable[[], None]) -> None:
        """Calls back at each published frame from now on, in the running loop."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._frame_fd, self._frame_signalled, on_frame)

    def _frame_signalled(self, on_frame: Callable[[], None]) -> None:
        if shared_event.take(self._frame_fd):
            on_frame()

    def screenshot(self) -> bytes:
        """The picture as a PNG file. Encoding takes some milliseconds: not for the GUI's thread. Raises
        Refused."""
        self.before_screenshot()
        image = self._image()
        file = io.BytesIO()
        image.save(file, "png")
        return file.getvalue()

    def thumbnail(self, side: int = 320) -> bytes:
        """The picture as a small PNG file; empty where a policy allows no pictures. Blocks, as screenshot()
        does."""
        if self.withheld():
            return b""
        image = self._image()
        image.thumbnail((side, side), reducing_gap=2.0)
        file = io.BytesIO()
        image.save(file, "png")
        return file.getvalue()

    def _image(self) -> "Image":
        from PIL import Image  # slow to load, and few runs without a window want a picture

        picture = self.picture
        size = picture.width, picture.height
        return Image.frombytes("RGB", size, bytes(self.memory_of(picture)), "raw", "BGRX", picture.stride)

    def clear(self) -> None:
        """Black, for the next process of the same guest."""
        self._map[:] = bytes(self._size)
        self._scanout_map.madvise(mmap.MADV_REMOVE)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._frame_fd)
            self._loop = None
        self._frame_fd = self.memory_fd = self.scanout_fd = let_go(
            [self._frame_fd, self.memory_fd, self.scanout_fd]
        )
        for view, mapping in ((self._view, self._map), (self._scanout_view, self._scanout_map)):
            try:
                view.release()
                mapping.close()
            except BufferError:
                pass  # someone still draws from it: the mapping goes with the last of them
