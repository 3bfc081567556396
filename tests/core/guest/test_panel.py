"""A panel shows one of two memories, as the status page says, and believes nothing that leads beyond them."""

import asyncio
import fcntl
import io
import os
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pocketvisor.control.status import PAGE_SIZE, Shown, StatusPage
from pocketvisor.guest.memory import create_memfd
from pocketvisor.guest.panel import SCANOUT_SIZE, PanelView, Picture

NATIVE = Picture(480, 800, 1920)


class Writer:
    """The guest's process's side of the status page."""

    def __init__(self) -> None:
        self.fd = create_memfd("status", PAGE_SIZE)
        self.panel = PanelView(480, 800, StatusPage(self.fd))

    def show(self, source: int, width: int, height: int, stride: int, generation: int = 2) -> None:
        os.pwrite(self.fd, struct.pack("<5I", source, width, height, stride, generation), 0x210)


@pytest.fixture
def writer() -> Iterator[Writer]:
    writer = Writer()
    yield writer
    writer.panel.close()
    os.close(writer.fd)


def test_it_shows_the_framebuffer_until_it_is_told_of_a_scanout(writer: Writer) -> None:
    panel = writer.panel
    assert panel.picture == NATIVE and len(panel.buffer) == 480 * 800 * 4
    writer.show(1, 800, 480, 3200)
    assert panel.picture == Picture(800, 480, 3200, scanout=True)
    assert (panel.width, panel.height, panel.stride) == (800, 480, 3200)
    writer.show(0, 0, 0, 0)
    assert panel.picture == NATIVE


def test_the_screenshot_is_of_what_is_shown(writer: Writer) -> None:
    panel = writer.panel
    os.pwrite(panel.memory_fd, b"\x00\x00\xff\x00" * (480 * 800), 0)
    os.pwrite(panel.scanout_fd, b"\x00\xff\x00\x00" * (64 * 32), 0)
    image = Image.open(io.BytesIO(panel.screenshot()))
    assert image.size == (480, 800) and image.getcolors() == [(480 * 800, (255, 0, 0))]
    writer.show(1, 64, 32, 256)
    image = Image.open(io.BytesIO(panel.screenshot()))
    assert image.size == (64, 32) and image.getcolors() == [(64 * 32, (0, 255, 0))]


def test_while_it_changes_the_last_picture_stands(writer: Writer) -> None:
    writer.show(1, 800, 480, 3200)
    picture = writer.panel.picture
    writer.show(0, 0, 0, 0, generation=3)  # and its writer died
    assert writer.panel.picture == picture


def test_cleared_the_scanout_is_black_and_costs_nothing(writer: Writer) -> None:
    os.pwrite(writer.panel.scanout_fd, b"\xff" * (4 << 20), 0)
    writer.panel.clear()
    assert os.fstat(writer.panel.scanout_fd).st_blocks == 0
    writer.show(1, 64, 32, 256)
    assert not any(writer.panel.buffer)


def test_touches_are_told_in_the_panels_own_pixels(writer: Writer) -> None:
    panel = writer.panel
    assert panel.on_glass(100.7, 200) == (100, 200) and panel.on_glass(-5, 1e9) == (0, 799)
    writer.show(1, 800, 480, 3200)
    assert panel.on_glass(400, 240) == (240, 400)
    assert panel.on_glass(799, 479) == (479, 798) and panel.on_glass(900, 480) == (479, 799)


_NUMBER = st.one_of(
    st.sampled_from((0, 1, 4, 480, 800, 8192, 16384, 1 << 24, 0xFFFFFFFF)), st.integers(0, 3000)
)


@given(st.integers(0, 3), _NUMBER, _NUMBER, _NUMBER)
def test_whatever_is_said_stays_within_the_memory(source: int, width: int, height: int, stride: int) -> None:
    class Said(StatusPage):
        def __init__(self) -> None:
            pass

        def shown(self) -> Shown:
            return Shown(source, width, height, stride)

    panel = PanelView(480, 800, Said())
    try:
        picture = panel.picture
        assert picture.width and picture.height and picture.width * 4 <= picture.stride
        assert picture.stride * picture.height == len(panel.buffer) <= SCANOUT_SIZE
    finally:
        panel.close()


async def test_a_frame_that_was_taken_back_holds_nobody_up(writer: Writer) -> None:
    """Its process can have its handset wait for the next one, and send none."""
    fd = writer.panel.fileno()
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    frames: list[int] = []
    told = asyncio.Event()

    def frame() -> None:
        frames.append(1)
        told.set()

    writer.panel.watch(frame)
    release = threading.Timer(60, os.eventfd_write, (fd, 1))
    release.start()
    await asyncio.to_thread(writer.panel._frame_signalled, frame)
    release.cancel()
    assert not frames
    os.eventfd_write(fd, 1)
    async with asyncio.timeout(60):
        await told.wait()
    assert frames == [1]
