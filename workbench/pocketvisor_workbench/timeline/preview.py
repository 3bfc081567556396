"""A moment's picture above the slider, with its time: what one looks at while dragging."""

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from pocketvisor_workbench.theme import tokens

_PAD = 5
_LINE = 20
_LEAST = 64


class Preview(QWidget):
    """Lies over everything in the window and takes no mouse."""

    HEIGHT = 128

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setObjectName("timePreview")
        self._window = window
        self._pixmap = QPixmap()
        self._words = ""
        self.hide()

    def show_moment(self, pixmap: QPixmap, words: str, above: QPoint) -> None:
        """`above`: a point of the window that it stands over, kept within the window."""
        self._pixmap, self._words = pixmap, words
        size = QSize(_LEAST, _LINE)
        if not pixmap.isNull():
            wide = round(self.HEIGHT * pixmap.width() / max(pixmap.height(), 1))
            size = QSize(max(wide, _LEAST), self.HEIGHT + _LINE)
        self.resize(size + QSize(2 * _PAD, 2 * _PAD))
        room = self._window.rect()
        x = min(max(above.x() - self.width() // 2, 4), max(room.width() - self.width() - 4, 4))
        self.move(x, max(above.y() - self.height() - 4, 4))
        self.show()
        self.raise_()
        self.update()

    @property
    def words(self) -> str:
        return self._words

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.setBrush(QColor(colours.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 9, 9)
        if not self._pixmap.isNull():
            wide = self.HEIGHT * self._pixmap.width() / max(self._pixmap.height(), 1)
            place = QRectF((self.width() - wide) / 2, _PAD, wide, self.HEIGHT)
            glass = QPainterPath()
            glass.addRoundedRect(place, 5, 5)
            painter.save()
            painter.setClipPath(glass)
            painter.drawPixmap(place, self._pixmap, QRectF(self._pixmap.rect()))
            painter.restore()
        font = QFont(self.font())
        font.setPointSizeF(9)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(colours.text))
        line = QRectF(0, self.height() - _LINE - _PAD / 2, self.width(), _LINE)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self._words)
