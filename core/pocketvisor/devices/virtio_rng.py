"""virtio-rng (VIRTIO 1.1, chapter 5.4): the host's random bytes, or in runs that must come out the same each
time a stream of bytes that only looks random.

What a request gets is bounded, and so is what a guest gets in a second of the host's time: each byte is one
of the log's. A request may be answered with fewer bytes than it has room for, and each gets at least one.
"""

import hashlib
import os
import time
from collections.abc import Callable
from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.devices.device import State, from_plain, plain
from pocketvisor.devices.virtio import Answer, VirtioSlot, Windows
from pocketvisor.devices.virtio_replay import Answered, Replayable
from pocketvisor.devices.virtqueue import Chain, VirtqueueError, fill

REQUEST_MAX: Final = 4096
"""Bytes for one request."""
RATE: Final = 256 << 10
"""Bytes for a guest in a second, and at once after a while without."""

_QUEUE: Final = 0
_QUEUE_SIZE: Final = 64
_PAUSE_SECONDS: Final = 0.05


class RngState(Struct):
    """How many bytes of the stream were given; of no meaning with the host's bytes."""

    given: Annotated[int, Meta(ge=0)] = 0


class VirtioRng(Replayable):
    device_id = 4
    features = 0
    queue_sizes: tuple[int, ...] = (_QUEUE_SIZE,)
    config = b""
    windows: Windows | None = None
    port: VirtioSlot

    def __init__(self, seed: bytes | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """With a seed the bytes are those of a stream, without a bound for a time that does not repeat."""
        self._seed = seed
        self._clock = clock
        self._budget = float(RATE)
        self._filled_at = clock()
        self._waits = False
        self._state = RngState()

    def activate(self) -> None:
        self.kick(_QUEUE)

    def deactivate(self) -> None:
        pass

    def kick(self, queue: int) -> None:
        available = self.port.queue(_QUEUE)
        if available is None or self._waits:
            return
        position, given = available.position, self._state.given
        answers: list[Answer] = []
        allowed = self._allowance()
        used = 0
        while allowed > used and len(answers) < _QUEUE_SIZE and (chain := available.pop()) is not None:
            size = min(chain.room, REQUEST_MAX, allowed - used)
            if not size:
                raise VirtqueueError("a request for random bytes has no room for any")
            answers.append((chain, fill(chain, self._bytes(size)), size))
            used += size
        if answers and not self.port.answer(_QUEUE, answers):
            available.position, self._state.given = position, given
            self.port.retry(_QUEUE)
            return
        self._budget -= used
        if available.waiting():
            self._waits = self._seed is None
            self._later()

    def save(self) -> State:
        return plain(self._state)

    def restore(self, state: State) -> None:
        self._state = from_plain(state, RngState)

    def replayed(self, queue: int, taken: list[Chain], answered: Answered) -> None:
        if self._seed is not None:
            self._state.given += sum(length for _, length in answered.used)

    def _allowance(self) -> int:
        if self._seed is not None:
            return RATE
        now = self._clock()
        self._budget = min(float(RATE), self._budget + (now - self._filled_at) * RATE)
        self._filled_at = now
        return int(self._budget)

    def _later(self) -> None:
        if self._seed is not None:
            self.port.retry(_QUEUE)
        else:
            self.port.loop.later(_PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._waits = False
        try:
            self.kick(_QUEUE)
        except VirtqueueError:
            self.port.broken()

    def _bytes(self, size: int) -> bytes:
        if self._seed is None:
            return os.urandom(size)
        start = self._state.given
        self._state.given += size
        stream = bytearray()
        block = start // REQUEST_MAX
        while len(stream) < start % REQUEST_MAX + size:
            counter = block.to_bytes(8, "little")
            stream += hashlib.shake_128(self._seed + counter).digest(REQUEST_MAX)
            block += 1
        return bytes(stream[start % REQUEST_MAX :][:size])
