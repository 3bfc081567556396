"""The handset's side of a guest's vsock device: where its connections lead to.

The guest connects to port P of its host (CID 2). Where it was given a folder, whoever listens at
FOLDER/vsock_P gets it, in the way that Firecracker has made common; else the guest of the same handset that
offers port P (exchange.py). A program that connects to FOLDER/vsock and writes "CONNECT P\\n" gets the
guest's port P, and reads "OK n\\n" first, or finds itself hung up on. The folder is its user's alone.
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
from pocketvisor.errors import GuestError
from pocketvisor.guest import unix_server
from pocketvisor.guest.exchange import GuestCalls
from pocketvisor.guest.vsock_link import Stream, VsockLink

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

NAME: Final = "vsock"
_HELLO_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5.0
_HELLO: Final = re.compile(rb"CONNECT (\d{1,10})\r?\n")


class Vsock:
    """The peripheral: see guest/peripherals.py. `calls`: to and from other guests, where there are any."""

    def __init__(self, folder: Path | None, cid: int, calls: GuestCalls | None = None) -> None:
        """Raises GuestError where the folder or its socket cannot be had."""
        self._cid = cid
        self._link = VsockLink(self._connect)
        self.calls = calls
        self._folder = _Folder(folder, self._link, calls) if folder is not None else None
        if calls is not None:
            calls.link = self._link

    def set_shut(self, shut: bool) -> None:
        """For its user's programs; other guests are another matter."""
        if self._folder is not None and shut != self._folder.shut:
            self._folder.set_shut(shut)

    @property
    def descriptors(self) -> Sequence[int]:
        return [self._link.descriptor] if self._link.descriptor >= 0 else []

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        self._link.begin()
        return structs.replace(devices, vsock=VsockConfig(cid=self._cid, wire=self._link.descriptor))

    def ended(self) -> None:
        self._link.end()

    async def close(self) -> None:
        if self.calls is not None:
            self.calls.close()
        if self._folder is not None:
            self._folder.stop()
        await self._link.close()
        if self._folder is not None:
            self._folder.remove()

    async def _connect(self, stream: Stream, port: int) -> None:
        if self._folder is not None and await self._folder.connect(stream, port):
            return
        if self.calls is not None:
            await self.calls.call(stream, port)
        self._link.drop(stream)


class _Folder:
    """Connections to and from the user's own programs."""

    def __init__(self, path: Path, link: VsockLink, calls: GuestCalls | None) -> None:
        self.path = path
        self._link = link
        self._calls = calls
        self.shut = False
        self._streams: set[Stream] = set()
        self._made = _own_folder(path)
        self._listener = unix_server.listen(path / NAME)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def set_shut(self, shut: bool) -> None:
        """Nobody gets through, and whoever is there goes."""
        self.shut = shut
        for stream in list(self._streams) if shut else ():
            self._link.cut(stream)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        unix_server.stop(self._listener, self.path / NAME)

    def remove(self) -> None:
        if self._made:
            with suppress(OSError):  # somebody else's sockets are there
                self.path.rmdir()

    async def connect(self, stream: Stream, port: int) -> bool:
        """Where a program listens there, up to the connection's end; else False."""
        if self.shut:
            return False
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self.path / f"{NAME}_{port}")
        except (OSError, TimeoutError):
            return False
        if stream.gone or self.shut:
            writer.close()
            return stream.gone
        self._link.accept(stream)
        self._streams.add(stream)
        await self._relay(stream, reader, writer)
        return True

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        stream = self._link.new_stream() if not self.shut else None
        if stream is None:
            client.close()
            return
        self._streams.add(stream)
        self._link.start(self._greet(stream, client), stream)

    async def _greet(self, stream: Stream, client: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(sock=client)
        except BaseException:
            client.close()
            self._over(stream)
            raise
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                hello = _HELLO.fullmatch(await reader.readuntil(b"\n"))
                port = int(hello[1]) & 0xFFFFFFFF if hello is not None else 0
                if hello is None or not await self._link.connect(stream, port, _HELLO_SECONDS):
                    return
            if self._calls is not None:
                self._calls.introduce_program(stream, port)
            writer.write(f"OK {stream.host_port}\n".encode())
            await self._relay(stream, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a program without manners is hung up on
        finally:
            self._over(stream)
            writer.close()

    async def _relay(
        self, stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        from_client = asyncio.create_task(self._from_client(stream, reader))
        try:
            while (data := await stream.queue.get()) is not None:
                writer.write(data)
                await writer.drain()
                self._link.passed_on(stream, data)
            if not stream.gone and writer.can_write_eof():
                writer.write_eof()
                await stream.queue.get()  # the end
        except OSError:
            pass  # the program has gone
        finally:
            from_client.cancel()
            self._over(stream)
            writer.close()

    def _over(self, stream: Stream) -> None:
        self._streams.discard(stream)
        self._link.drop(stream)

    async def _from_client(self, stream: Stream, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while room := await self._link.room(stream):
                data = await reader.read(room)
                if stream.gone:
                    return
                if not data:
                    break
                self._link.give(stream, data)
        if not stream.gone:
            self._link.shut(stream)


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
    options = guest.options
    parts = options.parts_of(guest.image)
    if parts.vsock is None or options.replay is not None:
        return None
    strange = options.origin is not None and options.origin.strange
    offers = options.offers_of(guest.image)
    if strange and offers:
        shown = " ".join(f"--offer {offer.name}={offer.port}" for offer in offers)
        guest.run_note(
            "offers other guests nothing yet: this computer has not seen its profile before. Let them call "
            f"it with 'pocketvisor services {guest.name!r} {shown}'"
        )
    calls = GuestCalls(guest, offers, withheld=strange)
    return Vsock(options.vsock, parts.vsock, calls)
