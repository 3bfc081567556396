"""A pane that looks into the selected guest: what it shows while there is nothing to see, when it looks."""

from typing import ClassVar

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QLineEdit,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.widgets import EmptyState


class DebugPane(Pane):
    """Subclasses fill `body`, and look() when there is something new to see."""

    area = Qt.DockWidgetArea.RightDockWidgetArea
    empty_title: ClassVar[str]

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.inspector = bench.inspector
        self.body = QWidget()
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.complaint = QLabel()
        self.complaint.setObjectName("complaint")
        self.complaint.setWordWrap(True)
        self.complaint.setTextFormat(Qt.TextFormat.PlainText)
        self.complaint.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.complaint.hide()
        whole = QWidget()
        rows = QVBoxLayout(whole)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.complaint)
        rows.addWidget(self.body, 1)
        self.nothing = EmptyState(self.picture, self.empty_title, "")
        self._stack = QStackedLayout(self)
        self._stack.addWidget(whole)
        self._stack.addWidget(self.nothing)
        self.inspector.guest_changed.connect(self._guest_changed)
        self.inspector.state_changed.connect(self.choose)
        self.inspector.looked.connect(self.choose)
        self.choose()

    def choose(self) -> None:
        """What there is to see, or why there is nothing."""
        words = self.inspector.state_words
        self.nothing.set_words(self.empty_title, words)
        self._stack.setCurrentIndex(1 if words else 0)

    def _guest_changed(self) -> None:
        self.refuse("")
        self.forget()
        self.choose()

    def forget(self) -> None:
        """Another guest is selected: nothing that is shown holds any more."""

    async def look(self) -> None:
        """See Looker."""

    def refuse(self, sentence: str) -> None:
        self.complaint.setText(sentence)
        self.complaint.setVisible(bool(sentence))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.inspector.watch(self)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.inspector.unwatch(self)


def words_box(placeholder: str, name: str, width: int = 0) -> QLineEdit:
    box = QLineEdit()
    box.setPlaceholderText(placeholder)
    box.setAccessibleName(name)
    box.setClearButtonEnabled(True)
    if width:
        box.setMaximumWidth(width)
    return box


def plain_table(model: QAbstractItemModel, name: str, widths: tuple[int, ...]) -> QTableView:
    """A table of whole rows; the last column takes the room that is left."""
    table = QTableView()
    table.setModel(model)
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    header.setStretchLastSection(True)
    for column, width in enumerate(widths):
        table.setColumnWidth(column, width)
    return table
