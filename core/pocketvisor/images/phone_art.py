"""The pictures of Debian's phone, drawn: a wallpaper, icons of programs and of the bars.

Drawn four times as large and scaled down, so that edges are smooth. Icons come in the sizes of SIZES, the
wallpaper in those of all handsets' panels, held either way: the phone's shell takes what fits, since scaling
would cost it time at each start.
"""

import io
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from pocketvisor.models import load_models

SIZES: Final = (56, 84, 96)
"""Of a program's icon, for panels that are 320, 480 and 540 pixels wide."""
GLYPH_SHARE: Final = 0.38
"""How large the bars' signs are against a program's icon."""

_SCALE = 4
_WHITE = (255, 255, 255, 255)

Draw = ImageDraw.ImageDraw
Glyph = Callable[[Draw, float], None]


def pictures() -> dict[str, bytes]:
    """All pictures by file name."""
    found = {}
    panels = {(model.panel.width, model.panel.height) for model in load_models().values()}
    for width, height in sorted(panels | {(height, width) for width, height in panels}):
        found[f"wallpaper-{width}x{height}.ppm"] = _ppm(_wallpaper(width, height))
    for size in SIZES:
        found[f"pressed-{size}.png"] = _png(_pressed(size))
        for name, (top, bottom, glyph) in _PROGRAMS.items():
            found[f"{name}-{size}.png"] = _png(_icon(size, top, bottom, glyph))
        for name, glyph in _SIGNS.items():
            small = round(size * GLYPH_SHARE)
            found[f"{name}-{size}.png"] = _png(_drawn(small, glyph))
    return found


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _ppm(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "PPM")
    return stream.getvalue()


def _wallpaper(width: int, height: int) -> Image.Image:
    """Night colours with a red dawn: dark at the top where the clock is, so that white reads on it."""
    small = Image.new("RGB", (120, 120))
    pixels = small.load()
    assert pixels is not None
    for y in range(120):
        for x in range(120):
            down = y / 119
            wave = 0.06 * math.sin(x / 17.0) + 0.04 * math.sin(x / 7.0 + 2)
            pixels[x, y] = _between(_NIGHT, min(max(down + wave, 0.0), 1.0))
    picture = small.resize((width, height), Image.Resampling.BICUBIC)
    glow = Image.new("L", (width, height))
    pen = ImageDraw.Draw(glow)
    pen.ellipse((width * 0.42, height * 0.46, width * 0.98, height * 0.98), fill=90)
    pen.ellipse((width * 0.10, height * 0.62, width * 0.52, height * 1.04), fill=60)
    glow = glow.filter(ImageFilter.GaussianBlur(min(width, height) / 6))
    picture.paste(Image.new("RGB", (width, height), (255, 92, 122)), mask=glow)
    for level, shade in ((0.70, 26), (0.77, 34), (0.85, 46)):
        ridge = Image.new("L", (width, height))
        line = [
            (
                x,
                height * level
                + height * 0.028 * math.sin(x / width * 7 + level * 31)
                + height * 0.014 * math.sin(x / width * 17 + level * 57),
            )
            for x in range(0, width + 8, 8)
        ]
        ImageDraw.Draw(ridge).polygon([*line, (width, height), (0, height)], fill=shade + 40)
        picture.paste(Image.new("RGB", (width, height), (22, 10, 34)), mask=ridge)
    return picture


_NIGHT = ((0.0, (13, 14, 32)), (0.45, (38, 20, 58)), (0.75, (96, 24, 74)), (1.0, (168, 32, 76)))


def _between(stops: tuple[tuple[float, tuple[int, int, int]], ...], at: float) -> tuple[int, int, int]:
    for (start, low), (end, high) in pairwise(stops):
        if at <= end:
            share = (at - start) / (end - start)
            red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
            return red, green, blue
    return stops[-1][1]


def _icon(size: int, top: tuple[int, int, int], bottom: tuple[int, int, int], glyph: Glyph) -> Image.Image:
    big = size * _SCALE
    ground = Image.new("RGBA", (big, big))
    for y in range(big):
        colour = _between(((0.0, top), (1.0, bottom)), y / big)
        ImageDraw.Draw(ground).line((0, y, big, y), fill=(*colour, 255))
    mask = Image.new("L", (big, big))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, big - 1, big - 1), big * 0.25, fill=255)
    picture = Image.new("RGBA", (big, big))
    picture.paste(ground, mask=mask)
    inner = Image.new("RGBA", (big, big))
    glyph(ImageDraw.Draw(inner), big)
    picture.alpha_composite(inner)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def _pressed(size: int) -> Image.Image:
    """A shade over an icon that is touched."""
    big = size * _SCALE
    picture = Image.new("RGBA", (big, big))
    ImageDraw.Draw(picture).rounded_rectangle((0, 0, big - 1, big - 1), big * 0.25, fill=(0, 0, 0, 96))
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def _drawn(size: int, glyph: Glyph) -> Image.Image:
    picture = Image.new("RGBA", (size * _SCALE, size * _SCALE))
    glyph(ImageDraw.Draw(picture), size * _SCALE)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def _line(pen: Draw, s: float, *points: tuple[float, float], width: float = 0.075) -> None:
    """A line with round ends, in shares of the picture."""
    thick = s * width
    pen.line([(x * s, y * s) for x, y in points], fill=_WHITE, width=round(thick), joint="curve")
    for x, y in points:
        pen.ellipse((x * s - thick / 2, y * s - thick / 2, x * s + thick / 2, y * s + thick / 2), fill=_WHITE)


def _ring(pen: Draw, s: float, x: float, y: float, radius: float, width: float = 0.07) -> None:
    box = ((x - radius) * s, (y - radius) * s, (x + radius) * s, (y + radius) * s)
    pen.ellipse(box, outline=_WHITE, width=round(width * s))


def _disc(pen: Draw, s: float, x: float, y: float, radius: float, fill: tuple[int, ...] = _WHITE) -> None:
    pen.ellipse(((x - radius) * s, (y - radius) * s, (x + radius) * s, (y + radius) * s), fill=fill)


def _terminal(pen: Draw, s: float) -> None:
    _line(pen, s, (0.28, 0.34), (0.45, 0.5), (0.28, 0.66))
    _line(pen, s, (0.53, 0.68), (0.74, 0.68))


def _browser(pen: Draw, s: float) -> None:
    _ring(pen, s, 0.5, 0.5, 0.29, 0.055)
    pen.ellipse((0.38 * s, 0.21 * s, 0.62 * s, 0.79 * s), outline=_WHITE, width=round(0.045 * s))
    _line(pen, s, (0.22, 0.5), (0.78, 0.5), width=0.045)


def _settings(pen: Draw, s: float) -> None:
    for number in range(8):
        angle = number * math.pi / 4
        x, y = math.cos(angle), math.sin(angle)
        _line(pen, s, (0.5 + 0.2 * x, 0.5 + 0.2 * y), (0.5 + 0.27 * x, 0.5 + 0.27 * y), width=0.115)
    _ring(pen, s, 0.5, 0.5, 0.235, 0.125)


def _notes(pen: Draw, s: float) -> None:
    pen.rounded_rectangle((0.27 * s, 0.22 * s, 0.73 * s, 0.78 * s), 0.07 * s, fill=_WHITE)
    for y, end in ((0.37, 0.63), (0.5, 0.63), (0.63, 0.53)):
        pen.line((0.37 * s, y * s, end * s, y * s), fill=(214, 140, 20, 255), width=round(0.05 * s))


def _calculator(pen: Draw, s: float) -> None:
    _line(pen, s, (0.25, 0.35), (0.45, 0.35))
    _line(pen, s, (0.35, 0.25), (0.35, 0.45))
    _line(pen, s, (0.57, 0.35), (0.75, 0.35))
    _line(pen, s, (0.27, 0.58), (0.43, 0.74))
    _line(pen, s, (0.43, 0.58), (0.27, 0.74))
    _line(pen, s, (0.57, 0.6), (0.75, 0.6))
    _line(pen, s, (0.57, 0.73), (0.75, 0.73))


def _sensors(pen: Draw, s: float) -> None:
    _ring(pen, s, 0.5, 0.5, 0.28, 0.05)
    _ring(pen, s, 0.5, 0.5, 0.12, 0.045)
    for x, y in ((0, -1), (0, 1), (-1, 0), (1, 0)):
        _line(pen, s, (0.5 + 0.22 * x, 0.5 + 0.22 * y), (0.5 + 0.33 * x, 0.5 + 0.33 * y), width=0.05)


def _swirl(pen: Draw, s: float) -> None:
    """A spiral, for what tells of Debian itself."""
    points = []
    for step in range(90):
        angle = step / 89 * 3.3 * math.pi - 0.35
        radius = 0.3 - 0.24 * step / 89
        points.append((0.5 + radius * math.cos(angle), 0.48 + radius * math.sin(angle)))
    _line(pen, s, *points, width=0.06)


def _power(pen: Draw, s: float) -> None:
    box = (0.26 * s, 0.28 * s, 0.74 * s, 0.76 * s)
    pen.arc(box, -55, 235, fill=_WHITE, width=round(0.075 * s))
    _line(pen, s, (0.5, 0.22), (0.5, 0.48))


def _back(pen: Draw, s: float) -> None:
    _line(pen, s, (0.66, 0.16), (0.3, 0.5), (0.66, 0.84), width=0.1)


def _home(pen: Draw, s: float) -> None:
    _ring(pen, s, 0.5, 0.5, 0.38, 0.1)


def _tasks(pen: Draw, s: float) -> None:
    box = (0.16 * s, 0.16 * s, 0.84 * s, 0.84 * s)
    pen.rounded_rectangle(box, 0.12 * s, outline=_WHITE, width=round(0.1 * s))


def _keyboard(pen: Draw, s: float) -> None:
    box = (0.04 * s, 0.2 * s, 0.96 * s, 0.8 * s)
    pen.rounded_rectangle(box, 0.12 * s, outline=_WHITE, width=round(0.08 * s))
    for y in (0.38, 0.52):
        for x in (0.23, 0.41, 0.59, 0.77):
            _disc(pen, s, x, y, 0.045)
    _line(pen, s, (0.36, 0.66), (0.64, 0.66), width=0.07)


def _network(pen: Draw, s: float) -> None:
    for radius in (0.62, 0.4):
        box = ((0.5 - radius) * s, (0.82 - radius) * s, (0.5 + radius) * s, (0.82 + radius) * s)
        pen.arc(box, -135, -45, fill=_WHITE, width=round(0.11 * s))
    _disc(pen, s, 0.5, 0.78, 0.11)


def _close(pen: Draw, s: float) -> None:
    _line(pen, s, (0.22, 0.22), (0.78, 0.78), width=0.1)
    _line(pen, s, (0.78, 0.22), (0.22, 0.78), width=0.1)


_PROGRAMS: Final[dict[str, tuple[tuple[int, int, int], tuple[int, int, int], Glyph]]] = {
    "terminal": ((72, 78, 96), (30, 33, 46), _terminal),
    "browser": ((74, 160, 255), (22, 92, 220), _browser),
    "settings": ((146, 154, 172), (86, 94, 114), _settings),
    "notes": ((255, 200, 76), (240, 156, 26), _notes),
    "calculator": ((255, 138, 84), (226, 84, 44), _calculator),
    "sensors": ((60, 204, 170), (14, 140, 124), _sensors),
    "manual": ((226, 30, 92), (150, 8, 62), _swirl),
    "power": ((120, 96, 214), (78, 54, 168), _power),
}
_SIGNS: Final[dict[str, Glyph]] = {
    "back": _back,
    "home": _home,
    "tasks": _tasks,
    "keyboard": _keyboard,
    "network": _network,
    "close": _close,
}
