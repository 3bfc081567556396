"""The selected phone's processor, memory and battery: who has what, and what each guest is to have.

Looked at twice a second while it can be seen. Three sections in as many columns as there is room for.
"""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.resources.cpu import CpuSection
from pocketvisor_workbench.resources.memory import MemorySection
from pocketvisor_workbench.resources.power import PowerSection
from pocketvisor_workbench.resources.reading import Reading
from pocketvisor_workbench.widgets import EmptyState, push_button

_EVERY = 5
_COLUMN = 264


class ResourcesPane(Pane):
    name = "resources"
    title = "Resources"
    picture = "gauge"
    area = Qt.DockWidgetArea.RightDockWidgetArea

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._tick = 0
        self.whose = QLabel()
        self.whose.setObjectName("muted")
        self.whose.setTextFormat(Qt.TextFormat.PlainText)
        self.reading = Reading(bench.session)
        reading = self.reading
        self.cpu = CpuSection(bench, reading.change_share, reading.set_boost, reading.set_response)
        self.memory = MemorySection(reading.set_sharing)
        self.power = PowerSection(reading.set_low)
        self.sections = (self.cpu, self.memory, self.power)
        self._columns: list[QVBoxLayout] = []
        self._count = 0
        self._body = QWidget()
        self._row = QHBoxLayout(self._body)
        self._row.setContentsMargins(14, 12, 14, 12)
        self._row.setSpacing(24)
        for _ in self.sections:
            column = QVBoxLayout()
            column.setSpacing(8)
            self._columns.append(column)
            self._row.addLayout(column, 1)
        self._set_columns(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._body)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._bar = area.verticalScrollBar()
        self._stack = QStackedLayout(self)
        self._stack.addWidget(area)
        add = push_button("Add a handset", "plus")
        add.clicked.connect(lambda: bench.trigger("handset.add"))
        self._stack.addWidget(
            EmptyState("gauge", "No handset", "What its guests get of it is shown here.", button=add)
        )
        session = bench.session
        session.selection_changed.connect(self.refresh)
        session.changed.connect(self.refresh)
        self.reading.changed.connect(self.refresh)
        bench.sampler.sampled.connect(self._sampled)
        self.refresh()

    def tools(self) -> list[QWidget]:
        """Whose they are, on a bench with several phones."""
        return [self.whose]

    def _sampled(self) -> None:
        self._tick += 1
        if self._tick % _EVERY == 0:
            self.refresh()

    def refresh(self) -> None:
        handset = self.bench.session.handset
        self._stack.setCurrentIndex(0 if handset is not None else 1)
        self.whose.setText(handset.name if handset is not None else "")
        if handset is None or not self.isVisible():
            return
        self.cpu.show_figures(self.reading.cpu(handset), handset.foreground)
        self.memory.show_figures(self.reading.memory(handset))
        self.power.show_figures(self.reading.power(handset))
        self._need_width()

    def _need_width(self) -> None:
        """As wide as one column's words and fields: what is in a dock beside others would be cut."""
        margins = self._row.contentsMargins()
        widest = max(section.minimumSizeHint().width() for section in self.sections)
        self.setMinimumWidth(widest + margins.left() + margins.right() + self._bar.sizeHint().width())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    # Columns

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_columns(min(max(event.size().width() // _COLUMN, 1), len(self.sections)))

    def _set_columns(self, count: int) -> None:
        if count == self._count:
            return
        self._count = count
        for column in self._columns:
            while column.count():
                column.takeAt(0)
        for number, section in enumerate(self.sections):
            self._columns[min(number, count - 1)].addWidget(section, 0, Qt.AlignmentFlag.AlignTop)
        for number, column in enumerate(self._columns):
            column.addStretch(1)
            self._row.setStretch(number, 1 if number < count else 0)
        self._row.setSpacing(24 if count > 1 else 0)
