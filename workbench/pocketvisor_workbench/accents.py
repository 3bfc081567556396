"""Each guest's colour: its image's, or near it where an earlier guest of the same phone has that one already.

Chips, graphs and bars of one guest have one colour, and those of two guests of one image can be told apart.
"""

from typing import TYPE_CHECKING
from weakref import ReferenceType, WeakKeyDictionary, ref

from PySide6.QtGui import QColor

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset

_TURNS = (0.0, 0.12, -0.12, 0.24, -0.24, 0.36, -0.36, 0.48)
"""Around the circle of colours: the nearest first."""
_APART = 0.07
"""Hues that differ by less look alike."""
_GREY = 0.15
"""Of a colour with less saturation than this the hue is not seen: it gets one."""

_given: "WeakKeyDictionary[Guest, tuple[ReferenceType[Handset], str]]" = WeakKeyDictionary()
"""A handset knows its guests: held here, it would keep them for ever."""


def accent_of(guest: "Guest") -> str:
    """As #rrggbb. It stays for as long as the guest is on its phone."""
    for one in (*guest.handset.guests, guest):  # the earlier ones first, whoever is asked for
        if one not in _given or _given[one][0]() is not one.handset:
            taken = [_given[other][1] for other in one.handset.guests if other is not one and other in _given]
            _given[one] = ref(one.handset), free_accent(one.image.accent, taken)
    return _given[guest][1]


def free_accent(wanted: str, taken: list[str]) -> str:
    """The accent itself where it is not taken."""
    if wanted not in taken:
        return wanted
    colour = QColor(wanted)
    hue, saturation, value = colour.hsvHueF(), colour.hsvSaturationF(), colour.valueF()
    if saturation < _GREY:
        hue, saturation = 0.6, 0.5
    hues = [QColor(other).hsvHueF() for other in taken]
    turned = [(hue + turn) % 1.0 for turn in _TURNS]
    free = [hue for hue in turned if all(_between(hue, other) >= _APART for other in hues)]
    if not free:
        return wanted
    return QColor.fromHsvF(free[0], saturation, value).name()


def _between(one: float, other: float) -> float:
    """Of two hues; without one, a grey, all are far."""
    if other < 0:
        return 1.0
    apart = abs(one - other) % 1.0
    return min(apart, 1.0 - apart)
