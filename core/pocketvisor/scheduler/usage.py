"""What a guest ran in about the last second."""

from collections import deque
from typing import Final

_SECONDS: Final = 1.0
_EVERY: Final = 0.09


class Usage:
    """Of a count that only grows; one that falls begins anew."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=16)
        self._last = (0.0, 0)

    def add(self, now: float, count: int) -> None:
        if self._samples and count < self._last[1]:
            self._samples.clear()
        self._last = (now, count)
        if not self._samples or now - self._samples[-1][0] >= _EVERY:
            self._samples.append(self._last)
            while len(self._samples) > 2 and now - self._samples[1][0] >= _SECONDS:
                self._samples.popleft()

    def rate(self, now: float) -> float:
        """A second; 0 where nothing is known yet."""
        if not self._samples:
            return 0.0
        (began, first), (ended, last) = self._samples[0], self._last
        return (last - first) / (ended - began) if ended > began else 0.0
