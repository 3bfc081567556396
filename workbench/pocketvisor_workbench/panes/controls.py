"""The selected handset and guest: how they are, and what they are changed with."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from pocketvisor_workbench.attack.isolation import IsolationSection
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.panes.guest_controls import GuestFigures, GuestHead, GuestKeys
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.phone import SECTIONS
from pocketvisor_workbench.phone.memory import MemorySection
from pocketvisor_workbench.phone.modem import ModemSection
from pocketvisor_workbench.widgets import EmptyState, push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor.api import Guest

_EVERY = 5


class ControlsPane(Pane):
    name = "controls"
    title = "Controls"
    picture = "tune-vertical"
    area = Qt.DockWidgetArea.RightDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._guest: Guest | None = None
        self._tick = 0
        self.setMinimumWidth(262)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        self.head = GuestHead(bench)
        layout.addWidget(self.head)
        self._no_guest = self._make_no_guest()
        layout.addWidget(self._no_guest)
        self.keys = GuestKeys(bench)
        layout.addWidget(self.keys)
        self.sections = {kind.title: kind(bench) for kind in SECTIONS}
        for section in self.sections.values():
            layout.addWidget(section)
        self.modem = ModemSection(bench)
        layout.addWidget(self.modem)
        self.memory = MemorySection(bench)
        layout.addWidget(self.memory)
        self.isolation = IsolationSection(bench)
        layout.addWidget(self.isolation)
        self.figures = GuestFigures()
        layout.addWidget(self.figures)
        layout.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(area)
        add = push_button("Add a handset", "plus")
        add.clicked.connect(lambda: bench.trigger("handset.add"))
        self._stack.addWidget(
            EmptyState("tune-vertical", "No handset", "Put a phone on the bench to control it.", button=add)
        )
        session = bench.session
        session.selection_changed.connect(self._select)
        session.state_changed.connect(lambda guest: self.refresh() if guest is self._guest else None)
        session.foreground_changed.connect(lambda _: self.refresh())
        bench.sampler.sampled.connect(self._sampled)
        self._select()

    def tools(self) -> list[QWidget]:
        shot = tool_button("camera-outline", "Save a screenshot of the guest")
        shot.clicked.connect(lambda: self.bench.trigger("guest.screenshot"))
        return [shot]

    def _make_no_guest(self) -> QWidget:
        words = QLabel("No guest runs on this handset.")
        words.setObjectName("muted")
        add = push_button("Add a guest", "plus")
        add.clicked.connect(lambda: self.bench.trigger("guest.add"))
        made = QWidget()
        layout = QVBoxLayout(made)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(words)
        layout.addWidget(add)
        return made

    def _select(self) -> None:
        session = self.bench.session
        guest, handset = session.guest, session.handset
        changed = guest is not self._guest
        self._guest = guest
        self._stack.setCurrentIndex(0 if handset is not None else 1)
        for section in self.sections.values():
            section.show_handset(handset)
        for part in (self.head, self.keys, self.modem, self.memory, self.isolation, self.figures):
            part.setVisible(guest is not None)
        self._no_guest.setVisible(guest is None)
        if changed:
            self.modem.show_guest(guest)
            self.memory.show_guest(guest)
        if guest is not None and changed:
            self.head.show_guest(guest)
            self.keys.show_guest(guest)
        self.refresh()

    def refresh(self) -> None:
        """The guest's state; figures come with the samples, the handset's state with its events."""
        if self._guest is not None:
            self.head.refresh(self._guest)
            self.keys.refresh(self._guest)
            self.modem.refresh(self._guest)
            self.memory.refresh(self._guest)
            self.isolation.refresh(self._guest)
            self.figures.refresh(self._guest)

    def _sampled(self) -> None:
        self._tick += 1
        if self._tick % _EVERY == 0 and self.isVisible() and self._guest is not None:
            self.figures.refresh(self._guest)
