"""Disassembly on the screen: a gutter with breakpoints and the program counter, labels, source lines, code.

Holds a stretch of memory and asks for more of it when it is scrolled near an end.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QWidget

from pocketvisor.debug.disassembly import Line
from pocketvisor_workbench.debug.code_lines import Row, SourceText, row_at, rows_of
from pocketvisor_workbench.debug.mono_view import MonoView
from pocketvisor_workbench.theme import Tokens, tokens

GUTTER = 34
_NEAR = 24
_WORDS = 240
"""So many rows before an end more is asked for."""
_BRANCHES = ("b", "cb", "tb", "pop", "svc", "hvc", "smc", "udf", "bkpt")


class CodeView(MonoView):
    stop_toggled = Signal(object)
    """The address whose breakpoint is to be set or removed."""
    target_chosen = Signal(object)
    """The address that an instruction refers to."""
    menu_wanted = Signal(object, QPoint)
    more_wanted = Signal(bool)
    """More before (True) or behind what is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Disassembly", parent)
        self.rows: list[Row] = []
        self.pc: int | None = None
        self.exact = False
        """The guest stands at `pc`; otherwise it was seen there as it ran by."""
        self.stops: dict[int, str] = {}
        """Addresses with a breakpoint, and its kind: on, off, condition."""
        self.caret: int | None = None
        self.show_bytes = True
        self.show_source = True
        self.executed: Callable[[int], bool | None] | None = None
        """What is known of an address's coverage: executed, not executed, nothing."""
        self.source_text: SourceText | None = None
        self._code: list[Line] = []
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.setMouseTracking(True)
        self._hovered: int | None = None

    def lines(self) -> int:
        return len(self.rows)

    def set_code(self, code: Sequence[Line]) -> None:
        """The stretch that is shown; the line at the top stays where it is."""
        held = self.rows[self.top].address if self.top < len(self.rows) else None
        within = self.top - self._first_row(held) if held is not None else 0
        self._code = list(code)
        self.rows = rows_of(code, source=self.show_source, text=self.source_text)
        self.verticalScrollBar().blockSignals(True)
        self.fit()
        if held is not None and row_at(self.rows, held) is not None:
            self.set_top(self._first_row(held) + within)
        self.verticalScrollBar().blockSignals(False)

    def refresh_rows(self) -> None:
        self.set_code(self._code)

    def _first_row(self, address: int) -> int:
        """The first of the rows of an address: its label, its source line."""
        at = row_at(self.rows, address)
        if at is None:
            return 0
        while at > 0 and self.rows[at - 1].address == self.rows[at].address:
            at -= 1
        return at

    def reveal(self, address: int, *, centre: bool = False) -> bool:
        """Scrolls as little as is needed, or so that the address stands in the upper third."""
        at = row_at(self.rows, address)
        if at is None:
            return False
        if centre or not self.top + 1 <= at < self.top + self.shown - 2:
            self.set_top(max(at - max(self.shown // 3, 1), 0))
        self.viewport().update()
        return True

    def select(self, address: int) -> None:
        self.caret = address
        self.viewport().update()

    @property
    def selected(self) -> Line | None:
        at = row_at(self.rows, self.caret) if self.caret is not None else None
        return self.rows[at].line if at is not None else None

    # What the user does

    def _row_under(self, y: float) -> Row | None:
        at = self.top + int(y // self.line)
        return self.rows[at] if 0 <= at < len(self.rows) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_under(event.position().y())
        if row is None:
            return
        self.select(row.address)
        if event.button() is Qt.MouseButton.LeftButton and event.position().x() < GUTTER:
            self.stop_toggled.emit(row.address)
        elif event.button() is Qt.MouseButton.RightButton:
            self.menu_wanted.emit(row.address, event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self._row_under(event.position().y())
        if row is not None and event.position().x() >= GUTTER and row.line.target is not None:
            self.target_chosen.emit(row.line.target)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = self._row_under(event.position().y())
        over = row.address if row is not None and event.position().x() < GUTTER else None
        if over != self._hovered:
            self._hovered = over
            self.viewport().setCursor(
                Qt.CursorShape.ArrowCursor if over is None else Qt.CursorShape.PointingHandCursor
            )
            self.viewport().update()

    def leaveEvent(self, _: object) -> None:
        self._hovered = None
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -self.shown + 1,
            Qt.Key.Key_PageDown: self.shown - 1,
        }.get(Qt.Key(event.key()))
        chosen = self.selected
        if steps is not None:
            self._move(steps)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and chosen is not None:
            if chosen.target is not None:
                self.target_chosen.emit(chosen.target)
        elif event.key() == Qt.Key.Key_Menu and chosen is not None:
            at = row_at(self.rows, chosen.address) or 0
            self.menu_wanted.emit(
                chosen.address, self.viewport().mapToGlobal(QPoint(GUTTER, (at - self.top + 1) * self.line))
            )
        else:
            super().keyPressEvent(event)

    def _move(self, steps: int) -> None:
        """The cursor by so many instructions; at the view's edge the view comes along."""
        code = [at for at, row in enumerate(self.rows) if row.kind == "code"]
        if not code:
            return
        start = row_at(self.rows, self.caret) if self.caret is not None else None
        at = (
            code.index(start)
            if start in code
            else min(range(len(code)), key=lambda n: abs(code[n] - self.top))
        )
        row = code[min(max(at + steps, 0), len(code) - 1)]
        self.caret = self.rows[row].address
        if row < self.top + 1:
            self.set_top(max(row - 1, 0))
        elif row >= self.top + self.shown:
            self.set_top(row - self.shown + 1)
        self.viewport().update()

    def _scrolled(self, value: int) -> None:
        if not self.rows:
            return
        if value < _NEAR:
            self.more_wanted.emit(True)
        if value > len(self.rows) - self.shown - _NEAR:
            self.more_wanted.emit(False)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        painter.fillRect(event.rect(), QColor(colours.surface))
        painter.fillRect(QRectF(0, 0, GUTTER - 6, self.viewport().height()), QColor(colours.raised))
        for number in range(self.shown + 1):
            at = self.top + number
            if at >= len(self.rows):
                break
            self._paint_row(painter, colours, self.rows[at], number * self.line)

    def _paint_row(self, painter: QPainter, colours: Tokens, row: Row, y: float) -> None:
        width = self.viewport().width()
        line = row.line
        left = GUTTER + 2
        if row.kind == "label":
            painter.setPen(QColor(colours.accent))
            self.write(painter, left, y, f"{row.words[:_WORDS]}:")
            return
        if row.kind == "source":
            painter.setPen(QColor(colours.muted))
            self.write(painter, left + self.char * 2, y, row.words[:_WORDS])
            return
        is_pc = self.pc is not None and line.address == self.pc
        if is_pc:
            ground = QColor(colours.accent)
            ground.setAlpha(56 if self.exact else 26)
            painter.fillRect(QRectF(GUTTER - 6, y, width, self.line), ground)
        elif self.caret == line.address:
            ground = QColor(colours.hover)
            painter.fillRect(QRectF(GUTTER - 6, y, width, self.line), ground)
        if self.caret == line.address and self.hasFocus():
            painter.setPen(QColor(colours.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(GUTTER - 5.5, y + 0.5, width - GUTTER + 4, self.line - 1))
        self._paint_gutter(painter, colours, line, y, is_pc)
        self._paint_code(painter, colours, line, left, y)

    def _paint_gutter(self, painter: QPainter, colours: Tokens, line: Line, y: float, is_pc: bool) -> None:
        middle = y + self.line / 2
        stop = self.stops.get(line.address)
        painter.setPen(Qt.PenStyle.NoPen)
        if stop is not None:
            painter.setBrush(QColor(colours.bad) if stop != "off" else Qt.BrushStyle.NoBrush)
            if stop == "off":
                painter.setPen(QColor(colours.bad))
            painter.drawEllipse(QPointF(9.0, middle), 5.0, 5.0)
            if stop == "condition":
                painter.setBrush(QColor(colours.surface))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.drawEllipse(QPointF(9.0, middle), 2.0, 2.0)
        elif self._hovered == line.address:
            faint = QColor(colours.bad)
            faint.setAlpha(90)
            painter.setBrush(faint)
            painter.drawEllipse(QPointF(9.0, middle), 5.0, 5.0)
        if is_pc:
            arrow = QPolygonF([QPointF(17, middle - 5), QPointF(26, middle), QPointF(17, middle + 5)])
            painter.setPen(QColor(colours.accent))
            painter.setBrush(QColor(colours.accent) if self.exact else Qt.BrushStyle.NoBrush)
            painter.drawPolygon(arrow)
        seen = self.executed(line.address) if self.executed is not None else None
        if seen is not None:
            painter.fillRect(
                QRectF(GUTTER - 5, y, 3, self.line), QColor(colours.good if seen else colours.line)
            )

    def _paint_code(self, painter: QPainter, colours: Tokens, line: Line, left: float, y: float) -> None:
        painter.setPen(QColor(colours.muted))
        x = self.write(painter, left, y, f"{line.address:08x}") + self.char * 2
        if not line.data:
            self.write(painter, x, y, line.mnemonic)
            return
        width = self.viewport().width()
        if self.show_bytes and width > self.char * 62:
            self.write(painter, x, y, line.raw)
            x += self.char * 11
        mnemonic = line.mnemonic
        branches = mnemonic.startswith(_BRANCHES) and not mnemonic.startswith(("bic", "bfi", "bfc"))
        painter.setPen(QColor(colours.accent if branches else colours.text))
        end = self.write(painter, x, y, mnemonic)
        x = max(x + self.char * 8, end + self.char)
        painter.setPen(QColor(colours.text))
        x = self.write(painter, x, y, line.operands)
        if line.note:
            painter.setPen(QColor(colours.good))
            room = int((width - x) / self.char) - 3
            words = line.note
            self.write(
                painter,
                x + self.char * 2,
                y,
                words if len(words) <= room else words[: max(room - 1, 0)] + "…",
            )
