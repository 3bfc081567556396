"""The bar below the menus: views, the way into the palette, perspectives, theme, and adding a handset."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from pocketvisor_workbench.icons import set_icon
from pocketvisor_workbench.theme import tokens
from pocketvisor_workbench.widgets import push_button, tool_button

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

_VIEWS = (("view.grid", "Grid"), ("view.focus", "Focus"), ("view.demo", "Demo"))
_PERSPECTIVES = (
    "perspective.demo",
    "perspective.develop",
    "perspective.manage",
    "perspective.debug",
    "perspective.reset",
)


class HeaderBar(QToolBar):
    """Every button here runs a command."""

    def __init__(self, window: "Window", actions: dict[str, QAction]) -> None:
        super().__init__("Header", window)
        self.setObjectName("header")
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        segment = QFrame()
        segment.setObjectName("segment")
        row = QHBoxLayout(segment)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for ident, title in _VIEWS:
            button = QToolButton()
            button.setDefaultAction(actions[ident])
            button.setText(title)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(QSize(16, 16))
            # The button's own words are shorter than the command's.
            actions[ident].changed.connect(lambda button=button, title=title: button.setText(title))
            row.addWidget(button)
        self.addWidget(segment)
        self.addWidget(_spacer())
        self.search = QPushButton("Find a command    Ctrl+Shift+P")
        self.search.setObjectName("searchBox")
        self.search.setAccessibleName("Find a command")
        self.search.setCursor(Qt.CursorShape.PointingHandCursor)
        self.search.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        set_icon(self.search, "magnify", "muted")
        self.search.setMinimumWidth(250)
        self.search.clicked.connect(actions["palette"].trigger)
        self.addWidget(self.search)
        self.addWidget(_spacer())
        layouts = tool_button("view-dashboard-outline", "Perspectives")
        layouts.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(layouts)
        for ident in _PERSPECTIVES:
            menu.addAction(actions[ident])
        menu.insertSeparator(actions["perspective.reset"])
        layouts.setMenu(menu)
        self.addWidget(layouts)
        self._theme = tool_button("weather-night", "Switch between dark and light (Ctrl+Shift+D)")
        self._theme.clicked.connect(actions["theme.toggle"].trigger)
        window.bench.theme.changed.connect(self._theme_changed)
        self.addWidget(self._theme)
        add = push_button("Add a handset", "plus", primary=True)
        add.clicked.connect(actions["handset.add"].trigger)
        add.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.addWidget(add)

    def _theme_changed(self) -> None:
        set_icon(self._theme, "white-balance-sunny" if tokens().dark else "weather-night")


def _spacer() -> QWidget:
    spacer = QWidget()
    spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return spacer
