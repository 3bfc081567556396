"""A guest's serial console as text: a VT100 as far as kernels, shells and Debian's installer use one.

Understands cursor movement, erasing, scrolling regions, insertion and deletion, colours and attributes, the
line-drawing set, the alternate screen and the size report that shells ask for. Bytes beyond what can be shown
are bounded: lines scrolled out are kept up to SCROLLBACK.

Left out: double-width characters, mouse reports, tab stops other than every eight columns.
"""

import codecs
import re
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SCROLLBACK = 5000
DEFAULT = 0
"""A style is an int: bits 0-8 foreground + 1, 9-17 background + 1, then BOLD, REVERSE, UNDERLINE."""
BOLD, REVERSE, UNDERLINE = 1 << 18, 1 << 19, 1 << 20
_FOREGROUND, _BACKGROUND = 0x1FF, 0x1FF << 9

_TOKENS = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f]+)|\x1b\[(?P<csi>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)|\x1b(?P<charset>[()][0-9A-Za-z])|\x1b(?P<escape>[ -/]?[0-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07]{0,512}|[()]?)?\Z")
_LINE_DRAWING = str.maketrans("`afgjklmnopqrstuvwxyz{|}~", "◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")


@dataclass(slots=True)
class Row:
    """A row of cells as it is read: text and styles of the same length."""

    text: Sequence[str]
    style: Sequence[int]

    def string(self) -> str:
        return "".join(self.text).rstrip()


@dataclass(slots=True)
class Line(Row):
    """A row of the screen, which is written to."""

    text: list[str]
    style: list[int]

    @classmethod
    def blank(cls, columns: int, style: int = DEFAULT) -> "Line":
        return cls([" "] * columns, [style] * columns)

    def packed(self) -> Row:
        """For the history: thousands of lists would be gone through by every garbage collection."""
        return Row("".join(self.text), array("I", self.style))


class Terminal:
    """The screen, the lines that left it, and the cursor."""

    def __init__(
        self, columns: int = 80, rows: int = 24, reply: Callable[[bytes], object] | None = None
    ) -> None:
        self.columns, self.rows = columns, rows
        self.history: deque[Row] = deque(maxlen=SCROLLBACK)
        self.dropped = 0
        """Lines that fell out of the history: a line's number stays the same while it is kept."""
        self.version = 0
        self._reply = reply
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self.reset()

    def reset(self) -> None:
        """The screen as at power on; what left it stays."""
        self.lines = [Line.blank(self.columns) for _ in range(self.rows)]
        self.x = self.y = 0
        self.cursor_shown = True
        self.application_keys = False
        self._style = DEFAULT
        self._top, self._bottom = 0, self.rows - 1
        self._saved = (0, 0, DEFAULT)
        self._drawing = False
        self._wrap_due = False
        self._main: list[Line] | None = None
        self._main_cursor = (0, 0)
        self.version += 1

    def clear(self) -> None:
        self.dropped += len(self.history)
        self.history.clear()
        self.reset()

    def all_lines(self) -> list[Row]:
        """History and screen, without the empty end of the screen."""
        used = max((i for i, line in enumerate(self.lines) if line.string()), default=-1)
        return [*self.history, *self.lines[: max(used, self.y) + 1]]

    def text(self) -> str:
        return "\n".join(line.string() for line in self.all_lines())

    def feed(self, data: bytes) -> None:
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        unfinished = _UNFINISHED.search(text)
        if unfinished and unfinished.group():
            text, self._rest = text[: unfinished.start()], unfinished.group()
        for token in _TOKENS.finditer(text):
            kind = token.lastgroup
            if kind == "text":
                self._write(token["text"])
            elif kind == "control":
                self._control(token["control"])
            elif kind == "final":
                self._csi(token["csi"], token["final"])
            elif kind == "charset":
                if token["charset"][0] == "(":
                    self._drawing = token["charset"][1] == "0"
            elif kind == "escape":
                self._escape(token["escape"])
        self.version += 1

    # Text

    def _write(self, text: str) -> None:
        if self._drawing:
            text = text.translate(_LINE_DRAWING)
        at = 0
        while at < len(text):
            if self._wrap_due:
                self.x = 0
                self._line_feed()
            piece = text[at : at + self.columns - self.x]
            line = self.lines[self.y]
            line.text[self.x : self.x + len(piece)] = piece
            line.style[self.x : self.x + len(piece)] = [self._style] * len(piece)
            at += len(piece)
            self.x += len(piece)
            if self.x >= self.columns:
                self.x = self.columns - 1
                self._wrap_due = True

    def _control(self, control: str) -> None:
        self._wrap_due = False
        if control in "\n\v\f":
            self._line_feed()
        elif control == "\r":
            self.x = 0
        elif control == "\b":
            self.x = max(self.x - 1, 0)
        elif control == "\t":
            self.x = min((self.x // 8 + 1) * 8, self.columns - 1)
        elif control == "\x0e":
            self._drawing = True
        elif control == "\x0f":
            self._drawing = False

    def _line_feed(self) -> None:
        self._wrap_due = False
        if self.y == self._bottom:
            self._scroll_up(1)
        else:
            self.y = min(self.y + 1, self.rows - 1)

    def _scroll_up(self, count: int) -> None:
        for _ in range(min(count, self.rows)):
            line = self.lines.pop(self._top)
            if self._top == 0 and self._main is None:
                if len(self.history) == SCROLLBACK:
                    self.dropped += 1
                self.history.append(line.packed())
            self.lines.insert(self._bottom, Line.blank(self.columns))

    def _scroll_down(self, count: int) -> None:
        for _ in range(min(count, self.rows)):
            self.lines.pop(self._bottom)
            self.lines.insert(self._top, Line.blank(self.columns))

    # Sequences

    def _escape(self, letter: str) -> None:
        self._wrap_due = False
        if letter == "c":
            self.reset()
        elif letter == "D":
            self._line_feed()
        elif letter == "E":
            self.x = 0
            self._line_feed()
        elif letter == "M":
            if self.y == self._top:
                self._scroll_down(1)
            else:
                self.y = max(self.y - 1, 0)
        elif letter == "7":
            self._saved = (self.x, self.y, self._style)
        elif letter == "8":
            self.x, self.y, self._style = self._saved

    def _csi(self, given: str, final: str) -> None:
        private = given[:1] in "?>=" and given != ""
        numbers = [min(int(part), 9999) if part.isdigit() else 0 for part in given.lstrip("?>=").split(";")]
        if final != "m":
            self._wrap_due = False
        if private:
            if given[0] == "?" and final in "hl":
                for number in numbers:
                    self._mode(number, final == "h")
            return
        count = max(numbers[0], 1)
        if final == "m":
            self._style_by(numbers)
        elif final in "ABCDEFGHfd`e":
            self._move(final, numbers, count)
        elif final in "JKX":
            self._erase(final, numbers[0], count)
        elif final in "LMSTP@":
            self._shift(final, count)
        elif final == "r":
            top, bottom = count - 1, (numbers[1] if len(numbers) > 1 and numbers[1] else self.rows) - 1
            if 0 <= top < bottom < self.rows:
                self._top, self._bottom = top, bottom
                self.x = self.y = 0
        elif final == "s":
            self._saved = (self.x, self.y, self._style)
        elif final == "u":
            self.x, self.y, self._style = self._saved
        elif final == "n" and self._reply is not None:
            if numbers[0] == 6:
                self._reply(f"\x1b[{self.y + 1};{self.x + 1}R".encode())
            elif numbers[0] == 5:
                self._reply(b"\x1b[0n")
        elif final == "c" and self._reply is not None:
            self._reply(b"\x1b[?6c")

    def _mode(self, number: int, on: bool) -> None:
        if number == 25:
            self.cursor_shown = on
        elif number == 1:
            self.application_keys = on
        elif number in (47, 1047, 1049):
            if on and self._main is None:
                self._main, self._main_cursor = self.lines, (self.x, self.y)
                self.lines = [Line.blank(self.columns) for _ in range(self.rows)]
            elif not on and self._main is not None:
                self.lines, self._main = self._main, None
                self.x, self.y = self._main_cursor

    def _move(self, final: str, numbers: list[int], count: int) -> None:
        if final in "Hf":
            self.y = min(count - 1, self.rows - 1)
            self.x = min(max(numbers[1] if len(numbers) > 1 else 1, 1) - 1, self.columns - 1)
        elif final in "A":
            self.y = max(self.y - count, 0)
        elif final in "Be":
            self.y = min(self.y + count, self.rows - 1)
        elif final == "C":
            self.x = min(self.x + count, self.columns - 1)
        elif final == "D":
            self.x = max(self.x - count, 0)
        elif final in "EF":
            self.x = 0
            self.y = min(self.y + count, self.rows - 1) if final == "E" else max(self.y - count, 0)
        elif final in "G`":
            self.x = min(count - 1, self.columns - 1)
        elif final == "d":
            self.y = min(count - 1, self.rows - 1)

    def _erase(self, final: str, what: int, count: int) -> None:
        line = self.lines[self.y]
        background = self._style & _BACKGROUND
        if final == "X":
            first, last = self.x, min(self.x + count, self.columns)
        elif what == 0:
            first, last = self.x, self.columns
        elif what == 1:
            first, last = 0, self.x + 1
        else:
            first, last = 0, self.columns
        line.text[first:last] = [" "] * (last - first)
        line.style[first:last] = [background] * (last - first)
        if final == "J":
            if what == 0:
                others = range(self.y + 1, self.rows)
            elif what == 1:
                others = range(self.y)
            else:
                others = range(self.rows)
            for row in others:
                self.lines[row] = Line.blank(self.columns, background)

    def _shift(self, final: str, count: int) -> None:
        if final == "S":
            self._scroll_up(count)
        elif final == "T":
            self._scroll_down(count)
        elif final in "LM":
            if not self._top <= self.y <= self._bottom:
                return
            for _ in range(min(count, self._bottom - self.y + 1)):
                self.lines.pop(self._bottom if final == "L" else self.y)
                self.lines.insert(self.y if final == "L" else self._bottom, Line.blank(self.columns))
        else:
            line = self.lines[self.y]
            x, count = self.x, min(count, self.columns - self.x)
            if final == "P":
                line.text[x:] = [*line.text[x + count :], *" " * count]
                line.style[x:] = [*line.style[x + count :], *[DEFAULT] * count]
            else:
                line.text[x:] = [*" " * count, *line.text[x : self.columns - count]]
                line.style[x:] = [*[DEFAULT] * count, *line.style[x : self.columns - count]]

    def _style_by(self, numbers: list[int]) -> None:
        at = 0
        while at < len(numbers):
            number = numbers[at]
            at += 1
            if number == 0:
                self._style = DEFAULT
            elif number == 1:
                self._style |= BOLD
            elif number == 4:
                self._style |= UNDERLINE
            elif number == 7:
                self._style |= REVERSE
            elif number == 22:
                self._style &= ~BOLD
            elif number == 24:
                self._style &= ~UNDERLINE
            elif number == 27:
                self._style &= ~REVERSE
            elif number in (38, 48):
                colour = -1
                if numbers[at : at + 1] == [5] and at + 1 < len(numbers):
                    colour, at = min(numbers[at + 1], 255), at + 2
                elif numbers[at : at + 1] == [2]:
                    at += 4
                self._colour(number == 38, colour)
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self._colour(True, number - 30 if number < 90 else number - 82)
            elif 40 <= number <= 47 or 100 <= number <= 107:
                self._colour(False, number - 40 if number < 100 else number - 92)
            elif number in (39, 49):
                self._colour(number == 39, -1)

    def _colour(self, foreground: bool, colour: int) -> None:
        if foreground:
            self._style = self._style & ~_FOREGROUND | (colour + 1)
        else:
            self._style = self._style & ~_BACKGROUND | (colour + 1) << 9


def colours_of(style: int) -> tuple[int, int]:
    """(foreground, background) as indices of the 256 colours, -1 for the default."""
    return (style & _FOREGROUND) - 1, (style >> 9 & 0x1FF) - 1
