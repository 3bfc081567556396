"""The panes that show what a guest's board does, and what it did."""

from pocketvisor_workbench.debug.debug_pane import DebugPane
from pocketvisor_workbench.tracing.board import BoardPane
from pocketvisor_workbench.tracing.pages import PagesPane
from pocketvisor_workbench.tracing.tracing_pane import TracingPane

TRACING_PANES: tuple[type[DebugPane], ...] = (BoardPane, PagesPane, TracingPane)
