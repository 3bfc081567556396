"""The handset's side of a socket device, against a guest's process that says whatever it likes."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pocketvisor.board.config import DevicesConfig
from pocketvisor.devices import vsock_wire as wire
from pocketvisor.devices.vsock_wire import FROM_HANDSET, STREAMS_MAX, WINDOW, Message
from pocketvisor.errors import GuestError
from pocketvisor.guest import vsock
from pocketvisor.guest.vsock import Vsock
from pocketvisor.guest.vsock_link import Stream, VsockLink


class Process:
    """The other end of the wire."""

    def __init__(self, folder: Path, calls: Any = None) -> None:
        self.bridge = Vsock(folder, 3, calls)
        self.folder = folder
        config = self.bridge.configure(DevicesConfig()).vsock
        assert config is not None
        self._wire = socket.socket(fileno=socket.dup(config.wire))
        self._wire.setblocking(False)

    async def says(self, *message: object) -> None:
        packet = wire.pack(Message(*message))  # type: ignore[arg-type]
        await asyncio.get_running_loop().sock_sendall(self._wire, packet)

    async def hears(self) -> Message:
        async with asyncio.timeout(60):
            message = wire.unpack(await asyncio.get_running_loop().sock_recv(self._wire, 1 << 20))
        assert message is not None
        return message

    async def silent(self) -> None:
        """Nothing has been said: what is said after this comes next."""
        await self.says(wire.CONNECT, FROM_HANDSET, 0)
        assert await self.hears() == Message(wire.CLOSE, FROM_HANDSET)

    async def close(self) -> None:
        await self.bridge.close()
        self._wire.close()


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[Process]:
    process = Process(tmp_path / "sockets")
    yield process
    await process.close()
    assert not (tmp_path / "sockets").exists()


class Program:
    """Listens where the guest connects to."""

    def __init__(self) -> None:
        self.clients: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.put_nowait((reader, writer))

    @classmethod
    async def listen(cls, path: Path) -> "Program":
        program = cls()
        program.server = await asyncio.start_unix_server(program._take, path)  # type: ignore[attr-defined]
        return program

    async def taken(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(60):
            return await self.clients.get()

    async def close(self, path: Path) -> None:
        self.server.close()  # type: ignore[attr-defined]
        await self.server.wait_closed()  # type: ignore[attr-defined]
        path.unlink()


async def hung_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def test_guest_to_program(process: Process) -> None:
    path = process.folder / "vsock_52"
    program = await Program.listen(path)
    await process.says(wire.CONNECT, 1, 52)
    assert await process.hears() == Message(wire.ACCEPT, 1)
    reader, writer = await program.taken()
    await process.says(wire.DATA, 1, 0, b"hello")
    assert await process.hears() == Message(wire.CREDIT, 1, 5)
    assert await reader.readexactly(5) == b"hello"
    writer.write(b"hello yourself")
    assert await process.hears() == Message(wire.DATA, 1, 0, b"hello yourself")
    await process.says(wire.SHUTDOWN, 1)
    assert await reader.read() == b""
    await hung_up(writer)
    assert await process.hears() == Message(wire.SHUTDOWN, 1)
    await process.says(wire.CLOSE, 1)
    await process.says(wire.CONNECT, 2, 53)
    assert await process.hears() == Message(wire.CLOSE, 2)
    await program.close(path)


async def test_program_to_guest(process: Process) -> None:
    reader, writer = await asyncio.open_unix_connection(process.folder / "vsock")
    writer.write(b"CONNECT 22\n")
    message = await process.hears()
    assert (message.kind, message.value) == (wire.CONNECT, 22)
    assert message.stream >= FROM_HANDSET
    await process.says(wire.ACCEPT, message.stream, 1 << 30)
    assert await reader.readline() == b"OK 1073741824\n"
    await process.says(wire.DATA, message.stream, 0, b"last words")
    await process.says(wire.CLOSE, message.stream)
    assert await reader.read() == b"last words"
    await hung_up(writer)


async def test_who_connects_before_the_device_has_begun_is_heard_when_it_has(process: Process) -> None:
    """A guest may say on its console that it listens before its device's first word is here."""
    reader, writer = await asyncio.open_unix_connection(process.folder / "vsock")
    writer.write(b"CONNECT 22\n")
    early = await process.hears()
    await process.says(wire.RESET, 0)
    await process.says(wire.ACCEPT, early.stream, 1 << 30)
    assert await reader.readline() == b"OK 1073741824\n"
    asking, asker = await asyncio.open_unix_connection(process.folder / "vsock")
    asker.write(b"CONNECT 22\n")
    assert (await process.hears()).kind == wire.CONNECT
    await process.says(wire.RESET, 0)  # the guest begins anew, and its connections are gone
    async with asyncio.timeout(60):
        assert await reader.read() == await asking.read() == b""
    await hung_up(writer)
    await hung_up(asker)


class Calls:
    """Guests that are connected to this one: each call lasts as long as its stream."""

    offers = ()
    link: VsockLink

    async def call(self, stream: Stream, port: int) -> None:
        self.link.accept(stream)
        await stream.ended.wait()

    def introduce_program(self, stream: Stream, port: int) -> None: ...
    def close(self) -> None: ...


async def test_shut_it_is_for_programs_and_open_for_other_guests(tmp_path: Path) -> None:
    """A policy that closes a console closes these as well; calls between guests are another matter."""
    process = Process(tmp_path / "sockets", Calls())
    path = process.folder / "vsock_52"
    program = await Program.listen(path)
    await process.says(wire.CONNECT, 1, 52)
    assert await process.hears() == Message(wire.ACCEPT, 1)
    reader, writer = await program.taken()
    await process.says(wire.CONNECT, 2, 7000)
    assert await process.hears() == Message(wire.ACCEPT, 2)
    greeting, greeter = await asyncio.open_unix_connection(process.folder / "vsock")
    greeter.write(b"CONNECT 9\n")
    asked = await process.hears()
    assert (asked.kind, asked.value) == (wire.CONNECT, 9)
    process.bridge.set_shut(True)
    assert {await process.hears(), await process.hears()} == {
        Message(wire.CLOSE, 1),
        Message(wire.CLOSE, asked.stream),
    }
    async with asyncio.timeout(60):
        assert await reader.read() == await greeting.read() == b""
    await process.silent()
    await process.says(wire.CONNECT, 3, 52)
    assert await process.hears() == Message(wire.ACCEPT, 3), "as any port that no program listens at"
    for end in (writer, greeter):
        await hung_up(end)
    await program.close(path)
    await process.close()


async def test_no_more_than_a_window_is_on_the_way(process: Process) -> None:
    path = process.folder / "vsock_1"
    program = await Program.listen(path)
    await process.says(wire.CONNECT, 1, 1)
    await process.hears()
    _, writer = await program.taken()
    writer.write(b"x" * (WINDOW + 1000))
    got = 0
    while got < WINDOW:
        got += len((await process.hears()).data)
    assert got == WINDOW
    await process.silent()
    await process.says(wire.CREDIT, 1, 400)
    assert len((await process.hears()).data) == 400
    await process.says(wire.CREDIT, 1, WINDOW + 1)
    assert (await process.hears()).kind == wire.CLOSE, "credit for what was never sent"
    await hung_up(writer)
    await program.close(path)


async def test_a_process_that_sends_more_than_it_may(process: Process) -> None:
    path = process.folder / "vsock_1"
    program = await Program.listen(path)
    await process.says(wire.CONNECT, 1, 1)
    await process.hears()
    _, writer = await program.taken()
    for _ in range(20):  # the program does not read: the kernel's buffer takes some of it
        await process.says(wire.DATA, 1, 0, bytes(WINDOW))
    while (message := await process.hears()).kind != wire.CLOSE:
        assert message == Message(wire.CREDIT, 1, WINDOW)
    await hung_up(writer)
    await program.close(path)


@pytest.mark.parametrize("hello", [b"GET / HTTP/1.1\n", b"CONNECT x\n", b"\n", b"x" * 70_000, b"CONNECT 1"])
async def test_a_program_without_manners_is_hung_up_on(process: Process, hello: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(process.folder / "vsock")
    writer.write(hello)
    if hello == b"CONNECT 1":
        writer.write_eof()
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 60) == b""
    await hung_up(writer)


async def test_connections_are_bounded(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them says where it wants to, and none is hung up on for that."""
    monkeypatch.setattr(vsock, "_HELLO_SECONDS", 600.0)
    program = await Program.listen(process.folder / "vsock_1")
    clients = [await asyncio.open_unix_connection(process.folder / "vsock") for _ in range(STREAMS_MAX)]
    reader, writer = await asyncio.open_unix_connection(process.folder / "vsock")
    assert await asyncio.wait_for(reader.read(), 60) == b""
    await process.says(wire.CONNECT, 7, 1)
    assert await process.hears() == Message(wire.CLOSE, 7)
    for _, client in [*clients, (reader, writer)]:
        await hung_up(client)
    await program.close(process.folder / "vsock_1")


async def test_random_messages(process: Process) -> None:
    path = process.folder / "vsock_1"
    program = await Program.listen(path)
    dice = random.Random(13)
    for _ in range(1500):
        await process.says(
            dice.randrange(7),
            dice.choice([1, 2, 3, FROM_HANDSET, FROM_HANDSET + 1]),
            dice.choice([0, 1, 2, WINDOW, 0xFFFFFFFF]),
            bytes(dice.choice([0, 1, WINDOW])),
        )
    await process.says(wire.RESET)
    await process.says(wire.CONNECT, 99, 1)
    async with asyncio.timeout(60):
        while await process.hears() != Message(wire.ACCEPT, 99):
            pass
    while not program.clients.empty():
        await hung_up((await program.taken())[1])
    await program.close(path)


async def test_a_folder_that_others_can_use_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(GuestError, match="0700"):
        Vsock(tmp_path, 3)
    tmp_path.chmod(0o700)
