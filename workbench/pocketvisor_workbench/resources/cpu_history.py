"""What the guests of one phone did over the last minute, stacked, with what is reserved as a line.

The samples are those of the performance graphs: nothing is measured for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.metrics import POINTS, Sampler
from pocketvisor_workbench.theme import accent_ink, tokens

if TYPE_CHECKING:
    from pocketvisor.api import Guest

_HEIGHT = 72
_COLUMNS = 150
_EACH = POINTS // _COLUMNS


def columns_of(mips: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A minute of samples as the means of 0.4 s each; 0 where nothing is known."""
    return np.nan_to_num(mips, nan=0.0).reshape(_COLUMNS, _EACH).mean(axis=1, dtype=np.float32)  # type: ignore[no-any-return]


class CpuHistory(QWidget):
    """The foreground is at the bottom, where it can be read best."""

    def __init__(self, sampler: Sampler) -> None:
        super().__init__()
        self._sampler = sampler
        self._guests: tuple[Guest, ...] = ()
        self._layers: list[tuple[QColor, npt.NDArray[np.float32]]] = []
        self._mips = 1.0
        self._reserved = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("What the guests did over the last minute, in MIPS")

    def sizeHint(self) -> QSize:
        return QSize(160, _HEIGHT)

    def show_guests(self, guests: "Sequence[Guest]", mips: float, reserved: float) -> None:
        self._guests, self._mips, self._reserved = tuple(guests), max(mips, 1.0), reserved
        series = self._sampler.series
        self._layers = [
            (accent_ink(QColor(accent_of(guest))), columns_of(series[guest].mips))
            for guest in self._guests
            if guest in series
        ]
        self.update()

    def layers(self) -> list[npt.NDArray[np.float32]]:
        """Each one's upper edge, from the bottom to the top, in MIPS."""
        edge = np.zeros(_COLUMNS, dtype=np.float32)
        edges = []
        for _, values in self._layers:
            edge = edge + values
            edges.append(edge)
        return edges

    def paintEvent(self, _event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(self.rect())
        painter.fillRect(place, QColor(colours.raised))
        high, wide = place.height(), place.width() / (_COLUMNS - 1)

        def line(edge: npt.NDArray[np.float32]) -> list[QPointF]:
            ys = high - np.minimum(edge / self._mips, 1.0) * high
            return [QPointF(number * wide, float(y)) for number, y in enumerate(ys)]

        painter.setPen(Qt.PenStyle.NoPen)
        below = line(np.zeros(_COLUMNS, dtype=np.float32))
        for (ink, _values), edge in zip(self._layers, self.layers(), strict=True):
            above = line(edge)
            painter.setBrush(ink)
            painter.drawPolygon(QPolygonF([*above, *reversed(below)]))
            below = above
        if self._reserved > 0:
            y = high - min(self._reserved / self._mips, 1.0) * high
            painter.setPen(QPen(QColor(colours.text), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(0, y), QPointF(place.width(), y))
        font = QFont(self.font())
        font.setPointSizeF(8)
        painter.setFont(font)
        painter.setPen(QColor(colours.muted))
        room = place.adjusted(6, 3, -6, -3)
        top = Qt.AlignmentFlag.AlignTop
        if (
            self._layers
            and np.max([edge[: _COLUMNS // 3].max() for edge in self.layers()], initial=0.0)
            < self._mips * 0.7
        ):
            painter.drawText(room, top | Qt.AlignmentFlag.AlignLeft, "a minute ago")

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self.show_guests(self._guests, self._mips, self._reserved)
