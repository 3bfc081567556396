"""What a handset's view paints itself: its card, the phone on it, the ring around who has the keyboard."""

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from pocketvisor_workbench.stage import phone
from pocketvisor_workbench.stage.geometry import PhoneGeometry
from pocketvisor_workbench.theme import tokens


def paint_card(painter: QPainter, room: QRect, *, chosen: bool, target: bool, over: bool) -> None:
    """Its edge says whether it is selected, and whether what is dragged can come here."""
    colours = tokens()
    marked = over or target
    pen = QPen(QColor(colours.accent if marked or chosen else colours.line), 2 if marked else 1)
    if target and not over:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    painter.setBrush(QColor(colours.surface))
    inset = 1.0 if marked else 0.5
    painter.drawRoundedRect(QRectF(room).adjusted(inset, inset, -inset, -inset), 14, 14)


def paint_phone(
    painter: QPainter,
    geometry: PhoneGeometry,
    look: phone.Look,
    origin: QPointF,
    front: float,
    *,
    plate: bool,
) -> None:
    """The phone's front around the bay `front`; `plate`: what carries all bays is seen as well."""
    rim = QPointF(phone.SHADOW, phone.SHADOW)
    if plate:
        picture = phone.plate_picture(geometry, look)
        painter.drawPixmap(geometry.plate().topLeft() + origin - rim, picture)
    place = geometry.front(front)
    painter.drawPixmap(place.topLeft() + origin - rim, phone.front_picture(geometry, look))


def paint_focus(painter: QPainter, place: QRect, radius: float, accent: str) -> None:
    """A ring of the guest's colour around the pane that the keyboard goes to."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(accent), 2))
    painter.drawRoundedRect(QRectF(place).adjusted(-2, -2, 2, 2), radius + 2, radius + 2)
