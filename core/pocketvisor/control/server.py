"""The socket of an open workbench, in the user's own runtime directory, and the way to call it.

Of several workbenches the newest holds the name; one that closes takes its name away only if it still holds
it. Whoever may open the socket may do all that the workbench can: it is for the user alone (mode 0600, and
both sides look at the other's user id). A run of a profile without a window listens in the same way, at a
name of the profile's own.

What takes long tells its progress before its answer, and is cancelled where the caller hangs up.

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
from typing import Any, Final

from platformdirs import user_runtime_path

from pocketvisor.control.attack_calls import AttackRequest
from pocketvisor.control.channel import Channel
from pocketvisor.control.debug_calls import DebugRequest
from pocketvisor.control.migration_calls import MigrationRequest
from pocketvisor.control.profile_calls import ProfileRequest
from pocketvisor.control.workbench import PROTOCOL, Failed, Hello, Progress, Reply, Request
from pocketvisor.errors import ControlError, PocketvisorError

_ANSWER_SECONDS: Final = 30.0
_REQUEST_SECONDS: Final = 10.0
_SIGN_SECONDS: Final = 5.0  # a caller hears at least this often that it is being worked on
_TELL_SECONDS: Final = 0.05
_CALLERS_MAX: Final = 32
_PATH_MAX: Final = 107

Tell = Callable[[str, float | None], None]
"""Words for the user, and how much is done: from 0 to 1, or None where nobody knows."""
Handler = Callable[[Request, Tell], Awaitable[Reply]]


def socket_path() -> Path:
    """Where the newest open workbench listens."""
    return _runtime_path() / "workbench.sock"


def profile_socket_path(profile_id: bytes) -> Path:
    """Where a run of this profile without a window listens."""
    return _runtime_path() / f"profile-{profile_id.hex()[:16]}.sock"


def run_socket_path() -> Path:
    """Where this process listens if it runs guests without a window and without a profile."""
    return _runtime_path() / f"run-{os.getpid()}.sock"


def run_sockets() -> list[Path]:
    """Where runs without a window listen. What one that was killed has left behind goes."""
    folder = _runtime_path()
    runs = sorted(folder.glob("run-*.sock"))
    for path in runs:
        if not Path("/proc", path.stem.removeprefix("run-")).exists():
            with suppress(OSError):
                path.unlink()
    return [*sorted(folder.glob("profile-*.sock")), *(path for path in runs if path.exists())]


def _runtime_path() -> Path:
    with (
        warnings.catch_warnings()
    ):  # without XDG_RUNTIME_DIR it warns, and finds another folder of the user's
        warnings.simplefilter("ignore")
        return user_runtime_path("pocketvisor")


class NobodyListens(ControlError):
    """There is no such socket, or whoever made it has gone."""


class WorkbenchServer:
    """Answers requests with `handler`; a PocketvisorError that it raises becomes Failed. What `handler` tells
    goes to the caller as Progress, the newest only."""

    def __init__(self, handler: Handler, path: Path | None = None) -> None:
        self._handler = handler
        self.path = path or socket_path()
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._callers = 0
        self._working = 0
        self._settled = asyncio.Event()

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

    async def settled(self) -> None:
        """Waits until nothing that was asked for is being done."""
        while self._working:
            self._settled.clear()
            await self._settled.wait()

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
            if request is not None and (reply := await self._work(channel, request)) is not None:
                channel.send(reply)
                await writer.drain()
        except (ControlError, TimeoutError, ConnectionError):
            pass  # a caller without manners: nobody is left to tell
        except asyncio.CancelledError:
            pass  # the program ends: asyncio would complain of it, as if it were a failure
        finally:
            self._callers -= 1
            channel.close()

    async def _work(self, channel: Channel[Request, Reply], request: Request) -> Reply | None:
        """The answer; None where the caller has hung up, and so cancelled the work."""
        news = _News()
        work = asyncio.ensure_future(self._reply(request, news.tell))
        waiting: set[asyncio.Future[Any]] = {work}
        if isinstance(request, ProfileRequest | MigrationRequest | DebugRequest | AttackRequest):
            waiting.add(asyncio.ensure_future(channel.receive()))
        try:
            while not work.done():
                done, _ = await asyncio.wait(
                    {*waiting, news.arrived()}, timeout=_SIGN_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if any(future in done for future in waiting - {work}):
                    return None
                if not work.done():
                    channel.send(news.take())
                    await asyncio.wait({work}, timeout=_TELL_SECONDS)
            return work.result()
        finally:
            news.close()
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _reply(self, request: Request, tell: Tell) -> Reply:
        self._working += 1
        try:
            return await self._handler(request, tell)
        except PocketvisorError as error:
            return Failed(str(error)[:2000])
        finally:
            self._working -= 1
            self._settled.set()


class _News:
    """The newest that a handler told. May be told from another thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._newest = Progress("")
        self._arrival: asyncio.Future[None] | None = None

    def tell(self, words: str, fraction: float | None) -> None:
        self._newest = Progress(words[:2000], fraction)
        with suppress(RuntimeError):  # the loop has gone: so has the caller
            self._loop.call_soon_threadsafe(self._arrived)

    def arrived(self) -> "asyncio.Future[None]":
        """Done when something is told that take() has not given yet."""
        if self._arrival is None:
            self._arrival = self._loop.create_future()
        return self._arrival

    def take(self) -> Progress:
        if self._arrival is not None and self._arrival.done():
            self._arrival = None
        return self._newest

    def close(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()

    def _arrived(self) -> None:
        if not (arrival := self.arrived()).done():
            arrival.set_result(None)


async def call(request: Request, path: Path | None = None, *, progress: Tell | None = None) -> Reply:
    """The answer of whoever listens at `path`, or else of the open workbench. A cancelled call cancels what
    takes long there too. Raises NobodyListens, or ControlError with the reason to refuse."""
    path = path or socket_path()
    if len(os.fsencode(path)) > _PATH_MAX:
        raise NobodyListens(f"No workbench can be open: {path.parent} is too long for a socket's path")
    try:
        reader, writer = await asyncio.open_unix_connection(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        raise NobodyListens("No workbench is open: start one with 'pocketvisor workbench'") from None
    except OSError as error:
        raise ControlError(f"{path}: {error.strerror}") from error
    channel: Channel[Reply, Request] = Channel(reader, writer, Reply)
    try:
        # A folder for all, as one below /tmp, may have been another user's first: who gets no passphrase.
        if _peer_uid(writer) != os.getuid():
            raise ControlError(f"{path}: belongs to another user, who is told nothing")
        async with asyncio.timeout(_ANSWER_SECONDS):
            channel.send(Hello(PROTOCOL))
            hello = await channel.receive()
            if not isinstance(hello, Hello) or hello.protocol != PROTOCOL:
                raise ControlError("The open workbench is of another version of Pocketvisor")
            channel.send(request)
        reply: Reply | None = Progress("")
        while isinstance(reply, Progress):
            async with asyncio.timeout(_ANSWER_SECONDS):
                reply = await channel.receive()
            if progress is not None and isinstance(reply, Progress) and reply.words:
                progress(reply.words, reply.fraction)
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
