"""A swipe on the phone's bezel: how far it has come in guests, and whose turn it is when it ends."""

from collections.abc import Callable

from PySide6.QtCore import QPointF

_START = 8
_SHARE = 0.22
"""Of the way to the next guest: beyond it the swipe goes there, below it back."""


class Swipe:
    """From a press to its release. `guests_of` says how many guests a way of the mouse is."""

    def __init__(self, start: QPointF, base: float, guests_of: Callable[[QPointF], float]) -> None:
        self._start = start
        self._base = base
        self._guests_of = guests_of
        self._moved = False

    def move(self, to: QPointF, count: int) -> float | None:
        """Where the phone's front is now; None while it could still be a click."""
        way = to - self._start
        if not self._moved and max(abs(way.x()), abs(way.y())) < _START:
            return None
        self._moved = True
        return min(max(self._base + self._guests_of(way), 0.0), count - 1.0)

    def end(self, to: QPointF, count: int) -> int | None:
        """Which guest it comes to rest at; None where it was a click."""
        if not self._moved:
            return None
        travel = self._guests_of(to - self._start)
        index = round(self._base)
        if abs(travel) > _SHARE:
            index += max(1, round(abs(travel))) * (1 if travel > 0 else -1)
        return min(max(index, 0), count - 1)
