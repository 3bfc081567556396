"""A guest's picture as a pane paints it: a QImage over the shared memory, scaled and turned on its way.

Nothing is copied until it is painted, and only what the guest damaged is.
"""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath

from pocketvisor_workbench.stage.placement import Placement

if TYPE_CHECKING:
    from pocketvisor.guest.panel import PanelView, Picture

_AREA_BELOW = 0.55
"""Below this scale pixels are averaged by area, which costs some tenths of a millisecond a frame."""

DARK_GLASS = QColor("#05070a")


class PanePicture:
    """What the panel shows now, and where on a pane of some size."""

    def __init__(self, panel: "PanelView") -> None:
        self._panel: PanelView | None = panel
        self._native = QSize(panel.native.width, panel.native.height)
        self._pane = self._native
        self._turn = 0
        self._shown: Picture | None = None
        self._image = QImage()
        self.placement = Placement.of(self._pane, self._native, self._native, 0)
        self.follow()

    def close(self) -> None:
        """Lets go of the guest's memory; nothing is painted any more."""
        self._panel = None
        self._image = QImage()

    def set_panel(self, panel: "PanelView") -> None:
        """Another panel's picture from now on: that of the guest's past, or of its present again."""
        self._panel, self._shown = panel, None
        self.follow()

    @property
    def is_open(self) -> bool:
        return self._panel is not None

    @property
    def size(self) -> QSize:
        return self._image.size()

    def follow(self) -> bool:
        """Takes up what the panel shows now. True where that has another size, or lies elsewhere."""
        if self._panel is None:
            return False
        picture = self._panel.picture
        if picture == self._shown:
            return False
        self._shown = picture
        self._image = QImage(
            self._panel.memory_of(picture),
            picture.width,
            picture.height,
            picture.stride,
            QImage.Format.Format_RGB32,
        )
        self._place()
        return True

    def set_pane(self, size: QSize, turn: int) -> None:
        if (size, turn) != (self._pane, self._turn):
            self._pane, self._turn = QSize(size), turn
            self._place()

    def _place(self) -> None:
        if not self._pane.isEmpty() and not self._image.isNull():
            self.placement = Placement.of(self._pane, self._image.size(), self._native, self._turn)

    # Painting

    def paint(self, painter: QPainter, dirty: QRect, ratio: float) -> None:
        """`ratio`: pixels of the screen to one of the pane."""
        placement = self.placement
        if placement.area.size() != self._pane:
            painter.fillRect(dirty, DARK_GLASS)
        part = dirty.intersected(placement.area)
        if part.isEmpty():
            return
        if placement.turn:
            self._paint_turned(painter, part, ratio)
        elif placement.is_plain(ratio):
            if ratio == 1:
                painter.drawImage(part.topLeft(), self._image, part.translated(-placement.area.topLeft()))
            else:
                painter.drawImage(placement.area, self._image)
        elif placement.scale() * ratio < _AREA_BELOW:
            self._paint_averaged(painter, part, ratio)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF(part), self._image, self._source(part))

    def _source(self, part: QRect) -> QRectF:
        """The pixels under a part of the pane, of a picture that is not turned."""
        area = self.placement.area
        across = self._image.width() / area.width()
        down = self._image.height() / area.height()
        place = part.translated(-area.topLeft())
        return QRectF(place.x() * across, place.y() * down, place.width() * across, place.height() * down)

    def _paint_averaged(self, painter: QPainter, part: QRect, ratio: float) -> None:
        """Much smaller than the panel: bilinear smoothing would leave pixels out. Off by half a pixel of the
        panel at most where only a part is painted."""
        size = QSize(max(round(part.width() * ratio), 1), max(round(part.height() * ratio), 1))
        image = self._image
        if part != self.placement.area:
            source = self._source(part)
            left, top = round(source.x()), round(source.y())
            right, bottom = round(source.right()), round(source.bottom())
            image = image.copy(left, top, max(right - left, 1), max(bottom - top, 1))
        painter.drawImage(part, image.scaled(size, mode=Qt.TransformationMode.SmoothTransformation))

    def _paint_turned(self, painter: QPainter, part: QRect, ratio: float) -> None:
        placement = self.placement
        image, transform = self._image, placement.transform
        scale = placement.scale() * ratio
        if scale < _AREA_BELOW:
            small = QSize(max(round(image.width() * scale), 1), max(round(image.height() * scale), 1))
            transform.scale(image.width() / small.width(), image.height() / small.height())
            image = image.scaled(small, mode=Qt.TransformationMode.SmoothTransformation)
        painter.save()
        painter.setClipRect(part)
        painter.setTransform(transform, combine=True)
        if abs(scale - 1) > 0.001:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QPointF(0, 0), image)
        painter.restore()


def paint_corners(painter: QPainter, pane: QRect, dirty: QRect, radius: float, colour: QColor) -> None:
    """The glass has round corners: what lies outside them is the phone's bezel."""
    width, height = float(pane.width()), float(pane.height())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for x, y, start in (
        (0.0, 0.0, 90.0),
        (width - radius, 0.0, 0.0),
        (width - radius, height - radius, 270.0),
        (0.0, height - radius, 180.0),
    ):
        square = QRectF(x, y, radius, radius)
        if square.intersects(QRectF(dirty)):
            painter.drawPath(_corner_path(square, start))


def _corner_path(square: QRectF, start: float) -> QPainterPath:
    """What a round corner leaves of its square; `start` is the angle at which the round part begins."""
    middle_x = square.right() if start in (90.0, 180.0) else square.left()
    middle_y = square.bottom() if start in (0.0, 90.0) else square.top()
    corner_x = square.left() if start in (90.0, 180.0) else square.right()
    corner_y = square.top() if start in (0.0, 90.0) else square.bottom()
    radius = square.width()
    path = QPainterPath(QPointF(corner_x, corner_y))
    circle = QRectF(middle_x - radius, middle_y - radius, 2 * radius, 2 * radius)
    path.arcTo(circle, start, 90.0)
    path.closeSubpath()
    return path


def around(rectangles: list[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    return (
        min(r[0] for r in rectangles),
        min(r[1] for r in rectangles),
        max(r[2] for r in rectangles),
        max(r[3] for r in rectangles),
    )


def region_of(rectangles: list[tuple[int, int, int, int]], placement: Placement) -> list[QRect]:
    """What to paint for damage of the picture: many small ones cost more than one around them."""
    if len(rectangles) > 6:
        rectangles = [around(rectangles)]
    return [placement.on_pane(*rectangle) for rectangle in rectangles]
