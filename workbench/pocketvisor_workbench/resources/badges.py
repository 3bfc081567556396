"""Beside each guest's chip: what it holds of its phone's memory, and what sharing saves. A click shows more.

Read once a second while the phone can be seen, and told to the bar below the phone too.
"""

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.resources.memory import MIB, guest_words, mib_words
from pocketvisor_workbench.stage.chip import HEIGHT, ProfileChip
from pocketvisor_workbench.theme import tokens

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor.handset_memory.figures import GuestMemoryNow, MemoryNow

LOOK_MS = 1000
_GAP = 6
_SIGN = 14
_BEYOND = 20
"""So much wider than the glass they may be: the phone's front is."""


class Detail(enum.IntEnum):
    """How much there is room for."""

    NONE = 0
    FIGURE = 1
    SIGN = 2
    SAVED = 3


class MemoryBadge(QAbstractButton):
    def __init__(self, guest: "Guest", parent: QWidget) -> None:
        super().__init__(parent)
        self.guest = guest
        self.setObjectName(f"memory-{guest.name}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        font = QFont(self.font())
        font.setPointSizeF(8.5)
        self.setFont(font)
        self._saved = ""
        self.detail = Detail.SAVED
        self.hide()

    def show_memory(self, now: "GuestMemoryNow | None") -> None:
        """None: it holds none, being off."""
        saved = now.saved if now is not None else 0
        self.setText(mib_words(now.held) if now is not None else "")
        self._saved = f"−{saved / MIB:.0f}" if saved >= MIB / 2 else ""  # noqa: RUF001
        words = guest_words(self.guest.name, now) if now is not None else ""
        self.setToolTip(words)
        self.setAccessibleName(words.replace("\n", ", "))
        self.update()

    def width_at(self, detail: Detail) -> int:
        """Wide enough for figures that change."""
        wide = self.fontMetrics().horizontalAdvance
        room = wide("000 MiB") + 6
        if detail >= Detail.SIGN:
            room += _SIGN + 4
        if detail >= Detail.SAVED and self._saved:
            room += wide(f" {self._saved}")
        return room

    def sizeHint(self) -> QSize:
        return QSize(self.width_at(self.detail), HEIGHT)

    def paintEvent(self, _: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.text), 1.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 3, -1, -3), 8, 8)
        role = "text" if self.underMouse() else "muted"
        x = 3
        if self.detail >= Detail.SIGN:
            icon("memory", role).paint(painter, x, (self.height() - _SIGN) // 2, _SIGN, _SIGN)
            x += _SIGN + 4
        painter.setPen(QColor(getattr(colours, role)))
        room = QRectF(x, 0, self.width() - x, self.height())
        at = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(room, at, self.text())
        if self.detail >= Detail.SAVED and self._saved:
            painter.setPen(QColor(colours.good))
            wide = self.fontMetrics().horizontalAdvance(f"{self.text()} ")
            painter.drawText(room.adjusted(wide, 0, 0, 0), at, self._saved)


class MemoryBadges(QObject):
    """Those of one phone's view."""

    wanted = Signal()
    """One of them was clicked."""
    looked = Signal(object)
    """MemoryNow."""
    room_changed = Signal()
    """They take other room: place() is due."""

    def __init__(self, handset: "Handset", view: QWidget) -> None:
        super().__init__(view)
        self._handset, self._view = handset, view
        self.badges: dict[Guest, MemoryBadge] = {}
        self.shown = True
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        if not self._view.isVisible():
            return
        now: MemoryNow = self._handset.memory.now()
        guests = {one.id: one for one in now.guests}
        before = self._room()
        for guest, badge in self.badges.items():
            badge.show_memory(guests.get(guest.id))
        self.looked.emit(now)
        if self._room() != before:
            self.room_changed.emit()

    def show_badges(self, shown: bool) -> None:
        if shown != self.shown:
            self.shown = shown
            self.room_changed.emit()

    def _room(self) -> list[tuple[bool, int]]:
        return [(bool(badge.text()), badge.width_at(Detail.SAVED)) for badge in self.badges.values()]

    def place(self, chips: Sequence[ProfileChip], bays: Sequence[QRectF]) -> None:
        """Each to the right of its chip, where both fit over the bay; without bays there is no place."""
        there = {chip.guest for chip in chips}
        for guest in [guest for guest in self.badges if guest not in there]:
            badge = self.badges.pop(guest)
            badge.hide()
            badge.deleteLater()
        for guest in there - self.badges.keys():
            badge = MemoryBadge(guest, self._view)
            badge.clicked.connect(self.wanted)
            self.badges[guest] = badge
        pairs = [(chip, self.badges[chip.guest], bay) for chip, bay in zip(chips, bays, strict=False)]
        detail = self._detail(pairs)
        for badge in self.badges.values():
            badge.detail = detail
            badge.setVisible(bool(detail and badge.text()))
        for chip, badge, bay in pairs if detail else ():
            if badge.text():
                wide = badge.width_at(detail)
                left = round(bay.center().x() - (chip.width() + _GAP + wide) / 2)
                chip.move(left, chip.y())
                badge.setGeometry(left + chip.width() + _GAP, chip.y(), wide, HEIGHT)

    def _detail(self, pairs: Sequence[tuple[ProfileChip, MemoryBadge, QRectF]]) -> Detail:
        """As much as fits for all of them."""
        if not self.shown or not pairs:
            return Detail.NONE
        for detail in (Detail.SAVED, Detail.SIGN, Detail.FIGURE):
            if all(
                chip.width() + _GAP + badge.width_at(detail) <= bay.width() + _BEYOND
                for chip, badge, bay in pairs
            ):
                return detail
        return Detail.NONE
