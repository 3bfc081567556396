"""What the window does about resources: the pane that a click on a phone opens, and the badges above it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from pocketvisor.api import Handset
    from pocketvisor_workbench.window import Window

_BADGES = "memory-badges"


class ResourcesDesk(QObject):
    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        window.stage.resources_wanted.connect(self.show)
        window.stage.show_badges(window.settings.text(_BADGES, "shown") == "shown")

    @property
    def shown(self) -> bool:
        return self._window.docks["resources"].isVisible()

    def show(self, handset: "Handset | None") -> None:
        if handset is not None:
            self._window.session.select(handset)
        dock = self._window.docks["resources"]
        dock.show()
        dock.raise_()
        self._window.dock_sizes.widen(dock)
        self._window.refresh_actions()

    def toggle_badges(self) -> None:
        window = self._window
        window.stage.show_badges(not window.stage.badges_shown)
        window.settings.set(_BADGES, "shown" if window.stage.badges_shown else "hidden")
        window.settings.save()
