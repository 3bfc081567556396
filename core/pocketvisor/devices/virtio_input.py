"""virtio-input (VIRTIO 1.1, chapter 5.8): events of a touch screen or keyboard, in bursts up to a SYN_REPORT.

A burst goes to the guest whole, or waits until the driver has buffers for it. What waits is bounded by the
source, which knows what may be left out. Left out: force feedback; what the driver sends (LEDs) is taken and
dropped.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from pocketvisor.devices.device import State
from pocketvisor.devices.virtio import STATUS, VirtioSlot, Windows
from pocketvisor.devices.virtio_replay import Answered, Replayable
from pocketvisor.devices.virtqueue import Chain, Virtqueue, VirtqueueError, fill

EV_SYN: Final = 0x00
EV_KEY: Final = 0x01
EV_ABS: Final = 0x03
EV_LED: Final = 0x11
EV_REP: Final = 0x14

CFG_ID_NAME: Final = 0x01
CFG_ID_SERIAL: Final = 0x02
CFG_ID_DEVIDS: Final = 0x03
CFG_PROP_BITS: Final = 0x10
CFG_EV_BITS: Final = 0x11
CFG_ABS_INFO: Final = 0x12

EVENT_QUEUE: Final = 0
STATUS_QUEUE: Final = 1

_CONFIG_SIZE: Final = 136
_EVENT: Final = struct.Struct("<HHI")
_BUS_VIRTUAL: Final = 0x06
_VENDOR: Final = 0x0627
_VERSION: Final = 1


class Event(NamedTuple):
    type: int
    code: int
    value: int


SYN_REPORT: Final = Event(EV_SYN, 0, 0)


class Source(Protocol):
    """Where events come from: a touch screen or a keyboard, and what of it the guest has not heard."""

    name: str
    product: int

    def windows(self) -> Windows:
        """Besides name and ids."""

    def next(self) -> list[Event] | None:
        """The burst to send now, None if there is none. Asked again, it answers the same until sent()."""

    def sent(self) -> None: ...

    def forget(self) -> None:
        """The guest's driver is new: nothing is pressed, nothing waits."""

    def heard(self, events: list[Event]) -> None:
        """In a replay: the guest hears this of its log, and nobody touches or presses anything here."""

    def let_go(self) -> None:
        """If nothing waits: what the guest believes pressed and nobody presses is to be told."""

    def save(self) -> State: ...
    def restore(self, state: State) -> None: ...


class VirtioInput(Replayable):
    device_id = 18
    features = 0
    queue_sizes: tuple[int, ...] = (64, 64)
    port: VirtioSlot

    def __init__(self, source: Source) -> None:
        self._source = source
        self.config = bytes(_CONFIG_SIZE)
        self.windows: Windows | None = {
            (CFG_ID_NAME, 0): source.name.encode(),
            (CFG_ID_DEVIDS, 0): struct.pack("<HHHH", _BUS_VIRTUAL, _VENDOR, source.product, _VERSION),
            **source.windows(),
        }

    def activate(self) -> None:
        self._source.let_go()
        self.flush()

    def deactivate(self) -> None:
        self._source.forget()

    def kick(self, queue: int) -> None:
        if queue == STATUS_QUEUE:
            self._drop_status()
        else:
            self._send()

    def look(self) -> None:
        """Before the source has something new: a driver that has begun or gone is known of, though its
        doorbell has not been heard yet. What is touched then is neither lost nor told to the one before."""
        self.port.serve(STATUS)

    def flush(self) -> None:
        """The source has something new: send what there is room for. Without a driver it is forgotten."""
        if self.port.queue(EVENT_QUEUE) is None:
            self._source.forget()
            return
        try:
            self._send()
        except VirtqueueError:
            self.port.broken()

    def save(self) -> State:
        return self._source.save()

    def restore(self, state: State) -> None:
        self._source.restore(state)

    def replayed(self, queue: int, taken: list[Chain], answered: Answered) -> None:
        if queue == EVENT_QUEUE:
            contents = [answered.written(chain) for chain in taken]
            events = [Event(*_EVENT.unpack(content)) for content in contents if len(content) == _EVENT.size]
            self._source.heard(events)

    def _send(self) -> None:
        queue = self.port.queue(EVENT_QUEUE)
        while queue is not None and (burst := self._source.next()) is not None:
            if queue.waiting() < len(burst) or not self._send_burst(queue, burst):
                return
            self._source.sent()

    def _send_burst(self, queue: Virtqueue, burst: list[Event]) -> bool:
        position = queue.position
        answers = []
        for event in burst:
            chain = queue.pop()
            if chain is None or chain.room < _EVENT.size:
                raise VirtqueueError("a buffer has no room for an event")
            data = _EVENT.pack(event.type, event.code, event.value & 0xFFFFFFFF)
            answers.append((chain, fill(chain, data), len(data)))
        if not self.port.answer(EVENT_QUEUE, answers):
            queue.position = position
            return False
        return True

    def _drop_status(self) -> None:
        queue = self.port.queue(STATUS_QUEUE)
        if queue is None:
            return
        position = queue.position
        answers = []
        for _ in range(queue.waiting()):
            chain = queue.pop()
            if chain is not None:
                answers.append((chain, (), 0))
        if answers and not self.port.answer(STATUS_QUEUE, answers):
            queue.position = position


def bitmap(bits: Iterable[int]) -> bytes:
    """Bits set in as few bytes as hold them."""
    value = 0
    for bit in bits:
        value |= 1 << bit
    return value.to_bytes((value.bit_length() + 7) // 8, "little")
