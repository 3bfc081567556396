"""A guest's panel on the handset's side: the framebuffer that it shares, without a copy."""

import asyncio
import io
import mmap
import os
from collections.abc import Callable

from PIL import Image

from pocketvisor.control.status import Rectangle, StatusPage
from pocketvisor.guest.memory import create_memfd, map_shared


class PanelView:
    """Pixels are x8r8g8b8, rows of `stride` bytes. The buffer stays the same over resets of the guest."""

    def __init__(self, width: int, height: int, status: StatusPage) -> None:
        self.width = width
        self.height = height
        self.stride = width * 4
        self._status = status
        self._size = -(-self.stride * height // mmap.PAGESIZE) * mmap.PAGESIZE
        self.memory_fd = create_memfd("framebuffer", self._size)
        self._map = map_shared(self.memory_fd, self._size)
        self._view = memoryview(self._map)
        self._frame_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def buffer(self) -> memoryview:
        return self._view[: self.stride * self.height]

    @property
    def sequence(self) -> int:
        """Frames published since the guest was started or reset."""
        return self._status.frame_sequence

    def damage_since(self, sequence: int) -> tuple[int, list[Rectangle] | None]:
        """(newest sequence, what has changed since `sequence`): None stands for everything."""
        newest, rectangles = self._status.damage_since(sequence)
        if rectangles is None:
            return newest, None
        bounds = self.width, self.height
        return newest, [
            (x0, y0, min(x1, bounds[0]), min(y1, bounds[1]))
            for x0, y0, x1, y1 in rectangles
            if x0 < bounds[0] and y0 < bounds[1]
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
        try:
            os.eventfd_read(self._frame_fd)
        except BlockingIOError:
            return
        on_frame()

    def screenshot(self) -> bytes:
        """The panel as a PNG file. Encoding takes some milliseconds: not for the GUI's thread."""
        size = self.width, self.height
        image = Image.frombytes("RGB", size, bytes(self.buffer), "raw", "BGRX", self.stride)
        file = io.BytesIO()
        image.save(file, "png")
        return file.getvalue()

    def clear(self) -> None:
        """Black, for the next process of the same guest."""
        self._map[:] = bytes(self._size)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._frame_fd)
            self._loop = None
        os.close(self._frame_fd)
        os.close(self.memory_fd)
        try:
            self._view.release()
            self._map.close()
        except BufferError:
            pass  # someone still draws from it: the mapping goes with the last of them
