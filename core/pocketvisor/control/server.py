"""The socket of an open workbench, in the user's own runtime directory, and the way to call it.

Of several workbenches the newest holds the name; one that closes takes its name away only if it still holds
it. Whoever may open the socket may do all that the workbench can: it is for the user alone (mode 0600, and
the caller's user id is looked at).

Left out: several requests on one connection; each call opens its own.
"""

import asyncio
import errno
import os
import secrets
import socket
import struct
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_runtime_path

from pocketvisor.control.channel import Channel
from pocketvisor.control.workbench import PROTOCOL, Failed, Hello, Reply, Request
from pocketvisor.errors import ControlError, PocketvisorError

_ANSWER_SECONDS: Final = 30.0
_REQUEST_SECONDS: Final = 10.0
_CALLERS_MAX: Final = 32
_PATH_MAX: Final = 107

Handler = Callable[[Request], Awaitable[Reply]]


def socket_path() -> Path:
    """Where the newest open workbench listens."""
    with (
        warnings.catch_warnings()
    ):  # without XDG_RUNTIME_DIR it warns, and finds another folder of the user's
        warnings.simplefilter("ignore")
        return user_runtime_path("pocketvisor") / "workbench.sock"


class WorkbenchServer:
    """Answers requests with `handler`; a PocketvisorError that it raises becomes Failed."""

    def __init__(self, handler: Handler, path: Path | None = None) -> None:
        self._handler = handler
        self.path = path or socket_path()
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._callers = 0

    async def open(self) -> None:
        """Raises ControlError where the socket cannot be had."""
        own = self.path.with_name(f".{os.getpid()}-{secrets.token_hex(2)}")
        if max(len(os.fsencode(path)) for path in (own, self.path)) > _PATH_MAX:
            raise ControlError(f"{self.path.parent}: the path is too long for a socket")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_folder(self.path.parent)
            with suppress(FileNotFoundError):
                own.unlink()
            mask = os.umask(0o177)
            try:
                listener.bind(os.fspath(own))
            finally:
                os.umask(mask)
            listener.listen(_CALLERS_MAX)
            self._inode = own.stat().st_ino
            own.rename(self.path)  # at once: there is no moment without a workbench
        except OSError as error:
            listener.close()
            with suppress(OSError):
                own.unlink()
            raise ControlError(f"{self.path}: no socket can be made there: {error.strerror}") from error
        listener.setblocking(False)
        self._server = await asyncio.start_unix_server(self._answer, sock=listener)

    async def close(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        with suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel: Channel[Request, Reply] = Channel(reader, writer, Request)
        self._callers += 1
        try:
            if self._callers > _CALLERS_MAX or _peer_uid(writer) != os.getuid():
                return
            async with asyncio.timeout(_REQUEST_SECONDS):
                hello = await channel.receive()
                channel.send(Hello(PROTOCOL))
                if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
                    return
                request = await channel.receive()
            if request is not None:
                channel.send(await self._reply(request))
                await writer.drain()
        except (ControlError, TimeoutError, ConnectionError):
            pass  # a caller without manners: nobody is left to tell
        finally:
            self._callers -= 1
            channel.close()

    async def _reply(self, request: Request) -> Reply:
        try:
            return await self._handler(request)
        except PocketvisorError as error:
            return Failed(str(error)[:2000])


async def call(request: Request, path: Path | None = None) -> Reply:
    """The open workbench's answer. Raises ControlError where none is open, or with its reason to refuse."""
    path = path or socket_path()
    try:
        reader, writer = await asyncio.open_unix_connection(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        raise ControlError("No workbench is open: start one with 'pocketvisor workbench'") from None
    except OSError as error:
        raise ControlError(f"{path}: {error.strerror}") from error
    channel: Channel[Reply, Request] = Channel(reader, writer, Reply)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            channel.send(Hello(PROTOCOL))
            hello = await channel.receive()
            if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
                raise ControlError("The open workbench is of another version of Pocketvisor")
            channel.send(request)
            reply = await channel.receive()
    except TimeoutError:
        raise ControlError("The open workbench does not answer") from None
    finally:
        channel.close()
    if isinstance(reply, Failed):
        raise ControlError(reply.sentence)
    if reply is None:
        raise ControlError("The open workbench closed the connection")
    return reply


def _check_folder(folder: Path) -> None:
    """Nobody else may put sockets there, or take them away."""
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "the folder is not this user's own")


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    peer: socket.socket = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
