"""Where a guest's picture lies on its pane, the glass of a phone that may be turned. Pure arithmetic.

A picture is fixed to the glass: turn the phone, and it lies on its side, as on a real one. A guest that has
heard of the turn (its GPU's panel was given the other size) shows a picture of the other shape, landscape on
a phone that is built upright: that one is drawn upright for who looks at it. A picture of another shape than
the glass is shown whole, with black beside it.

A pointer is taken to the picture's pixels by the same way back, so that a touch lands on what is seen.
"""

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize
from PySide6.QtGui import QTransform

_CLOSE = 2.0
"""Pixels that a picture may be stretched by rather than leave a black line beside it."""


def turned_size(width: float, height: float, turn: int) -> tuple[float, float]:
    """What a box of this size takes when it is turned by so many degrees."""
    return (height, width) if turn % 180 else (width, height)


def turned(rect: QRectF, width: float, height: float, turn: int) -> QRectF:
    """A rectangle of a box of this size once the box is turned clockwise, in the turned box."""
    if turn == 90:
        return QRectF(height - rect.bottom(), rect.x(), rect.height(), rect.width())
    if turn == 180:
        return QRectF(width - rect.right(), height - rect.bottom(), rect.width(), rect.height())
    if turn == 270:
        return QRectF(rect.y(), width - rect.right(), rect.height(), rect.width())
    return QRectF(rect)


def picture_turn(picture: QSize, native: QSize, turn: int) -> int:
    """How a picture is turned on a glass that is built as `native` and turned so."""
    followed = (picture.width() > picture.height()) != (native.width() > native.height())
    return 0 if turn % 180 and followed else turn


@dataclass(frozen=True)
class Placement:
    """`area`: what of the pane the picture takes; `turn`: clockwise, for who looks."""

    picture: QSize
    area: QRect
    turn: int

    @classmethod
    def of(cls, pane: QSize, picture: QSize, native: QSize, turn: int) -> "Placement":
        turn = picture_turn(picture, native, turn)
        wide, high = turned_size(picture.width(), picture.height(), turn)
        scale = min(pane.width() / wide, pane.height() / high)
        width, height = wide * scale, high * scale
        if pane.width() - width < _CLOSE and pane.height() - height < _CLOSE:
            return cls(picture, QRect(QPoint(0, 0), pane), turn)
        size = QSize(max(round(width), 1), max(round(height), 1))
        corner = QPoint((pane.width() - size.width()) // 2, (pane.height() - size.height()) // 2)
        return cls(picture, QRect(corner, size), turn)

    @property
    def transform(self) -> QTransform:
        """From the picture's pixels to the pane."""
        wide, high = turned_size(self.picture.width(), self.picture.height(), self.turn)
        transform = QTransform()
        transform.translate(self.area.x(), self.area.y())
        transform.scale(self.area.width() / wide, self.area.height() / high)
        if self.turn == 90:
            transform.translate(wide, 0)
        elif self.turn == 180:
            transform.translate(wide, high)
        elif self.turn == 270:
            transform.translate(0, high)
        transform.rotate(self.turn)
        return transform

    def is_plain(self, ratio: float) -> bool:
        """One pixel of the picture is one of the screen, and nothing is turned."""
        return self.turn == 0 and (self.area.width() * ratio, self.area.height() * ratio) == (
            self.picture.width(),
            self.picture.height(),
        )

    def scale(self) -> float:
        wide, _ = turned_size(self.picture.width(), self.picture.height(), self.turn)
        return self.area.width() / wide

    def on_pane(self, x0: int, y0: int, x1: int, y1: int) -> QRect:
        """A rectangle of the picture in the pane's coordinates, with the rim that smoothing touches."""
        found = self.transform.mapRect(QRectF(x0, y0, x1 - x0, y1 - y0)).toAlignedRect()
        rim = 0 if self.is_plain(1.0) else 1
        return found.adjusted(-rim, -rim, rim, rim).intersected(self.area)

    def on_picture(self, position: QPointF) -> tuple[int, int]:
        """The pixel under a point of the pane; beside the picture, its nearest."""
        back, _ = self.transform.inverted()
        point = back.map(position)
        return (
            min(max(int(point.x()), 0), self.picture.width() - 1),
            min(max(int(point.y()), 0), self.picture.height() - 1),
        )
