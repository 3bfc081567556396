"""Bars that say how something is split: one guest's share of a processor, and parts of a whole.

They paint what they are told and remember nothing else. The words under the mouse are also those for whoever
cannot see them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from pocketvisor_workbench.theme import accent_ink, tokens

_RADIUS = 3.0
_LEAST = 2.0
_STRIPE = 5


@dataclass(frozen=True)
class Part:
    """Of a whole. `colour`: #rrggbb, or the name of a token."""

    words: str
    value: float
    colour: str
    striped: bool = False
    faded: bool = False
    """Told apart from its neighbour of the same colour: by stripes, or by being lighter."""


def ink_of(colour: str) -> QColor:
    """A token's colour, or an accent as it can be seen on a surface."""
    if colour.startswith("#"):
        return accent_ink(QColor(colour))
    return QColor(getattr(tokens(), colour))


def fill_part(painter: QPainter, place: QRectF, part: Part) -> None:
    """Stripes are drawn along the whole bar, so that they go on over a change of width."""
    ink = ink_of(part.colour)
    if not part.striped:
        if part.faded:
            ink.setAlphaF(0.45)
        painter.fillRect(place, ink)
        return
    ground = QColor(ink)
    ground.setAlphaF(0.22)
    painter.fillRect(place, ground)
    painter.save()
    painter.setClipRect(place, Qt.ClipOperation.IntersectClip)
    painter.setPen(QPen(ink, 1.4))
    x = place.left() - place.height() - place.left() % _STRIPE
    while x < place.right():
        painter.drawLine(QPointF(x, place.bottom()), QPointF(x + place.height(), place.top()))
        x += _STRIPE
    painter.restore()


class StackBar(QWidget):
    """Parts of a whole, side by side; what is left of it is the track."""

    def __init__(self, name: str, height: int = 12) -> None:
        super().__init__()
        self._name = name
        self._height = height
        self.parts: tuple[Part, ...] = ()
        self.total = 1.0
        self._rest = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        return QSize(120, self._height)

    def show_parts(self, parts: Sequence[Part], total: float, rest: str = "") -> None:
        """`rest`: what the remainder is, in words."""
        shown = tuple(part for part in parts if part.value > 0)
        if (shown, total, rest) == (self.parts, self.total, self._rest):
            return
        self.parts, self.total, self._rest = shown, max(total, 1e-9), rest
        words = [part.words for part in shown]
        self.setAccessibleName(f"{self._name}: {', '.join([*words, *([rest] if rest else [])])}")
        self.update()

    def places(self) -> list[QRectF]:
        """Where each part is. A small one can be seen too; more than the whole is squeezed into it."""
        whole = max(self.total, sum(part.value for part in self.parts))
        x, places = 0.0, []
        for part in self.parts:
            width = max(self.width() * part.value / whole, _LEAST)
            width = min(width, max(self.width() - x, 0.0))
            places.append(QRectF(x, 0, width, self.height()))
            x += width
        return places

    def words_at(self, x: float) -> str:
        for part, place in zip(self.parts, self.places(), strict=True):
            if place.left() <= x < place.right():
                return part.words
        return self._rest

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()), _RADIUS, _RADIUS)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), QColor(colours.line))
        for part, place in zip(self.parts, self.places(), strict=True):
            fill_part(painter, place, part)
            painter.fillRect(QRectF(place.right() - 1, 0, 1, self.height()), QColor(colours.surface))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.words_at(event.pos().x()), self)
            return True
        return super().event(event)

    def changeEvent(self, _: QEvent) -> None:
        self.update()


@dataclass(frozen=True)
class Share:
    """Of a processor, in MIPS; a limit of 0 is none."""

    total: float
    used: float = 0.0
    granted: float = 0.0
    entitled: float = 0.0
    """What it had if all wanted all they can get."""
    reserved: float = 0.0
    limit: float = 0.0


class ShareBar(QWidget):
    """What a guest used, over what it was granted, with its reservation as a mark and its limit as an end."""

    HEIGHT = 16
    _TOP = 5  # for the mark

    def __init__(self, name: str, accent: str) -> None:
        super().__init__()
        self._name = name
        self._accent = accent
        self.share = Share(1.0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        return QSize(120, self.HEIGHT)

    def show_share(self, share: Share) -> None:
        if share == self.share:
            return
        self.share = share
        words = share_words(share)
        self.setToolTip(f"{self._name}: {words}")
        self.setAccessibleName(f"{self._name}: {words}")
        self.update()

    def x_of(self, mips: float) -> float:
        return self.width() * min(max(mips / max(self.share.total, 1e-9), 0.0), 1.0)

    def paintEvent(self, _: QPaintEvent) -> None:
        colours, share = tokens(), self.share
        ink = accent_ink(QColor(self._accent))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(0, self._TOP, self.width(), self.height() - self._TOP)
        outline = QPainterPath()
        outline.addRoundedRect(bar, _RADIUS, _RADIUS)
        painter.save()
        painter.setClipPath(outline)
        painter.fillRect(bar, QColor(colours.line))
        granted = QColor(ink)
        granted.setAlphaF(0.35)
        painter.fillRect(self._until(bar, max(share.granted, share.used)), granted)
        painter.fillRect(self._until(bar, share.used), ink)
        if 0 < share.limit < share.total:
            x = self.x_of(share.limit)
            beyond = QRectF(x, bar.top(), bar.right() - x, bar.height())
            painter.fillRect(beyond, QColor(colours.surface))
            fill_part(painter, beyond, Part("", 1, "muted", striped=True))
            painter.fillRect(QRectF(x - 1, bar.top(), 2, bar.height()), QColor(colours.text))
        painter.restore()
        if share.reserved > 0:
            self._paint_mark(painter, bar)

    def _until(self, bar: QRectF, mips: float) -> QRectF:
        return QRectF(bar.left(), bar.top(), self.x_of(mips), bar.height())

    def _paint_mark(self, painter: QPainter, bar: QRectF) -> None:
        """A pin whose foot is the reservation."""
        colours = tokens()
        x = min(max(self.x_of(self.share.reserved), 1.0), self.width() - 1.0)
        painter.fillRect(QRectF(x - 2, bar.top(), 4, bar.height()), QColor(colours.surface))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.text))
        painter.drawRect(QRectF(x - 1, bar.top() - 2, 2, bar.height() + 2))
        painter.drawPolygon(QPolygonF([QPointF(x - 4, 0), QPointF(x + 4, 0), QPointF(x, 5)]))

    def changeEvent(self, _: QEvent) -> None:
        self.update()


def share_words(share: Share) -> str:
    parts = [f"ran {share.used:.0f} of {share.granted:.0f} MIPS granted" if share.granted else "idle"]
    if share.entitled:
        parts.append(f"{share.entitled:.0f} if all wanted all they can get")
    if share.reserved:
        parts.append(f"{share.reserved:.0f} reserved")
    if share.limit:
        parts.append(f"at most {share.limit:.0f}")
    return ", ".join(parts)
