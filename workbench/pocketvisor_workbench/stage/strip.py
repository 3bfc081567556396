"""Below the handset in focus: all of them, small, to be clicked; pictures are taken twice a second."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.theme import tokens

if TYPE_CHECKING:
    from pocketvisor.api import Handset

HEIGHT = 104
_REFRESH_MS = 500
_PICTURE_HEIGHT = 72


class HandsetStrip(QWidget):
    """One card for each handset; the one in focus is marked."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self._session = session
        self._cards: dict[Handset, _Card] = {}
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(12, 8, 12, 8)
        self._layout.addStretch()
        self._layout.addStretch()
        session.handset_added.connect(self._added)
        session.handset_removed.connect(self._removed)
        session.selection_changed.connect(self.update_cards)
        for handset in session.handsets:
            self._added(handset)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self.update_cards)

    def showEvent(self, _: object) -> None:
        self._timer.start()

    def hideEvent(self, _: object) -> None:
        self._timer.stop()

    def update_cards(self) -> None:
        for card in self._cards.values():
            card.update()

    def _added(self, handset: "Handset") -> None:
        card = _Card(self._session, handset, self)
        card.clicked.connect(lambda: self._session.select(handset))
        self._cards[handset] = card
        self._layout.insertWidget(self._layout.count() - 1, card)

    def _removed(self, handset: "Handset") -> None:
        card = self._cards.pop(handset, None)
        if card is not None:
            card.hide()
            card.deleteLater()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = tokens()
        painter.fillRect(self.rect(), QColor(colours.canvas_edge))
        painter.setPen(QColor(colours.line))
        painter.drawLine(0, 0, self.width(), 0)


class _Card(QAbstractButton):
    def __init__(self, session: Session, handset: "Handset", parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._handset = handset
        self.setText(handset.name)
        self.setAccessibleName(f"Focus {handset.name}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def sizeHint(self) -> QSize:
        name = self.fontMetrics().horizontalAdvance(self._handset.name)
        return QSize(min(max(name + 90, 150), 260), HEIGHT - 16)

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        chosen = self._session.handset is self._handset
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(colours.accent if chosen or self.hasFocus() else colours.line), 1))
        painter.setBrush(QColor(colours.hover if self.underMouse() else colours.surface))
        painter.drawRoundedRect(box, 10, 10)
        panel = self._handset.model.panel
        width = _PICTURE_HEIGHT * panel.width / panel.height
        place = QRectF(10, (self.height() - _PICTURE_HEIGHT) / 2, width, _PICTURE_HEIGHT)
        painter.fillRect(place, QColor("#08090b"))
        guest = self._handset.foreground
        if guest is not None and guest.state is not GuestState.STOPPED:
            source = guest.panel
            image = QImage(
                source.buffer, source.width, source.height, source.stride, QImage.Format.Format_RGB32
            )
            size = QSize(round(width), _PICTURE_HEIGHT)
            smooth = Qt.TransformationMode.SmoothTransformation
            small = image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, smooth)
            down = (size.height() - small.height()) / 2
            painter.drawImage(place.topLeft() + QPointF(0, down), small)
        x = place.right() + 12
        painter.setPen(QColor(colours.text))
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        room = int(self.width() - x - 10)
        name = painter.fontMetrics().elidedText(self._handset.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(x, 16, room, 20), Qt.AlignmentFlag.AlignVCenter, name)
        for index, other in enumerate(self._handset.guests[:6]):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(other.image.accent))
            painter.drawEllipse(QRectF(x + index * 14, 44, 9, 9))
