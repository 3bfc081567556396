"""Two machines in one process, over real TLS on the loopback, and a proxy that sits between them."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from pocketvisor.errors import MigrationError
from pocketvisor.migration import messages
from pocketvisor.migration.greeting import facts, parse_address
from pocketvisor.migration.identity import Identity, client_context, fingerprint, load_identity
from pocketvisor.migration.link import Link
from pocketvisor.migration.listener import Listener
from pocketvisor.migration.pairing import PairingCode
from pocketvisor.migration.peers import TrustedPeers


class Machine:
    """An installation of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder / name
        self.identity: Identity = load_identity(self.folder / "identity")
        self.identity.name = name
        self.peers = TrustedPeers(self.folder / "identity")
        self.told: list[str] = []
        self.listener: Listener | None = None
        self._held = socket.socket()

    def trust(self, other: "Machine") -> None:
        self.peers.trust(other.identity.fingerprint, other.identity.name)
        other.peers.trust(self.identity.fingerprint, self.identity.name)

    async def listen(
        self,
        session: Callable[[Link], Awaitable[None]] | None = None,
        code: PairingCode | None = None,
        port: int = 0,
    ) -> str:
        """The address. It stays this machine's until close(), also while nobody listens there."""
        if self._held.getsockname()[1] == 0:
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held.bind(("127.0.0.1", 0))
        port = port or self._held.getsockname()[1]
        self.listener = Listener(self.identity, self.peers, session or goodbye, told=self.told.append)
        self.listener.code = code
        host, port = await self.listener.open("127.0.0.1", port)
        return f"{host}:{port}"

    async def close(self) -> None:
        await self.silence()
        self._held.close()
        self._held = socket.socket()

    async def silence(self) -> None:
        """Nobody listens any more; another program does not get the port."""
        if self.listener is not None:
            await self.listener.close()

    def __del__(self) -> None:
        self._held.close()


async def goodbye(link: Link) -> None:
    await link.close()


class Proxy:
    """Passes bytes on to an address, and cuts both connections when `cut` bytes have passed in all."""

    def __init__(self, address: str, cut: int | None = None) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self.cut = cut
        self.passed = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._abort()
        await asyncio.sleep(0)

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def passing(self) -> None:
        """So many have passed now; the last of them are not sent on yet."""

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self.cut is not None and self.passed >= self.cut:
            self._abort()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(to_writer)
        try:
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))
        except OSError:
            for end in (writer, to_writer):
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(64 << 10):
            if self.cut is not None:
                data = data[: self.cut - self.passed]
            self.passed += len(data)
            self.passing()
            if data:
                writer.write(data)
            if self.cut is not None and self.passed >= self.cut:
                with suppress(OSError):
                    await writer.drain()  # what was let through arrives
                self._abort()
                return
            await writer.drain()
        writer.close()


class Impostor:
    """Is an answerer to the caller and a caller to the answerer, each with a certificate of its own, and
    passes on the messages of their pairing. It does not know the code."""

    def __init__(self, address: str, identity: Identity) -> None:
        self._address = address
        self._identity = identity
        self._server: asyncio.Server | None = None
        self.proofs = 0

    async def open(self) -> str:
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, ssl=self._identity.server_context()
        )
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        victim = Link(reader, writer, messages.FromCaller)
        host, port = parse_address(self._address)
        to_reader, to_writer = await asyncio.open_connection(
            host, port, ssl=client_context(), server_hostname="x"
        )
        answerer = Link(to_reader, to_writer, messages.FromAnswerer)
        try:
            hello = await answerer.receive(messages.Hello)
            certificate = fingerprint(to_writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
            victim.send(hello)
            theirs = await victim.receive(messages.Introduction)
            own = self._identity
            signature = own.sign(facts(hello.nonce, certificate, own.fingerprint))
            answerer.send(messages.Introduction(1, own.certificate, signature, theirs.name, pair=True))
            for kind in (messages.PairMessage, messages.PairProof):
                answerer.send(await victim.receive(kind))
                self.proofs += kind is messages.PairProof
                victim.send(await answerer.receive(kind, messages.Refused))
        except MigrationError:
            pass
        finally:
            await victim.close()
            answerer.abort()


class ManInTheMiddle:
    """Ends TLS on both sides with a certificate of its own, and passes all messages on as they are."""

    def __init__(self, address: str, identity: Identity) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._identity = identity
        self._server: asyncio.Server | None = None
        self.passed = 0

    async def open(self) -> str:
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, ssl=self._identity.server_context()
        )
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        to_reader, to_writer = await asyncio.open_connection(self._host, self._port, ssl=context)
        pumps = [
            asyncio.create_task(self._pump(reader, to_writer)),
            asyncio.create_task(self._pump(to_reader, writer)),
        ]
        await asyncio.wait(pumps)
        for end in (writer, to_writer):
            end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(64 << 10):
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()
