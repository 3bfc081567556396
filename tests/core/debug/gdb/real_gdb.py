"""The real gdb, driven by its machine interface: a line in, what it says up to its prompt out."""

import asyncio
import re
import shutil
from pathlib import Path

GDB = shutil.which("gdb-multiarch")
SECONDS = 120
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Gdb:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, elf: Path | None = None) -> "Gdb":
        assert GDB is not None
        process = await asyncio.create_subprocess_exec(
            *(GDB, "-nx", "-q", "--interpreter=mi2", *((str(elf),) if elf else ())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
        )
        gdb = cls(process)
        await gdb._until("(gdb)")
        for setting in (
            "confirm off",
            "pagination off",
            "style enabled off",
            "mi-async on",
            "width 0",
            "remotetimeout 60",
        ):
            await gdb.do(f"set {setting}")
        return gdb

    async def do(self, command: str, *, stops: bool | None = None) -> str:
        """All that it says to a command of its command line; one that lets the guest run ends with the next
        stop, unless `stops` says that it does not."""
        assert self.process.stdin is not None
        quoted = command.replace("\\", "\\\\").replace('"', '\\"')
        self.process.stdin.write(f'-interpreter-exec console "{quoted}"\n'.encode())
        text = await self._until("^")
        # A connection's own stop is told before its answer.
        if "*stopped" not in text and (stops or (stops is None and "^running" in text)):
            text += await self.stopped()
        return spoken(text)

    async def stopped(self) -> str:
        text = await self._until("*stopped")
        return text

    async def _until(self, mark: str) -> str:
        assert self.process.stdout is not None
        said = ""
        async with asyncio.timeout(SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                said += line
                if line.startswith(mark):
                    return said
        raise AssertionError(f"gdb has gone: {said}")

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        # its pipes' transports go with it, or pytest hears of them
        transport = self.process._transport  # type: ignore[attr-defined]
        transport.close()


def spoken(text: str) -> str:
    """The words for a person, of what the machine interface said; and why it stopped."""
    lines = []
    for line in text.splitlines():
        if line[:1] in "~@&^" and (found := _TEXT.findall(line)):
            lines += [words.encode().decode("unicode_escape") for words in found]
        elif line.startswith("*stopped"):
            lines.append(line + "\n")
    return "".join(lines)
