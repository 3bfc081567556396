"""What a dock holds: a Pane says its name, title, picture and place, and brings its own title-bar buttons.

To add a pane: one file with a subclass, one line in `panes/__init__.py`.
"""

from typing import ClassVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QWidget

from pocketvisor_workbench.bench import Bench


class Pane(QWidget):
    """The body of a dock."""

    name: ClassVar[str]
    """Stable: layouts are saved by it."""
    title: ClassVar[str]
    picture: ClassVar[str]
    area: ClassVar[Qt.DockWidgetArea]
    waits: ClassVar[bool] = False
    """It need not be there before it is looked at: it follows nothing while it is hidden."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.home)
        self.bench = bench
        self.setObjectName("dockBody")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def minimumSizeHint(self) -> QSize:
        """Small: docks share a small window, and a pane scrolls or cuts what does not fit."""
        return QSize(120, 60)

    def tools(self) -> list[QWidget]:
        """Widgets for the right end of the title bar."""
        return []
