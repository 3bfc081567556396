"""A terminal on the screen: painted by lines, typed into, selected, searched."""

from collections.abc import Callable
from itertools import groupby

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from pocketvisor_workbench.keymap import kept_by_workbench
from pocketvisor_workbench.terminal import BOLD, REVERSE, UNDERLINE, Row, Terminal, colours_of
from pocketvisor_workbench.theme import mono_font, tokens

_DARK = ("#3a3f4a", "#ff7b79", "#56cf97", "#f2b552", "#7ea6ff", "#d79bf5", "#59cfd8", "#d5dae2")
_DARK_BRIGHT = ("#6d7686", "#ff9d9b", "#86e3b6", "#ffd08a", "#a9c5ff", "#e9c3ff", "#8ce6ec", "#ffffff")
_LIGHT = ("#242932", "#c62f2b", "#147a54", "#8f5600", "#2b5fdc", "#8c3bb8", "#0f7480", "#8a93a2")
_LIGHT_BRIGHT = ("#586273", "#d9443f", "#1c9166", "#a86400", "#3f72ee", "#a04fd0", "#14909e", "#4a5261")

_KEYS: dict[int, str] = {
    Qt.Key.Key_Up: "A",
    Qt.Key.Key_Down: "B",
    Qt.Key.Key_Right: "C",
    Qt.Key.Key_Left: "D",
    Qt.Key.Key_Home: "H",
    Qt.Key.Key_End: "F",
}
_TILDE_KEYS: dict[int, int] = {
    Qt.Key.Key_Insert: 2,
    Qt.Key.Key_Delete: 3,
    Qt.Key.Key_PageUp: 5,
    Qt.Key.Key_PageDown: 6,
    Qt.Key.Key_F5: 15,
    Qt.Key.Key_F6: 17,
    Qt.Key.Key_F7: 18,
    Qt.Key.Key_F8: 19,
    Qt.Key.Key_F9: 20,
    Qt.Key.Key_F10: 21,
}
_REPAINT_MS = 30
_PAD = 8

Position = tuple[int, int]
"""(line's number since the terminal began, column)"""


def key_bytes(event: QKeyEvent, application_keys: bool = False) -> bytes:
    """What a terminal sends for a key."""
    key = event.key()
    if key in _KEYS:
        return (f"\x1bO{_KEYS[key]}" if application_keys else f"\x1b[{_KEYS[key]}").encode()
    if key in _TILDE_KEYS:
        return f"\x1b[{_TILDE_KEYS[key]}~".encode()
    if Qt.Key.Key_F1 <= key <= Qt.Key.Key_F4:
        return f"\x1bO{'PQRS'[key - Qt.Key.Key_F1]}".encode()
    if key == Qt.Key.Key_Backspace:
        return b"\x7f"
    if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        return b"\r"
    if key == Qt.Key.Key_Tab:
        return b"\t"
    if key == Qt.Key.Key_Backtab:
        return b"\x1b[Z"
    if key == Qt.Key.Key_Escape:
        return b"\x1b"
    if (
        event.modifiers() & Qt.KeyboardModifier.ControlModifier
        and Qt.Key.Key_At <= key <= Qt.Key.Key_Underscore
    ):
        return bytes([key & 0x1F])
    return event.text().encode()


class TerminalView(QAbstractScrollArea):
    """Shows one terminal at a time; `write` gets what is typed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Serial console")
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFont(mono_font(9.5))
        self.terminal: Terminal | None = None
        self.write: Callable[[bytes], object] | None = None
        self.asleep: Callable[[], bool] = lambda: False
        """Who listens stands still, so that function keys may be the workbench's."""
        self._version = -1
        self._lines: list[Row] = []
        self._first = 0
        self._start: Position | None = None
        self._end: Position | None = None
        self.matches: list[tuple[int, int, int]] = []
        self._match = -1
        self._needle = ""
        self._measure()
        self._timer = QTimer(self)
        self._timer.setInterval(_REPAINT_MS)
        self._timer.timeout.connect(self.refresh)

    def show_terminal(self, terminal: Terminal | None, write: Callable[[bytes], object] | None) -> None:
        self.terminal, self.write = terminal, write
        self._version = -1
        self._start = self._end = None
        self.refresh()
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())

    def refresh(self) -> None:
        """Takes over what has changed; follows the end unless the user scrolled up."""
        version = self.terminal.version if self.terminal else -2
        if version == self._version:
            return
        self._version = version
        bar = self.verticalScrollBar()
        follow = bar.value() >= bar.maximum()
        self._lines = self.terminal.all_lines() if self.terminal else []
        self._first = self.terminal.dropped if self.terminal else 0
        self._set_range()
        if follow:
            bar.setValue(bar.maximum())
        if self._needle:
            self._find_all()
        self.viewport().update()

    # Search and selection

    def search(self, needle: str) -> int:
        """Marks every occurrence and goes to the last; answers how many."""
        self._needle = needle.casefold()
        self._find_all()
        self._match = len(self.matches)
        self.next_match(-1)
        self.viewport().update()
        return len(self.matches)

    def next_match(self, step: int = 1) -> None:
        if not self.matches:
            return
        self._match = (self._match + step) % len(self.matches)
        line = self.matches[self._match][0] - self._first
        self.verticalScrollBar().setValue(max(line - self._rows_shown() // 2, 0))
        self.viewport().update()

    def _find_all(self) -> None:
        self.matches = []
        if not self._needle:
            return
        for number, line in enumerate(self._lines, self._first):
            text = line.string().casefold()
            at = text.find(self._needle)
            while at >= 0:
                self.matches.append((number, at, at + len(self._needle)))
                at = text.find(self._needle, at + 1)

    def selected_text(self) -> str:
        """What is selected, all if nothing is."""
        if self._start is None or self._end is None or self._start == self._end:
            return self.terminal.text() if self.terminal else ""
        first, last = sorted((self._start, self._end))
        pieces = []
        for number in range(first[0], last[0] + 1):
            index = number - self._first
            if not 0 <= index < len(self._lines):
                continue
            text = self._lines[index].string()
            begin = first[1] if number == first[0] else 0
            end = last[1] if number == last[0] else len(text)
            pieces.append(text[begin:end])
        return "\n".join(pieces)

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.selected_text())

    def paste(self) -> None:
        if self.write is not None:
            text = QGuiApplication.clipboard().text().replace("\r\n", "\r").replace("\n", "\r")
            self.write(text.encode())

    # Painting

    def _measure(self) -> None:
        metrics = QFontMetricsF(self.font())
        self._cell = metrics.horizontalAdvance("M")
        self._line = round(metrics.height() * 1.08)
        self._ascent = metrics.ascent() + (self._line - metrics.height()) / 2

    def _rows_shown(self) -> int:
        return max((self.viewport().height() - 2 * _PAD) // self._line, 1)

    def _set_range(self) -> None:
        self.verticalScrollBar().setRange(0, max(len(self._lines) - self._rows_shown(), 0))
        self.verticalScrollBar().setPageStep(self._rows_shown())

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self.viewport())
        background = QColor(colours.terminal)
        painter.fillRect(event.rect(), background)
        painter.setFont(self.font())
        top = self.verticalScrollBar().value()
        for row in range(self._rows_shown() + 1):
            index = top + row
            if index >= len(self._lines):
                break
            self._paint_line(painter, self._lines[index], self._first + index, _PAD + row * self._line)
        self._paint_cursor(painter, top)

    def _paint_line(self, painter: QPainter, line: Row, number: int, y: int) -> None:
        self._paint_marks(painter, number, y)
        end = len(line.string())
        styles = line.style[: max(end, _last_styled(line))]
        column = 0
        for style, run in groupby(styles):
            length = len(list(run))
            ink, paper = _ink(style)
            x = _PAD + column * self._cell
            if paper is not None:
                painter.fillRect(QRect(round(x), y, round(length * self._cell), self._line), paper)
            text = "".join(line.text[column : column + length])
            if text.strip():
                if style & (BOLD | UNDERLINE):
                    font = QFont(self.font())
                    font.setBold(bool(style & BOLD))
                    font.setUnderline(bool(style & UNDERLINE))
                    painter.setFont(font)
                painter.setPen(ink)
                painter.drawText(int(x), round(y + self._ascent), text)
                if style & (BOLD | UNDERLINE):
                    painter.setFont(self.font())
            column += length

    def _paint_marks(self, painter: QPainter, number: int, y: int) -> None:
        colours = tokens()
        for index, (line, begin, end) in enumerate(self.matches):
            if line == number:
                mark = QColor(colours.warn)
                mark.setAlpha(170 if index == self._match else 80)
                self._mark(painter, begin, end, y, mark)
        if self._start is None or self._end is None:
            return
        first, last = sorted((self._start, self._end))
        if first[0] <= number <= last[0]:
            begin = first[1] if number == first[0] else 0
            width = self.terminal.columns if self.terminal else 80
            end = last[1] if number == last[0] else width
            mark = QColor(colours.accent)
            mark.setAlpha(90)
            self._mark(painter, begin, end, y, mark)

    def _mark(self, painter: QPainter, begin: int, end: int, y: int, colour: QColor) -> None:
        x = _PAD + begin * self._cell
        painter.fillRect(QRect(round(x), y, round((end - begin) * self._cell), self._line), colour)

    def _paint_cursor(self, painter: QPainter, top: int) -> None:
        terminal = self.terminal
        if terminal is None or not terminal.cursor_shown or self.write is None:
            return
        row = len(terminal.history) + terminal.y - top
        place = QRect(
            round(_PAD + terminal.x * self._cell),
            _PAD + row * self._line,
            max(round(self._cell), 2),
            self._line,
        )
        colour = QColor(tokens().accent)
        if self.hasFocus():
            colour.setAlpha(170)
            painter.fillRect(place, colour)
        else:
            painter.setPen(colour)
            painter.drawRect(place.adjusted(0, 0, -1, -1))

    # Events

    def showEvent(self, _: object) -> None:
        self._timer.start()
        self.refresh()

    def hideEvent(self, _: object) -> None:
        self._timer.stop()

    def resizeEvent(self, _: QResizeEvent) -> None:
        bar = self.verticalScrollBar()
        follow = bar.value() >= bar.maximum()
        self._set_range()
        if follow:
            bar.setValue(bar.maximum())

    def focusInEvent(self, _: QFocusEvent) -> None:
        self.viewport().update()

    def focusOutEvent(self, _: QFocusEvent) -> None:
        self.viewport().update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            asleep = self.asleep() and Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F12
            if not asleep and not kept_by_workbench(event):
                event.accept()
                return True
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            self.keyPressEvent(event)  # Tab included
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        modifiers = event.modifiers()
        both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        bar = self.verticalScrollBar()
        if modifiers & both == both and event.key() == Qt.Key.Key_C:
            self.copy()
        elif modifiers & both == both and event.key() == Qt.Key.Key_V:
            self.paste()
        elif modifiers & Qt.KeyboardModifier.ShiftModifier and event.key() == Qt.Key.Key_PageUp:
            bar.setValue(bar.value() - self._rows_shown())
        elif modifiers & Qt.KeyboardModifier.ShiftModifier and event.key() == Qt.Key.Key_PageDown:
            bar.setValue(bar.value() + self._rows_shown())
        elif self.write is not None and self.terminal is not None:
            data = key_bytes(event, self.terminal.application_keys)
            if data:
                self.write(data)
                bar.setValue(bar.maximum())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._start = self._end = self._position(event.position().toPoint())
            self.viewport().update()
        elif event.button() is Qt.MouseButton.MiddleButton:
            self.paste()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._start is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._end = self._position(event.position().toPoint())
            self.viewport().update()

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:
        if self._start == self._end:
            self._start = self._end = None

    def _position(self, at: QPoint) -> Position:
        row = (at.y() - _PAD) // self._line + self.verticalScrollBar().value()
        row = min(max(row, 0), max(len(self._lines) - 1, 0))
        return self._first + row, max(round((at.x() - _PAD) / self._cell), 0)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.viewport().update()


def _last_styled(line: Row) -> int:
    """Coloured blanks at the end of a line are painted too."""
    for column in range(len(line.style) - 1, -1, -1):
        if line.style[column]:
            return column + 1
    return 0


def _ink(style: int) -> tuple[QColor, QColor | None]:
    """Text colour and background of a style; no background where it is the terminal's own."""
    colours = tokens()
    foreground, background = colours_of(style)
    if style & BOLD and 0 <= foreground < 8:
        foreground += 8
    ink = _indexed(foreground) or QColor(colours.terminal_text)
    paper = _indexed(background)
    if style & REVERSE:
        return paper or QColor(colours.terminal), ink
    return ink, paper


def _indexed(index: int) -> QColor | None:
    if index < 0:
        return None
    dark = tokens().dark
    if index < 8:
        return QColor((_DARK if dark else _LIGHT)[index])
    if index < 16:
        return QColor((_DARK_BRIGHT if dark else _LIGHT_BRIGHT)[index - 8])
    if index < 232:
        red, green, blue = (index - 16) // 36, (index - 16) // 6 % 6, (index - 16) % 6
        return QColor(*(55 + 40 * part if part else 0 for part in (red, green, blue)))
    grey = 8 + 10 * (index - 232)
    return QColor(grey, grey, grey)
