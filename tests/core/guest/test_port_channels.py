"""Channels that lead to a Unix socket, when a run ends under whoever is connected."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from pocketvisor.devices.virtio_console import Connected
from pocketvisor.guest.port_spec import PortSpec
from pocketvisor.guest.ports import _Channel

SPEC = "com.example"


class Told:
    def __init__(self, path: Path) -> None:
        self.said: list[bool] = []
        self.channel = _Channel(PortSpec(SPEC, path), self._tell)

    def _tell(self, message: Connected) -> None:
        self.said.append(message.there)

    async def until(self, *said: bool) -> None:
        async with asyncio.timeout(60):
            while self.said != list(said):
                await asyncio.sleep(0)


def theirs(channel: _Channel) -> socket.socket:
    """The end that the guest's process has, as a descriptor of its own."""
    end = socket.socket(fileno=os.dup(channel.descriptor))
    end.setblocking(False)
    return end


async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, guest: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(60):
        writer.write(b"to the guest")
        assert await loop.sock_recv(guest, 100) == b"to the guest"
        await loop.sock_sendall(guest, b"to the client")
        assert await reader.readexactly(13) == b"to the client"


async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_the_next_run_has_its_channel_though_the_last_one_was_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was waited for by the number of a descriptor, which the next run may get."""
    told = Told(tmp_path / "socket")
    try:
        for _ in range(5):
            told.said.clear()
            told.channel.begin()
            reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
            await told.until(True)
            writer.write(bytes(8 << 20))
            for _ in range(200):  # until the guest's end is full, which nobody reads
                await asyncio.sleep(0)
            told.channel.end()
            told.channel.begin()
            writer.transport.abort()
            await told.channel.ended()
            told.said.clear()
            reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
            await told.until(True)
            with theirs(told.channel) as guest:
                await speaks(reader, writer, guest)
            told.channel.end()
            await gone(reader, writer)
    finally:
        told.channel.close()
        await told.channel.ended()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_who_is_given_up_before_anybody_served_him_is_let_go(tmp_path: Path) -> None:
    told = Told(tmp_path / "socket")
    try:
        told.channel.begin()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "socket"))
            told.channel._accept()  # as the loop does; the run ends in the same turn
            told.channel.end()
            await told.channel.ended()
            client.settimeout(60)
            assert client.recv(1) == b""
    finally:
        told.channel.close()


async def test_a_client_that_goes_makes_room_for_the_next(tmp_path: Path) -> None:
    told = Told(tmp_path / "socket")
    try:
        told.channel.begin()
        for _ in range(2):
            told.said.clear()
            reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
            await told.until(True)
            with theirs(told.channel) as guest:
                await speaks(reader, writer, guest)
            _, second = await asyncio.open_unix_connection(tmp_path / "socket")
            await gone(_, second)
            writer.close()
            await writer.wait_closed()
            await told.until(True, False)
    finally:
        told.channel.close()
        await told.channel.ended()
