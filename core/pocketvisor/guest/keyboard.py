"""Text as strokes of a keyboard with the US layout, by Linux's KEY_ numbers."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
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


class Typist:
    """Types text a few keys at a time. Linux keeps 64 events for a program that reads a keyboard itself, as X
    does, and drops what does not fit: a sentence at once would be lost on a busy guest."""

    KEYS_AT_ONCE: Final = 12
    PAUSE: Final = 0.04

    def __init__(self, key: Callable[[int, bool], None]) -> None:
        self._key = key
        self._waiting: deque[tuple[int, bool]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def type(self, text: str) -> None:
        """Behind what is being typed still. Never waits."""
        self._waiting.extend(keystrokes(text))
        if self._timer is None:
            self._go_on()

    def _go_on(self) -> None:
        self._timer = None
        for _ in range(min(self.KEYS_AT_ONCE, len(self._waiting))):
            self._key(*self._waiting.popleft())
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self.PAUSE, self._go_on)
