"""The bench in the middle of the window: all handsets (grid), one large (focus), or phones alone (demo).

Left out: free placement; phones are laid out in rows, as large as they fit.
"""

import enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QScrollArea, QVBoxLayout, QWidget

from pocketvisor_workbench import mime
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.stage.handset_view import HandsetView, Shape
from pocketvisor_workbench.stage.pane import GuestPane
from pocketvisor_workbench.stage.strip import HandsetStrip
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.widgets import EmptyState, push_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset

SPACING = 16
LEAST_FACTOR = 0.25
MOST_FACTOR = {"grid": 1.0, "focus": 1.5, "demo": 1.5}
_STEPS = 12
_LOW = 560
"""A stage that is lower than this shows its cards without footers."""


class View(enum.StrEnum):
    GRID = "grid"
    FOCUS = "focus"
    DEMO = "demo"


class _Bench(QWidget):
    """What is scrolled; paints the bench's surface."""

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        light = QLinearGradient(0, 0, 0, max(self.height(), 1))
        light.setColorAt(0, QColor(colours.canvas))
        light.setColorAt(1, QColor(colours.canvas_edge))
        painter.fillRect(event.rect(), light)


class Stage(QWidget):
    """Holds a view for each handset and lays them out for the view that is chosen."""

    add_handset_wanted = Signal()
    model_dropped = Signal(str)
    image_dropped = Signal(object, str)
    files_dropped = Signal(object, list)
    media_dropped = Signal(object, list)
    guest_dropped = Signal(object, object)
    profiles_dropped = Signal(object, list)
    add_guest_wanted = Signal(object)
    handset_menu_wanted = Signal(object, object)
    receive_wanted = Signal(object)
    resources_wanted = Signal(object)
    guest_menu_wanted = Signal(object, object)
    view_changed = Signal()
    leave_demo_wanted = Signal()
    arranged = Signal()
    """Phones are in other places."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("stage")
        self.setAcceptDrops(True)
        self._session = session
        self.view = View.GRID
        self.zoom: float | None = None
        """None fits the phones to the window."""
        self.badges_shown = True
        """What each guest holds of the memory, beside its chip."""
        self.views: dict[Handset, HandsetView] = {}
        self._bench = _Bench()
        self._area = QScrollArea(self)
        self._area.setWidget(self._bench)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        add = push_button("Add a handset", "cellphone", primary=True)
        add.clicked.connect(self.add_handset_wanted)
        self._empty = EmptyState(
            "cellphone-off",
            "The bench is empty",
            "Add a handset, or drag a model here from the library.",
            self._bench,
            button=add,
        )
        self._strip = HandsetStrip(session, self)
        self._strip.hide()
        self._column = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._area, 1)
        layout.addWidget(self._strip)
        self._pending = QTimer(self)
        self._pending.setSingleShot(True)
        self._pending.setInterval(0)
        self._pending.timeout.connect(self.arrange)
        for scroll in (self._area.verticalScrollBar(), self._area.horizontalScrollBar()):
            scroll.valueChanged.connect(lambda _: self.arranged.emit())
        session.handset_added.connect(self._handset_added)
        session.handset_removed.connect(self._handset_removed)
        session.guest_added.connect(self._later)
        session.guest_removed.connect(self._later)
        session.selection_changed.connect(self._selection_changed)
        for handset in session.handsets:
            self._handset_added(handset)
        self._later()

    def set_view(self, view: View) -> None:
        if view is self.view:
            return
        self.view = view
        for handset_view in self.views.values():
            handset_view.set_shape(Shape.SINGLE if view is View.DEMO else Shape.SPREAD)
        self.arrange()
        self.view_changed.emit()

    def set_zoom(self, zoom: float | None) -> None:
        self.zoom = zoom
        self.arrange()
        self.view_changed.emit()

    def show_badges(self, shown: bool) -> None:
        self.badges_shown = shown
        for view in self.views.values():
            view.memory_badges.show_badges(shown)

    @property
    def factor(self) -> float:
        """The scale in use, by the first view that is shown."""
        return next((view.factor for view in self._shown()), 1.0)

    @property
    def panes(self) -> list[GuestPane]:
        return [pane for view in self.views.values() for pane in view.panes]

    def pane_of(self, guest: "Guest | None") -> GuestPane | None:
        return next((pane for pane in self.panes if pane.guest is guest), None)

    # Handsets

    def _handset_added(self, handset: "Handset") -> None:
        view = HandsetView(self._session, handset, self._bench)
        view.set_shape(Shape.SINGLE if self.view is View.DEMO else Shape.SPREAD)
        view.add_guest_wanted.connect(self.add_guest_wanted)
        view.menu_wanted.connect(self.handset_menu_wanted)
        view.guest_menu_wanted.connect(self.guest_menu_wanted)
        view.receive_wanted.connect(self.receive_wanted)
        view.resources_wanted.connect(self.resources_wanted)
        view.memory_badges.show_badges(self.badges_shown)
        view.room_changed.connect(self._later)
        view.image_dropped.connect(self.image_dropped)
        view.files_dropped.connect(self.files_dropped)
        view.media_dropped.connect(self.media_dropped)
        view.guest_dropped.connect(self.guest_dropped)
        view.profiles_dropped.connect(self.profiles_dropped)
        self.views[handset] = view
        self._later()

    def _handset_removed(self, handset: "Handset") -> None:
        view = self.views.pop(handset, None)
        if view is not None:
            view.close_guests()
            view.hide()
            view.deleteLater()
        self._later()

    def _selection_changed(self) -> None:
        if self.view is View.FOCUS:
            self._later()

    def _shown(self) -> list[HandsetView]:
        if self.view is View.FOCUS and self.views:
            chosen = self._session.handset or next(iter(self.views))
            return [view for handset, view in self.views.items() if handset is chosen]
        return list(self.views.values())

    # Layout

    def reveal(self, handset: "Handset") -> None:
        """Scrolls to where a handset is seen."""
        self.arrange()
        if handset in self.views:
            self._area.ensureWidgetVisible(self.views[handset], 0, SPACING)

    def _later(self, *_: object) -> None:
        self._pending.start()

    def resizeEvent(self, _: QResizeEvent) -> None:
        self.arrange()

    def arrange(self) -> None:
        """Lays out what is shown, as large as it fits."""
        self._pending.stop()
        shown = self._shown()
        for view in self.views.values():
            view.setVisible(view in shown)
        strip = self.view is View.FOCUS and len(self.views) > 1 and self.height() >= _LOW
        if strip is self._strip.isHidden():
            self._strip.setVisible(strip)
            self._column.activate()
        self._empty.setVisible(not self.views)
        room = self._area.maximumViewportSize()
        if not shown:
            self._bench.resize(room)
            self._empty.setGeometry(QRect(QPoint(0, 0), room))
            self.arranged.emit()
            return
        compact = room.height() < _LOW
        for view in shown:
            view.set_factor(view.factor, compact=compact)
        factor = self.zoom or self._fitting(shown, room)
        for view in shown:
            view.set_factor(factor, compact=compact)
        places, needed = _rows([view.size() for view in shown], room.width())
        if needed.height() > room.height():  # the scroll bar takes some of the width
            room.setWidth(room.width() - self._area.verticalScrollBar().sizeHint().width())
            places, needed = _rows([view.size() for view in shown], room.width())
        self._bench.resize(max(room.width(), needed.width()), max(room.height(), needed.height()))
        down = max((room.height() - needed.height()) // 2, 0)
        for view, place in zip(shown, places, strict=True):
            view.setGeometry(QRect(place.topLeft() + QPoint(0, down), place.size()))
        self.arranged.emit()

    @property
    def room(self) -> QRect:
        """Where phones are."""
        return self._area.geometry()

    def kept_clear(self) -> list[list[QRect]]:
        """What is not to be covered, the strictest wish first: whole cards, then what is worked with, then
        the phones alone."""
        shown = [view for view in self._shown() if view.isVisible()]
        buttons = self.findChildren(QAbstractButton, options=Qt.FindChildOption.FindDirectChildrenOnly)
        always = [button.geometry() for button in buttons if button.isVisible()]
        wishes: list[list[QRect]] = [[], [], []]
        for view in shown:
            corner = view.mapTo(self, QPoint(0, 0))
            phone = [view.phone_rect(), *([view.time_bar.geometry()] if view.time_bar.isVisible() else [])]
            worked = [*phone, *(chip.geometry() for chip in view.chips)]
            for wish, rects in zip(wishes, ([view.rect()], worked, phone), strict=True):
                wish += [rect.translated(corner).intersected(self.room) for rect in rects]
        return [[*wish, *always] for wish in wishes]

    def _fitting(self, shown: list[HandsetView], room: QSize) -> float:
        """The largest scale at which all fit, sharp pixels preferred."""
        least, most = LEAST_FACTOR, MOST_FACTOR[self.view.value]
        if self._fits(shown, most, room):
            return most
        if self._fits(shown, 1.0, room) and not self._fits(shown, 1.12, room):
            return 1.0
        for _ in range(_STEPS):
            middle = (least + most) / 2
            if self._fits(shown, middle, room):
                least = middle
            else:
                most = middle
        return least

    @staticmethod
    def _fits(shown: list[HandsetView], factor: float, room: QSize) -> bool:
        _, needed = _rows([view.size_at(factor) for view in shown], room.width())
        return needed.width() <= room.width() and needed.height() <= room.height()

    # Drops on the bench itself

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        data = event.mimeData()
        lone = not self.views and (mime.ident_of(data, mime.IMAGE) or mime.profiles_of(data))
        if mime.ident_of(data, mime.MODEL) or lone:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        model = mime.ident_of(event.mimeData(), mime.MODEL)
        if model is not None:
            self.model_dropped.emit(model)
            return
        image = mime.ident_of(event.mimeData(), mime.IMAGE)
        if image is not None:
            self.image_dropped.emit(None, image)
            return
        profiles = mime.profiles_of(event.mimeData())
        if profiles:
            self.profiles_dropped.emit(None, profiles)

    def mouseDoubleClickEvent(self, _: QMouseEvent) -> None:
        if self.view is View.DEMO:
            self.leave_demo_wanted.emit()


def _rows(sizes: list[QSize], width: int) -> tuple[list[QRect], QSize]:
    """Places in centred rows, as high as the highest of the row, and the room that they take."""
    rows: list[list[int]] = [[]]
    across = SPACING
    for index, size in enumerate(sizes):
        if rows[-1] and across + size.width() + SPACING > width:
            rows.append([])
            across = SPACING
        rows[-1].append(index)
        across += size.width() + SPACING
    places = [QRect()] * len(sizes)
    y, widest = SPACING, 0
    for row in rows:
        row_width = sum(sizes[index].width() for index in row) + SPACING * (len(row) - 1)
        x = max((width - row_width) // 2, SPACING)
        height = max(sizes[index].height() for index in row)
        for index in row:
            places[index] = QRect(x, y, sizes[index].width(), height)
            x += sizes[index].width() + SPACING
        y += height + SPACING
        widest = max(widest, row_width + 2 * SPACING)
    return places, QSize(widest, y)
