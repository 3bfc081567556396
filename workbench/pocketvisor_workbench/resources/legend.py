"""What the colours and patterns of a bar stand for: small squares with words, as many to a line as fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pocketvisor_workbench.resources.bars import Part, fill_part
from pocketvisor_workbench.theme import tokens

_LINE = 18
_SQUARE = 9
_GAP = 12


@dataclass(frozen=True)
class Key:
    words: str
    colour: str
    striped: bool = False
    faded: bool = False


class Legend(QWidget):
    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = tuple(keys)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        font = QFont(self.font())
        font.setPointSizeF(8.5)
        self.setFont(font)
        self.setAccessibleName(", ".join(key.words for key in keys))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return (max(line for _, line in self._places(width)) + 1) * _LINE

    def sizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(200))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, _LINE)

    def _places(self, width: int) -> list[tuple[float, int]]:
        x, line, places = 0.0, 0, []
        for key in self._keys:
            needed = _SQUARE + 5 + self.fontMetrics().horizontalAdvance(key.words)
            if x and x + needed > width:
                x, line = 0.0, line + 1
            places.append((x, line))
            x += needed + _GAP
        return places

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for key, (x, line) in zip(self._keys, self._places(self.width()), strict=True):
            square = QRectF(x, line * _LINE + (_LINE - _SQUARE) / 2, _SQUARE, _SQUARE)
            outline = QPainterPath()
            outline.addRoundedRect(square, 2, 2)
            painter.save()
            painter.setClipPath(outline)
            fill_part(painter, square, Part("", 1, key.colour, key.striped, key.faded))
            painter.restore()
            painter.setPen(QColor(tokens().muted))
            room = QRectF(x + _SQUARE + 5, line * _LINE, self.width(), _LINE)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, key.words)

    def changeEvent(self, _: QEvent) -> None:
        self.update()
