"""The handset's radio as a link: how fast it is, how late, how much it loses; and what does that to frames.

A frame waits until those before it are sent, is sent at the link's rate, and then takes its delay. Order is
kept. What a radio's own queue cannot hold is dropped at its tail, as on a phone.

Left out: interference between guests on one handset (each has its own link), bit errors.
"""

import random
from collections import deque
from typing import Annotated, Final

from msgspec import Meta, Struct

from pocketvisor.errors import NetworkError

Rate = Annotated[int, Meta(ge=0, le=100_000_000_000)]
_Milliseconds = Annotated[float, Meta(ge=0, le=60_000)]

PACKET: Final = 1500
"""Of a radio's packet, in bytes of IP: what is larger is cut, where it can be."""

_QUEUE_SECONDS: Final = 0.5
_QUEUE_LEAST: Final = 48 << 10
_QUEUE_FRAMES: Final = 2048


class Radio(Struct, frozen=True, kw_only=True):
    """Rates are in bits a second, 0 for no bound; delay and jitter are one way's, loss is in percent."""

    name: str = "custom"
    up: Rate = 0
    down: Rate = 0
    delay_ms: _Milliseconds = 0.0
    jitter_ms: _Milliseconds = 0.0
    loss: Annotated[float, Meta(ge=0, le=100)] = 0.0
    link: bool = True

    @property
    def shapes(self) -> bool:
        """Does it do anything to frames?"""
        return bool(self.up or self.down or self.delay_ms or self.jitter_ms or self.loss)


NO_RADIO: Final = Radio(name="none")

PRESETS: Final[dict[str, Radio]] = {
    "none": NO_RADIO,
    "2g": Radio(name="2g", up=60_000, down=200_000, delay_ms=150, jitter_ms=40, loss=0.5),
    "3g": Radio(name="3g", up=384_000, down=3_600_000, delay_ms=50, jitter_ms=10, loss=0.1),
    "wifi": Radio(name="wifi", up=20_000_000, down=20_000_000, delay_ms=1.5, jitter_ms=1, loss=0.05),
    "off": Radio(name="off", link=False),
}
"""EDGE, HSDPA and 802.11g as a phone of their time had them; `off` is no link at all."""


def radio_named(name: str) -> Radio:
    found = PRESETS.get(name.lower().replace("-", ""))
    if found is None:
        raise NetworkError(f"There is no radio '{name}': choose one of {', '.join(PRESETS)}")
    return found


class Way:
    """One direction of a radio's link. Times are seconds of any clock that only goes forward."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rate = 0
        self._radio = NO_RADIO
        self._free_at = 0.0  # when all before it is sent
        self._last_at = 0.0
        self._frames: deque[tuple[float, float, bytes]] = deque()  # when it arrives, when it was sent
        self._bytes = 0
        self.lost = 0
        self.dropped = 0

    def set(self, radio: Radio, rate: int) -> None:
        """What is on the way already arrives as it was to."""
        self._radio, self._rate = radio, rate

    @property
    def waiting(self) -> int:
        return len(self._frames)

    def put(self, frame: bytes, now: float, besides: int = 0) -> None:
        """`besides`: bytes of it that do not go over the air."""
        size = len(frame) - besides
        radio, rate = self._radio, self._rate
        begin = max(now, self._free_at)
        room = max(_QUEUE_LEAST, int(rate / 8 * _QUEUE_SECONDS))
        behind = (begin - now) * rate / 8
        if len(self._frames) >= _QUEUE_FRAMES or (rate and behind + size > room):
            self.dropped += 1
            return
        self._free_at = begin + (size * 8 / rate if rate else 0.0)
        if radio.loss and self._random.random() * 100 < radio.loss:
            self.lost += 1  # it took its time on the air all the same
            return
        late = radio.delay_ms
        if radio.jitter_ms:
            late += self._random.uniform(-1, 1) * min(radio.jitter_ms, radio.delay_ms or radio.jitter_ms)
        arrives = max(self._free_at + max(late, 0.0) / 1000, self._last_at)
        self._last_at = arrives
        self._frames.append((arrives, self._free_at, frame))

    def due(self) -> float | None:
        """When the next one arrives."""
        return self._frames[0][0] if self._frames else None

    def take(self, now: float) -> list[bytes]:
        """What has arrived."""
        arrived = []
        while self._frames and self._frames[0][0] <= now:
            arrived.append(self._frames.popleft()[2])
        return arrived

    def clear(self) -> None:
        self._frames.clear()
        self._free_at = self._last_at = 0.0
