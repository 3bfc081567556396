"""The debugger's part of the window: its bar, its keys, and what its commands do with its panes."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence

from pocketvisor_workbench.commands import COMMANDS
from pocketvisor_workbench.debug.debug_bar import DebugBar
from pocketvisor_workbench.debug.debug_pane import DebugPane
from pocketvisor_workbench.debug.disassembly import DisassemblyPane
from pocketvisor_workbench.debug.gdb_dialog import GdbDialog
from pocketvisor_workbench.debug.memory import MemoryPane

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window


class DebugDesk:
    def __init__(self, window: "Window") -> None:
        self._window = window
        self.inspector = window.bench.inspector
        self.bar = DebugBar(window, window.actions_by_ident)
        window.addToolBarBreak()
        window.addToolBar(Qt.ToolBarArea.TopToolBarArea, self.bar)
        self._docks = [dock for dock in window.docks.values() if issubclass(dock.pane_class, DebugPane)]
        for dock in self._docks:
            dock.visibilityChanged.connect(self._show_bar)
        self.inspector.state_changed.connect(window.refresh_actions)
        self.inspector.code_wanted.connect(lambda _: self._raise("disassembly"))
        self.inspector.memory_wanted.connect(lambda *_: self._raise("memory"))
        self.bar.hide()

    @property
    def seen(self) -> bool:
        return any(not dock.isHidden() for dock in self._docks)

    def share_keys(self) -> None:
        """The debugger has its keys only while it has a use for them: F11 is the full screen's otherwise."""
        actions = self._window.actions_by_ident
        taken = {
            command.soft_shortcut
            for command in COMMANDS
            if command.soft_shortcut and self.seen and actions[command.ident].isEnabled()
        }
        for command in COMMANDS:
            if command.keys:
                mine = (command.keys in taken) is bool(command.soft_shortcut)
                keys = QKeySequence(command.keys if mine else "")
                if actions[command.ident].shortcut() != keys:
                    actions[command.ident].setShortcut(keys)

    def _show_bar(self) -> None:
        self.bar.setVisible(self.seen)
        self._window.refresh_actions()

    def _raise(self, name: str) -> None:
        dock = self._window.docks[name]
        dock.show()
        dock.raise_()

    @property
    def code(self) -> DisassemblyPane:
        pane = self._window.docks["disassembly"].pane
        assert isinstance(pane, DisassemblyPane)
        return pane

    @property
    def memory(self) -> MemoryPane:
        pane = self._window.docks["memory"].pane
        assert isinstance(pane, MemoryPane)
        return pane

    def toggle_breakpoint(self) -> None:
        line = self.code.view.selected
        if line is not None:
            self.code.toggle(line.address)

    def last_write(self) -> None:
        """Of what is selected in the memory pane."""
        memory = self.memory
        self.inspector.motion.last_write(*memory.chosen, physical=memory.physical)

    def ask_for_code(self) -> None:
        self._raise("disassembly")
        self.code.place.setFocus()
        self.code.place.selectAll()

    def ask_for_memory(self) -> None:
        self._raise("memory")
        self.memory.place.setFocus()
        self.memory.place.selectAll()

    def open_gdb(self) -> None:
        debugger = self.inspector.debugger
        if debugger is not None:
            GdbDialog(self.inspector, debugger, self._window).open()
