"""Material Design icons out of qtawesome's font, tinted with the theme and re-tinted when it changes.

qtawesome itself is not imported: it loads twelve fonts for one, and draws an icon anew each time that it is
painted.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPixmap

from pocketvisor_workbench.theme import tokens

_worn: "WeakKeyDictionary[QObject, tuple[str, str]]" = WeakKeyDictionary()


_SIZES = (14, 16, 18, 22, 28, 36, 72)
_GLYPH_SHARE = 0.875
"""Of an icon's height: the rest is the air around it."""


@lru_cache(maxsize=1)
def _font() -> tuple[str, dict[str, str]]:
    """Its family, and which character is which icon, as a hexadecimal number."""
    package = find_spec("qtawesome")
    assert package is not None and package.origin is not None
    folder = Path(package.origin).parent / "fonts"
    (font,) = folder.glob("materialdesignicons6-webfont-[0-9]*.ttf")
    (names,) = folder.glob("materialdesignicons6-webfont-charmap-*.json")
    (family, *_) = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(font)))
    return family, json.loads(names.read_bytes())


@lru_cache(maxsize=1024)
def _tinted(name: str, colour: str, disabled: str) -> QIcon:
    family, names = _font()
    glyph = chr(int(names[name], 16))
    pixmaps = QIcon()
    for size in _SIZES:
        font = QFont(family)
        font.setPixelSize(round(size * _GLYPH_SHARE))
        drawn = _drawn(glyph, font, size, colour)
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected, QIcon.Mode.Active):
            pixmaps.addPixmap(drawn, mode)
        pixmaps.addPixmap(_drawn(glyph, font, size, disabled), QIcon.Mode.Disabled)
    return pixmaps


def _drawn(glyph: str, font: QFont, size: int, colour: str) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(QColor(colour))
    painter.setFont(font)
    painter.drawText(QRect(0, 0, size, size), Qt.AlignmentFlag.AlignCenter, glyph)
    painter.end()
    return pixmap


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
