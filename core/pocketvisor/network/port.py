"""One guest's wire in the network process, and all that happens to its frames on the way to a network.

Whatever a guest does with its wire costs this port alone: it is read in turns, a frame that cannot be is
dropped and counted, and every queue here has a bound.
"""

import errno
import socket
from collections import deque
from typing import Final, Protocol

from pocketvisor.devices.net_frame import (
    HEADER_SIZE,
    MESSAGE_MAX,
    PLAIN,
    completed,
    from_guest,
    needs_work,
    problem,
    segments,
)
from pocketvisor.network.capture import Capture
from pocketvisor.network.gate import REFUSED, Gate
from pocketvisor.network.messages import Counters
from pocketvisor.network.poller import Poller
from pocketvisor.network.radio import NO_RADIO, PACKET, Radio, Way
from pocketvisor.network.rules import NetworkRules

_TURN_FRAMES: Final = 32
_TURN_BYTES: Final = 512 << 10
_LAST_TURNS: Final = 64
_QUEUE_BYTES: Final = 4 << 20
_QUEUE_FRAMES: Final = 2048
FULL: Final = (errno.EAGAIN, errno.ENOBUFS)


class Network(Protocol):
    """What a port can be attached to."""

    leads_out: bool
    """To this machine's network and no other guest."""

    def send(self, port: "Port", message: bytes) -> bool:
        """A sound message of its guest. False: it could not take it in, and dropped it."""

    @property
    def congested(self) -> bool:
        """Should the guest wait? The network calls port.resume() when it no longer is."""

    def room(self) -> None:
        """The port's queue to its guest has room again."""

    def leave(self, port: "Port") -> None: ...


class Port:
    def __init__(self, poller: Poller, number: int, mac: bytes, seed: int) -> None:
        self._poller = poller
        self.number = number
        self.mac = mac
        self.counters = Counters()
        self.capture: Capture | None = None
        self.gate: Gate | None = None
        self._wire: socket.socket | None = None
        self._network: Network | None = None
        self._radio = NO_RADIO
        self._up = Way(seed)
        self._down = Way(seed + 1)
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._paused = False

    # From the front end

    def set_wire(self, wire: socket.socket | None) -> None:
        """A new wire, of a guest that starts anew: what was meant for the old one is gone."""
        if self._wire is not None:
            self._poller.remove(self._wire)
            self._wire.close()
        self._queue.clear()
        self._queued = 0
        self._paused = False
        self._wire = wire
        if wire is not None:
            wire.setblocking(False)
            self._poller.add(wire, self._readable, self._flush)
        if self._network is not None:
            self._network.room()

    def attach(self, network: Network | None) -> None:
        before, self._network = self._network, network
        if before is not None and before is not network:
            before.leave(self)
        self._up.clear()
        self._down.clear()
        self.resume()

    @property
    def network(self) -> Network | None:
        return self._network

    def set_radio(self, radio: Radio) -> None:
        self._radio = radio
        self._up.set(radio, radio.up)
        self._down.set(radio, radio.down)

    def set_rules(self, rules: NetworkRules | None) -> None:
        """What is on its way, and was let pass by others, is dropped."""
        if rules is None:
            self.gate = None
            return
        if self.gate is None:
            self.gate = Gate(rules, self.mac, self._poller.now)
        else:
            self.gate.set(rules)
        self._up.clear()
        self._down.clear()
        self._queue.clear()
        self._queued = 0

    def start_capture(self, capture: Capture) -> None:
        self.end_capture()
        self.capture = capture
        self.counters.captured = 0

    def end_capture(self) -> None:
        """What its guest has sent by now is in it, though nobody has read the wire yet."""
        if self.capture is None:
            return
        for _ in range(_LAST_TURNS):
            if self._wire is None or self._paused or not self._readable():
                break
        self.capture.close()
        self.capture = None

    def close(self) -> None:
        self.end_capture()
        self.attach(None)
        self.set_wire(None)

    # From the guest

    def _readable(self) -> bool:
        """Whether there may be more."""
        assert self._wire is not None
        size = 0
        for _ in range(_TURN_FRAMES):
            try:
                message = self._wire.recv(MESSAGE_MAX + 1)
            except OSError as error:
                if error.errno in FULL:
                    return False
                message = b""
            if not message:  # the guest has gone; another run of it brings another wire
                self.set_wire(None)
                return False
            self._from_guest(message)
            if self._wire is None:  # the answer to it found the guest gone
                return False
            if self._network is not None and self._network.congested:
                self._paused = True
                self._poller.want(self._wire, read=False, write=bool(self._queue))
                return False
            size += len(message)
            if size >= _TURN_BYTES:
                break
        return True

    def _from_guest(self, message: bytes) -> None:
        counters = self.counters
        if problem(message):
            counters.malformed += 1
            return
        message = from_guest(message)
        counters.sent_frames += 1
        counters.sent_bytes += len(message) - HEADER_SIZE
        if self.capture is not None:
            self._record(message)
        if not self._radio.link:
            counters.dropped += 1
        elif self._radio.shapes or self._up.waiting:
            self._shape(self._up, message)
        else:
            self._to_network(message)

    def _to_network(self, message: bytes) -> None:
        if self._network is None:
            self.counters.unattached += 1
            return
        if self.gate is not None:
            verdict = self.gate.out(message) if self._network.leads_out else REFUSED
            if verdict.reply is not None:
                self._to_guest(verdict.reply)
            if verdict.passes is None:
                self.counters.refused += 1
                return
            message = verdict.passes
        if not self._network.send(self, message):
            self.counters.dropped += 1

    # To the guest

    def deliver(self, message: bytes) -> None:
        """From the network."""
        if self.gate is not None and not (self._leads_out and self.gate.into(message)):
            self.counters.refused += 1
        elif not self._radio.link:
            self.counters.dropped += 1
        elif self._radio.shapes or self._down.waiting:
            self._shape(self._down, message)
        else:
            self._to_guest(message)

    @property
    def _leads_out(self) -> bool:
        return self._network is not None and self._network.leads_out

    @property
    def full(self) -> bool:
        """Would more for the guest be dropped?"""
        return self._queued >= _QUEUE_BYTES // 2 or len(self._queue) >= _QUEUE_FRAMES // 2

    def resume(self) -> None:
        """The network takes frames again."""
        if self._paused and self._wire is not None:
            self._paused = False
            self._poller.want(self._wire, read=True, write=bool(self._queue))

    def _to_guest(self, message: bytes) -> None:
        wire, counters = self._wire, self.counters
        if wire is None:
            counters.dropped += 1
            return
        if not self._queue:
            sent = self._send(wire, message)
            if sent:
                return
            if self._wire is None:
                counters.dropped += 1
                return
            self._poller.want(wire, read=not self._paused, write=True)
        if self._queued + len(message) > _QUEUE_BYTES or len(self._queue) >= _QUEUE_FRAMES:
            counters.dropped += 1
            return
        self._queue.append(message)
        self._queued += len(message)

    def _send(self, wire: socket.socket, message: bytes) -> bool:
        try:
            wire.send(message)
        except OSError as error:
            if error.errno not in FULL:
                self.set_wire(None)
            return False
        self.counters.received_frames += 1
        self.counters.received_bytes += len(message) - HEADER_SIZE
        if self.capture is not None:
            self._record(message)
        return True

    def _flush(self) -> None:
        """The wire has room again."""
        wire = self._wire
        assert wire is not None
        for _ in range(_TURN_FRAMES):
            if not self._queue or not self._send(wire, self._queue[0]):
                break
            self._queued -= len(self._queue.popleft())
        if self._wire is not None and not self._queue:
            self._poller.want(wire, read=not self._paused, write=False)
        if self._network is not None and not self.full:
            self._network.room()

    # Time

    def _shape(self, way: Way, message: bytes) -> None:
        now = self._poller.now()
        before = way.dropped, way.lost
        if needs_work(message) or len(message) > HEADER_SIZE + 14 + PACKET:
            for frame in segments(message, PACKET):
                way.put(PLAIN + frame, now, HEADER_SIZE)
        else:
            way.put(message, now, HEADER_SIZE)
        self.counters.dropped += way.dropped - before[0]
        self.counters.lost += way.lost - before[1]

    def due(self) -> float | None:
        """When something on its way arrives."""
        up, down = self._up.due(), self._down.due()
        return down if up is None else up if down is None else min(up, down)

    def arrive(self, now: float) -> None:
        for message in self._up.take(now):
            self._to_network(message)
        for message in self._down.take(now):
            self._to_guest(message)

    def _record(self, message: bytes) -> None:
        assert self.capture is not None
        self.capture.add(completed(message), self._poller.wall())
        self.counters.captured = self.capture.frames
