"""The handset's side of a guest's vsock device: connections to and from Unix sockets in a folder, in the way
that Firecracker has made common.

The guest connects to port P of its host (CID 2): whoever listens at FOLDER/vsock_P gets it. A program that
connects to FOLDER/vsock and writes "CONNECT P\\n" gets the guest's port P, and reads "OK n\\n" first, or
finds itself hung up on. The folder is its user's alone.
"""

import asyncio
import os
import re
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import structs

from pocketvisor.board.config import DevicesConfig, VsockConfig
from pocketvisor.devices.vsock_wire import (
    ACCEPT,
    CLOSE,
    CONNECT,
    CREDIT,
    DATA,
    FROM_HANDSET,
    MESSAGE_MAX,
    RESET,
    SHUTDOWN,
    STREAMS_MAX,
    WINDOW,
    Message,
    pack,
    unpack,
)
from pocketvisor.errors import GuestError
from pocketvisor.guest import unix_server

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

NAME: Final = "vsock"
_PIECE: Final = 16 << 10
_HELLO_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5.0
_UNREAD_MAX: Final = 8192
_HELLO: Final = re.compile(rb"CONNECT (\d{1,10})\r?\n")


class _Stream:
    """One connection. What the guest sends waits in `queue`, at most a window of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.accepted = asyncio.Event()
        self.host_port = 0
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.queued = 0
        self.credit = WINDOW
        self.has_credit = asyncio.Event()
        self.shut = False
        self.gone = False
        self.tasks: set[asyncio.Task[None]] = set()


class Vsock:
    """The peripheral: see guest/peripherals.py."""

    def __init__(self, guest: "Guest", folder: Path, cid: int) -> None:
        """Raises GuestError where the folder or its socket cannot be had."""
        self._guest = guest
        self._cid = cid
        self.folder = folder
        self._wire: tuple[socket.socket, socket.socket] | None = None
        self._streams: dict[int, _Stream] = {}
        self._next = 0
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._made = _own_folder(folder)
        self._listener = unix_server.listen(folder / NAME)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    @property
    def descriptors(self) -> Sequence[int]:
        return [self._wire[1].fileno()] if self._wire is not None else []

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        self.ended()
        ours, theirs = self._wire = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours, self._readable)
        self._start(self._send_all(ours))
        return structs.replace(devices, vsock=VsockConfig(cid=self._cid, wire=theirs.fileno()))

    def ended(self) -> None:
        self._reset()
        for task in self._tasks:
            task.cancel()
        if self._wire is not None:
            asyncio.get_running_loop().remove_reader(self._wire[0])
            for end in self._wire:
                end.close()
            self._wire = None
        self._out = asyncio.Queue()

    async def close(self) -> None:
        tasks = list(self._tasks)
        self.ended()
        asyncio.get_running_loop().remove_reader(self._listener)
        unix_server.stop(self._listener, self.folder / NAME)
        if self._made:
            with suppress(OSError):  # somebody else's sockets are there
                self.folder.rmdir()
        await asyncio.gather(*tasks, return_exceptions=True)

    # The wire

    def _say(self, kind: int, stream: int, value: int = 0, data: bytes = b"") -> None:
        self._out.put_nowait(pack(Message(kind, stream, value, data)))

    async def _send_all(self, wire: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        out = self._out
        with suppress(OSError):
            while True:
                await loop.sock_sendall(wire, await out.get())

    def _readable(self) -> None:
        assert self._wire is not None
        for _ in range(64):
            try:
                packet = self._wire[0].recv(MESSAGE_MAX + 1)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                asyncio.get_running_loop().remove_reader(self._wire[0])
                self._reset()
                return
            message = unpack(packet)
            if message is not None:
                self._heard(message)
            if self._out.qsize() > _UNREAD_MAX:  # it talks and does not listen
                asyncio.get_running_loop().remove_reader(self._wire[0])
                self._reset()
                return

    def _heard(self, message: Message) -> None:
        """From a process that is not trusted: what is out of place ends its stream."""
        kind, number, value, data = message
        if kind == RESET:
            self._reset()
            return
        if kind == CONNECT:
            self._guest_connects(number, value)
            return
        stream = self._streams.get(number)
        if stream is None:
            return
        if kind == ACCEPT and number >= FROM_HANDSET:
            stream.host_port = value
            stream.accepted.set()
        elif kind == DATA and data and not stream.shut and stream.queued + len(data) <= WINDOW:
            stream.queued += len(data)
            stream.queue.put_nowait(data)
        elif kind == CREDIT and stream.credit + value <= WINDOW:
            stream.credit += value
            stream.has_credit.set()
        elif kind == SHUTDOWN and not stream.shut:
            stream.shut = True
            stream.queue.put_nowait(None)
        else:
            if kind != CLOSE:
                self._say(CLOSE, number)
            self._guest_closes(stream)

    def _guest_closes(self, stream: _Stream) -> None:
        """What it has sent before still goes to the program."""
        self._streams.pop(stream.number, None)
        stream.gone = True
        stream.queue.put_nowait(None)
        stream.accepted.set()
        stream.has_credit.set()

    def _reset(self) -> None:
        for stream in list(self._streams.values()):
            self._guest_closes(stream)
            for task in stream.tasks:
                task.cancel()

    # Connections

    def _guest_connects(self, number: int, port: int) -> None:
        if number >= FROM_HANDSET or number in self._streams or len(self._streams) >= STREAMS_MAX:
            self._say(CLOSE, number)
            return
        stream = self._streams[number] = _Stream(number)
        self._start(self._connect(stream, port), stream)

    async def _connect(self, stream: _Stream, port: int) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self.folder / f"{NAME}_{port}")
        except (OSError, TimeoutError):
            self._drop(stream)
            return
        if stream.gone:
            writer.close()
            return
        self._say(ACCEPT, stream.number)
        await self._relay(stream, reader, writer)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        if self._wire is None or len(self._streams) >= STREAMS_MAX:
            client.close()
            return
        self._next = (self._next + 1) % FROM_HANDSET
        stream = self._streams[FROM_HANDSET + self._next] = _Stream(FROM_HANDSET + self._next)
        self._start(self._greet(stream, client), stream)

    async def _greet(self, stream: _Stream, client: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=client)
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                hello = _HELLO.fullmatch(await reader.readuntil(b"\n"))
                if hello is not None:
                    self._say(CONNECT, stream.number, int(hello[1]) & 0xFFFFFFFF)
                    await stream.accepted.wait()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            hello = None
        if hello is None or stream.gone:
            self._drop(stream)
            writer.close()
            return
        writer.write(f"OK {stream.host_port}\n".encode())
        await self._relay(stream, reader, writer)

    async def _relay(
        self, stream: _Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        from_client = asyncio.create_task(self._from_client(stream, reader))
        try:
            while (data := await stream.queue.get()) is not None:
                writer.write(data)
                await writer.drain()
                stream.queued -= len(data)
                self._say(CREDIT, stream.number, len(data))
            if not stream.gone and writer.can_write_eof():
                writer.write_eof()
                await stream.queue.get()  # the end
        except OSError:
            pass  # the program has gone
        finally:
            from_client.cancel()
            self._drop(stream)
            writer.close()

    async def _from_client(self, stream: _Stream, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while True:
                while not stream.credit and not stream.gone:
                    stream.has_credit.clear()
                    await stream.has_credit.wait()
                data = await reader.read(min(stream.credit, _PIECE))
                if stream.gone:
                    return
                if not data:
                    break
                stream.credit -= len(data)
                self._say(DATA, stream.number, 0, data)
        self._say(SHUTDOWN, stream.number)

    def _drop(self, stream: _Stream) -> None:
        """This side has no such connection any more."""
        if self._streams.pop(stream.number, None) is not None:
            stream.gone = True
            self._say(CLOSE, stream.number)

    def _start(self, work: object, stream: _Stream | None = None) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        sets = [self._tasks] if stream is None else [self._tasks, stream.tasks]
        for tasks in sets:
            tasks.add(task)
            task.add_done_callback(tasks.discard)


def _own_folder(folder: Path) -> bool:
    """Whether it was made here."""
    made = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise GuestError(f"{folder}: cannot be used: {error.strerror}") from error
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise GuestError(f"{folder}: is not this user's alone (mode 0700)")
    return made


async def open_vsock(guest: "Guest", _: Callable[[str], None]) -> Vsock | None:
    folder = guest.options.vsock
    if folder is None or guest.options.replay is not None:
        return None
    return Vsock(guest, folder, VsockConfig().cid)
