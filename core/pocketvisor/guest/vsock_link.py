"""The handset's end of the wire to a guest's vsock device: its streams, with their windows.

Who is at a stream's other end, a program or another guest, is the business of whoever made the link. The
device's process is not trusted: what is out of place ends its stream.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from pocketvisor.devices.vsock_wire import (
    ACCEPT,
    CLOSE,
    CONNECT,
    CREDIT,
    DATA,
    FROM_HANDSET,
    MESSAGE_MAX,
    RESET,
    SHUTDOWN,
    STREAMS_MAX,
    WINDOW,
    Message,
    pack,
    unpack,
)

_PIECE: Final = 16 << 10
_UNREAD_MAX: Final = 8192
_AT_ONCE: Final = 64
_REST_SECONDS: Final = 0.005


class Stream:
    """One connection. What the guest sends waits in `queue`, at most a window of it; None is its end."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.accepted = asyncio.Event()
        self.host_port = 0
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.queued = 0
        self.credit = WINDOW
        self.has_credit = asyncio.Event()
        self.shut = False
        self.ended = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def gone(self) -> bool:
        return self.ended.is_set()


class VsockLink:
    """`connects` is what is done where the guest connects to a port; it ends with the stream."""

    def __init__(self, connects: Callable[[Stream, int], Coroutine[Any, Any, None]]) -> None:
        self._connects = connects
        self._wire: tuple[socket.socket, socket.socket] | None = None
        self._fresh = False
        self._streams: dict[int, Stream] = {}
        self._next = 0
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def descriptor(self) -> int:
        """The process's end; -1 where there is none."""
        return self._wire[1].fileno() if self._wire is not None else -1

    def begin(self) -> None:
        """With a fresh wire."""
        self.end()
        self._wire = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._fresh = True
        ours = self._wire[0]
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours, self._readable)
        self.start(self._send_all(ours))

    def end(self) -> None:
        self.reset()
        for task in self._tasks:
            task.cancel()
        if self._wire is not None:
            asyncio.get_running_loop().remove_reader(self._wire[0])
            for end in self._wire:
                end.close()
            self._wire = None
        self._out = asyncio.Queue()

    async def close(self) -> None:
        tasks = list(self._tasks)
        self.end()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reset(self) -> None:
        """All its streams end."""
        for stream in list(self._streams.values()):
            self._lost(stream)

    def hang_up(self) -> None:
        """All its streams end, and the device is told."""
        for stream in list(self._streams.values()):
            self.cut(stream)

    def cut(self, stream: Stream) -> None:
        """One of them ends so, with what works on it."""
        if not stream.gone:
            self._say(CLOSE, stream.number)
            self._guest_closes(stream)
        for task in stream.tasks:
            task.cancel()

    def start(self, work: Coroutine[Any, Any, None], stream: Stream | None = None) -> None:
        """Work that ends with the link, and with the stream."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        sets = [self._tasks] if stream is None else [self._tasks, stream.tasks]
        for tasks in sets:
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    # Streams

    def new_stream(self) -> Stream | None:
        """For connect(); None where there is no guest at the wire, or it has too many."""
        if self._wire is None or len(self._streams) >= STREAMS_MAX:
            return None
        self._next = (self._next + 1) % FROM_HANDSET
        stream = self._streams[FROM_HANDSET + self._next] = Stream(FROM_HANDSET + self._next)
        return stream

    async def connect(self, stream: Stream, port: int, seconds: float) -> bool:
        """To the guest's port. Raises TimeoutError."""
        self._say(CONNECT, stream.number, port)
        try:
            async with asyncio.timeout(seconds):
                await stream.accepted.wait()
        except TimeoutError:
            if not stream.accepted.is_set():  # a loop that was held up for longer hears of both at once
                raise
        return not stream.gone

    def accept(self, stream: Stream) -> None:
        if not stream.gone:
            self._say(ACCEPT, stream.number)

    async def send(self, stream: Stream, data: bytes) -> bool:
        """To the guest, as it takes it. False where the stream is gone."""
        at = 0
        while at < len(data):
            room = await self.room(stream)
            if not room:
                return False
            piece = data[at : at + min(room, _PIECE)]
            self.give(stream, piece)
            at += len(piece)
        return not stream.gone

    async def room(self, stream: Stream) -> int:
        """How much the guest takes; waits until that is something. 0 where the stream is gone."""
        while not stream.credit and not stream.gone:
            stream.has_credit.clear()
            await stream.has_credit.wait()
        return 0 if stream.gone else min(stream.credit, _PIECE)

    def give(self, stream: Stream, data: bytes) -> None:
        """Not more than there is room() for."""
        stream.credit -= len(data)
        if not stream.gone:
            self._say(DATA, stream.number, 0, data)

    def passed_on(self, stream: Stream, data: bytes) -> None:
        """What came out of its queue: the guest may send as much again."""
        stream.queued -= len(data)
        if not stream.gone:
            self._say(CREDIT, stream.number, len(data))

    def shut(self, stream: Stream) -> None:
        """The guest gets nothing more on it."""
        if not stream.gone:
            self._say(SHUTDOWN, stream.number)

    def drop(self, stream: Stream) -> None:
        """This side has no such connection any more."""
        if not self._forget(stream):  # or it is another one's number by now
            return
        stream.ended.set()
        self._say(CLOSE, stream.number)

    # The wire

    def _say(self, kind: int, stream: int, value: int = 0, data: bytes = b"") -> None:
        self._out.put_nowait(pack(Message(kind, stream, value, data)))

    async def _send_all(self, wire: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        out = self._out
        with suppress(OSError):
            while True:
                await loop.sock_sendall(wire, await out.get())

    def _readable(self) -> None:
        assert self._wire is not None
        for _ in range(_AT_ONCE):
            try:
                packet = self._wire[0].recv(MESSAGE_MAX + 1)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                asyncio.get_running_loop().remove_reader(self._wire[0])
                self.reset()
                return
            message = unpack(packet)
            if message is not None:
                self._heard(message)
            if self._out.qsize() > _UNREAD_MAX:  # it talks and does not listen
                asyncio.get_running_loop().remove_reader(self._wire[0])
                self.reset()
                return
        self._rest(self._wire[0])

    def _rest(self, wire: socket.socket) -> None:
        """It never stops talking: others of this loop want to be heard too. What it says waits."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(wire)

        def go_on() -> None:
            if self._wire is not None and self._wire[0] is wire:
                loop.add_reader(wire, self._readable)

        loop.call_later(_REST_SECONDS, go_on)

    def _heard(self, message: Message) -> None:
        kind, number, value, data = message
        if kind == RESET:
            self._device_begins()
            return
        if kind == CONNECT:
            self._guest_connects(number, value)
            return
        stream = self._streams.get(number)
        if stream is None:
            return
        if kind == ACCEPT and number >= FROM_HANDSET:
            stream.host_port = value
            stream.accepted.set()
        elif kind == DATA and data and not stream.shut and stream.queued + len(data) <= WINDOW:
            stream.queued += len(data)
            stream.queue.put_nowait(data)
        elif kind == CREDIT and stream.credit + value <= WINDOW:
            stream.credit += value
            stream.has_credit.set()
        elif kind == SHUTDOWN and not stream.shut:
            stream.shut = True
            stream.queue.put_nowait(None)
        else:
            if kind != CLOSE:
                self._say(CLOSE, number)
            self._guest_closes(stream)

    def _device_begins(self) -> None:
        """Or ends. As it first begins it says so before it reads: who asked for a connection by then, because
        the guest was quicker to say that it listens, has yet to be heard."""
        fresh, self._fresh = self._fresh, False
        for stream in list(self._streams.values()):
            if not (fresh and stream.number >= FROM_HANDSET and not stream.accepted.is_set()):
                self._lost(stream)

    def _lost(self, stream: Stream) -> None:
        self._guest_closes(stream)
        for task in stream.tasks:
            task.cancel()

    def _guest_connects(self, number: int, port: int) -> None:
        if number >= FROM_HANDSET or number in self._streams or len(self._streams) >= STREAMS_MAX:
            self._say(CLOSE, number)
            return
        stream = self._streams[number] = Stream(number)
        self.start(self._connects(stream, port), stream)

    def _forget(self, stream: Stream) -> bool:
        """Whether it was known."""
        known = self._streams.get(stream.number) is stream
        if known:
            del self._streams[stream.number]
        return known

    def _guest_closes(self, stream: Stream) -> None:
        """What it has sent before is still in its queue."""
        self._forget(stream)
        stream.ended.set()
        stream.queue.put_nowait(None)
        stream.accepted.set()
        stream.has_credit.set()
