"""One handset: a phone with its guests' panes, plainly on one body.

Spread, the default, shows every guest at full size, each in its bay on the phone's plate; the phone's front
with the hardware keys is around the foreground and slides over to another guest that is brought to the front.
Single shows the front alone, with the foreground on its glass, as somebody with the phone in hand sees it.
A handset that is turned is drawn turned, all of it.

A swipe that begins on the bezel switches the foreground. Images and files can be dropped here.
"""

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEasingCurve, QPointF, QRect, QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QDropEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.resources.badges import MemoryBadges
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.stage import phone
from pocketvisor_workbench.stage.bars import EmptyGlass, HandsetHeader
from pocketvisor_workbench.stage.chip import HEIGHT as CHIP_HEIGHT
from pocketvisor_workbench.stage.chip import ProfileChip
from pocketvisor_workbench.stage.chip_row import place_in_row, place_over_bays
from pocketvisor_workbench.stage.drop_hint import DropHint
from pocketvisor_workbench.stage.drop_target import DropTarget
from pocketvisor_workbench.stage.drops import Offer, offer_of
from pocketvisor_workbench.stage.footer import HandsetFooter
from pocketvisor_workbench.stage.geometry import PhoneGeometry
from pocketvisor_workbench.stage.guest_drag import drag_guest
from pocketvisor_workbench.stage.handset_paint import paint_card, paint_focus, paint_phone
from pocketvisor_workbench.stage.keys import LEFT_EDGE, RIGHT_EDGE, HardwareKey
from pocketvisor_workbench.stage.pane import GuestPane
from pocketvisor_workbench.stage.swipe import Swipe
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.timeline import bar as time_bar

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset

PAD = 14
GAP = 10
LEAST_WIDTH = 236
SLIDE_MS = 200


class Shape(enum.Enum):
    SPREAD = "spread"
    SINGLE = "single"


class HandsetView(DropTarget, QWidget):
    """See above. `set_factor` scales it; its size follows."""

    add_guest_wanted = Signal(object)
    menu_wanted = Signal(object, object)
    guest_menu_wanted = Signal(object, object)
    receive_wanted = Signal(object)
    resources_wanted = Signal(object)
    image_dropped = Signal(object, str)
    files_dropped = Signal(object, list)
    media_dropped = Signal(object, list)
    """Files were dropped onto a guest that has a drive for them."""
    guest_dropped = Signal(object, object)
    profiles_dropped = Signal(object, list)
    room_changed = Signal()
    """The handset is held another way, or there is a past to be shown: it takes other room."""

    def __init__(self, session: Session, handset: "Handset", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.handset = handset
        self.session = session
        self.setObjectName(f"handset-{handset.name}")
        self.setAccessibleName(f"Handset {handset.name}")
        self.setAcceptDrops(True)
        self.shape = Shape.SPREAD
        self.compact = False
        self._factor = 0.5
        self._slide = 0.0
        self._swipe: Swipe | None = None
        self._drop_hint = DropHint(self)
        self._glass = QWidget(self)
        self._glass.hide()
        self._empty = EmptyGlass(self)
        self._empty.add_wanted.connect(lambda: self.add_guest_wanted.emit(self.handset))
        self._header = HandsetHeader(handset, self)
        self._header.add_wanted.connect(lambda: self.add_guest_wanted.emit(self.handset))
        self._header.menu_wanted.connect(lambda at: self.menu_wanted.emit(self.handset, at))
        self._header.receive_wanted.connect(lambda: self.receive_wanted.emit(self.handset))
        self._footer = HandsetFooter(handset, self)
        self.memory_badges = MemoryBadges(handset, self)
        self.memory_badges.looked.connect(self._footer.show_memory)
        self.memory_badges.room_changed.connect(lambda: self._place_chips())
        for one in (self._footer.clicked, self.memory_badges.wanted):
            one.connect(lambda: self.resources_wanted.emit(self.handset))
        for part in (self._header, self._footer):
            part.record.clicked.connect(self._record)
        self.time_bar = time_bar.TimeBar(session.times, self)
        self.time_bar.room_changed.connect(self._past_changed)
        self.panes: list[GuestPane] = []
        self.chips: list[ProfileChip] = []
        self.keys = [HardwareKey(key, self) for key in handset.model.keys]
        for key in self.keys:
            key.moved.connect(self._hardware_key)
            key.set_turn(handset.phone.orientation)
        self.turn = handset.phone.orientation
        self._forget_phone: Callable[[], None] = handset.phone.on("orientation", self._orientation)
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(SLIDE_MS)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(lambda value: self._set_slide(float(value)))
        for guest in handset.guests:
            self._add_pane(guest)
        session.guest_added.connect(self._guest_added)
        session.guest_removed.connect(self._guest_removed)
        session.state_changed.connect(self._state_changed)
        session.foreground_changed.connect(self._foreground_changed)
        session.selection_changed.connect(self.update)
        session.moves.dragged_changed.connect(self.update)
        session.travels.changed.connect(self._travels_changed)
        session.policies.changed.connect(self._policy_changed)
        self._travels_changed()
        self._slide = float(self._foreground_index())
        self._refresh()
        self._arrange()

    def close_guests(self) -> None:
        self._forget_phone()
        for pane in self.panes:
            pane.close_guest()

    def _travels_changed(self) -> None:
        travels = self.session.travels
        for pane in self.panes:
            pane.set_undecided(travels.undecided(pane.guest))
        reception = travels.reception(self.handset)
        waiting = reception.waiting if reception is not None else None
        self._header.set_receiving(waiting.address if waiting is not None else "")

    def _policy_changed(self, guest: "Guest") -> None:
        pane = self.pane_of(guest)
        if pane is not None:
            seen = self.session.policies.of(guest)
            pane.set_lock(seen.lock, wiped=seen.wiped)
            self.chips[self.panes.index(pane)].set_policy(seen.badge, locked=seen.lock is not None)
            self._place_chips()

    # Size

    def geometry_at(self, factor: float) -> PhoneGeometry:
        panel = self.handset.model.panel
        single, guests = self.shape is Shape.SINGLE, len(self.handset.guests)
        return PhoneGeometry.of(panel.width, panel.height, factor, guests, single=single, turn=self.turn)

    def size_at(self, factor: float) -> QSize:
        """What the view would take at a scale."""
        size = self.geometry_at(factor).size
        if self.shape is Shape.SINGLE:
            margin = 2 * phone.SHADOW
            return QSize(round(size.width()) + margin, round(size.height()) + margin + CHIP_HEIGHT + GAP)
        width = max(round(size.width()) + 2 * PAD, LEAST_WIDTH)
        below = PAD if self.compact else GAP + 4 + HandsetFooter.HEIGHT + PAD
        below += self._bar_height()
        return QSize(width, self._above() + round(size.height()) + below)

    def _above(self) -> int:
        """From the card's edge to the phone's."""
        if self.compact:
            return 6 + HandsetHeader.COMPACT_HEIGHT + 2 + CHIP_HEIGHT + 6
        return PAD + HandsetHeader.HEIGHT + GAP + CHIP_HEIGHT + GAP

    def _bar_height(self) -> int:
        return 0 if self.shape is Shape.SINGLE else self.time_bar.height_for(compact=self.compact)

    def _set_compact(self, compact: bool) -> None:
        """On a low stage the phone comes before what is written about it."""
        self.compact = compact
        self._header.set_compact(compact)
        self.time_bar.set_compact(compact)

    def set_factor(self, factor: float, *, compact: bool = False) -> None:
        self._factor = factor
        self._set_compact(compact)
        self.resize(self.size_at(factor))
        self._arrange()

    @property
    def factor(self) -> float:
        return self._factor

    def set_shape(self, shape: Shape) -> None:
        if shape is self.shape:
            return
        self.shape = shape
        for pane in self.panes:
            self._adopt(pane)
        self._arrange()

    def sizeHint(self) -> QSize:
        return self.size_at(self._factor)

    def _record(self) -> None:
        if self.handset.foreground is not None:
            self.session.times.of(self.handset.foreground).toggle_recording()

    def _past_changed(self) -> None:
        self._arrange()
        self.updateGeometry()
        self.room_changed.emit()

    def _orientation(self, degrees: int) -> None:
        if degrees == self.turn:
            return
        self.turn = degrees
        for pane in self.panes:
            pane.set_turn(degrees)
        for key in self.keys:
            key.set_turn(degrees)
        self._arrange()
        self.updateGeometry()
        self.room_changed.emit()

    # Guests

    def pane_of(self, guest: "Guest | None") -> GuestPane | None:
        return next((pane for pane in self.panes if pane.guest is guest), None)

    def _add_pane(self, guest: "Guest") -> None:
        pane = GuestPane(guest, self.session.times.of(guest), self)
        pane.set_turn(self.turn)
        pane.activated.connect(self.session.bring_to_front)
        pane.restart_wanted.connect(lambda guest: self.session.operate(guest, "restart"))
        pane.resume_wanted.connect(self.session.go_on)
        pane.ask_again_wanted.connect(self.session.travels.ask_again)
        pane.decide_wanted.connect(self.session.travels.decide_wanted)
        pane.unlock_wanted.connect(self.session.policies.unlock_wanted)
        pane.set_undecided(self.session.travels.undecided(guest))
        pane.focus_changed.connect(lambda *_: self.update())
        self.panes.append(pane)
        chip = ProfileChip(guest, self.session.times.of(guest), self)
        chip.clicked.connect(lambda: self._chip_clicked(guest))
        chip.menu_wanted.connect(self.guest_menu_wanted)
        chip.drag_wanted.connect(lambda: drag_guest(chip, guest, self.session))
        self.chips.append(chip)
        seen = self.session.policies.of(guest)
        pane.set_lock(seen.lock, wiped=seen.wiped)
        chip.set_policy(seen.badge, locked=seen.lock is not None)
        self._adopt(pane)
        chip.show()

    def _adopt(self, pane: GuestPane) -> None:
        pane.setParent(self if self.shape is Shape.SPREAD else self._glass)
        pane.show()

    def _chip_clicked(self, guest: "Guest") -> None:
        self.session.bring_to_front(guest)
        pane = self.pane_of(guest)
        if pane is not None:
            pane.setFocus(Qt.FocusReason.OtherFocusReason)

    def _guest_added(self, guest: "Guest") -> None:
        if guest.handset is self.handset:
            self._add_pane(guest)
            self._refresh()
            self.updateGeometry()
            self._arrange()

    def _guest_removed(self, guest: "Guest") -> None:
        pane = self.pane_of(guest)
        if pane is None:
            return
        at = self.panes.index(pane)
        pane.close_guest()
        for part in (self.panes.pop(at), self.chips.pop(at)):
            part.hide()
            part.deleteLater()
        self._animation.stop()  # towards a place among the panes as they were
        self._slide = float(self._foreground_index())
        self._refresh()
        self.updateGeometry()
        self._arrange()

    def _state_changed(self, guest: "Guest") -> None:
        if guest.handset is self.handset:
            self._refresh()

    def _foreground_changed(self, handset: "Handset") -> None:
        if handset is not self.handset:
            return
        old = next((pane for pane in self.panes if pane.hasFocus()), None)
        new = self.pane_of(handset.foreground)
        if old is not None and new is not None and old is not new:
            new.setFocus(Qt.FocusReason.OtherFocusReason)
        self._refresh()
        self._slide_to(self._foreground_index())

    def _refresh(self) -> None:
        for chip in self.chips:
            chip.set_foreground(chip.guest is self.handset.foreground)
        for key in self.keys:
            key.setEnabled(self.handset.foreground is not None)
        self._footer.refresh()
        self.time_bar.set_guest(self.handset.foreground)
        self.time_bar.refresh()
        self._refresh_record()

    def _refresh_record(self) -> None:
        guest = self.handset.foreground
        time = self.session.times.of(guest) if guest is not None else None
        new = time is not None and time.timeline is not None and not self.time_bar.has_past
        self._header.set_time(time if new and self.compact else None)
        self._footer.set_time(time if new and not self.compact else None)

    def _foreground_index(self) -> int:
        guests = [pane.guest for pane in self.panes]
        return guests.index(self.handset.foreground) if self.handset.foreground in guests else 0

    def _hardware_key(self, key: str, pressed: bool) -> None:
        if self.handset.foreground is not None:
            self.handset.foreground.hardware_key(key, pressed)

    # Sliding

    def _slide_to(self, index: int) -> None:
        self._animation.stop()
        if not self.isVisible() or abs(self._slide - index) < 0.001:
            self._set_slide(float(index))
            return
        self._animation.setStartValue(self._slide)
        self._animation.setEndValue(float(index))
        self._animation.start()

    def _set_slide(self, value: float) -> None:
        self._slide = value
        self._place_phone()
        self.update()

    # Layout

    def _origin(self) -> QPointF:
        """The phone's upper left corner, its rails included."""
        size = self._phone.size
        x = (self.width() - size.width()) / 2
        spare = max(self.height() - self.size_at(self._factor).height(), 0) // 2
        if self.shape is Shape.SINGLE:
            return QPointF(round(x), float(spare + CHIP_HEIGHT + GAP + phone.SHADOW))
        return QPointF(round(x), float(spare + self._above()))

    def resizeEvent(self, _: QResizeEvent) -> None:
        self._arrange()

    def _arrange(self) -> None:
        self._phone = self.geometry_at(self._factor)
        spread = self.shape is Shape.SPREAD
        self._header.setVisible(spread)
        self._footer.setVisible(spread and not self.compact)
        top, height = (6, HandsetHeader.COMPACT_HEIGHT) if self.compact else (PAD, HandsetHeader.HEIGHT)
        self._header.setGeometry(PAD, top, self.width() - 2 * PAD, height)
        self._footer.setGeometry(
            PAD, self.height() - PAD - HandsetFooter.HEIGHT, self.width() - 2 * PAD, HandsetFooter.HEIGHT
        )
        bar = self._bar_height()
        self.time_bar.setVisible(bool(bar))
        below = PAD - 6 if self.compact else PAD + HandsetFooter.HEIGHT + 2
        self.time_bar.setGeometry(PAD, self.height() - below - bar, self.width() - 2 * PAD, bar)
        self._refresh_record()
        self._empty.setVisible(not self.panes)
        self._glass.setVisible(not spread and bool(self.panes))
        self._place_chips()
        self._place_phone()
        self.update()

    def _place_chips(self) -> None:
        origin = self._origin()
        near = 6 if self.compact else GAP
        if self.shape is Shape.SPREAD and self.turn % 180 == 0:
            bays = [self._phone.bay(index).translated(origin) for index in range(len(self.chips))]
            place_over_bays(self.chips, bays, round(origin.y()) - near - CHIP_HEIGHT)
            self.memory_badges.place(self.chips, bays)
            return
        chips = self.chips[::-1] if self.turn == 270 else self.chips  # as their bays follow, from the top
        rim = phone.SHADOW + GAP if self.shape is Shape.SINGLE else near
        place_in_row(chips, self.width(), round(origin.y()) - rim - CHIP_HEIGHT)
        self.memory_badges.place(chips, ())

    def _place_phone(self) -> None:
        origin = self._origin()
        radius = phone.screen_radius(self._phone)
        first = self._phone.bay(0).translated(origin).toRect()
        self._empty.setGeometry(first)
        single = self.shape is Shape.SINGLE
        self._glass.setGeometry(first)
        for index, pane in enumerate(self.panes):
            if single:
                offset = round((index - self._slide) * first.width())
                pane.setGeometry(offset, 0, first.width(), first.height())
            else:
                pane.setGeometry(self._phone.bay(index).translated(origin).toRect())
            pane.set_glass(phone.GLASS, radius)
        front = 0.0 if single else self._slide
        self._place_keys(origin, front)

    def _place_keys(self, origin: QPointF, front: float) -> None:
        below = [key for key in self.keys if not key.edge]
        for key, place in zip(below, self._phone.front_keys(front, len(below)), strict=True):
            key.setGeometry(place.translated(origin).toRect())
        for names, left in ((LEFT_EDGE, True), (RIGHT_EDGE, False)):
            edge = [key for key in self.keys if key.key in names]
            for key, place in zip(edge, self._phone.edge_keys(len(edge), left=left), strict=True):
                key.setGeometry(place.translated(origin).toRect())

    # Painting

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        spread = self.shape is Shape.SPREAD
        if spread:
            dragged = self.session.moves.dragged
            paint_card(
                painter,
                self.rect(),
                chosen=self.session.handset is self.handset and len(self.session.handsets) > 1,
                target=dragged is not None and not self.session.moves.why_not(dragged, self.handset),
                over=self.offer is not None and self.offer.run is not None,
            )
        model = self.handset.model
        look = phone.Look(model.body, model.maker, tokens().dark, self.devicePixelRatioF())
        plate = spread and self._phone.bays > 1
        paint_phone(painter, self._phone, look, self._origin(), self._slide if spread else 0.0, plate=plate)
        pane = next((pane for pane in self.panes if pane.hasFocus()), None)
        if pane is not None:
            place = pane.geometry() if spread else self._glass.geometry()
            paint_focus(painter, place, phone.screen_radius(self._phone), accent_of(pane.guest))

    def changeEvent(self, _: object) -> None:
        self.update()

    # The swipe on the bezel

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.session.select(self.handset, self.handset.foreground)
        if (
            event.button() is Qt.MouseButton.LeftButton
            and len(self.panes) > 1
            and self._on_body(event.position())
        ):
            self._animation.stop()
            self._swipe = Swipe(event.position(), self._slide, self._guests_of)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._swipe is not None:
            slide = self._swipe.move(event.position(), len(self.panes))
            if slide is not None:
                self._set_slide(slide)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        swipe, self._swipe = self._swipe, None
        index = swipe.end(event.position(), len(self.panes)) if swipe is not None else None
        if index is not None:
            self.session.bring_to_front(self.panes[index].guest)
            self._slide_to(index)

    def _guests_of(self, way: QPointF) -> float:
        """The phone's front goes with the mouse; on a single phone the picture does."""
        if self.shape is Shape.SINGLE:
            return -way.x() / self._phone.bay(0).width()
        return self._phone.along(way.x(), way.y()) / self._phone.pitch

    def _on_body(self, at: QPointF) -> bool:
        origin = self._origin()
        front = self._phone.front(0.0 if self.shape is Shape.SINGLE else self._slide)
        return front.translated(origin).contains(at) or self._phone.plate().translated(origin).contains(at)

    # Drops

    def offer_for(self, event: QDropEvent) -> Offer | None:
        return offer_of(self, event.mimeData(), event.position().toPoint())

    def offer_changed(self) -> None:
        if self.offer is not None:
            self._drop_hint.show_offer(self.offer)
        else:
            self._drop_hint.hide()
        self.update()

    def phone_rect(self) -> QRect:
        """The whole phone, for pictures of it alone."""
        size = self._phone.size
        return QRectF(self._origin(), size).toAlignedRect().intersected(self.rect())
