"""The port at which phones are received: accepts connections, greets them, and hands trusted ones on.

Whoever can reach the port may connect, so a stranger costs little: few connections at once, of those that
are not trusted yet the oldest makes room for a new one, each has seconds to say who it is, in small messages.

Left out: strangers told apart by their address; behind one router they are all the same.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from pocketvisor.errors import MigrationError, PocketvisorError
from pocketvisor.migration import messages
from pocketvisor.migration.greeting import GREETING_SECONDS, greet
from pocketvisor.migration.identity import Identity
from pocketvisor.migration.link import Link, LinkLost, Stream, why
from pocketvisor.migration.pairing import PairingCode
from pocketvisor.migration.peers import TrustedPeers

STRANGERS_MAX: Final = 16
SESSIONS_MAX: Final = 8
HANDSHAKE_SECONDS: Final = 5.0
_READ_LIMIT: Final = 512 << 10

Session = Callable[[Link], Awaitable[None]]
Told = Callable[[str], None]


class Listener:
    """`session` gets each trusted link and closes it. `told` gets a sentence of what others should know."""

    def __init__(
        self, identity: Identity, peers: TrustedPeers, session: Session, *, told: Told = lambda _: None
    ) -> None:
        self.code: PairingCode | None = None
        """Set while somebody may pair."""
        self._identity = identity
        self._peers = peers
        self._session = session
        self._told = told
        self._context = identity.server_context()
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._strangers: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._sessions: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Where it listens then: with port 0 the system has chosen one. Raises MigrationError."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            listener = socket.socket(family, kind, protocol)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen(STRANGERS_MAX)
                listener.setblocking(False)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            raise MigrationError(f"{host}:{port} cannot be listened at: {why(error)}") from error
        self._sockets.append(listener)
        self._accepting.append(asyncio.create_task(self._accept(listener)))
        name = listener.getsockname()
        return str(name[0]), int(name[1])

    async def close(self) -> None:
        tasks = [*self._accepting, *self._strangers, *self._sessions]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self._sockets:
            listener.close()
        self._sockets.clear()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError:  # it was gone again, or there are no descriptors left
                await asyncio.sleep(0.1)
                continue
            while len(self._strangers) >= STRANGERS_MAX:
                oldest = next(iter(self._strangers))
                oldest.cancel()
                del self._strangers[oldest]
            task = asyncio.create_task(self._serve(connection))
            self._strangers[task] = None
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._strangers.pop(task, None)
        self._sessions.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._told(f"A connection ended with an error: {error!r}")

    async def _serve(self, connection: socket.socket) -> None:
        link = await self._secured(connection)
        if link is None:
            return
        task = asyncio.current_task()
        assert task is not None
        try:
            try:
                async with asyncio.timeout(GREETING_SECONDS):
                    paired = await greet(link, self._identity, self._peers, lambda: self.code)
            except TimeoutError:
                return
            self._strangers.pop(task, None)
            if len(self._sessions) >= SESSIONS_MAX:
                link.send(messages.Refused("Too many are connected there already"))
                await link.close()
                return
            self._sessions.add(task)
            if paired:
                self._told(f"{link.peer.name} is trusted from now on")
            await self._session(link)
        except LinkLost:
            return
        except PocketvisorError as error:
            self._told(str(error))
            await link.close()  # a last word is still delivered
        finally:
            link.abort()

    async def _secured(self, connection: socket.socket) -> Link | None:
        """TLS over it; None for who does not manage that, in time."""
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        reader = Stream(limit=_READ_LIMIT)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except OSError:
            connection.close()
            return None
        except BaseException:
            connection.close()
            raise
        return Link(reader, asyncio.StreamWriter(transport, protocol, reader, loop), messages.FromCaller)
