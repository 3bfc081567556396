"""The peer: Debian's qemu-system-arm, run headless with its serial port stamped line by line."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from .timing import LineStamps, process_clock

PROGRAM = "qemu-system-arm"
VEXPRESS = ("-M", "vexpress-a9", "-m", "256M")
VIRT = ("-M", "virt,gic-version=2", "-cpu", "cortex-a15", "-m", "256M")
ICOUNT = ("-icount", "shift=3,sleep=off")
"""Counts instructions and jumps over idle time: the peer that is deterministic too."""


class Qemu:
    """One running QEMU."""

    def __init__(self, process: asyncio.subprocess.Process, console: LineStamps) -> None:
        self.process = process
        self.console = console

    @property
    def pid(self) -> int:
        return self.process.pid

    def write(self, text: str) -> None:
        """Type into the serial port."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())


def missing() -> str:
    """One sentence where QEMU is not installed, else nothing."""
    if shutil.which(PROGRAM):
        return ""
    return f"{PROGRAM} is not installed: `apt-get install qemu-system-arm` brings it"


async def version() -> str:
    """What it says of itself, for the report."""
    if missing():
        return missing()
    process = await asyncio.create_subprocess_exec(PROGRAM, "--version", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode().partition("\n")[0]


@asynccontextmanager
async def running(
    machine: Sequence[str],
    kernel: Path | None = None,
    *,
    initrd: Path | None = None,
    dtb: Path | None = None,
    append: str = "",
    descriptors: Sequence[int] = (),
) -> AsyncIterator[Qemu]:
    """A QEMU for the length of a with block; it is killed at its end. It inherits the descriptors."""
    arguments = [*machine]
    for option, value in (("-kernel", kernel), ("-initrd", initrd), ("-dtb", dtb), ("-append", append)):
        if value:
            arguments += [option, str(value)]
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-nic", "none"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "QEMU_AUDIO_DRV": "none"},
        pass_fds=descriptors,
    )
    console = LineStamps(process_clock(process.pid))
    reader = asyncio.create_task(_read(process, console))
    try:
        yield Qemu(process, console)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await reader
        await process.wait()


async def _read(process: asyncio.subprocess.Process, console: LineStamps) -> None:
    assert process.stdout is not None
    while data := await process.stdout.read(65536):
        console.feed(data)
    console.end()
