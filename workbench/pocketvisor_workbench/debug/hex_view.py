"""Memory on the screen: addresses, bytes in hexadecimal, characters. Bytes are typed over where they stand.

Shows a stretch that its pane reads; scrolling beyond it asks the pane for another one.
"""

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from pocketvisor_workbench.debug.mono_view import PAD, MonoView
from pocketvisor_workbench.theme import Tokens, tokens

SPAN = 1 << 32
_HEX = "0123456789abcdef"


class HexView(MonoView):
    """The bar has one step for each line of the whole address space: `top` times `columns` is an address."""

    typed = Signal(object, int)
    """An address and the byte that was typed there."""
    place_changed = Signal()
    """Other memory is looked at than before."""
    cursor_changed = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Memory", parent)
        self.columns = 16
        self.group = 1
        """Bytes that are shown as one number, little end first."""
        self.memory: dict[int, int] = {}
        """What is mapped of what is shown, by address."""
        self.changed: set[int] = set()
        self.pending: dict[int, int] = {}
        """Typed, and not read back yet."""
        self.found: range = range(0)
        self.caret = 0
        self.anchor = 0
        self.editable = False
        self._in_text = False
        self._nibble: int | None = None
        self.verticalScrollBar().valueChanged.connect(self.place_changed)
        self.fit()

    def lines(self) -> int:
        return SPAN // self.columns

    @property
    def begin(self) -> int:
        return self.top * self.columns

    def span(self) -> range:
        """The addresses that are seen."""
        return range(self.begin, min(self.begin + (self.shown + 1) * self.columns, SPAN))

    def show_memory(self, memory: dict[int, int], changed: set[int]) -> None:
        self.memory, self.changed = memory, changed
        self.pending = {at: byte for at, byte in self.pending.items() if memory.get(at) != byte}
        self.viewport().update()

    def set_columns(self, columns: int) -> None:
        if columns != self.columns:
            begin = self.begin
            self.columns = columns
            self.fit()
            self.set_top(begin // columns)

    def set_group(self, group: int) -> None:
        self.group = group
        self.resizeEvent(None)

    def resizeEvent(self, _: object) -> None:
        """As many columns as fit, of 32, 16 and 8, or 4 where it is very narrow."""
        room = self.viewport().width() / self.char
        for columns in (32, 16, 8):
            if room >= self._width_of(columns):
                break
        else:
            columns = 4
        self.set_columns(columns)
        self.fit()
        self.place_changed.emit()

    def _width_of(self, columns: int) -> float:
        """In characters: the address, the groups with their gaps, the text."""
        return 2 * PAD / self.char + 8 + 2 + self._hex_width(columns) + 2 + columns

    def _hex_width(self, columns: int) -> float:
        return 2 * columns + (columns // self.group - 1) + (columns // 8 - 1) * 0.5

    def _hex_x(self, place: int) -> float:
        """Where a byte of a line stands."""
        group, within = divmod(place, self.group)
        behind = self.group - 1 - within  # the little end is on the right, as numbers are written
        characters = 10 + group * (2 * self.group + 1) + 2 * behind + (place // 8) * 0.5
        return PAD + characters * self.char

    def _text_x(self, place: int) -> float:
        return PAD + (10 + self._hex_width(self.columns) + 2 + place) * self.char

    # Where one is

    def go_to(self, address: int, *, centre: bool = True) -> None:
        """Puts the cursor on an address and shows it."""
        self.caret = self.anchor = min(max(address, 0), SPAN - 1)
        self._nibble = None
        line = self.caret // self.columns
        if not self.top <= line < self.top + self.shown or centre:
            self.set_top(max(line - (self.shown // 4 if centre else 0), 0))
        self.viewport().update()
        self.cursor_changed.emit()

    @property
    def selection(self) -> range:
        return range(min(self.caret, self.anchor), max(self.caret, self.anchor) + 1)

    def selected_bytes(self) -> bytes:
        """Up to where nothing is known."""
        found = []
        for address in self.selection:
            if address not in self.memory:
                break
            found.append(self.memory[address])
        return bytes(found)

    def _move(self, steps: int, *, select: bool) -> None:
        self.caret = min(max(self.caret + steps, 0), SPAN - 1)
        self._nibble = None
        if not select:
            self.anchor = self.caret
        line = self.caret // self.columns
        if line < self.top:
            self.set_top(line)
        elif line >= self.top + self.shown:
            self.set_top(line - self.shown + 1)
        self.viewport().update()
        self.cursor_changed.emit()

    # What the user does

    def keyPressEvent(self, event: QKeyEvent) -> None:
        page = self.columns * max(self.shown - 1, 1)
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -(self.caret % self.columns),
            Qt.Key.Key_End: self.columns - 1 - self.caret % self.columns,
        }.get(Qt.Key(event.key()))
        modifiers = event.modifiers()
        plain = not modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
        if steps is not None and plain:
            self._move(steps, select=bool(modifiers & Qt.KeyboardModifier.ShiftModifier))
        elif event.key() == Qt.Key.Key_Tab and not self._in_text:
            self._in_text = True
            self.viewport().update()
        elif event.key() == Qt.Key.Key_Backtab and self._in_text:
            self._in_text = False
            self.viewport().update()
        elif event.key() == Qt.Key.Key_Menu:
            self.menu_wanted.emit(self.viewport().mapToGlobal(QPoint(PAD, self.line)))
        elif not (plain and self._type(event.text())):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes from the numbers to the characters and then out of the view."""
        if forward is not self._in_text:
            return False
        return super().focusNextPrevChild(forward)

    def _type(self, text: str) -> bool:
        """A digit is half a byte, a character a whole one."""
        if not self.editable or len(text) != 1 or self.caret not in self.memory:
            return False
        if self._in_text:
            if not " " <= text <= "~":
                return False
            self._put(ord(text))
            return True
        digit = _HEX.find(text.lower())
        if digit < 0:
            return False
        if self._nibble is None:
            self._nibble = digit
            self.viewport().update()
        else:
            self._put(self._nibble << 4 | digit)
        return True

    def _put(self, byte: int) -> None:
        address = self.caret
        self.pending[address] = byte
        self._move(1, select=False)
        self.typed.emit(address, byte)

    def _place_at(self, x: float, y: float) -> tuple[int, bool] | None:
        """The address under a point, and whether among the characters."""
        line = self.top + int(y // self.line)
        if x >= self._text_x(0) - self.char / 2:
            place, in_text = int((x - self._text_x(0)) / self.char), True
        else:
            place = min(
                range(self.columns), key=lambda number: abs(self._hex_x(number) + self.char - x), default=0
            )
            in_text = False
        address = line * self.columns + min(max(place, 0), self.columns - 1)
        return (address, in_text) if 0 <= address < SPAN else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().x(), event.position().y())
        if place is None:
            return
        address, self._in_text = place
        right = event.button() is Qt.MouseButton.RightButton
        if not (right and address in self.selection):
            self._move(
                address - self.caret, select=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            )
        if right:
            self.menu_wanted.emit(event.globalPosition().toPoint())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            place = self._place_at(event.position().x(), event.position().y())
            if place is not None:
                self._move(place[0] - self.caret, select=True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Three lines a notch, however long the bar is."""
        self.set_top(self.top - round(event.angleDelta().y() / 40))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self.viewport())
        painter.setFont(self.font())
        painter.fillRect(event.rect(), QColor(colours.surface))
        for number in range(self.shown + 1):
            begin = (self.top + number) * self.columns
            if begin >= SPAN:
                break
            y = number * self.line
            painter.setPen(QColor(colours.muted))
            self.write(painter, PAD, y, f"{begin:08x}")
            for place in range(self.columns):
                self._paint_byte(painter, colours, begin + place, place, y)

    def _paint_byte(self, painter: QPainter, colours: Tokens, address: int, place: int, y: float) -> None:
        x, text_x = self._hex_x(place), self._text_x(place)
        byte = self.pending.get(address, self.memory.get(address))
        if address in self.found:
            ground = QColor(colours.warn)
            ground.setAlpha(70)
            painter.fillRect(QRectF(x - 1, y, 2 * self.char + 2, self.line), ground)
            painter.fillRect(QRectF(text_x, y, self.char, self.line), ground)
        if address in self.selection and (self.caret != self.anchor or self.hasFocus()):
            ground = QColor(colours.accent)
            ground.setAlpha(70)
            painter.fillRect(QRectF(x - 1, y, 2 * self.char + 2, self.line), ground)
            painter.fillRect(QRectF(text_x, y, self.char, self.line), ground)
        if byte is None:
            words, character, ink = "··", " ", QColor(colours.line)
        else:
            words, character = f"{byte:02x}", chr(byte) if 0x20 <= byte < 0x7F else "."
            ink = QColor(colours.text if byte else colours.muted)
        if address in self.pending:
            ink = QColor(colours.accent)
        elif address in self.changed:
            ink = QColor(colours.warn)
        if address == self.caret and self._nibble is not None:
            words, ink = f"{self._nibble:x}_", QColor(colours.accent)
        painter.setPen(ink)
        self.write(painter, x, y, words)
        painter.setPen(
            ink if byte is None or (" " <= character <= "~" and character != ".") else QColor(colours.muted)
        )
        self.write(painter, text_x, y, character)
        if address == self.caret:
            painter.setPen(QColor(colours.accent if self.hasFocus() else colours.muted))
            if self._in_text:
                painter.drawRect(QRectF(text_x - 0.5, y + 0.5, self.char, self.line - 1))
            else:
                painter.drawRect(QRectF(x - 1.5, y + 0.5, 2 * self.char + 2, self.line - 1))
