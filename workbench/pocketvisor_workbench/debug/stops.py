"""Breakpoints and watchpoints of the selected guest."""

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QSpinBox,
    QWidget,
)

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, plain_table, words_box
from pocketvisor_workbench.debug.stops_model import CONDITION, HITS, StopsModel
from pocketvisor_workbench.widgets import on_keys, push_button, tool_button

_KINDS = (
    ("execute", "Break at"),
    ("write", "Writes to"),
    ("read", "Reads of"),
    ("access", "Accesses to"),
)


class StopsPane(DebugPane):
    name = "stops"
    title = "Breakpoints"
    picture = "alert-octagon-outline"
    empty_title = "No breakpoints"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.model = StopsModel(self)
        self.model.label = self.inspector.label
        self.model.changed_by_user.connect(self.inspector.stops.change)
        self.table = plain_table(self.model, "Breakpoints and watchpoints", (54, 112, 42, 80, 52))
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(CONDITION, QHeaderView.ResizeMode.Stretch)
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.table.doubleClicked.connect(self._open)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._menu)
        self.column.addWidget(self._make_form())
        self.column.addWidget(self.table, 1)
        self.hint = QLabel(
            "No breakpoint is set. Type where to stop, or click beside a line of the disassembly (F9)."
        )
        self.hint.setObjectName("muted")
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setContentsMargins(16, 8, 16, 16)
        self.column.addWidget(self.hint, 1)
        self.inspector.stops_changed.connect(self.refresh)
        self.inspector.state_changed.connect(self.refresh)
        self.inspector.symbols_changed.connect(self.refresh)
        for keys, work in (("Delete", self.remove), ("Space", self.toggle), ("Return", self._edit)):
            on_keys(self.table, keys, work)
        self.refresh()

    def tools(self) -> list[QWidget]:
        self.remove_all = tool_button("delete-outline", "Remove all breakpoints and watchpoints")
        self.remove_all.clicked.connect(self._clear)
        return [self.remove_all]

    def _make_form(self) -> QWidget:
        form = QWidget()
        row = QHBoxLayout(form)
        row.setContentsMargins(8, 6, 8, 6)
        row.setSpacing(6)
        self.kind = QComboBox()
        for kind, words in _KINDS:
            self.kind.addItem(words, kind)
        self.kind.setAccessibleName("Kind of stop")
        self.kind.currentIndexChanged.connect(self._kind_changed)
        self.place = words_box("Symbol, address or $sp + 8", "Where to stop")
        self.place.returnPressed.connect(self.add)
        self.length = QSpinBox()
        self.length.setRange(1, 1 << 20)
        self.length.setValue(4)
        self.length.setSuffix(" B")
        self.length.setAccessibleName("Bytes that are watched")
        self.length.hide()
        add = push_button("Add", "plus")
        add.clicked.connect(self.add)
        row.addWidget(self.kind)
        row.addWidget(self.place, 1)
        row.addWidget(self.length)
        row.addWidget(add)
        return form

    def _kind_changed(self) -> None:
        self.length.setVisible(self.kind.currentData() != "execute")

    def refresh(self) -> None:
        inspector = self.inspector
        stops = (
            []
            if inspector.debugger is None
            else [stop for stop in inspector.debugger.stops if not stop.temporary]
        )
        here = inspector.stop.stop if inspector.stop is not None else None
        if self.table.state() is not QAbstractItemView.State.EditingState:
            self.model.show_stops(stops, here.id if here is not None else None)
        self.table.setVisible(bool(stops))
        self.hint.setVisible(not stops)

    def add(self) -> None:
        text, kind, size = self.place.text().strip(), self.kind.currentData(), self.length.value()
        if not text:
            self.place.setFocus()
            return

        async def work() -> None:
            address = await self.inspector.address_of(text)
            self.inspector.stops.add(kind, address, size, place=text)
            self.place.clear()

        self.inspector.do("Set a breakpoint in", work)

    def _selected(self) -> list[int]:
        rows = {index.row() for index in self.table.selectionModel().selectedIndexes()}
        return [self.model.rows[row].id for row in sorted(rows)]

    def remove(self) -> None:
        for number in self._selected():
            self.inspector.stops.remove(number)

    def toggle(self) -> None:
        for row in {index.row() for index in self.table.selectionModel().selectedIndexes()}:
            stop = self.model.rows[row]
            self.inspector.stops.change(stop.id, {"enabled": not stop.enabled})

    def _edit(self) -> None:
        index = self.table.currentIndex()
        self.table.edit(index.siblingAtColumn(CONDITION))

    def _clear(self) -> None:
        if self.inspector.debugger is not None:
            self.inspector.debugger.stops.clear("user")

    def _open(self, index: QModelIndex) -> None:
        if index.column() < HITS:
            stop = self.model.rows[index.row()]
            if stop.watches:
                self.inspector.show_memory(stop.address, physical=stop.physical)
            else:
                self.inspector.show_code(stop.address)

    def _menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        stop = self.model.rows[index.row()]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show where it is", lambda: self._open(index.siblingAtColumn(0)))
        menu.addAction("Condition…", lambda: self.table.edit(index.siblingAtColumn(CONDITION)))
        menu.addAction("Switch off" if stop.enabled else "Switch on", self.toggle)
        if stop.watches:
            last = menu.addAction(
                "Go back to the last write",
                lambda: self.inspector.motion.last_write(stop.address, stop.size, physical=stop.physical),
            )
            last.setEnabled(self.inspector.can_reverse)
        menu.addSeparator()
        menu.addAction("Remove", self.remove)
        menu.popup(self.table.viewport().mapToGlobal(at))
