"""How a phone looks: body in the model's colour, glass, earpiece, the maker's name; cached pictures."""

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QLinearGradient, QPainter, QPainterPath, QPen, QPixmap

from pocketvisor_workbench.stage.geometry import PhoneGeometry
from pocketvisor_workbench.theme import UI_FAMILY

GLASS = QColor("#08090b")
SHADOW = 22
"""Pixels around a picture that its shadow may take."""


@dataclass(frozen=True)
class Look:
    """What a picture of a phone depends on."""

    body: str
    maker: str
    dark: bool
    ratio: float


def screen_radius(geometry: PhoneGeometry) -> float:
    return round(max(3.0, geometry.width * 0.018))


def front_radius(geometry: PhoneGeometry) -> float:
    return geometry.width * 0.105


def plate_radius(geometry: PhoneGeometry) -> float:
    return geometry.width * 0.055


@lru_cache(maxsize=24)
def front_picture(geometry: PhoneGeometry, look: Look) -> QPixmap:
    """The phone's front with its shadow, SHADOW pixels larger on each side. However the phone is turned, the
    light comes from above."""
    size = geometry.front(0).size()
    pixmap, painter = _canvas(size, look.ratio)
    body = QRectF(0, 0, size.width(), size.height())
    radius = front_radius(geometry)
    _shadow(painter, body, radius, 0.9 if look.dark else 0.45)
    _shell(painter, body, radius, QColor(look.body), look.dark)
    glass = body.adjusted(geometry.rim, geometry.rim, -geometry.rim, -geometry.rim)
    _glass(painter, glass, radius - geometry.rim)
    upright = geometry.front_size
    turn_painter(painter, upright, geometry.turn)
    rim = geometry.rim
    _ornaments(
        painter, QRectF(rim, rim, upright.width() - 2 * rim, upright.height() - 2 * rim), geometry, look
    )
    painter.end()
    return pixmap


@lru_cache(maxsize=24)
def plate_picture(geometry: PhoneGeometry, look: Look) -> QPixmap:
    """The plate with a glass for each bay, SHADOW pixels larger on each side."""
    plate = geometry.plate()
    pixmap, painter = _canvas(plate.size(), look.ratio)
    body = QRectF(0, 0, plate.width(), plate.height())
    radius = plate_radius(geometry)
    _shadow(painter, body, radius, 0.5 if look.dark else 0.25)
    colour = QColor(look.body)
    _shell(painter, body, radius, colour.darker(118) if not look.dark else colour.lighter(108), look.dark)
    painter.translate(-plate.topLeft())
    for index in range(geometry.bays):
        glass = geometry.bay(index).adjusted(-geometry.side, -geometry.side, geometry.side, geometry.side)
        _glass(painter, glass, max(radius - geometry.rim, 3))
    painter.end()
    return pixmap


def turn_painter(painter: QPainter, size: QSizeF, turn: int) -> None:
    """What is drawn from now on, in a box of this size, appears turned clockwise in the turned box."""
    if turn == 90:
        painter.translate(size.height(), 0)
    elif turn == 180:
        painter.translate(size.width(), size.height())
    elif turn == 270:
        painter.translate(0, size.width())
    painter.rotate(turn)


def _canvas(size: QSizeF, ratio: float) -> tuple[QPixmap, QPainter]:
    pixmap = QPixmap(round((size.width() + 2 * SHADOW) * ratio), round((size.height() + 2 * SHADOW) * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(SHADOW, SHADOW)
    return pixmap, painter


def _shadow(painter: QPainter, body: QRectF, radius: float, strength: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    for step in range(SHADOW - 6, 0, -1):
        alpha = int(strength * 11 * (1 - step / SHADOW) ** 2)
        painter.setBrush(QColor(0, 0, 0, alpha))
        painter.drawRoundedRect(body.adjusted(-step, -step + 6, step, step + 5), radius + step, radius + step)


def _shell(painter: QPainter, body: QRectF, radius: float, colour: QColor, dark: bool) -> None:
    """The body: lit from above, with a fine bright edge so that a black phone stands out on a dark bench."""
    if colour.lightnessF() < 0.16:
        colour = QColor.fromHslF(max(colour.hslHueF(), 0), colour.hslSaturationF(), 0.16 if dark else 0.13)
    light = QLinearGradient(body.topLeft(), body.bottomRight())
    light.setColorAt(0.0, colour.lighter(165))
    light.setColorAt(0.25, colour.lighter(118))
    light.setColorAt(0.75, colour)
    light.setColorAt(1.0, colour.darker(135))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(light)
    painter.drawRoundedRect(body, radius, radius)
    edge = QLinearGradient(body.topLeft(), body.bottomLeft())
    edge.setColorAt(0.0, QColor(255, 255, 255, 90))
    edge.setColorAt(0.5, QColor(255, 255, 255, 40))
    edge.setColorAt(1.0, QColor(0, 0, 0, 70))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(edge, 1.0))
    painter.drawRoundedRect(body.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def _glass(painter: QPainter, glass: QRectF, radius: float) -> None:
    painter.setPen(QPen(QColor(0, 0, 0, 160), 1.0))
    painter.setBrush(GLASS)
    painter.drawRoundedRect(glass, radius, radius)
    # A faint reflection of the room, over the glass's upper left.
    shape = QPainterPath()
    shape.addRoundedRect(glass.adjusted(1, 1, -1, -1), radius, radius)
    sheen = QLinearGradient(glass.topLeft(), QPointF(glass.right(), glass.y() + glass.height() * 0.45))
    sheen.setColorAt(0.0, QColor(255, 255, 255, 26))
    sheen.setColorAt(0.45, QColor(255, 255, 255, 6))
    sheen.setColorAt(0.46, QColor(255, 255, 255, 0))
    painter.fillPath(shape, sheen)


def _ornaments(painter: QPainter, glass: QRectF, geometry: PhoneGeometry, look: Look) -> None:
    named = geometry.top >= 34
    slot_width = glass.width() * 0.17
    slot_height = max(3.0, geometry.top * 0.085)
    slot_y = glass.y() + geometry.top * (0.26 if named else 0.44) - slot_height / 2
    slot = QRectF(glass.center().x() - slot_width / 2, slot_y, slot_width, slot_height)
    painter.setPen(QPen(QColor(255, 255, 255, 26), 1.0))
    painter.setBrush(QColor("#1d2025"))
    painter.drawRoundedRect(slot, slot_height / 2, slot_height / 2)
    painter.setPen(Qt.PenStyle.NoPen)
    eye = max(2.0, geometry.top * 0.06)
    painter.setBrush(QColor("#15181e"))
    painter.drawEllipse(QPointF(slot.right() + slot_width * 0.45, slot.center().y()), eye, eye)
    if named:
        font = QFont(UI_FAMILY)
        font.setPixelSize(round(min(geometry.top * 0.23, 15)))
        font.setWeight(QFont.Weight.DemiBold)
        font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 118)
        painter.setFont(font)
        painter.setPen(QColor(214, 220, 230, 150))
        place = QRectF(glass.x(), slot.bottom(), glass.width(), glass.y() + geometry.top - slot.bottom())
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, look.maker.upper())
