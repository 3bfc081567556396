"""Paints a panel at most 60 times a second from a process of its own, as a guest does: to measure the window.

python painter.py FRAMEBUFFER_FD STATUS_FD FRAME_FD WIDTH HEIGHT full|box
"""

import mmap
import os
import struct
import sys
import time

import numpy as np

_FRAMES_AT = 0x200
_SHOWN_AT = 0x210
_DAMAGE_AT = 0x240
_ENTRIES = 64
_BOX = 64


class Publisher:
    """Writes frames to a status page as a guest's process does: the entry first, then the sequence."""

    def __init__(self, status_fd: int, frame_fd: int) -> None:
        self._map = mmap.mmap(status_fd, 4096)
        self._frame_fd = frame_fd

    def publish(self, x0: int, y0: int, x1: int, y1: int) -> None:
        sequence: int = struct.unpack_from("<Q", self._map, _FRAMES_AT)[0] + 1
        struct.pack_into("<QHHHH", self._map, _DAMAGE_AT + sequence % _ENTRIES * 16, sequence, x0, y0, x1, y1)
        struct.pack_into("<QQ", self._map, _FRAMES_AT, sequence, time.monotonic_ns())
        os.eventfd_write(self._frame_fd, 1)

    def show(self, source: int, width: int, height: int, stride: int) -> None:
        """Which memory is shown from now on, and how large the scanout is."""
        generation: int = struct.unpack_from("<I", self._map, _SHOWN_AT + 16)[0] + 2
        struct.pack_into("<5I", self._map, _SHOWN_AT, source, width, height, stride, generation)


def paint(framebuffer_fd: int, status_fd: int, frame_fd: int, width: int, height: int, full: bool) -> None:
    pixels = np.frombuffer(mmap.mmap(framebuffer_fd, 0), np.uint32)[: width * height].reshape(height, width)
    publisher = Publisher(status_fd, frame_fd)
    number = 0
    while os.getppid() != 1:
        number += 1
        x, y = number * 5 % (width - _BOX), number * 3 % (height - _BOX)
        if full:
            pixels[number % height] = 0x203040 + number * 0x010305 & 0xFFFFFF
            publisher.publish(0, 0, width, height)
        else:
            pixels[y : y + _BOX, x : x + _BOX] = number * 0x010305 & 0xFFFFFF
            publisher.publish(x, y, x + _BOX, y + _BOX)
        time.sleep(1 / 60)  # after a pause the beat begins anew: what came at once, nobody could show


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:6]]
    paint(*numbers, full=sys.argv[6] == "full")  # type: ignore[misc, call-arg]
