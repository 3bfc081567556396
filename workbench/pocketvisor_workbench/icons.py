"""Material Design icons by qtawesome, tinted with the theme and re-tinted when it changes."""

from collections.abc import Callable
from functools import lru_cache
from weakref import WeakKeyDictionary

import qtawesome
from PySide6.QtCore import QObject, QSize
from PySide6.QtGui import QIcon

from pocketvisor_workbench.theme import tokens

_worn: "WeakKeyDictionary[QObject, tuple[str, str]]" = WeakKeyDictionary()


_SIZES = (14, 16, 18, 22, 28, 36, 72)


@lru_cache(maxsize=1024)
def _tinted(name: str, colour: str, disabled: str) -> QIcon:
    """Rendered once: qtawesome's own icons are drawn by Python code each time they are painted."""
    drawn: QIcon = qtawesome.icon(f"mdi6.{name}", color=colour, color_disabled=disabled)
    pixmaps = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Disabled):
        for size in _SIZES:
            pixmaps.addPixmap(drawn.pixmap(QSize(size, size), 1.0, mode), mode)
    for size in _SIZES:
        for mode in (QIcon.Mode.Selected, QIcon.Mode.Active):
            pixmaps.addPixmap(drawn.pixmap(QSize(size, size), 1.0, QIcon.Mode.Normal), mode)
    return pixmaps


def icon(name: str, role: str = "text") -> QIcon:
    """An icon in the colour of a token (`role`), or in a colour given as #rrggbb."""
    colours = tokens()
    colour = role if role.startswith("#") else str(getattr(colours, role))
    return _tinted(name, colour, "#4b5462" if colours.dark else "#b4bcc8")


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
