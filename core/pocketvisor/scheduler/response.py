"""The automatic mode: background guests are left less while the foreground waits too long for the host's CPU.

Measured is what Linux says of two threads of the foreground guest's process, the one that its input comes
through and its vCPU's: how long each stood in the queue when it was woken. Nothing is held below what is
reserved for it, nor below a sixteenth of its share.
"""

from collections import deque
from typing import Final

from pocketvisor.errors import AdmissionError
from pocketvisor.scheduler.host_time import HostTime
from pocketvisor.scheduler.qos import RESPONSE_LEAST_MS, RESPONSE_MOST_MS

LEAST_SQUEEZE: Final = 1 / 16
_SHOWN_SECONDS: Final = 2.0
_TIGHTER: Final = 0.7
_LOOSER_SECONDS: Final = 8.0
"""From the tightest back to nothing, where all is well."""


class Response:
    """`target_ms` None: off, and nothing is held back; it is measured all the same."""

    def __init__(self) -> None:
        self.target_ms: float | None = None
        self.squeeze = 1.0
        """The part of their share that background guests are left."""
        self._last: tuple[HostTime, ...] = ()
        self._who = 0
        self._waits: deque[tuple[float, float]] = deque(maxlen=256)

    def set_target(self, milliseconds: float | None) -> None:
        """Raises AdmissionError."""
        if milliseconds is not None and not RESPONSE_LEAST_MS <= milliseconds <= RESPONSE_MOST_MS:
            raise AdmissionError(
                f"A response time is from {RESPONSE_LEAST_MS:.0f} to {RESPONSE_MOST_MS:.0f} milliseconds"
            )
        self.target_ms = milliseconds
        if milliseconds is None:
            self.squeeze = 1.0

    def look(self, now: float, elapsed: float, who: int, times: tuple[HostTime, ...]) -> None:
        """`who`: the foreground guest, `times`: its threads'."""
        if who != self._who or len(times) != len(self._last):
            self._who, self._last = who, times
            return
        wait = waited_ms(self._last, times)
        self._last = times
        if wait is not None:
            self._waits.append((now, wait))
        if self.target_ms is None:
            return
        if wait is not None and wait > self.target_ms:
            self.squeeze = max(self.squeeze * _TIGHTER, LEAST_SQUEEZE)
        elif wait is None or wait < self.target_ms / 2:
            self.squeeze = min(self.squeeze * LEAST_SQUEEZE ** (-elapsed / _LOOSER_SECONDS), 1.0)

    def waited_ms(self, now: float) -> float:
        """The worst of the last two seconds."""
        return max((wait for at, wait in self._waits if now - at < _SHOWN_SECONDS), default=0.0)


def waited_ms(before: tuple[HostTime, ...], after: tuple[HostTime, ...]) -> float | None:
    """How long they waited each time they were woken, one after the other; None where none was."""
    total, woken = 0.0, False
    for then, now in zip(before, after, strict=True):
        turns, waited = now.turns - then.turns, now.waited_ns - then.waited_ns
        if turns > 0 and waited >= 0:
            total += waited / turns / 1e6
            woken = True
    return total if woken else None
