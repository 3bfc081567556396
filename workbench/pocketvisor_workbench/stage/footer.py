"""Below a phone: how its memory is shared out, its speed, its battery; and what records the foreground."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.phone.battery import picture_of
from pocketvisor_workbench.resources.bars import Part, fill_part
from pocketvisor_workbench.resources.memory import MIB, SHARED, mib_words
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.timeline.record_button import SIDE, RecordButton
from pocketvisor_workbench.timeline.times import GuestTime

if TYPE_CHECKING:
    from pocketvisor.api import Handset
    from pocketvisor.handset_memory.figures import MemoryNow


class HandsetFooter(QWidget):
    """A click on it opens what there is to say about the phone's resources."""

    clicked = Signal()

    HEIGHT = 36

    def __init__(self, handset: "Handset", parent: QWidget) -> None:
        super().__init__(parent)
        self._handset = handset
        self.record = RecordButton(self)
        self.record.hide()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.memory: MemoryNow = handset.memory.now()

    def set_time(self, time: GuestTime | None) -> None:
        """The timeline that is not there yet; None where there is none to begin, or it has a bar."""
        self.record.setVisible(time is not None)
        if time is not None:
            self.record.show_time(time)
        self.update()

    def resizeEvent(self, _: object) -> None:
        self.record.move(self.width() - SIDE, (self.HEIGHT - SIDE) // 2)

    def _room(self) -> float:
        return self.width() - (0 if self.record.isHidden() else SIDE + 8)

    def sizeHint(self) -> QSize:
        return QSize(220, self.HEIGHT)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the release is wanted too

    def refresh(self) -> None:
        self.show_memory(self._handset.memory.now())

    def show_memory(self, now: "MemoryNow") -> None:
        self.memory = now
        battery = self._handset.phone.battery
        held = ", ".join(f"{one.name} {mib_words(one.held)}" for one in now.guests) or "no guests"
        lines = [f"Memory: {now.held / MIB:.0f} of {mib_words(now.ram)} held ({held})"]
        if now.saved >= MIB / 2:
            lines.append(f"Sharing saves {mib_words(now.saved)}")
        lines.append(f"Processor: {self._handset.model.mips} MIPS")
        lines.append(f"Battery: {battery.level:.0f} % of {battery.capacity_mah} mAh, {battery.status}")
        self.setToolTip("\n".join(lines))
        self.update()

    def _parts(self) -> list[Part]:
        accents = {guest.id: accent_of(guest) for guest in self._handset.guests}
        parts = [
            Part(one.name, one.private, accents[one.id]) for one in self.memory.guests if one.id in accents
        ]
        parts.append(Part("shared", self.memory.shared, "muted", faded=True))
        parts.append(Part("merged", self.memory.merged, SHARED))
        return [part for part in parts if part.value > 0]

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_bar(painter)
        battery = self._handset.phone.battery
        facts = [
            ("memory", f"{self.memory.held / MIB:.0f} / {mib_words(self.memory.ram)}"),
            ("speedometer", f"{self._handset.model.mips} MIPS"),
            (picture_of(battery.level, battery.status), f"{battery.level:.0f} %"),
        ]
        painter.setPen(QColor(tokens().muted))
        font = painter.font()
        font.setPointSizeF(8.5)
        painter.setFont(font)
        place = 2.0
        for sign, words in facts:
            needed = painter.fontMetrics().horizontalAdvance(words) + 20
            if place + needed > self._room() + 2:
                break  # on a small phone the first facts are the ones that matter
            icon(sign, "muted").paint(painter, round(place), 18, 14, 14)
            at = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
            painter.drawText(QRectF(place + 18, 16, needed, 18), at, words)
            place += needed + 16

    def _paint_bar(self, painter: QPainter) -> None:
        bar = QRectF(2, 6, self._room() - 4, 5)
        outline = QPainterPath()
        outline.addRoundedRect(bar, 2.5, 2.5)
        painter.save()
        painter.setClipPath(outline)
        painter.fillRect(bar, QColor(tokens().line))
        x = bar.x()
        for part in self._parts():
            width = max(bar.width() * part.value / max(self.memory.ram, self.memory.held, 1), 2.0)
            fill_part(painter, QRectF(x, bar.y(), max(width - 1.5, 1.0), bar.height()), part)
            x += width
        painter.restore()
