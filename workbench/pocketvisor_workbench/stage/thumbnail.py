"""A guest's picture, small: what is dragged along, and what stands for it in lists."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPixmap

from pocketvisor.api import GuestState
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.stage.picture import DARK_GLASS
from pocketvisor_workbench.theme import on_colour

if TYPE_CHECKING:
    from pocketvisor.api import Guest

_RADIUS = 7.0
_LINE = 24


def small_picture(guest: "Guest", height: int) -> QImage | None:
    """What the guest shows now, so high; None for one that shows nothing."""
    if guest.state in (GuestState.OFF, GuestState.STOPPED, GuestState.STARTING):
        return None
    picture = guest.panel.picture
    image = QImage(
        guest.panel.memory_of(picture),
        picture.width,
        picture.height,
        picture.stride,
        QImage.Format.Format_RGB32,
    )
    return image.scaledToHeight(height, Qt.TransformationMode.SmoothTransformation)


def rounded(image: QImage | None, size: QSize, ratio: float) -> QPixmap:
    """A picture whole on dark glass with round corners, in a box of this size."""
    pixmap = QPixmap(size * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    glass = QPainterPath()
    glass.addRoundedRect(QRectF(0, 0, size.width(), size.height()), _RADIUS, _RADIUS)
    painter.setClipPath(glass)
    painter.fillPath(glass, DARK_GLASS)
    if image is not None and not image.isNull():
        scale = min(size.width() / image.width(), size.height() / image.height())
        width, height = image.width() * scale, image.height() * scale
        painter.drawImage(
            QRectF((size.width() - width) / 2, (size.height() - height) / 2, width, height), image
        )
    painter.end()
    return pixmap


def drag_picture(guest: "Guest", height: int, ratio: float, *, hidden: bool = False) -> QPixmap:
    """The guest's picture with its name below, on its colour: what hangs on the mouse. `hidden`: the glass is
    dark, since nobody may look at it now."""
    image = None if hidden else small_picture(guest, round(height * ratio))
    native = guest.panel.native
    width = max(round(height * native.width / native.height), 72)
    accent = QColor(accent_of(guest))
    whole = QSize(width + 12, height + _LINE + 10)
    pixmap = QPixmap(whole * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setOpacity(0.92)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(accent)
    painter.drawRoundedRect(QRectF(0, 0, whole.width(), whole.height()), 12, 12)
    painter.drawPixmap(6, 6, rounded(image, QSize(width, height), ratio))
    font = QFont()
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(on_colour(accent))
    line = QRectF(6, height + 7, width, _LINE)
    text = painter.fontMetrics().elidedText(guest.name, Qt.TextElideMode.ElideRight, width)
    painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
    painter.end()
    return pixmap
