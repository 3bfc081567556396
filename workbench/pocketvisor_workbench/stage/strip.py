"""Below the handset in focus: all of them, small, to be clicked; pictures are taken twice a second."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QDropEvent,
    QFont,
    QImage,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.stage.drop_target import DropTarget
from pocketvisor_workbench.stage.drops import Offer, offer_of
from pocketvisor_workbench.theme import tokens

if TYPE_CHECKING:
    from pocketvisor.api import Handset
    from pocketvisor_workbench.stage.handset_view import HandsetView

HEIGHT = 104
_REFRESH_MS = 500
_PICTURE_HEIGHT = 72


@runtime_checkable
class HasViews(Protocol):
    """The stage."""

    views: "dict[Handset, HandsetView]"


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

    def offer(self, handset: "Handset", event: QDropEvent) -> Offer | None:
        """What a drop on a handset's card does: what it does on the handset itself."""
        stage = self.parent()
        view = stage.views.get(handset) if isinstance(stage, HasViews) else None
        return offer_of(view, event.mimeData(), QPoint(-1, -1)) if view is not None else None

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


class _Card(DropTarget, QAbstractButton):
    def __init__(self, session: Session, handset: "Handset", strip: "HandsetStrip") -> None:
        super().__init__(strip)
        self._session = session
        self._handset = handset
        self._strip = strip
        self.setText(handset.name)
        self.setAccessibleName(f"Focus {handset.name}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAcceptDrops(True)
        session.moves.dragged_changed.connect(self.update)

    # A guest, an image or a profile that is dropped here goes to the handset

    def offer_for(self, event: QDropEvent) -> Offer | None:
        return self._strip.offer(self._handset, event)

    def offer_changed(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        name = self.fontMetrics().horizontalAdvance(self._handset.name)
        return QSize(min(max(name + 90, 150), 260), HEIGHT - 16)

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        chosen = self._session.handset is self._handset
        dragged = self._session.moves.dragged
        target = dragged is not None and not self._session.moves.why_not(dragged, self._handset)
        chosen = target if dragged is not None else chosen
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(colours.accent if chosen or self.hasFocus() else colours.line), 1))
        painter.setBrush(QColor(colours.hover if self.underMouse() else colours.surface))
        painter.drawRoundedRect(box, 10, 10)
        panel = self._handset.model.panel
        width = _PICTURE_HEIGHT * panel.width / panel.height
        place = QRectF(10, (self.height() - _PICTURE_HEIGHT) / 2, width, _PICTURE_HEIGHT)
        painter.fillRect(place, QColor("#08090b"))
        guest = self._handset.foreground
        if guest is not None and self._session.policies.is_locked(guest):
            middle = place.center().toPoint()
            icon("lock-outline", "#ffffff").paint(painter, middle.x() - 8, middle.y() - 8, 18, 18)
        elif guest is not None and guest.state is not GuestState.STOPPED:
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
        words = QRectF(x, 0, self.width() - x - 10, self.height())
        if self.offer is not None:
            self._paint_offer(painter, words, self.offer)
        else:
            self._paint_words(painter, words)

    def _paint_words(self, painter: QPainter, room: QRectF) -> None:
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        name = painter.fontMetrics().elidedText(
            self._handset.name, Qt.TextElideMode.ElideRight, int(room.width())
        )
        painter.drawText(QRectF(room.x(), 16, room.width(), 20), Qt.AlignmentFlag.AlignVCenter, name)
        x = room.x()
        for other in self._handset.guests[:6]:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(accent_of(other)))
            painter.drawEllipse(QRectF(x, 44, 9, 9))
            x += 14
            if self._session.policies.of(other).governed:
                icon("shield-account", "muted").paint(painter, round(x) - 2, 41, 14, 14)
                x += 18

    def _paint_offer(self, painter: QPainter, room: QRectF, offer: Offer) -> None:
        """What a drop would do, or why it cannot be."""
        colours = tokens()
        painter.setPen(QColor(colours.bad if offer.run is None else colours.accent))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap, offer.words)
