"""The panes on what guests get of a phone."""

from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.resources.pane import ResourcesPane

RESOURCE_PANES: tuple[type[Pane], ...] = (ResourcesPane,)
