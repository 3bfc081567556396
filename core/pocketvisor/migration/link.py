"""A link between two machines: typed and bounded messages over a stream, with patience that ends.

Left out: who the other one is (greeting.py).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar, overload

from pocketvisor.control.channel import Framer, frame
from pocketvisor.errors import ControlError, MigrationError
from pocketvisor.migration import messages
from pocketvisor.migration.lease import Peer

QUIET_SECONDS: Final = 30.0
BUSY_SECONDS: Final = 5.0
LINGER_SECONDS: Final = 1.0
UNSENT_MAX: Final = 32 << 20
"""Bytes; whoever does not read so much does not read."""
_READ_SIZE: Final = 256 << 10
_BUSY_MAX: Final = 2000  # nearly three hours

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
T = TypeVar("T")


class LinkLost(MigrationError):
    """The other side is gone, silent, or has lost its senses: what it does is not known."""


class Stream(asyncio.StreamReader):
    """What had arrived before the connection broke is read before that is seen: a last word may be in it."""

    broken: BaseException | None = None

    def set_exception(self, exc: BaseException) -> None:
        self.broken = exc
        self.feed_eof()


class Link:
    """One end. Whatever fails closes it and raises LinkLost."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, incoming: Any) -> None:
        self._reader = reader
        self._writer = writer
        self._framer: Framer[Any] = Framer(incoming, messages.HANDSHAKE_MAX)
        self._ready: list[Any] = []
        self.peer = Peer(b"")
        self.sent_bytes = 0

    def trust(self, peer: Peer) -> None:
        """From now on large messages are read too."""
        self.peer = peer
        self._framer.allow(messages.MESSAGE_MAX)

    @property
    def closed(self) -> bool:
        return self._writer.is_closing()

    def send(self, message: Any) -> None:
        """Never waits; see drained()."""
        if self._writer.is_closing():
            raise LinkLost("The link to the other machine is gone")
        if self._writer.transport.get_write_buffer_size() > UNSENT_MAX:
            raise self._lost("The other machine does not read what it is sent")
        data = frame(message)
        self.sent_bytes += len(data)
        self._writer.write(data)

    async def drained(self) -> None:
        """Waits until most of what was sent has gone out."""
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                await self._writer.drain()
        except TimeoutError:
            raise self._lost("The other machine does not read what it is sent") from None
        except (OSError, RuntimeError) as error:
            raise self._lost(_broke(error)) from error

    @overload
    async def receive(self, kind: type[A], /, *, seconds: float = ...) -> A: ...
    @overload
    async def receive(self, kind: type[A], other: type[B], /, *, seconds: float = ...) -> A | B: ...
    @overload
    async def receive(
        self, kind: type[A], other: type[B], third: type[C], /, *, seconds: float = ...
    ) -> A | B | C: ...
    async def receive(self, *kinds: type[Any], seconds: float = QUIET_SECONDS) -> Any:
        """The next message, which has to be one of these. A Refused that is none of them is raised."""
        for _ in range(_BUSY_MAX):
            message = await self._next(seconds)
            if isinstance(message, kinds):
                return message
            if isinstance(message, messages.Refused):
                self.abort()
            if isinstance(message, messages.Cancel | messages.Refused):
                raise _given_up(message)
            if not isinstance(message, messages.Busy):
                break
        raise self._lost("The other machine sent what was not its turn to send")

    async def _next(self, seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                while not self._ready:
                    data = await self._reader.read(_READ_SIZE)
                    if not data:
                        broken = getattr(self._reader, "broken", None)
                        raise self._lost(_broke(broken) if broken else "The other machine closed the link")
                    self._ready = self._framer.feed(data)
                    self._ready.reverse()
        except TimeoutError:
            raise self._lost("The other machine does not answer") from None
        except OSError as error:
            raise self._lost(_broke(error)) from error
        except ControlError as error:
            raise self._lost(f"The other machine makes no sense: {error}") from error
        return self._ready.pop()

    @asynccontextmanager
    async def heard_out(self) -> AsyncIterator[None]:
        """Whoever is busy hears late what the other side said at last, and of the lost link first: where that
        was that nothing comes of it, that is what is raised here."""
        try:
            yield
        except LinkLost:
            with suppress(LinkLost):
                while True:
                    message = await self._next(LINGER_SECONDS)
                    if isinstance(message, messages.Cancel | messages.Refused):
                        raise _given_up(message) from None
            raise

    async def working(self, work: "asyncio.Task[T]") -> T:
        """Says Busy while the work goes on. A link that is lost meanwhile does not end the work."""
        while True:
            try:
                done, _ = await asyncio.wait([work], timeout=BUSY_SECONDS)
            except asyncio.CancelledError:
                work.cancel()
                await asyncio.wait([work])
                raise
            if done:
                return work.result()
            with suppress(LinkLost):
                self.send(messages.Busy())

    async def cancel(self) -> None:
        """Tells that nothing comes of it, and waits a little until that was heard; the link is gone then."""
        with suppress(LinkLost):
            self.send(messages.Cancel())
            while not isinstance(await self._next(LINGER_SECONDS), messages.Refused):
                pass
        self.abort()

    def abort(self) -> None:
        """At once, whatever was not sent yet."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """What was sent before is still delivered, if the other end reads it soon: what it sends meanwhile
        is taken and dropped, or its arrival here would break the link before."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._reader.read(_READ_SIZE):
                    pass
        except (TimeoutError, OSError):
            pass
        finally:
            self.abort()

    def _lost(self, sentence: str) -> LinkLost:
        self.abort()
        return LinkLost(sentence)


def _given_up(message: messages.Cancel | messages.Refused) -> MigrationError:
    if isinstance(message, messages.Cancel):
        return MigrationError("It was cancelled")
    return MigrationError(message.sentence or "The other machine refused without a reason")


def _broke(error: BaseException) -> str:
    return f"The link to the other machine broke: {why(error)}"


def why(error: BaseException) -> str:
    """In few words."""
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error) or repr(error)
