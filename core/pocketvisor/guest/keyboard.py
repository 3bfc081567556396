"""Text as strokes of a keyboard with the US layout, by Linux's KEY_ numbers."""

from collections.abc import Iterator
from typing import Final

KEY_ESC: Final = 1
KEY_BACKSPACE: Final = 14
KEY_TAB: Final = 15
KEY_ENTER: Final = 28
KEY_LEFTSHIFT: Final = 42
KEY_SPACE: Final = 57

_ROWS = (  # first code of a run, plain, shifted
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)
_PLAIN: Final = {"\x1b": KEY_ESC, "\b": KEY_BACKSPACE, "\t": KEY_TAB, "\n": KEY_ENTER, "\r": KEY_ENTER} | {
    " ": KEY_SPACE
}
_PLAIN.update({character: first + at for first, plain, _ in _ROWS for at, character in enumerate(plain)})
_SHIFTED: Final = {
    character: first + at for first, _, shifted in _ROWS for at, character in enumerate(shifted)
}


def keystrokes(text: str) -> Iterator[tuple[int, bool]]:
    """(code, pressed) in order. Characters that the layout has no key for are left out."""
    for character in text:
        if character in _PLAIN:
            yield _PLAIN[character], True
            yield _PLAIN[character], False
        elif character in _SHIFTED:
            yield KEY_LEFTSHIFT, True
            yield _SHIFTED[character], True
            yield _SHIFTED[character], False
            yield KEY_LEFTSHIFT, False
