"""QEMU's machine protocol, as far as the benchmarks ask it something."""

import asyncio
import json
from pathlib import Path
from typing import Any, Self


class Qmp:
    """One connection; made by connect()."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, path: Path, seconds: float = 20) -> Self:
        """As soon as it listens."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    reader, writer = await asyncio.open_unix_connection(path)
                    break
                except OSError:
                    await asyncio.sleep(0.002)
        qmp = cls(reader, writer)
        await reader.readline()
        await qmp.ask("qmp_capabilities")
        return qmp

    async def ask(self, command: str, **arguments: Any) -> Any:
        """What it returns; events on the way are left out. Raises RuntimeError with its words."""
        message = {"execute": command} | ({"arguments": arguments} if arguments else {})
        self._writer.write(json.dumps(message).encode() + b"\n")
        while line := await self._reader.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"QEMU: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise RuntimeError("QEMU has gone")

    async def monitor(self, command: str) -> str:
        """A command of the monitor for people."""
        said = str(await self.ask("human-monitor-command", **{"command-line": command}))
        if "Error" in said:
            raise RuntimeError(f"QEMU: {said.strip()}")
        return said

    async def close(self) -> None:
        self._writer.close()
