"""One guest's process as the nursery's child: its number, its last words and its end, for one loop."""

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pocketvisor.errors import GuestError
from pocketvisor.guest import line as wire
from pocketvisor.guest import nursery
from pocketvisor.guest.nursery import Nursery, exit_sentence

BIRTH_SECONDS: Final = 30.0
WORD_SECONDS: Final = 10.0
"""For the nursery to say how a child ended: it may stand in line for a processor. One that was given up is
not waited for."""
_STDERR_TAIL = 8192
_PIECE = 4096
_PIPE = 64 << 10  # a pipe holds no more


class Child:
    """Made by born(), and closed by whoever asked for it."""

    def __init__(self, nursery: Nursery, line: socket.socket, stderr: int) -> None:
        self._nursery = nursery
        self._line = line
        self._stderr = stderr
        self._pidfd = -1
        self._said = bytearray()
        self._loop = asyncio.get_running_loop()
        self._born: asyncio.Future[None] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._silent = asyncio.Event()
        self._died = asyncio.Event()
        self._orphan = ""
        self.pid = 0
        self.returncode: int | None = None
        """As subprocess has it: of a signal it is negative. None too where nobody can say."""
        self._loop.add_reader(line.fileno(), self._hear)
        self._loop.add_reader(stderr, self._listen)

    @classmethod
    async def born(cls, descriptors: Sequence[int]) -> "Child":
        """A child that has the descriptors under their numbers here; the first is its control socket. They
        may be closed here when this comes back. Raises GuestError."""
        numbers = list(dict.fromkeys(descriptors))
        if min(numbers) <= 2:
            raise GuestError(
                "A guest cannot be started by a program without standard input, output and error"
            )
        if len(numbers) > wire.DESCRIPTORS_MAX:
            raise GuestError(f"A guest's process takes at most {wire.DESCRIPTORS_MAX} descriptors")
        parent = nursery.enter()
        line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.setblocking(False)
        stderr, writing = os.pipe()
        os.set_blocking(stderr, False)
        child = cls(parent, line, stderr)
        try:
            try:
                async with asyncio.timeout(BIRTH_SECONDS):
                    with theirs:
                        wire.put_descriptors(line, [(fd, fd) for fd in numbers] + [(writing, 2)])
                        await _request(parent, theirs)
                    await child._born
            except TimeoutError:
                nursery.give_up(parent)
                raise GuestError(f"A guest's process could not be started in {BIRTH_SECONDS:.0f} s") from None
            except OSError as error:
                raise GuestError(f"A guest's process could not be started: {error.strerror}") from error
            finally:
                os.close(writing)
        except BaseException:
            child.close()
            raise
        return child

    @property
    def stderr_tail(self) -> str:
        return self._said.decode("utf-8", "replace")

    async def wait(self) -> None:
        """Until it is gone and what it said is here."""
        await self._gone.wait()

    async def dies(self, seconds: float) -> bool:
        """Whether it does so by itself in that time; how, is known after wait()."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._died.wait()
        return self._died.is_set()

    async def said_all(self, seconds: float) -> None:
        """Until its standard error is closed, or that time has passed; what is there by then is heard."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._silent.wait()
        for _ in range(_PIPE // _PIECE):
            self._listen()

    def kill(self) -> None:
        if not self._gone.is_set() and self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def end_sentence(self) -> str:
        """How it ended, once it is gone."""
        if self.returncode is None:
            return self._orphan or "ended, and nobody knows how"
        return exit_sentence(self.returncode)

    def close(self) -> None:
        """Where it lives yet the nursery kills it."""
        self._stop_hearing()
        self._stop_listening()
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
        self._be_gone()

    def _hear(self) -> None:
        try:
            news = wire.hear(self._line)
        except BlockingIOError:
            return
        match news:
            case wire.Born(pid, pidfd):
                self.pid, self._pidfd = pid, pidfd
                self._loop.add_reader(pidfd, self._dead)
                if not self._born.done():
                    self._born.set_result(None)
            case wire.Unborn(errno):
                self._fail(f"A guest's process could not be started: {os.strerror(errno)}")
            case wire.Ended(status):
                self.returncode = os.waitstatus_to_exitcode(status)
                self._be_gone()
            case None:
                self._stop_hearing()
                self._lose_nursery()

    def _lose_nursery(self) -> None:
        if self.returncode is not None:
            return
        how = self._nursery.end_sentence()
        self._fail(f"The guest's process did not start: it {how}")
        self._orphan = f"went with the process that it was forked from, which {how}"
        if self._pidfd < 0 or self._died.is_set():
            self._be_gone()  # else its own pidfd tells

    def _fail(self, sentence: str) -> None:
        if not self._born.done():
            self._born.set_exception(GuestError(sentence))

    def _dead(self) -> None:
        """It is dead, and the nursery has yet to say how; if it does."""
        self._loop.remove_reader(self._pidfd)
        self._died.set()
        if self._orphan or self._line.fileno() < 0 or self._nursery.given_up:
            self._be_gone()
        else:
            self._loop.call_later(WORD_SECONDS, self._no_word)

    def _no_word(self) -> None:
        if not self._gone.is_set():
            nursery.give_up(self._nursery)
            self._be_gone()

    def _be_gone(self) -> None:
        self._died.set()
        if not self._gone.is_set():
            self._gone.set()
            nursery.leave(self._nursery)

    def _listen(self) -> None:
        if self._stderr < 0:
            return
        try:
            data = os.read(self._stderr, _PIECE)
        except BlockingIOError:
            return
        self._said += data
        del self._said[:-_STDERR_TAIL]
        if not data:
            self._stop_listening()

    def _stop_hearing(self) -> None:
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line.fileno())
            self._line.close()

    def _stop_listening(self) -> None:
        if self._stderr >= 0:
            self._loop.remove_reader(self._stderr)
            os.close(self._stderr)
            self._stderr = -1
        self._silent.set()


async def _request(nursery: Nursery, line: socket.socket) -> None:
    while True:
        try:
            return nursery.request(line)
        except BlockingIOError:  # many at once, and it is still starting itself
            await asyncio.sleep(0.01)
        except ConnectionError:
            raise GuestError(f"The guest's process did not start: it {nursery.end_sentence()}") from None
