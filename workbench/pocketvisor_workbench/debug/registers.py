"""The registers of the selected guest: changed ones are marked, and each is changed where it stands."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTreeView, QWidget

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.debug.debug_pane import DebugPane, words_box
from pocketvisor_workbench.debug.register_model import RegisterModel
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.widgets import on_keys


class RegistersPane(DebugPane):
    name = "registers"
    title = "Registers"
    picture = "chip"
    empty_title = "No registers"
    waits = True

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.model = RegisterModel(self)
        self.model.label = self.inspector.label
        self.model.written.connect(self._write)
        self.model.refused.connect(lambda text: bench.session.log.add(text, Level.WARNING, notice=True))
        self.tree = QTreeView()
        self.tree.setModel(self.model)
        self.tree.setAccessibleName("Registers")
        self.tree.setUniformRowHeights(True)
        self.tree.setIndentation(12)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._menu)
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.resizeSection(0, 84)
        header.resizeSection(1, 124)
        self.column.addWidget(self.tree)
        self.filter = words_box("Filter", "Filter the registers by name", 110)
        self.filter.textChanged.connect(self._look_for)
        self.model.modelReset.connect(self._reset)
        on_keys(self.tree, QKeySequence.StandardKey.Copy, self.copy)
        on_keys(self.tree, "Return", self._edit)

    def tools(self) -> list[QWidget]:
        return [self.filter]

    def forget(self) -> None:
        self.model.show_values({}, {})

    async def look(self) -> None:
        inspector = self.inspector
        if inspector.sample is None or self.tree.state() is QAbstractItemView.State.EditingState:
            return
        self.model.editable = inspector.standing
        self.model.show_values(inspector.sample.registers, inspector.before)

    def _reset(self) -> None:
        self.tree.expand(self.model.index(0, 0))
        for number in range(self.model.rowCount()):
            self.tree.setFirstColumnSpanned(number, self.tree.rootIndex(), True)
        self._look_for(self.filter.text())

    def _look_for(self, words: str) -> None:
        """Registers whose names have the words; a group that has some is open."""
        wanted = words.casefold().split()
        for number, group in enumerate(self.model.groups):
            parent = self.model.index(number, 0)
            found = 0
            for row, name in enumerate(group.names):
                fits = all(word in name for word in wanted)
                found += fits
                self.tree.setRowHidden(row, parent, not fits)
            self.tree.setRowHidden(number, self.tree.rootIndex(), not found)
            if wanted:
                self.tree.expand(parent)

    def _write(self, name: str, value: int) -> None:
        debugger = self.inspector.debugger
        if debugger is not None:
            self.inspector.do(f"Set {name} of", lambda: debugger.set_register(name, value))

    def _edit(self) -> None:
        index = self.tree.currentIndex()
        self.tree.edit(index.siblingAtColumn(1))

    def copy(self) -> None:
        name = self.model.name_at(self.tree.currentIndex())
        if name is not None:
            QGuiApplication.clipboard().setText(f"{self.model.values[name]:#x}")

    def _menu(self, at: QPoint) -> None:
        name = self.model.name_at(self.tree.indexAt(at))
        if name is None:
            return
        value = self.model.values[name] & 0xFFFFFFFF
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(f"Memory at {value:#010x}", lambda: self.inspector.show_memory(value))
        menu.addAction(f"Code at {value:#010x}", lambda: self.inspector.show_code(value))
        menu.addSeparator()
        change = menu.addAction("Change", self._edit)
        change.setEnabled(self.model.editable)
        menu.addAction("Copy the value", self.copy)
        menu.popup(self.tree.viewport().mapToGlobal(at))
