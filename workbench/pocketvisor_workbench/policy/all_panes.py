"""Panes about what governs guests."""

from pocketvisor_workbench.panes.pane_base import Pane
from pocketvisor_workbench.policy.policy_pane import PolicyPane

POLICY_PANES: tuple[type[Pane], ...] = (PolicyPane,)
