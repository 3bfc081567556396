"""Material Design icons by qtawesome, tinted with the theme and re-tinted when it changes."""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol
from weakref import WeakKeyDictionary

import qtawesome
from PySide6.QtCore import QObject
from PySide6.QtGui import QIcon

from pocketvisor_workbench.theme import tokens


class _TakesIcon(Protocol):
    def setIcon(self, icon: QIcon, /) -> None: ...


_worn: "WeakKeyDictionary[QObject, tuple[str, str]]" = WeakKeyDictionary()


@lru_cache(maxsize=512)
def _tinted(name: str, colour: str, disabled: str) -> QIcon:
    icon: QIcon = qtawesome.icon(f"mdi6.{name}", color=colour, color_disabled=disabled)
    return icon


def icon(name: str, role: str = "text") -> QIcon:
    """An icon in the colour of a token (`role`), or in a colour given as #rrggbb."""
    colours = tokens()
    colour = role if role.startswith("#") else str(getattr(colours, role))
    return _tinted(name, colour, colours.line if colours.dark else "#b4bcc8")


def set_icon(target: QObject, name: str, role: str = "text") -> None:
    """Gives a button or an action an icon that follows the theme."""
    _worn[target] = (name, role)
    _setter(target)(icon(name, role))


def retint() -> None:
    """After a change of theme: every icon given by set_icon() anew."""
    for target, (name, role) in list(_worn.items()):
        try:
            _setter(target)(icon(name, role))
        except RuntimeError:  # the C++ half is gone already
            _worn.pop(target, None)


def _setter(target: QObject) -> Callable[[QIcon], None]:
    return target.setIcon  # type: ignore[attr-defined, no-any-return]
