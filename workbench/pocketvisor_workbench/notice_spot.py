"""Where notices lie over the stage, so that what somebody works with stays in reach. Pure arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect

_WIDTHS = (520, 400, 300)
_MARGIN = 16
_CLOSE = 6


@dataclass(frozen=True)
class Spot:
    place: QRect
    wish: int
    """Which wish is met, the strictest is 0; as many as there are: none."""


def find_spot(room: QRect, kept: Sequence[Sequence[QRect]], height_for: Callable[[int], int]) -> Spot:
    """`kept`: what should not be covered, the strictest wish first; where none can be met, what the last one
    names is covered as little as possible. Below is preferred to above, and the middle to the sides."""
    widest = max(room.width() - 2 * _CLOSE, 1)
    widths = dict.fromkeys(min(width, widest) for width in _WIDTHS)
    sizes = [(width, height_for(width)) for width in widths]
    for number, rects in enumerate(kept):
        for width, height in sizes:
            for place in _places(room, width, height, _CLOSE if number else _MARGIN):
                if room.contains(place) and not any(place.intersects(rect) for rect in rects):
                    return Spot(place, number)
    last = kept[-1] if kept else ()
    every = [place for size in sizes[:1] for place in _places(room, *size, _CLOSE)]
    return Spot(min(every, key=lambda place: _covered(place, last)), len(kept))


def _places(room: QRect, width: int, height: int, margin: int) -> list[QRect]:
    middle = room.x() + (room.width() - width) // 2
    left, right = room.x() + margin, room.x() + room.width() - width - margin
    low, high = room.y() + room.height() - height - margin, room.y() + margin
    return [QRect(x, y, width, height) for y in (low, high) for x in (middle, right, left)]


def _covered(place: QRect, rects: Sequence[QRect]) -> int:
    parts = [place.intersected(rect) for rect in rects]
    return sum(part.width() * part.height() for part in parts if not part.isEmpty())
