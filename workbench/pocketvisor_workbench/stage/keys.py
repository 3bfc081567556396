"""The phone's hardware keys, to be clicked: on the glass below the screen and on the body's edges."""

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.theme import tokens

ICONS = {
    "power": "power",
    "volume-up": "volume-plus",
    "volume-down": "volume-minus",
    "mute": "volume-off",
    "home": "home-outline",
    "back": "arrow-left",
    "menu": "menu",
    "search": "magnify",
    "camera": "camera-outline",
    "call": "phone-outline",
    "end": "phone-hangup-outline",
}
LEFT_EDGE = ("volume-up", "volume-down", "mute")
RIGHT_EDGE = ("power", "camera")
_EDGES = ("left", "top", "right", "bottom")


def title_of(key: str) -> str:
    return key.replace("-", " ").capitalize()


class HardwareKey(QAbstractButton):
    """One key: down while the mouse button is down, as on the phone."""

    moved = Signal(str, bool)

    def __init__(self, key: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.key = key
        self.edge = "left" if key in LEFT_EDGE else "right" if key in RIGHT_EDGE else ""
        """Of the phone while it is upright; nothing for a key on its front."""
        self._turn = 0
        self.setObjectName(f"key-{key}")
        self.setAccessibleName(f"{title_of(key)} key")
        self.setToolTip(f"{title_of(key)} key")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._hovered = False
        self.pressed.connect(lambda: self.moved.emit(self.key, True))
        self.released.connect(lambda: self.moved.emit(self.key, False))

    def set_turn(self, turn: int) -> None:
        if turn != self._turn:
            self._turn = turn
            self.update()

    def _edge_seen(self) -> str:
        """Where on the turned phone its edge is."""
        return _EDGES[(_EDGES.index(self.edge) + self._turn // 90) % 4]

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hovered = True
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: object) -> None:
        self._hovered = False
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.edge:
            self._paint_edge(painter)
        else:
            self._paint_front(painter)

    def _paint_front(self, painter: QPainter) -> None:
        if self.isDown() or self._hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(255, 255, 255, 60 if self.isDown() else 28))
            painter.drawEllipse(self.rect().adjusted(1, 1, -1, -1))
        side = round(min(self.width(), self.height()) * 0.56)
        colour = "#ffffff" if self._hovered and self.isEnabled() else "#aeb6c2"
        place = (self.width() - side) // 2, (self.height() - side) // 2
        icon(ICONS.get(self.key, "circle-outline"), colour).paint(painter, *place, side, side)

    def _paint_edge(self, painter: QPainter) -> None:
        """A sliver of metal on the body's edge, its sign beside it."""
        colours = tokens()
        thick, inset = 5.0, 1.0 if self.isDown() else 0.0
        wide, high = float(self.width()), float(self.height())
        metal, rail = {
            "left": (QRectF(wide - thick + inset, 0, thick, high), QRectF(0, 0, wide - thick, high)),
            "right": (QRectF(-inset, 0, thick, high), QRectF(thick, 0, wide - thick, high)),
            "top": (QRectF(0, high - thick + inset, wide, thick), QRectF(0, 0, wide, high - thick)),
            "bottom": (QRectF(0, -inset, wide, thick), QRectF(0, thick, wide, high - thick)),
        }[self._edge_seen()]
        fill = QColor("#6c7480" if colours.dark else "#7d8590")
        if self._hovered:
            fill = QColor(colours.accent)
        painter.setPen(QPen(QColor(0, 0, 0, 70), 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(metal.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
        side = 14
        left, top = round(rail.center().x() - side / 2), round(rail.center().y() - side / 2)
        sign = icon(ICONS.get(self.key, "circle-outline"), "text" if self._hovered else "muted")
        sign.paint(painter, left, top, side, side)
