"""All panes that look into a guest. Adding one is a file beside this one and a line here."""

from pocketvisor_workbench.debug.debug_pane import DebugPane
from pocketvisor_workbench.debug.disassembly import DisassemblyPane
from pocketvisor_workbench.debug.linux import LinuxPane
from pocketvisor_workbench.debug.memory import MemoryPane
from pocketvisor_workbench.debug.registers import RegistersPane
from pocketvisor_workbench.debug.stack import StackPane
from pocketvisor_workbench.debug.stops import StopsPane
from pocketvisor_workbench.debug.symbols import SymbolsPane

DEBUG_PANES: tuple[type[DebugPane], ...] = (
    DisassemblyPane,
    MemoryPane,
    RegistersPane,
    StackPane,
    StopsPane,
    SymbolsPane,
    LinuxPane,
)
