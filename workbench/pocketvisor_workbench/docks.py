"""Docks: a pane in a QDockWidget with a title bar of our own that carries the pane's tools."""

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QWidget

from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.icons import icon
from pocketvisor_workbench.panes import Pane
from pocketvisor_workbench.perspectives import Arrangement
from pocketvisor_workbench.settings import LAYOUT_VERSION
from pocketvisor_workbench.widgets import tool_button


class DockTitle(QWidget):
    """Picture and title, the pane's tools, and close. A tab shows the title already: then only the tools."""

    def __init__(self, dock: QDockWidget, pane: Pane) -> None:
        super().__init__(dock)
        self.setObjectName("dockTitle")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._pane = pane
        self._sign = QLabel()
        self._title = QLabel(pane.title)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 6, 4)
        layout.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        layout.setSpacing(6)
        layout.addWidget(self._sign)
        layout.addWidget(self._title)
        layout.addStretch(1)
        for tool in pane.tools():
            layout.addWidget(tool)
        close = tool_button("close", f"Hide {pane.title}")
        close.clicked.connect(dock.close)
        layout.addWidget(close)
        self.tint()

    def minimumSizeHint(self) -> QSize:
        """Small, so that docks can share a small window; what does not fit is cut."""
        return QSize(96, 38)

    def set_tabbed(self, tabbed: bool) -> None:
        self._sign.setVisible(not tabbed)
        self._title.setVisible(not tabbed)

    def tint(self) -> None:
        self._sign.setPixmap(icon(self._pane.picture, "muted").pixmap(17, 17))

    def changeEvent(self, _: object) -> None:
        if hasattr(self, "_sign"):
            self.tint()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.ignore()  # the dock floats or comes back


class PaneDock(QDockWidget):
    """Holds one pane. One that looks at nothing while it is hidden is built when it is wanted first."""

    def __init__(self, pane_class: type[Pane], bench: Bench, window: QMainWindow) -> None:
        super().__init__(pane_class.title, window)
        self.pane_class = pane_class
        self._bench = bench
        self._pane: Pane | None = None
        self._title: DockTitle | None = None
        self.setObjectName(f"dock-{pane_class.name}")
        if not pane_class.waits:
            self._build()
        self.dockLocationChanged.connect(self.check_tabbed)
        self.visibilityChanged.connect(self.check_tabbed)
        self.topLevelChanged.connect(self.check_tabbed)

    @property
    def pane(self) -> Pane:
        return self._build() if self._pane is None else self._pane

    def _build(self) -> Pane:
        self._bench.home = self
        pane = self._pane = self.pane_class(self._bench)
        self._bench.home = None
        self.setWidget(pane)
        self._title = DockTitle(self, pane)
        self.setTitleBarWidget(self._title)
        self.check_tabbed()
        return pane

    def setVisible(self, visible: bool) -> None:
        if visible and self._pane is None:
            self._build()
        super().setVisible(visible)

    def check_tabbed(self, *_: object) -> None:
        window = self.parent()
        if self._title is not None and isinstance(window, QMainWindow):
            others = window.tabifiedDockWidgets(self)
            self._title.set_tabbed(not self.isFloating() and any(not other.isHidden() for other in others))


def arrange(window: QMainWindow, docks: dict[str, PaneDock], arrangement: Arrangement) -> None:
    """Shows the docks of an arrangement in their places and hides the others."""
    for dock in docks.values():
        if dock.isFloating():  # it would be shown for a moment otherwise
            dock.setFloating(False)
        window.removeDockWidget(dock)
    shown: list[str] = []
    for groups, area in (
        (arrangement.left, Qt.DockWidgetArea.LeftDockWidgetArea),
        (arrangement.right, Qt.DockWidgetArea.RightDockWidgetArea),
    ):
        above: PaneDock | None = None
        for group in groups:
            first = docks[group[0]]
            window.addDockWidget(area, first)
            if above is not None:
                window.splitDockWidget(above, first, Qt.Orientation.Vertical)
            first.show()
            above = first
        for group in groups:
            for name in group[1:]:
                window.addDockWidget(area, docks[name])
                window.tabifyDockWidget(docks[group[0]], docks[name])
            shown += group
    before: PaneDock | None = None
    for group in arrangement.bottom:  # side by side first: what is tabbed already cannot be split
        first = docks[group[0]]
        if before is None:
            window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, first)
        else:
            window.splitDockWidget(before, first, Qt.Orientation.Horizontal)
        first.show()
        before = first
    for group in arrangement.bottom:
        for name in group[1:]:
            window.tabifyDockWidget(docks[group[0]], docks[name])
        shown += group
    for name, dock in docks.items():
        if name in shown:
            dock.show()
            continue
        # Hidden, but with a place to appear at.
        window.addDockWidget(dock.pane_class.area, dock)
        if dock.pane_class.area is Qt.DockWidgetArea.BottomDockWidgetArea and arrangement.bottom:
            window.tabifyDockWidget(docks[arrangement.bottom[-1][0]], dock)
        if dock.pane_class.area is Qt.DockWidgetArea.RightDockWidgetArea and dock is not docks["controls"]:
            window.tabifyDockWidget(docks["controls"], dock)
        dock.hide()
    for group in arrangement.groups:
        docks[group[0]].raise_()
    for dock in docks.values():
        dock.check_tabbed()


def save_docks(window: QMainWindow, docks: dict[str, PaneDock]) -> tuple[QByteArray, frozenset[str]]:
    """The layout, and which docks are shown: Qt's own state forgets those that were taken out."""
    shown = frozenset(name for name, dock in docks.items() if not dock.isHidden())
    return window.saveState(LAYOUT_VERSION), shown


def restore_docks(
    window: QMainWindow, docks: dict[str, PaneDock], state: QByteArray, shown: frozenset[str]
) -> bool:
    """False where the state is of another version or damaged: then nothing has changed."""
    if not window.restoreState(state, LAYOUT_VERSION):
        return False
    for name, dock in docks.items():
        dock.setVisible(name in shown)
    for dock in docks.values():
        dock.check_tabbed()
    return True
