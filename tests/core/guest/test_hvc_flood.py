"""A process that never stops writing to a virtio console leaves its handset's loop to others."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pocketvisor.board.config import PortConfig
from pocketvisor.devices.virtio_console import Connected
from pocketvisor.guest.port_spec import PortSpec
from pocketvisor.guest.ports import _Channel, _Hvc

FLOOD_SECONDS = 60


class Flood:
    """Writes as fast as it can, and is ended where nothing else ends it."""

    def __init__(self, fd: int) -> None:
        self.process = subprocess.Popen(["timeout", str(FLOOD_SECONDS), "cat", "/dev/zero"], stdout=fd)

    @property
    def goes_on(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture
async def hvc() -> AsyncIterator[_Hvc]:
    hvc = _Hvc()
    yield hvc
    hvc.end()


async def test_the_loop_goes_on_while_it_is_read(hvc: _Hvc) -> None:
    flood = Flood(hvc.begin())
    printed = asyncio.Event()

    def show(_: bytes) -> None:
        printed.set()
        time.sleep(0.005)  # a front end takes its time for a screenful, and more comes meanwhile

    hvc.console.subscribe(show)
    try:
        for _ in range(3):
            printed.clear()
            async with asyncio.timeout(FLOOD_SECONDS / 2):
                await printed.wait()
        assert flood.goes_on
        began = time.monotonic()
        hvc.end()
        assert time.monotonic() - began < FLOOD_SECONDS / 2
    finally:
        flood.end()


async def test_all_that_it_said_last_is_there(hvc: _Hvc) -> None:
    fd = hvc.begin()
    subprocess.run(["head", "-c", "150000", "/dev/zero"], stdout=fd, check=True)
    hvc.end()
    assert len(hvc.console.text) == 150_000


async def test_a_program_comes_in_while_a_channel_is_flooded(tmp_path: Path) -> None:
    told: list[Connected] = []
    channel = _Channel(PortSpec("flood", tmp_path / "flood"), told.append)
    config: PortConfig = channel.begin()
    flood = Flood(config.wire)
    try:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "flood")
        async with asyncio.timeout(FLOOD_SECONDS / 2):
            assert await reader.readexactly(100_000)
        assert flood.goes_on
        writer.close()
    finally:
        flood.end()
        channel.close()
