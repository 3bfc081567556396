"""Colours and fonts: two palettes of our own on Fusion, following the system or chosen.

Every colour of the workbench is a token here; a widget that paints itself reads `tokens()` while it paints
and repaints on PaletteChange, so a change of theme needs no other wiring.
"""

import enum
from dataclasses import dataclass
from importlib.resources import files

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from pocketvisor_workbench.stylesheet import stylesheet


class ThemeMode(enum.StrEnum):
    """What the user chose."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True)
class Tokens:
    """The colours by what they are for."""

    dark: bool
    canvas: str
    canvas_edge: str
    window: str
    surface: str
    raised: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    good: str
    warn: str
    bad: str
    terminal: str
    terminal_text: str


DARK = Tokens(
    dark=True,
    canvas="#1a1d23",
    canvas_edge="#111317",
    window="#16191e",
    surface="#1c2027",
    raised="#262b34",
    hover="#2f3540",
    line="#2e343e",
    text="#e9ecf1",
    muted="#9ca6b5",
    accent="#7ea6ff",
    on_accent="#0b1530",
    good="#4ecb92",
    warn="#f2b552",
    bad="#ff7a78",
    terminal="#101318",
    terminal_text="#d5dae2",
)

LIGHT = Tokens(
    dark=False,
    canvas="#eef1f5",
    canvas_edge="#dde2ea",
    window="#f5f6f8",
    surface="#ffffff",
    raised="#f0f2f5",
    hover="#e6eaf0",
    line="#d8dde5",
    text="#181c23",
    muted="#586273",
    accent="#2b5fdc",
    on_accent="#ffffff",
    good="#147a54",
    warn="#8f5600",
    bad="#c62f2b",
    terminal="#ffffff",
    terminal_text="#242932",
)

_current = DARK

_READABLE = 4.5

UI_FAMILY = "Inter"
MONO_FAMILY = "JetBrains Mono"


def tokens() -> Tokens:
    """The colours in effect."""
    return _current


def luminance(colour: QColor) -> float:
    """Relative luminance as WCAG defines it."""
    channels = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(one: QColor, other: QColor) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def on_colour(background: QColor) -> QColor:
    """Black or white ink, whichever reads better on a background; white where both do."""
    return QColor("#0d1117") if luminance(background) > 0.30 else QColor("#ffffff")


def accent_ink(accent: QColor) -> QColor:
    """A guest's accent, mixed with the text's colour only as far as it takes to be read on a surface."""
    colours = tokens()
    ground, text = QColor(colours.surface), QColor(colours.text)
    for step in range(11):
        share = step / 10
        ink = QColor.fromRgbF(
            accent.redF() + (text.redF() - accent.redF()) * share,
            accent.greenF() + (text.greenF() - accent.greenF()) * share,
            accent.blueF() + (text.blueF() - accent.blueF()) * share,
        )
        if contrast(ink, ground) >= _READABLE:
            return ink
    return text


def mono_font(points: float) -> QFont:
    font = QFont(MONO_FAMILY)
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPointSizeF(points)
    return font


def load_fonts() -> None:
    """The fonts that come along, so that the workbench reads well on a machine without any."""
    folder = files("pocketvisor.resources").joinpath("fonts")
    for entry in folder.iterdir():
        if entry.name.endswith((".otf", ".ttf")):
            QFontDatabase.addApplicationFontFromData(entry.read_bytes())


def _palette(colours: Tokens) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.surface,
        QPalette.ColorRole.AlternateBase: colours.raised,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.BrightText: colours.bad,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.Link: colours.accent,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Mid: colours.line,
        QPalette.ColorRole.Midlight: colours.hover,
        QPalette.ColorRole.Light: colours.hover,
        QPalette.ColorRole.Dark: colours.canvas_edge,
        QPalette.ColorRole.Shadow: "#000000",
        QPalette.ColorRole.Accent: colours.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    faded = QColor(colours.muted)
    faded.setAlpha(130)
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, faded)
    return palette


class Theme(QObject):
    """Applies a theme to the application and follows the system's when asked to."""

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._applied: Tokens | None = None
        self.mode = ThemeMode.SYSTEM
        load_fonts()
        app.setStyle("Fusion")
        font = QFont(UI_FAMILY)
        font.setPointSizeF(9.5)
        font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
        app.setFont(font)
        app.styleHints().colorSchemeChanged.connect(self._system_changed)

    @property
    def dark(self) -> bool:
        return tokens().dark

    def set_mode(self, mode: ThemeMode) -> None:
        global _current
        self.mode = mode
        light = mode is ThemeMode.LIGHT or (
            mode is ThemeMode.SYSTEM and self._app.styleHints().colorScheme() is Qt.ColorScheme.Light
        )
        _current = LIGHT if light else DARK
        if self._applied is not _current:  # each widget that there is takes a style sheet anew: that is slow
            self._applied = _current
            self._app.setPalette(_palette(_current))
            self._app.setStyleSheet(stylesheet(_current))
        self.changed.emit()

    def toggle(self) -> None:
        """The other one of dark and light."""
        self.set_mode(ThemeMode.LIGHT if self.dark else ThemeMode.DARK)

    def _system_changed(self) -> None:
        if self.mode is ThemeMode.SYSTEM:
            self.set_mode(self.mode)
