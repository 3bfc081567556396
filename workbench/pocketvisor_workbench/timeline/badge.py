"""On the glass of a guest whose past is looked at: how long ago it was. It takes no input."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from pocketvisor_workbench.icons import icon

AMBER = QColor("#f2b552")
_INK = "#231703"
_HINT = "The past takes no input"
_HINT_MS = 2500


class PastBadge(QWidget):
    """The same in both themes, since it lies on glass."""

    def __init__(self, pane: QWidget) -> None:
        super().__init__(pane)
        self.setObjectName("pastBadge")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._pane = pane
        self._words = ""
        self._hint = False
        self._hint_ends = QTimer(self)
        self._hint_ends.setSingleShot(True)
        self._hint_ends.setInterval(_HINT_MS)
        self._hint_ends.timeout.connect(lambda: self._set_hint(False))
        self.hide()

    @property
    def words(self) -> str:
        return _HINT if self._hint else self._words

    def set_words(self, words: str) -> None:
        self._words = words
        self.place()

    def hint(self) -> None:
        """Somebody typed or touched."""
        self._set_hint(True)
        self._hint_ends.start()

    def _set_hint(self, hint: bool) -> None:
        self._hint = hint
        self.place()

    def _font(self) -> QFont:
        font = QFont(self.font())
        font.setPointSizeF(9)
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def sizeHint(self) -> QSize:
        self.setFont(self._font())
        return QSize(self.fontMetrics().horizontalAdvance(self.words) + 34, 24)

    def place(self) -> None:
        """At the top of the pane, in the middle."""
        room = self._pane.rect()
        size = self.sizeHint()
        width = min(size.width(), max(room.width() - 12, 10))
        self.setGeometry(QRect((room.width() - width) // 2, 8, width, size.height()))
        self.setAccessibleName(self.words)
        self.raise_()
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(AMBER)
        painter.drawRoundedRect(QRectF(self.rect()), 12, 12)
        icon("history", _INK).paint(painter, 8, (self.height() - 14) // 2, 14, 14)
        painter.setPen(QColor(_INK))
        room = QRectF(26, 0, self.width() - 32, self.height())
        words = painter.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)


def paint_past_frame(painter: QPainter, pane: QRect, radius: float) -> None:
    """Around a picture of the past, within the glass."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(AMBER, 3))
    painter.drawRoundedRect(QRectF(pane).adjusted(1.5, 1.5, -1.5, -1.5), radius, radius)
