"""One guest's process, seen from the handset: spawned, spoken to, watched, ended.

Whatever the process does, dying in the middle of a message included, ends here in one call of `on_end` with
a sentence; nothing is raised into the handset's loop.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from pocketvisor.control.channel import Channel
from pocketvisor.control.isolation import Isolation
from pocketvisor.control.messages import (
    CHUNK_SIZE,
    PROTOCOL,
    FromGuest,
    FromHandset,
    Hello,
    Ready,
    Refused,
    ReplayLog,
    Start,
)
from pocketvisor.errors import ControlError, GuestError
from pocketvisor.guest.child import Child
from pocketvisor.guest.nursery import last_line

HANDSHAKE_SECONDS: Final = 30.0
BYTES_A_SECOND: Final = 64 << 20
"""What is read of what one process tells, and at once after a while without:"""
BURST: Final = 16 << 20
MESSAGE_COST: Final = 4 << 10
"""Bytes that a message counts for besides its own: small ones are work as well."""
AT_ONCE: Final = 64
"""Messages that are heard before the others of the loop have their turn."""
_REST: Final = 0.02
_ENDING_SECONDS: Final = 5.0
"""From its channel's end to its own: a moment, unless it stands in line for a processor."""


class Pace:
    """Holds back who reads a process that never stops telling: the others of its loop want to be heard too.
    What is not read waits in the socket, and then the process does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted = 0
        self._since = clock()
        self._messages = 0

    async def keep(self, received: int) -> None:
        """After each message. `received`: bytes, in all."""
        wait = self.wait(received)
        if wait or self._messages % AT_ONCE == 0:
            await asyncio.sleep(wait)

    def wait(self, received: int) -> float:
        """The same in seconds, of one more message."""
        self._messages += 1
        told = received + self._messages * MESSAGE_COST
        elapsed = self._clock() - self._since
        over = told - self._counted - BURST - BYTES_A_SECOND * elapsed
        if over > 0:
            return over / BYTES_A_SECOND + _REST
        if elapsed > 1.0:
            self._counted, self._since = told, self._clock()
        return 0.0


class GuestProcess:
    """Made by spawn(). `on_message` gets what comes after Ready, `on_end` one sentence at the end."""

    def __init__(
        self,
        child: Child,
        channel: Channel[Any, Any],
        on_message: Callable[["GuestProcess", Any], None],
        on_end: Callable[["GuestProcess", str], None],
    ) -> None:
        self._child = child
        self._channel = channel
        self._on_message = on_message
        self._on_end = on_end
        self._listening: asyncio.Task[None] | None = None
        self._killed = False
        self._pace = Pace()
        self.engine = ""
        self.isolation: Isolation | None = None
        """What it says that it has given up; from start() on."""

    @classmethod
    async def spawn(
        cls,
        descriptors: Sequence[int],
        on_message: Callable[["GuestProcess", Any], None],
        on_end: Callable[["GuestProcess", str], None],
    ) -> "GuestProcess":
        """A process that has the descriptors under their numbers here, and said Hello.

        Raises GuestError with a sentence where it did not come so far.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        channel: Channel[Any, Any] | None = None
        try:
            with theirs:
                child = await Child.born([theirs.fileno(), *descriptors])
            try:
                channel = await Channel.open(ours, FromGuest)
            except BaseException:
                child.close()
                raise
        except OSError as error:
            raise GuestError(f"A guest's process could not be started: {error}") from error
        finally:
            if channel is None:
                ours.close()
        guest_process = cls(child, channel, on_message, on_end)
        try:
            await guest_process._shake_hands()
        except BaseException:
            await guest_process.kill()
            raise
        return guest_process

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def stderr_tail(self) -> str:
        return self._child.stderr_tail

    async def start(self, message: Start, replay_log: bytes | None) -> None:
        """Raises GuestError with the guest's own sentence where it refuses."""
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                self._channel.send(message)
                if replay_log is not None:
                    for at in range(0, len(replay_log), CHUNK_SIZE):
                        self._channel.send(ReplayLog(replay_log[at : at + CHUNK_SIZE]))
                        await self._channel.drained()
                    self._channel.send(ReplayLog(b""))
                answer = await self._channel.receive()
        except (TimeoutError, ControlError) as error:
            raise await self._failed_to_start(error) from error
        if isinstance(answer, Refused):
            raise GuestError(answer.sentence)
        if not isinstance(answer, Ready):
            raise await self._failed_to_start(None)
        self.isolation = answer.isolation
        self._listening = asyncio.create_task(self._listen())

    def send(self, message: FromHandset) -> None:
        """Never waits; what is sent to a process that has gone is lost."""
        with suppress(ControlError):  # its end is on the way to on_end
            self._channel.send(message)

    async def kill(self) -> None:
        """End it at once and for certain; on_end is not called. Comes back when it is gone."""
        self._killed = True
        await self._end_process()
        if self._listening is not None and self._listening is not asyncio.current_task():
            self._listening.cancel()
        self._child.close()
        self._channel.close()

    async def _shake_hands(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                hello = await self._channel.receive()
        except (TimeoutError, ControlError) as error:
            raise await self._failed_to_start(error) from error
        if isinstance(hello, Refused):
            raise GuestError(hello.sentence)
        if not isinstance(hello, Hello):
            raise await self._failed_to_start(None)
        if hello.protocol != PROTOCOL:
            raise GuestError(
                f"The guest's process speaks version {hello.protocol} of the protocol, not {PROTOCOL}: "
                "the installation of Pocketvisor is mixed up"
            )
        self.engine = hello.engine
        self._channel.send(Hello(PROTOCOL))

    async def _failed_to_start(self, error: Exception | None) -> GuestError:
        if isinstance(error, TimeoutError):
            how = f"said nothing for {HANDSHAKE_SECONDS:.0f} s"
        elif isinstance(error, ControlError) and not _broke(error):
            how = f"sent what is no message ({error})"
        else:
            how = await self._exit_sentence()
        await self._end_process()
        return GuestError(f"The guest's process did not start: it {how}{await self._stderr_sentence()}")

    async def _listen(self) -> None:
        how = ""
        try:
            while (message := await self._channel.receive()) is not None:
                self._on_message(self, message)
                await self._pace.keep(self._channel.received)
        except ControlError as error:
            if not _broke(error):
                how = f"sent what is no message ({error})"
        if self._killed:
            return
        how = how or await self._exit_sentence()
        await self._end_process()
        said = await self._stderr_sentence()
        self._child.close()
        self._channel.close()
        if not self._killed:
            self._on_end(self, f"its process {how}{said}")

    async def _exit_sentence(self) -> str:
        """Its side of the channel is closed: how it ended, if it did so by itself."""
        if not await self._child.dies(_ENDING_SECONDS):
            return "closed its control channel"
        await self._child.wait()
        return self._child.end_sentence()

    async def _end_process(self) -> None:
        self._child.kill()
        await self._child.wait()

    async def _stderr_sentence(self) -> str:
        """The last thing it said to its standard error, for the crash report."""
        await self._child.said_all(0.5)
        return last_line(self._child.stderr_tail)


def _broke(error: ControlError) -> bool:
    """Whether it is the socket's: a process that ends before it has read all it was sent leaves this."""
    return isinstance(error.__cause__, OSError)
