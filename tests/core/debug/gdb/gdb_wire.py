"""The other side of the protocol, for tests: sends packets, byte for byte, and reads answers."""

import asyncio

from pocketvisor.debug.gdb.packet import framed

SECONDS = 60
_LIMIT = 1 << 20


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, address: str) -> "Wire":
        """Without a word."""
        if address.startswith("/"):
            return cls(*await asyncio.open_unix_connection(address, limit=_LIMIT))
        host, _, port = address.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port), limit=_LIMIT))

    @classmethod
    async def attached(cls, address: str) -> "Wire":
        """As gdb comes: without acknowledgements, and attached."""
        wire = await cls.to(address)
        await wire.quiet()
        assert (await wire.ask(b"?")).startswith(b"T05")
        return wire

    async def quiet(self) -> None:
        self.send(framed(b"QStartNoAckMode"))
        assert await self.bytes(1) == b"+"
        assert await self.answer() == b"OK"

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def ask(self, body: bytes) -> bytes:
        self.send(framed(body))
        return await self.answer()

    async def command(self, line: str) -> str:
        answer = await self.ask(b"qRcmd," + line.encode().hex().encode())
        return bytes.fromhex(answer.decode()).decode() if answer != b"OK" else ""

    async def answer(self) -> bytes:
        async with asyncio.timeout(SECONDS):
            packet = await self.reader.readuntil(b"#") + await self.reader.readexactly(2)
        assert packet.startswith(b"$"), packet
        assert framed(packet[1:-3]) == packet
        return packet[1:-3]

    async def stopped(self) -> tuple[list[str], bytes]:
        """What was said on gdb's terminal, and the stop."""
        said = []
        while (answer := await self.answer()).startswith(b"O"):
            said.append(bytes.fromhex(answer[1:].decode()).decode())
        return said, answer

    async def bytes(self, count: int) -> bytes:
        async with asyncio.timeout(SECONDS):
            return await self.reader.readexactly(count)

    async def at_end(self) -> bytes:
        """All that comes before the other side hangs up."""
        async with asyncio.timeout(SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""
            finally:
                self.close()

    def close(self) -> None:
        self.writer.close()
