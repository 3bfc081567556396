"""How long the GUI's thread leaves its events waiting: a timer that should come every 5 ms."""

import time

from PySide6.QtCore import Qt, QTimer

_MS = 5


class Gaps:
    """For the length of a with block."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> "Gaps":
        self._last = time.monotonic()
        self._timer.start(_MS)
        return self

    def __exit__(self, *_: object) -> None:
        self._tick()
        self._timer.stop()

    def _tick(self) -> None:
        now = time.monotonic()
        self.longest_ms = max(self.longest_ms, (now - self._last) * 1000 - _MS)
        self._last = now
