"""virtio-net (VIRTIO 1.1, chapter 5.1): a network card on a wire, which is a SOCK_SEQPACKET socket whose
messages are a virtio_net_hdr and a frame (net_frame.py). What is at the wire's other end is not its business.

A frame for which the driver has no buffers waits on the wire, and then with whoever sends it. A frame that
the wire cannot take at once waits in the driver's ring, as a card waits for its medium: to drop it would
have TCP slow down for nothing. A wire that has closed is a link that is down: what is sent is dropped.

Left out: the control queue, several queue pairs, VIRTIO_F_EVENT_IDX. Frames may be lost over a reset.
"""

import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.board.config import NetworkConfig
from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.net_frame import (
    ETHERNET,
    GOOD,
    HEADER_SIZE,
    MESSAGE_MAX,
    PLAIN,
    completed,
    segments,
)
from pocketvisor.devices.virtio import Answer, VirtioSlot, Windows
from pocketvisor.devices.virtio_replay import Answered, Replayable
from pocketvisor.devices.virtqueue import F_INDIRECT, Chain, Virtqueue, VirtqueueError
from pocketvisor.devices.wires import FULL

F_CSUM: Final = 1 << 0
F_GUEST_CSUM: Final = 1 << 1
F_MTU: Final = 1 << 3
F_MAC: Final = 1 << 5
F_GUEST_TSO4: Final = 1 << 7
F_GUEST_TSO6: Final = 1 << 8
F_HOST_TSO4: Final = 1 << 11
F_HOST_TSO6: Final = 1 << 12
F_MRG_RXBUF: Final = 1 << 15
F_STATUS: Final = 1 << 16
F_VERSION_1: Final = 1 << 32

RECEIVE: Final = 0
TRANSMIT: Final = 1
LINK_UP: Final = 1

_CONFIG: Final = struct.Struct("<6sHHH")
_OLD_HEADER: Final = 10  # of a driver from before VIRTIO 1.0 that does not merge buffers
_BATCH: Final = 64
_BATCH_BYTES: Final = 1 << 20
_PIECES_MAX: Final = 512
_RETRY_SECONDS: Final = 0.001


class Link(Struct, tag=True, forbid_unknown_fields=True):
    """To the card: its cable is in, or out."""

    up: bool


class Wire(Struct, tag=True, forbid_unknown_fields=True):
    """To the card, with a descriptor: a new wire in the place of the old one."""


class WireClosed(Struct, tag=True):
    """From the card: there is nobody at the wire's other end."""


_to_card: Final = msgspec.msgpack.Decoder(Link | Wire)


class _State(Struct):
    link: bool = True
    waiting: Annotated[
        list[Annotated[bytes, Meta(max_length=MESSAGE_MAX)]], Meta(max_length=_BATCH + 45)
    ] = []


class VirtioNet(Replayable):
    device_id = 1
    queue_sizes: tuple[int, ...] = (256, 256)
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, config: NetworkConfig) -> None:
        self.features = F_CSUM | F_GUEST_CSUM | F_MAC | F_STATUS | F_MRG_RXBUF | F_INDIRECT
        self.features |= F_GUEST_TSO4 | F_GUEST_TSO6 | F_HOST_TSO4 | F_HOST_TSO6
        if config.mtu:
            self.features |= F_MTU
        self._mac, self._mtu = config.mac, config.mtu
        self._link = config.link
        self.config = self._shown()
        self._wire = socket.socket(fileno=config.wire) if config.wire >= 0 else None
        if self._wire is not None:
            self._wire.setblocking(False)
        self._watched = False
        self._ready = False
        self._waiting: deque[bytes] = deque()  # taken off the wire, with no room in the guest yet
        self._retrying = False
        self._header = HEADER_SIZE
        self._merges = self._summed = self._segments = False
        self.dropped = 0

    # For the slot

    def activate(self) -> None:
        features = self.port.features
        self._merges = bool(features & F_MRG_RXBUF)
        self._header = HEADER_SIZE if features & F_VERSION_1 or self._merges else _OLD_HEADER
        self._summed = bool(features & F_GUEST_CSUM)
        self._segments = self._summed and bool(features & F_GUEST_TSO4) and bool(features & F_GUEST_TSO6)
        self._ready = True
        self._receive()
        self._transmit()

    def deactivate(self) -> None:
        self._ready = False
        self._waiting.clear()
        self._unwatch()

    def kick(self, queue: int) -> None:
        if queue == RECEIVE:
            if not self._watched:
                self._receive()
        elif queue == TRANSMIT:
            self._transmit()

    def control(self, data: bytes, fd: int | None) -> None:
        """Raises ValueError where the handset's message makes no sense."""
        message = _to_card.decode(data)
        if isinstance(message, Wire) and fd is not None:
            self._unwatch()
            if self._wire is not None:
                self._wire.close()
            self._wire = socket.socket(fileno=fd)
            self._wire.setblocking(False)
            self._try(self._receive)
            return
        if fd is not None:
            os.close(fd)
        if isinstance(message, Link):
            self._set_link(message.up)

    def save(self) -> State:
        return plain(_State(self._link, list(self._waiting)))

    def restore(self, state: State) -> None:
        restored = from_plain(state, _State)
        self._link = restored.link
        self._waiting = deque(restored.waiting)

    # Replays

    def replayed(self, queue: int, taken: list[Chain], answered: Answered) -> None:
        if queue == RECEIVE:
            self._waiting.clear()  # they are in the log, or were lost

    def replayed_config(self, config: bytes) -> None:
        self._link = bool(_CONFIG.unpack(config)[1] & LINK_UP)
        self.config = config

    # To the guest

    def _frames_wait(self) -> None:
        self._try(self._receive)

    def _try(self, work: Callable[[], None]) -> None:
        """What is not called by the slot sees to a driver's mistakes itself."""
        try:
            work()
        except VirtqueueError:
            self.port.broken()

    def _try_again(self) -> None:
        """A little later; however often the driver kicks, one such call is on its way."""
        if not self._retrying:
            self._retrying = True
            self.port.loop.later(_RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        self._retrying = False
        self._try(self._receive)
        self._try(self._transmit)

    def _receive(self) -> None:
        """As many frames as there are, and as the driver has buffers for."""
        queue = self.port.queue(RECEIVE) if self._ready else None
        if queue is None:
            self._unwatch()
            return
        waiting, answers, size = self._waiting, [], 0
        begin = queue.position
        taken: list[bytes] = []
        blocked = False
        for _ in range(_BATCH):
            if not waiting and not self._take():
                break
            message = waiting[0]
            buffers = self._place(queue, message)
            if buffers is None:
                blocked = True
                break
            taken.append(waiting.popleft())
            answers += buffers
            size += len(message)
            if size >= _BATCH_BYTES:
                break
        if answers and not self.port.answer(RECEIVE, answers):
            queue.position = begin
            waiting.extendleft(reversed(taken))
            self._unwatch()
            self._try_again()
        elif blocked:
            self._unwatch()
        else:
            self._watch()

    def _take(self) -> bool:
        """The next message of the wire, in the form that the driver takes, to what waits."""
        while self._wire is not None:
            try:
                message = self._wire.recv(MESSAGE_MAX + 1)
            except OSError as error:
                if error.errno in FULL:
                    return False
                message = b""
            if not message:
                self._wire_closed()
            elif HEADER_SIZE + ETHERNET <= len(message) <= MESSAGE_MAX:
                self._waiting.extend(self._adapted(message))
                return True
            else:
                self.dropped += 1
        return False

    def _adapted(self, message: bytes) -> list[bytes]:
        if message[1] and not self._segments:
            header = GOOD if self._summed else PLAIN
            return [header + frame for frame in segments(message, 0xFFFF)]
        if message[0] and not self._summed:
            return [PLAIN + completed(message)]
        return [message]

    def _place(self, queue: Virtqueue, message: bytes) -> list[Answer] | None:
        """The message in as many of the driver's buffers as it needs, None where there are not enough."""
        before = queue.position
        head = message[: self._header]
        left = len(message) - HEADER_SIZE
        chains: list[tuple[Chain, int]] = []
        room = 0
        need = self._header + left
        while room < need:
            chain = queue.pop()
            if chain is None:
                queue.position = before
                return None
            if chain.readable or not chain.room:
                raise VirtqueueError("a buffer to receive into cannot be written")
            size = min(chain.room, need - room)
            chains.append((chain, size))
            room += size
            if not self._merges and room < need:  # it will never fit
                self.dropped += 1
                return [(chain, [], 0)]
        data = memoryview(head[:10] + len(chains).to_bytes(2, "little") + message[HEADER_SIZE:])
        if self._header == _OLD_HEADER:
            data = memoryview(head + message[HEADER_SIZE:])
        answers: list[Answer] = []
        at = 0
        for chain, size in chains:
            writes = []
            end = at + size
            for piece in chain.writable:
                if at >= end:
                    break
                part = data[at : min(at + piece.size, end)]
                writes.append((piece.address, part))
                at += len(part)
            answers.append((chain, writes, size))
        return answers

    # From the guest

    def _transmit(self) -> None:
        queue = self.port.queue(TRANSMIT) if self._ready else None
        while queue is not None:
            begin = queue.position
            answers: list[Answer] = []
            full = False
            for _ in range(_BATCH):
                before = queue.position
                chain = queue.pop()
                if chain is None:
                    break
                if not self._send(chain):
                    queue.position = before
                    full = True
                    break
                answers.append((chain, (), 0))
            if answers and not self.port.answer(TRANSMIT, answers):
                # They are sent all the same; that they come twice is what a network may do.
                queue.position = begin
                full = True
            if full:
                self._try_again()
            if full or len(answers) < _BATCH:
                return

    def _send(self, chain: Chain) -> bool:
        """False where the wire cannot take it yet."""
        pieces = chain.readable
        size = sum(piece.size for piece in pieces)
        if chain.writable:
            raise VirtqueueError("a frame to send cannot be written to")
        short = HEADER_SIZE - self._header
        if (
            self._wire is None
            or not self._link
            or size > MESSAGE_MAX - short
            or size < self._header
            or len(pieces) > _PIECES_MAX
        ):
            self.dropped += 1
            return True
        view = self.port.memory.view
        parts: list[Any] = [view(piece.address, piece.size) for piece in pieces if piece.size]
        if short:
            data = b"".join(parts)
            parts = [data[: self._header], bytes(short), data[self._header :]]
        try:
            self._wire.sendmsg(parts)
        except OSError as error:
            if error.errno in FULL:
                return False
            self.dropped += 1
            if error.errno != errno.EMSGSIZE:
                self._wire_closed()
        return True

    # The wire and the link

    def _watch(self) -> None:
        if not self._watched and self._wire is not None:
            self._watched = True
            self.port.loop.watch(self._wire.fileno(), self._frames_wait)

    def _unwatch(self) -> None:
        if self._watched and self._wire is not None:
            self.port.loop.unwatch(self._wire.fileno())
        self._watched = False

    def _wire_closed(self) -> None:
        self._unwatch()
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self.port.report(WireClosed())
        self._set_link(False)

    def _set_link(self, up: bool) -> None:
        """The driver hears of it when the event queue has room."""
        if up != self._link:
            self._link = up
            self._tell_link()

    def _tell_link(self) -> None:
        self.config = self._shown()
        if not self.port.configure(self.config):
            self.port.loop.later(0.01, self._tell_link)

    def _shown(self) -> bytes:
        return _CONFIG.pack(self._mac, LINK_UP if self._link else 0, 1, self._mtu)
