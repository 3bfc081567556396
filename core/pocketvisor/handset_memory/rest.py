"""A guest that does little for a while has no need of the code that was translated for it.

What it costs: the next thing that it does has to be translated again, tens of milliseconds of a core for a
Linux's shell. So who is in the foreground rests later.
"""

from typing import Final

from pocketvisor.guest.statistics import GuestCounters

AFTER_SECONDS: Final = 10.0
FOREGROUND_AFTER_SECONDS: Final = 30.0
_BUSY: Final = 0.05
"""Of the processor's time: above it, it does not rest."""
_WORTH: Final = 5000
"""Blocks that were translated since the last time: below it there is little to give back."""


class Rest:
    """One guest's; it is looked at about once a second."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._cpu_ns = 0
        self._at = 0.0
        self._blocks = 0

    def begins(self, counters: GuestCounters, now: float, *, foreground: bool = False) -> bool:
        """Whether it is time to give back what it does not need."""
        if counters.blocks < self._blocks:  # it was reset
            self._blocks = 0
        busy = counters.cpu_ns - self._cpu_ns > _BUSY * (now - self._at) * 1e9
        self._cpu_ns, self._at = counters.cpu_ns, now
        if busy or counters.cpu_ns < self._cpu_ns:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        patience = FOREGROUND_AFTER_SECONDS if foreground else AFTER_SECONDS
        if now - self._since < patience or counters.blocks - self._blocks < _WORTH:
            return False
        self._blocks = counters.blocks
        return True
