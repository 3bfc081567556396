"""All panes of the workbench's docks. Adding one is a file beside this one and a line here."""

from pocketvisor_workbench.panes.console import ConsolePane
from pocketvisor_workbench.panes.controls import ControlsPane
from pocketvisor_workbench.panes.events import EventsPane
from pocketvisor_workbench.panes.jobs import JobsPane
from pocketvisor_workbench.panes.library import LibraryPane
from pocketvisor_workbench.panes.network import NetworkPane
from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.panes.performance import PerformancePane
from pocketvisor_workbench.panes.profiles import ProfilesPane

PANES: tuple[type[Pane], ...] = (
    LibraryPane,
    PerformancePane,
    ConsolePane,
    EventsPane,
    JobsPane,
    ControlsPane,
    NetworkPane,
    ProfilesPane,
)

__all__ = ["PANES", "Pane"]
