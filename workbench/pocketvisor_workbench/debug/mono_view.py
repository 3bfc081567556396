"""What the views that paint lines of code and memory share: a font, lines, a bar that scrolls by lines."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from pocketvisor_workbench.theme import mono_font

PAD = 10
_POINTS = 9.0


class MonoView(QAbstractScrollArea):
    """Subclasses say how many lines there are and paint one at a time."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)
        self.setFont(mono_font(_POINTS))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.verticalScrollBar().setSingleStep(1)
        metrics = QFontMetricsF(self.font())
        self.char = metrics.horizontalAdvance("0")
        self.line = round(metrics.height()) + 4
        self.ascent = metrics.ascent()

    def lines(self) -> int:
        """How many lines there are in all."""
        raise NotImplementedError

    @property
    def shown(self) -> int:
        """How many whole lines fit."""
        return max(self.viewport().height() // self.line, 1)

    @property
    def top(self) -> int:
        """The first line that is seen."""
        return int(self.verticalScrollBar().value())

    def set_top(self, line: int) -> None:
        self.verticalScrollBar().setValue(line)

    def fit(self) -> None:
        """The bar as the number of lines says."""
        bar = self.verticalScrollBar()
        bar.setPageStep(self.shown)
        bar.setRange(0, max(self.lines() - self.shown, 0))
        self.viewport().update()

    def resizeEvent(self, _: object) -> None:
        self.fit()

    def scrollContentsBy(self, _: int, __: int) -> None:
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def write(self, painter: QPainter, x: float, line_top: float, text: str) -> float:
        """Paints text on a line; answers where it ends."""
        painter.drawText(int(x), int(line_top + 2 + self.ascent), text)
        return x + len(text) * self.char
