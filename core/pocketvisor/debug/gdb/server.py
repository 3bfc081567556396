"""Where a guest's debugger connects: on loopback TCP or at a Unix socket, one guest a server.

Whoever connects may do to the guest what its user can, so it is not for the network: loopback alone, a Unix
socket of mode 0600, and a token for a machine that others use too. One debugger at a time; further ones hear
a sentence.
"""

import asyncio
import ipaddress
import logging
import os
import shlex
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pocketvisor.debug.gdb.session import Session
from pocketvisor.debug.gdb.target import DebuggedGuest, Target
from pocketvisor.errors import DebugError, PocketvisorError
from pocketvisor.guest import unix_server

_log = logging.getLogger(__name__)

_CONNECTIONS_MAX: Final = 8
_BACKLOG: Final = 8
_TOKEN_MAX: Final = 200
_PATIENCE: Final = "set remotetimeout 60"
"""Of gdb, which by itself gives up an answer after some seconds, and repeats what it has asked before: on a
busy computer it would take one answer for another."""


class GdbServer:
    """Made by open()."""

    def __init__(
        self,
        guest: DebuggedGuest,
        target: Target,
        token: str | None,
        changed: Callable[[], None],
    ) -> None:
        self.token = token
        self._guest = guest
        self._target = target
        self._changed = changed
        self._path: Path | None = None
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._attached: Session | None = None

    @classmethod
    async def open(
        cls,
        guest: DebuggedGuest,
        target: Target,
        address: str | int | Path | None = None,
        token: str | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> "GdbServer":
        """`address`: a TCP port or HOST:PORT on loopback (0 or None: any free port), or a path. `changed` is
        called when a debugger comes or goes. Raises DebugError."""
        if token is not None and (not token or len(token) > _TOKEN_MAX or token.split() != [token]):
            raise DebugError(f"A token is one word of at most {_TOKEN_MAX} letters")
        server = cls(guest, target, token, changed)
        where = _parsed(address)
        if isinstance(where, Path):
            try:
                server._listener = unix_server.listen(where)
            except PocketvisorError as error:
                raise DebugError(str(error)) from error
            server._path = where
        else:
            server._listener = _listen(*where)
        server._accepting = asyncio.create_task(server._accept(server._listener))
        return server

    @property
    def address(self) -> str:
        """As gdb takes it."""
        if self._path is not None:
            return str(self._path.absolute())
        if self._listener is None:
            return ""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def command(self) -> str:
        """To be pasted into a terminal."""
        if self.token is None:
            commands = [_PATIENCE, f"target remote {self.address}"]
        else:
            commands = [
                _PATIENCE,
                f"target extended-remote {self.address}",
                f"monitor token {self.token}",
                "attach 1",
            ]
        return shlex.join(["gdb-multiarch", *(part for command in commands for part in ("-ex", command))])

    @property
    def attached(self) -> bool:
        """Whether a debugger has the guest."""
        return self._attached is not None

    async def close(self) -> None:
        """Debuggers are hung up on; what they held is let go."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        for task in tuple(self._sessions):
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        if self._listener is not None:
            if self._path is not None:
                unix_server.stop(self._listener, self._path)
            self._listener.close()
            self._listener = None

    # Gate

    def check_free(self) -> None:
        if self._attached is not None:
            raise DebugError("Another debugger is attached to this guest already")

    def claim(self, session: Session) -> None:
        self.check_free()
        self._attached = session
        self._changed()

    def release(self, session: Session) -> None:
        if self._attached is session:
            self._attached = None
            self._changed()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # no descriptor is left, or it went already
                await asyncio.sleep(0.1)
                continue
            if len(self._sessions) >= _CONNECTIONS_MAX:
                connection.close()
                continue
            task = asyncio.create_task(self._serve(connection))
            self._sessions.add(task)
            task.add_done_callback(self._sessions.discard)

    async def _serve(self, connection: socket.socket) -> None:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            await Session(self._guest, self._target, reader, writer, self).run()
        except ConnectionError:
            pass
        except Exception:
            _log.exception("A debugger's session failed")
        finally:
            writer.close()
            with suppress(Exception):
                await writer.wait_closed()


def _parsed(address: str | int | Path | None) -> Path | tuple[str, int]:
    """Raises DebugError."""
    if isinstance(address, Path):
        return address
    text = str(address or 0)
    if "/" in text:
        return Path(text)
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if host == "localhost":
        host = "127.0.0.1"
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise DebugError(f"{host}: a guest's debugger connects on loopback alone, such as 127.0.0.1:1234")
    if not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise DebugError(f"'{text}' is neither a port nor a path")
    return host, int(port)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno or 0)
        raise DebugError(f"{host}:{port}: nobody can connect there: {reason}") from error
    listener.setblocking(False)
    return listener
