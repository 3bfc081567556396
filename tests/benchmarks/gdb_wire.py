"""gdb's remote protocol, as far as the benchmarks ask QEMU's stub something."""

import asyncio
from pathlib import Path
from typing import Self


class GdbWire:
    """One connection; made by connect()."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, path: Path) -> Self:
        return cls(*await asyncio.open_unix_connection(path))

    async def ask(self, request: bytes) -> bytes:
        """What it answers, which for one that lets the guest run comes when it stops."""
        self._writer.write(b"$%b#%02x" % (request, sum(request) & 0xFF))
        await self._reader.readuntil(b"$")
        answer = await self._reader.readuntil(b"#")
        await self._reader.readexactly(2)
        self._writer.write(b"+")
        return answer[:-1]

    async def close(self) -> None:
        self._writer.close()
