"""The handset's end of the process that reads a symbol file: one question at a time, each with a limit."""

import asyncio
import os
import stat
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from pocketvisor.debug.symbols import messages
from pocketvisor.debug.symbols.messages import Ask
from pocketvisor.errors import DebugError
from pocketvisor.to_the_end import to_the_end

SECONDS: Final = 90.0
FILE_MAX: Final = 2 << 30
T = TypeVar("T", bound=messages.Answer)


class Reader:
    """Its process is started for a question, goes on for the next, and is started again after one that it
    could not answer. close() ends it. Sentences of errors begin with `name`."""

    def __init__(self, path: Path | None, name: str) -> None:
        """Without a path: for questions that bring what they are about."""
        self._path = path
        self._name = name
        self._process: asyncio.subprocess.Process | None = None
        self._seen: tuple[int, int, int] | None = None
        self._asking = asyncio.Lock()

    async def _start(self) -> None:
        fd = self._open() if self._path is not None else -1
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "pocketvisor.debug.symbols.reading", str(fd), str(os.getpid())),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                pass_fds=(fd,) if fd >= 0 else (),
                limit=1 << 20,
            )
        except OSError as error:
            raise DebugError(f"{self._name}: no process can be had to read it: {error.strerror}") from error
        finally:
            if fd >= 0:
                os.close(fd)

    def _open(self) -> int:
        """The same file as the last time."""
        assert self._path is not None
        fd = open_file(self._path)
        status = os.fstat(fd)
        seen = status.st_ino, status.st_size, status.st_mtime_ns
        if self._seen not in (None, seen):
            os.close(fd)
            raise DebugError(f"{self._name}: has changed since it was opened: open it again")
        self._seen = seen
        return fd

    async def ask(self, question: Ask, answer: type[T], seconds: float = SECONDS) -> T:
        """Raises DebugError with the sentence to show. A reader that failed to answer is closed."""
        async with self._asking:
            try:
                async with asyncio.timeout(seconds):
                    got = await self._exchange(question)
            except TimeoutError:
                await self._end()
                raise DebugError(f"{self._name}: takes too long to read") from None
            except (OSError, EOFError, msgspec.DecodeError):
                await self._end()
                raise DebugError(f"{self._name}: cannot be read within bounds of time and memory") from None
            except asyncio.CancelledError:
                await self._end()  # what it would answer now would be taken for the next answer
                raise
        if isinstance(got, messages.Failed):
            raise DebugError(f"{self._name}: {messages.plain(got.sentence[:500])}")
        if not isinstance(got, answer):
            await self._end()
            raise DebugError(f"{self._name}: cannot be read")
        return got

    async def _exchange(self, question: Ask) -> messages.Answer:
        if self._process is None:
            await to_the_end(asyncio.ensure_future(self._start()))
        process = self._process
        if process is None or process.returncode is not None or not (process.stdin and process.stdout):
            raise EOFError
        to, back = process.stdin, process.stdout
        data = messages.encode(question)
        to.write(struct.pack("<I", len(data)))
        to.write(data)
        await to.drain()
        (size,) = struct.unpack("<I", await back.readexactly(4))
        if size > messages.ANSWER_MAX:
            raise EOFError
        return messages.decode_answer(await back.readexactly(size))

    async def close(self) -> None:
        async with self._asking:
            await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            if process.stdin is not None:
                process.stdin.close()
            await to_the_end(asyncio.ensure_future(process.wait()))


def open_file(path: Path, largest: int = FILE_MAX) -> int:
    """A descriptor of a regular file; of anything else a sentence, and never a wait."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise DebugError(f"{path}: cannot be opened: {error.strerror}") from error
    seen = os.fstat(fd)
    if stat.S_ISREG(seen.st_mode) and seen.st_size <= largest:
        return fd
    os.close(fd)
    if not stat.S_ISREG(seen.st_mode):
        raise DebugError(f"{path}: is no file")
    raise DebugError(f"{path}: is larger than {largest >> 20} MiB")
