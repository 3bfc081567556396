"""virtio-console (VIRTIO 1.1, chapter 5.3) with several ports: consoles, which Linux shows as hvc0, hvc1 ...,
and named channels, which it shows as vport0p1 ... (udev: virtio-ports/NAME).

A driver writes to a console with its lock held and spins until the device has taken the text: a console's
output is always taken, and lost where nobody reads it. A channel's waits in the guest's queue, and its writer
sleeps. Towards the guest nothing is read from an end before the guest has a buffer for it.

Control messages are bounded by leaving the driver's in its queue while ours wait for buffers. Left out: hot
plugging of ports, emergency writes.
"""

import struct
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from pocketvisor.devices.console_ends import End, ModemEnd, WireEnd
from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.modem.state import Order
from pocketvisor.devices.virtio import VirtioSlot, Windows
from pocketvisor.devices.virtio_replay import Answered, Replayable
from pocketvisor.devices.virtqueue import Chain, VirtqueueError, fill

F_SIZE: Final = 1 << 0
F_MULTIPORT: Final = 1 << 1

DEVICE_READY, DEVICE_ADD, DEVICE_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME = range(8)

CONTROL_IN, CONTROL_OUT = 2, 3
PORTS_MAX: Final = 7
"""As many as there are queues for."""
MODEM_PORT: Final = "org.pocketvisor.modem"

_QUEUE_SIZE: Final = 128
_CONFIG: Final = struct.Struct("<HHII")
_CONTROL: Final = struct.Struct("<IHH")
_SIZE: Final = struct.Struct("<HH")
_PENDING_MAX: Final = 64
_STEP: Final = 32 << 10
_WAIT_SECONDS: Final = 0.01

Name = Annotated[str, Meta(max_length=64)]
_Measure = Annotated[int, Meta(ge=0, le=0xFFFF)]


class Connected(Struct, tag=True, frozen=True):
    """From the handset: somebody is at the other end of a port's wire, or has left."""

    port: Name
    there: bool


class Resized(Struct, tag=True, frozen=True):
    """From the handset: the terminal at port 0 measures this, in characters."""

    columns: _Measure
    rows: _Measure


class PortState(Struct):
    ready: bool = False
    open: bool = False
    taken: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)] = 0
    """Of the chain at the head of what the guest sends."""
    held: Annotated[bytes, Meta(max_length=_STEP)] = b""
    """Taken from the end, and not yet in the guest."""


class ConsoleState(Struct):
    size: tuple[_Measure, _Measure]
    ports: Annotated[list[PortState], Meta(max_length=PORTS_MAX)]
    ends: Annotated[list[dict[str, Any]], Meta(max_length=PORTS_MAX)]
    pending: Annotated[list[Annotated[bytes, Meta(max_length=128)]], Meta(max_length=2 * _PENDING_MAX)]


class Port:
    def __init__(self, name: str, end: End, console: bool) -> None:
        self.name = name
        self.end = end
        self.console = console
        self.state = PortState()
        self.waits = False  # a timer is on for it


class VirtioConsole(Replayable):
    device_id = 3
    features = F_SIZE | F_MULTIPORT
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, ports: Sequence[Port], columns: int = 80, rows: int = 25) -> None:
        """The first is a console."""
        assert 1 <= len(ports) <= PORTS_MAX and ports[0].console
        self._ports = list(ports)
        self._size = (columns, rows)
        self._pending: list[bytes] = []
        self.queue_sizes = (_QUEUE_SIZE,) * (2 * len(ports) + 2 if len(ports) > 1 else 4)
        self.config = _CONFIG.pack(columns, rows, len(ports), 0)

    def activate(self) -> None:
        if not self.port.features & F_MULTIPORT:
            self._ports[0].state.ready = self._ports[0].state.open = True
        for number, port in enumerate(self._ports):
            port.end.attach(self.port.loop, lambda number=number: self._attend(number))  # type: ignore[misc]
            if port.state.ready and isinstance(port.end, WireEnd):  # restored: it may be another world
                self._tell(number, PORT_OPEN, int(port.end.connected))
        for queue in range(len(self.queue_sizes)):
            self.kick(queue)

    def deactivate(self) -> None:
        self._pending.clear()
        for port in self._ports:
            port.end.detach()
            port.state = PortState()

    def kick(self, queue: int) -> None:
        if queue in (CONTROL_IN, CONTROL_OUT):
            if self.port.features & F_MULTIPORT:
                self._send_control()
                self._read_control()
            return
        number = _number(queue)
        if queue % 2:
            self._from_guest(number)
        self._to_guest(number)

    def control(self, data: bytes, fd: int | None) -> None:
        message = msgspec.msgpack.decode(data, type=Connected | Resized | Order)
        try:
            match message:
                case Connected(name, there):
                    self._connected(name, there)
                case Resized(columns, rows):
                    self._resized(columns, rows)
                case _:
                    for port in self._ports:
                        if isinstance(port.end, ModemEnd):
                            port.end.hear(message, self.port.loop)
        except VirtqueueError:
            self.port.broken()

    def save(self) -> State:
        return plain(
            ConsoleState(
                self._size,
                [port.state for port in self._ports],
                [port.end.save() for port in self._ports],
                self._pending,
            )
        )

    def restore(self, state: State) -> None:
        restored = from_plain(state, ConsoleState)
        if len(restored.ports) != len(self._ports) or len(restored.ends) != len(self._ports):
            raise ValueError("the console has other ports")
        for port, port_state, end_state in zip(self._ports, restored.ports, restored.ends, strict=True):
            port.end.restore(end_state)
            port.state = port_state
        self._size, self._pending = restored.size, restored.pending

    # Replays

    def replayed(self, queue: int, taken: list[Chain], answered: Answered) -> None:
        """What the driver says of its ports is heard; what it was told is no more to be told. A modem hears
        what it is told, and its answers are the log's."""
        if queue == CONTROL_IN:
            for chain in taken:
                told = answered.written(chain)[: _CONTROL.size]
                same = [message for message in self._pending if message.startswith(told)]
                if told and same:
                    self._pending.remove(same[0])
        elif queue == CONTROL_OUT:
            for chain in taken:
                data = _head(self.port, chain, _CONTROL.size)
                if len(data) == _CONTROL.size:
                    self._heard(*_CONTROL.unpack(data))
        else:
            port = self._ports[_number(queue)]
            for chain in taken if queue % 2 else ():
                size = sum(piece.size for piece in chain.readable)
                if isinstance(port.end, ModemEnd) and size > port.state.taken:
                    port.end.take(_part(self.port, chain, port.state.taken, size - port.state.taken))
                port.state.taken = 0
            if not queue % 2:
                given = sum(length for _, length in answered.used)
                held, port.state.held = port.state.held, port.state.held[given:]
                if isinstance(port.end, ModemEnd):
                    port.end.give(max(0, given - len(held)))

    def replayed_config(self, config: bytes) -> None:
        columns, rows, _, _ = _CONFIG.unpack(config)
        self._size = (columns, rows)

    # From the handset

    def _connected(self, name: str, there: bool) -> None:
        for number, port in enumerate(self._ports):
            if port.name == name and isinstance(port.end, WireEnd) and port.end.connected != there:
                port.end.connected = there
                if port.state.ready:
                    self._tell(number, PORT_OPEN, int(there))
                    self._send_control()

    def _resized(self, columns: int, rows: int) -> None:
        self._size = (columns, rows)
        self.port.configure(_CONFIG.pack(columns, rows, len(self._ports), 0))
        if self._ports[0].state.ready:
            self._tell(0, RESIZE, 0, _SIZE.pack(columns, rows))
            self._send_control()

    # Control messages

    def _tell(self, number: int, event: int, value: int, data: bytes = b"") -> None:
        if self.port.features & F_MULTIPORT and len(self._pending) < 2 * _PENDING_MAX:
            self._pending.append(_CONTROL.pack(number, event, value) + data)

    def _send_control(self) -> None:
        queue = self.port.queue(CONTROL_IN)
        while queue is not None and self._pending:
            position = queue.position
            chain = queue.pop()
            if chain is None:
                return
            message = self._pending[0]
            if chain.room < len(message):
                raise VirtqueueError("a buffer has no room for a control message")
            if not self.port.answer(CONTROL_IN, [(chain, fill(chain, message), len(message))]):
                queue.position = position
                self.port.retry(CONTROL_IN)
                return
            self._pending.pop(0)

    def _read_control(self) -> None:
        """While there is room for what a message may call for."""
        queue = self.port.queue(CONTROL_OUT)
        for _ in range(_QUEUE_SIZE):
            if queue is None or len(self._pending) >= _PENDING_MAX:
                return
            position = queue.position
            chain = queue.pop()
            if chain is None:
                return
            data = _head(self.port, chain, _CONTROL.size)
            if len(data) < _CONTROL.size:
                raise VirtqueueError("a control message is too short")
            if not self.port.answer(CONTROL_OUT, [(chain, (), 0)]):
                queue.position = position
                self.port.retry(CONTROL_OUT)
                return
            self._heard(*_CONTROL.unpack(data))
            self._send_control()

    def _heard(self, number: int, event: int, value: int) -> None:
        if event == DEVICE_READY:
            if value:
                for index in range(len(self._ports)):
                    self._tell(index, DEVICE_ADD, 1)
            return
        if number >= len(self._ports):
            return
        port = self._ports[number]
        if event == PORT_READY and value:
            port.state.ready = True
            port.state.open = port.console
            if port.console:
                self._tell(number, CONSOLE_PORT, 1)
            if number == 0:
                self._tell(number, RESIZE, 0, _SIZE.pack(*self._size))
            if port.name:
                self._tell(number, PORT_NAME, 1, port.name.encode())
            if port.end.connected:
                self._tell(number, PORT_OPEN, 1)
        elif event == PORT_OPEN:
            port.state.open = bool(value) or port.console
        self._to_guest(number)

    # Data

    def _attend(self, number: int) -> None:
        """An end has something for the guest, or is ready to take more."""
        try:
            self._to_guest(number)
        except VirtqueueError:
            self.port.broken()

    def _to_guest(self, number: int) -> None:
        port = self._ports[number]
        available = self.port.queue(_queue(number))
        if available is None or not port.state.open:
            port.end.listen(False)
            return
        left = port.end.budget
        while left > 0:
            position = available.position
            chain = available.pop()
            if chain is None:
                port.end.listen(False)
                return
            if not chain.room:
                raise VirtqueueError("a buffer has no room for a port's data")
            data = port.state.held or port.end.give(min(chain.room, _STEP))
            if not data:
                available.position = position
                port.end.listen(True)
                return
            data, rest = data[: chain.room], data[chain.room :]
            if not self.port.answer(_queue(number), [(chain, fill(chain, data), len(data))]):
                available.position, port.state.held = position, data + rest
                port.end.listen(False)
                self.port.retry(_queue(number))
                return
            port.state.held = rest
            left -= len(data)
        self.port.retry(_queue(number))

    def _from_guest(self, number: int) -> None:
        port = self._ports[number]
        queue = _queue(number) + 1
        available = self.port.queue(queue)
        left = port.end.budget
        taken = 0
        while available is not None and left > 0:
            position = available.position
            chain = available.pop()
            if chain is None:
                return
            size = sum(piece.size for piece in chain.readable)
            while port.state.taken < size:
                data = _part(self.port, chain, port.state.taken, min(left, _STEP))
                taken = port.end.take(data)
                if not taken and port.console:
                    taken = len(data)
                port.state.taken += taken
                left -= len(data)
                if not taken or left <= 0:
                    break
            if port.state.taken < size:
                available.position = position
                if not taken:
                    self._wait(number)
                    return
                break
            if not self.port.answer(queue, [(chain, (), 0)]):
                available.position = position
                self.port.retry(queue)
                return
            port.state.taken = 0
        if available is not None:
            self.port.retry(queue)

    def _wait(self, number: int) -> None:
        """Its end takes no more now: look again in a while."""
        port = self._ports[number]
        if not port.waits:
            port.waits = True
            self.port.loop.later(_WAIT_SECONDS, lambda: self._go_on(number))

    def _go_on(self, number: int) -> None:
        self._ports[number].waits = False
        try:
            self.kick(_queue(number) + 1)
        except VirtqueueError:
            self.port.broken()


def _queue(number: int) -> int:
    """A port's queue towards the guest; the one from the guest is the next."""
    return 0 if number == 0 else 2 * number + 2


def _number(queue: int) -> int:
    """The port of a queue."""
    return queue // 2 if queue < CONTROL_IN else queue // 2 - 1


def _head(slot: VirtioSlot, chain: Chain, size: int) -> bytes:
    return _part(slot, chain, 0, size)


def _part(slot: VirtioSlot, chain: Chain, start: int, size: int) -> bytes:
    """At most `size` bytes of what a chain holds, from `start` on."""
    parts = []
    for piece in chain.readable:
        if start >= piece.size:
            start -= piece.size
            continue
        length = min(piece.size - start, size)
        parts.append(slot.memory.read(piece.address + start, length))
        size -= length
        start = 0
        if not size:
            break
    return b"".join(parts)
