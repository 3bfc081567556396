"""A channel of typed messages over a stream socket: u32 length, little endian, then msgpack, and again.

Both ends bound what they read: a length over the limit, or bytes that are no message of the expected type,
close the channel with a ControlError. Nothing is resynchronised, since whoever sends garbage once has lost
its senses.

Left out: encryption, and messages from other machines.
"""

import socket
import struct
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from pocketvisor.errors import ControlError

if TYPE_CHECKING:
    import asyncio  # a guest's process has no use for it, and starts that much sooner

MESSAGE_MAX: Final = 8 << 20
_UNSENT_MAX: Final = 64 << 20  # a reader this far behind is not reading any more
_LENGTH = struct.Struct("<I")
_READ_SIZE = 256 << 10

Incoming = TypeVar("Incoming")
Outgoing = TypeVar("Outgoing")


class Framer(Generic[Incoming]):
    """Cuts a stream of bytes into messages of one type (a union of tagged structs)."""

    def __init__(self, incoming: Any, limit: int = MESSAGE_MAX) -> None:
        self._decoder: msgspec.msgpack.Decoder[Incoming] = msgspec.msgpack.Decoder(incoming)
        self._limit = limit
        self._buffer = bytearray()

    def allow(self, limit: int) -> None:
        """From now on messages may be so large."""
        self._limit = limit

    def feed(self, data: bytes) -> list[Incoming]:
        """The messages that are whole now."""
        buffer = self._buffer
        buffer += data
        messages = []
        at = 0
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if length > self._limit:
                raise ControlError(f"A message of {length} bytes is over the limit of {self._limit}")
            end = at + _LENGTH.size + length
            if len(buffer) < end:
                break
            try:
                messages.append(self._decoder.decode(memoryview(buffer)[at + _LENGTH.size : end]))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ControlError(f"A message made no sense: {error}") from error
            at = end
        del buffer[:at]
        return messages

    @property
    def unfinished(self) -> bool:
        """Whether the stream would end in the middle of a message."""
        return bool(self._buffer)


_encoder = msgspec.msgpack.Encoder()


def frame(message: Any) -> bytes:
    """A message as it goes over the stream."""
    try:
        payload = _encoder.encode(message)
    except UnicodeEncodeError as error:  # of a command line, or of a file's name
        raise ControlError(f"{error.object!r} is no text in UTF-8, and cannot be told") from None
    if len(payload) > MESSAGE_MAX:
        raise ControlError(f"A message of {len(payload)} bytes is over the limit of {MESSAGE_MAX}")
    return _LENGTH.pack(len(payload)) + payload


class Channel(Generic[Incoming, Outgoing]):
    """An asyncio end. Sending never waits: what the other end does not read is kept, up to a bound."""

    def __init__(self, reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter", incoming: Any) -> None:
        self._reader = reader
        self._writer = writer
        self._framer: Framer[Incoming] = Framer(incoming)
        self._ready: list[Incoming] = []
        self._failure: ControlError | None = None
        self.received = 0
        """Bytes, so far."""

    @classmethod
    async def open(cls, end: socket.socket, incoming: Any) -> "Channel[Incoming, Outgoing]":
        """Takes over the socket."""
        end.setblocking(False)
        import asyncio

        reader, writer = await asyncio.open_connection(sock=end)
        return cls(reader, writer, incoming)

    @property
    def closed(self) -> bool:
        return self._failure is not None or self._writer.is_closing()

    def send(self, message: Outgoing) -> None:
        """Raises ControlError where the channel is closed, or the other end has long stopped reading."""
        if self._failure is not None:
            raise self._failure
        if self._writer.is_closing():
            raise ControlError("The channel is closed")
        if self._writer.transport.get_write_buffer_size() > _UNSENT_MAX:
            raise self._fail(ControlError("The other end does not read its messages"))
        self._writer.write(frame(message))

    async def drained(self) -> None:
        """Waits until the other end has read most of what was sent. Raises ControlError."""
        try:
            await self._writer.drain()
        except OSError as error:
            raise self._fail(ControlError(f"The channel broke: {error.strerror}")) from error

    async def receive(self) -> Incoming | None:
        """The next message; None at the stream's proper end. Raises ControlError for anything else."""
        while not self._ready:
            if self._failure is not None:
                raise self._failure
            try:
                data = await self._reader.read(_READ_SIZE)
            except OSError as error:
                raise self._fail(ControlError(f"The channel broke: {error.strerror}")) from error
            self.received += len(data)
            if not data:
                if self._framer.unfinished:
                    raise self._fail(ControlError("The channel ended in the middle of a message"))
                return None
            try:
                self._ready = self._framer.feed(data)
            except ControlError as error:
                raise self._fail(error) from error
            self._ready.reverse()
        return self._ready.pop()

    def close(self) -> None:
        """What was sent before is still delivered, if the other end reads it."""
        self._writer.close()

    def _fail(self, failure: ControlError) -> ControlError:
        self._failure = failure
        self._writer.transport.abort()
        return failure


class BlockingChannel(Generic[Incoming, Outgoing]):
    """The end of a guest's process, which waits with its own selector."""

    def __init__(self, end: socket.socket, incoming: Any) -> None:
        self._socket = end
        self._framer: Framer[Incoming] = Framer(incoming)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: Outgoing) -> None:
        """Waits for the other end to read. Raises ControlError where it has gone."""
        try:
            self._socket.sendall(frame(message))
        except OSError as error:
            raise ControlError(f"The channel broke: {error.strerror}") from error

    def receive(self) -> list[Incoming] | None:
        """Waits for bytes and gives the messages that are whole now, maybe none; None at the end."""
        try:
            data = self._socket.recv(_READ_SIZE)
        except OSError as error:
            raise ControlError(f"The channel broke: {error.strerror}") from error
        return self._framer.feed(data) if data else None
