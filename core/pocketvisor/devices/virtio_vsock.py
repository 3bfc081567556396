"""virtio-vsock (VIRTIO 1.1, chapter 5.10): stream connections between a guest and Unix sockets of its host.

The accounting of credit is done here, towards the driver; the handset accepts and makes the connections
(vsock_wire.py), and a byte counts as passed on when it has left the handset. So nothing is buffered here but
at most a window for each connection towards the guest. While replies wait for buffers of the guest's, or the
wire is full, nothing more is taken from it.

A restored guest has lost its connections, and is told so (5.10.6.7). Left out: datagrams, SEQPACKET.
"""

import struct
from collections import deque
from typing import Final

from msgspec import Struct

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.virtio import VirtioSlot, Windows
from pocketvisor.devices.virtqueue import Chain, VirtqueueError, fill
from pocketvisor.devices.vsock_channel import VsockChannel
from pocketvisor.devices.vsock_stream import (
    HEADER_SIZE,
    HOST_CID,
    OP_CREDIT_REQUEST,
    OP_CREDIT_UPDATE,
    OP_REQUEST,
    OP_RESPONSE,
    OP_RST,
    OP_RW,
    OP_SHUTDOWN,
    SHUT_ALL,
    SHUT_SEND,
    STREAM,
    Header,
    Stream,
)
from pocketvisor.devices.vsock_wire import (
    ACCEPT,
    CLOSE,
    CONNECT,
    CREDIT,
    DATA,
    FROM_HANDSET,
    RESET,
    SHUTDOWN,
    STREAMS_MAX,
    WINDOW,
    Message,
)

RX, TX, EVENT = range(3)
TRANSPORT_RESET: Final = 0

_QUEUE_SIZE: Final = 128
_REPLIES_MAX: Final = 64
_PACKET_MAX: Final = 64 << 10
_CHAINS: Final = 64
_CLOSE_SECONDS: Final = 8.0
_FIRST_PORT: Final = 1 << 30


class VsockState(Struct):
    """Connections do not outlive their wire."""

    lost: bool = False
    """The guest is to be told that its connections are gone."""


class VirtioVsock:
    device_id = 19
    features = 0
    queue_sizes: tuple[int, ...] = (_QUEUE_SIZE, _QUEUE_SIZE, _QUEUE_SIZE)
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, cid: int, wire: VsockChannel) -> None:
        self._cid = cid
        self._wire = wire
        self.config = struct.pack("<Q", cid)
        self._streams: dict[tuple[int, int], Stream] = {}  # by host's and guest's port
        self._numbers: dict[int, Stream] = {}
        self._replies: deque[Header] = deque()
        self._next_number = 0
        self._next_port = 0
        self._state = VsockState()

    def activate(self) -> None:
        self._wire.attach(self.port.loop, self._from_handset, self._wire_has_room)
        self._wire.send(Message(RESET))
        for queue in range(3):
            self.kick(queue)

    def deactivate(self) -> None:
        self._forget()
        self._state.lost = False
        self._wire.send(Message(RESET))
        self._wire.detach()

    def kick(self, queue: int) -> None:
        if queue == EVENT:
            self._tell_reset()
            return
        self._take()
        self._pump()

    def save(self) -> State:
        return plain(self._state)

    def restore(self, state: State) -> None:
        self._state = from_plain(state, VsockState)
        self._state.lost = True

    # From the guest

    def _take(self) -> None:
        queue = self.port.queue(TX)
        for _ in range(_CHAINS):
            if queue is None or self._wire.full:
                return
            if len(self._replies) >= _REPLIES_MAX:
                self._pump()
                if len(self._replies) >= _REPLIES_MAX:
                    return
            position = queue.position
            chain = queue.pop()
            if chain is None:
                return
            header, data = self._read(chain)
            if not self.port.answer(TX, [(chain, (), 0)]):
                queue.position = position
                self.port.retry(TX)
                return
            self._heard(header, data)
        self.port.retry(TX)

    def _read(self, chain: Chain) -> tuple[Header, bytes]:
        size = sum(piece.size for piece in chain.readable)
        if not HEADER_SIZE <= size <= HEADER_SIZE + _PACKET_MAX:
            raise VirtqueueError("a packet is too short or too long")
        whole = b"".join(self.port.memory.read(piece.address, piece.size) for piece in chain.readable)
        header = Header.unpack(whole)
        data = whole[HEADER_SIZE : HEADER_SIZE + header.length]
        if len(data) != header.length:
            raise VirtqueueError("a packet is shorter than it says")
        return header, data

    def _heard(self, header: Header, data: bytes) -> None:
        if header.source_cid != self._cid or header.destination_cid != HOST_CID:
            return
        stream = self._streams.get((header.destination_port, header.source_port))
        if header.kind != STREAM:
            self._refuse(header)
        elif stream is None:
            if header.operation == OP_REQUEST:
                self._requested(header)
            elif header.operation != OP_RST:
                self._refuse(header)
        else:
            stream.heard_credit(header)
            self._operate(stream, header, data)

    def _requested(self, header: Header) -> None:
        if len(self._streams) >= STREAMS_MAX:
            self._refuse(header)
            return
        self._next_number = (self._next_number + 1) % FROM_HANDSET
        stream = Stream(self._next_number, header.destination_port, header.source_port)
        stream.heard_credit(header)
        self._add(stream)
        self._wire.send(Message(CONNECT, stream.number, stream.host_port))

    def _operate(self, stream: Stream, header: Header, data: bytes) -> None:
        operation = header.operation
        if operation == OP_RW and stream.open:
            if not stream.received(len(data)):
                self._reset(stream)
            elif data:
                self._wire.send(Message(DATA, stream.number, 0, data))
        elif operation == OP_RESPONSE and not stream.open and stream.number >= FROM_HANDSET:
            stream.open = True
            self._wire.send(Message(ACCEPT, stream.number, stream.host_port))
        elif operation == OP_CREDIT_REQUEST and stream.open:
            stream.owes_update = True
        elif operation == OP_CREDIT_UPDATE and stream.open:
            pass
        elif operation == OP_SHUTDOWN and stream.open:
            self._guest_shuts(stream, header.flags)
        elif operation == OP_RST:
            self._drop(stream)
        else:
            self._reset(stream)

    def _guest_shuts(self, stream: Stream, flags: int) -> None:
        before, stream.guest_shut = stream.guest_shut, stream.guest_shut | flags & SHUT_ALL
        if stream.guest_shut == SHUT_ALL:
            self._reset(stream)
        elif stream.guest_shut & SHUT_SEND and not before & SHUT_SEND:
            self._wire.send(Message(SHUTDOWN, stream.number))

    # From the handset

    def _from_handset(self, message: Message) -> None:
        if message.kind == CONNECT:
            self._host_connects(message)
        else:
            stream = self._numbers.get(message.stream)
            if stream is not None:
                self._handset_says(stream, message)
        try:
            self._pump()
        except VirtqueueError:
            self.port.broken()

    def _host_connects(self, message: Message) -> None:
        number = message.stream
        if number < FROM_HANDSET or number in self._numbers or len(self._streams) >= STREAMS_MAX:
            self._wire.send(Message(CLOSE, number))
            return
        while True:
            host_port = _FIRST_PORT + self._next_port
            self._next_port = (self._next_port + 1) % _FIRST_PORT
            if (host_port, message.value) not in self._streams:
                break
        stream = Stream(number, host_port, message.value)
        self._add(stream)
        self._replies.append(self._header(stream, OP_REQUEST))

    def _handset_says(self, stream: Stream, message: Message) -> None:
        match message.kind:
            case k if k == ACCEPT and not stream.open and stream.number < FROM_HANDSET:
                stream.open = True
                self._replies.append(self._header(stream, OP_RESPONSE))
            case k if k == DATA and stream.open and len(stream.waiting) + len(message.data) <= WINDOW:
                stream.waiting += message.data
            case k if k == CREDIT:
                stream.passed_on(message.value)
            case k if k == SHUTDOWN and stream.open:
                stream.host_shuts |= SHUT_SEND
            case k if k == CLOSE and stream.open:
                stream.host_shuts = SHUT_ALL
            case _:
                self._reset(stream)

    def _wire_has_room(self) -> None:
        try:
            self._take()
            self._pump()
        except VirtqueueError:
            self.port.broken()

    # To the guest

    def _pump(self) -> None:
        """Replies first, then what each connection has, as far as the guest has buffers."""
        while self._replies:
            if not self._put(self._replies[0]):
                return
            self._replies.popleft()
        busy = True
        while busy:
            busy = False
            for stream in list(self._streams.values()):
                if (stream.open and self._pump_one(stream)) is None:
                    return
                busy |= bool(stream.waiting) and stream.room() > 0

    def _pump_one(self, stream: Stream) -> bool | None:
        """None where the guest has no buffer left."""
        if stream.guest_shut & 1:  # it reads no more
            dropped = len(stream.waiting)
            stream.waiting.clear()
            self._passed_on(stream, dropped)
        if stream.waiting and stream.room():
            part = bytes(stream.waiting[: min(stream.room(), _PACKET_MAX)])
            sent = self._put(self._header(stream, OP_RW), part)
            if not sent:
                return None
            del stream.waiting[:sent]
            stream.sent += sent
            self._passed_on(stream, sent)
        if stream.waiting and not stream.room() and not stream.asked:
            if not self._put(self._header(stream, OP_CREDIT_REQUEST)):
                return None
            stream.asked = True
        if stream.needs_update():
            if not self._put(self._header(stream, OP_CREDIT_UPDATE)):
                return None
            stream.owes_update = False
        if stream.host_shuts != stream.host_shut and not stream.waiting:
            if not self._put(self._header(stream, OP_SHUTDOWN, stream.host_shuts)):
                return None
            stream.host_shut = stream.host_shuts
            if stream.host_shut == SHUT_ALL:  # the guest answers with a reset, when it has read all
                self.port.loop.later(_CLOSE_SECONDS, lambda: self._give_up(stream))
        return True

    def _put(self, header: Header, data: bytes = b"") -> int:
        """One packet; how many bytes of it went, with a packet of none 1, 0 where the guest has no buffer."""
        queue = self.port.queue(RX)
        position = queue.position if queue is not None else 0
        chain = queue.pop() if queue is not None else None
        if queue is None or chain is None:
            return 0
        if chain.room < HEADER_SIZE + min(1, len(data)):
            raise VirtqueueError("a buffer has no room for a packet")
        data = data[: chain.room - HEADER_SIZE]
        packet = header.with_length(len(data)).pack() + data
        if not self.port.answer(RX, [(chain, fill(chain, packet), len(packet))]):
            queue.position = position
            self.port.retry(RX)
            return 0
        return len(data) or 1

    def _passed_on(self, stream: Stream, count: int) -> None:
        stream.owed += count
        if stream.owed and (stream.owed >= WINDOW // 4 or not stream.waiting):
            self._wire.send(Message(CREDIT, stream.number, stream.owed))
            stream.owed = 0

    def _tell_reset(self) -> None:
        queue = self.port.queue(EVENT)
        if queue is None or not self._state.lost:
            return
        position = queue.position
        chain = queue.pop()
        if chain is None:
            return
        if chain.room < 4:
            raise VirtqueueError("a buffer has no room for an event")
        if self.port.answer(EVENT, [(chain, fill(chain, struct.pack("<I", TRANSPORT_RESET)), 4)]):
            self._state.lost = False
        else:
            queue.position = position
            self.port.retry(EVENT)

    # Streams

    def _header(self, stream: Stream, operation: int, flags: int = 0) -> Header:
        stream.told = stream.taken
        return Header(
            HOST_CID, self._cid, stream.host_port, stream.guest_port, 0, STREAM, operation, flags, WINDOW,
            stream.taken & 0xFFFFFFFF,
        )  # fmt: skip

    def _refuse(self, header: Header) -> None:
        self._replies.append(
            Header(
                HOST_CID,
                self._cid,
                header.destination_port,
                header.source_port,
                0,
                header.kind,
                OP_RST,
                0,
                0,
                0,
            )
        )

    def _add(self, stream: Stream) -> None:
        self._streams[stream.host_port, stream.guest_port] = stream
        self._numbers[stream.number] = stream

    def _drop(self, stream: Stream) -> None:
        """The guest has no such connection any more."""
        del self._streams[stream.host_port, stream.guest_port]
        del self._numbers[stream.number]
        self._wire.send(Message(CLOSE, stream.number))

    def _reset(self, stream: Stream) -> None:
        """Neither side has it any more."""
        self._drop(stream)
        self._replies.append(self._header(stream, OP_RST))

    def _give_up(self, stream: Stream) -> None:
        if self._numbers.get(stream.number) is stream:
            self._reset(stream)
            self._wire_has_room()

    def _forget(self) -> None:
        self._streams.clear()
        self._numbers.clear()
        self._replies.clear()
