"""Text as strokes of a keyboard with the US layout, by Linux's KEY_ numbers."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

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


class Reading(NamedTuple):
    """How far a guest is, by its status page. `waits`: for an interrupt, since it has nothing left to do."""

    ticks: int
    clock_ns: int
    events: int
    waits: bool


class Typist:
    """Types text a few keys at a time, each few when the guest has done with those before.

    Linux keeps 64 events for a program that reads a keyboard itself, as X does, and drops what does not fit:
    a sentence at once would be lost, and on a busy host also one in a steady rhythm.
    """

    KEYS_AT_ONCE: Final = 12
    PAUSE: Final = 0.04
    ASK_AGAIN: Final = 0.01
    BUSY_TICKS: Final = 40_000_000
    """A tenth of a second of work or so: a guest that never rests has looked at its keyboard by then."""
    LATE_NS: Final = 1_000_000_000
    """Of the guest's time: it has no driver for the keyboard, and is not told of keys at all."""

    def __init__(self, key: Callable[[int, bool], None], reading: Callable[[], Reading | None]) -> None:
        """`reading`: None when the guest does not run, and what is still to be typed is lost."""
        self._key = key
        self._reading = reading
        self._waiting: deque[tuple[int, bool]] = deque()
        self._before = Reading(0, 0, 0, False)
        self._timer: asyncio.TimerHandle | None = None

    def type(self, text: str) -> None:
        """Behind what is being typed still. Never waits."""
        self._waiting.extend(keystrokes(text))
        if self._timer is None:
            self._some()

    def _some(self) -> None:
        self._timer = None
        before = self._reading()
        if before is None:
            self._waiting.clear()
            return
        self._before = before
        for _ in range(min(self.KEYS_AT_ONCE, len(self._waiting))):
            self._key(*self._waiting.popleft())
        self._timer = asyncio.get_running_loop().call_later(self.PAUSE, self._go_on)

    def _go_on(self) -> None:
        now = self._reading()
        if now is not None and self._waiting and not self._done_with(now):
            self._timer = asyncio.get_running_loop().call_later(self.ASK_AGAIN, self._go_on)
        elif self._waiting:
            self._some()
        else:
            self._timer = None

    def _done_with(self, now: Reading) -> bool:
        before = self._before
        if now.ticks < before.ticks:  # it was reset
            return True
        rests = now.waits and now.ticks > before.ticks and now.events > before.events
        late = now.clock_ns - before.clock_ns >= self.LATE_NS
        return rests or late or now.ticks - before.ticks >= self.BUSY_TICKS
