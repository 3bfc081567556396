"""One of several: small buttons beside each other, as a choice between views."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from pocketvisor_workbench.icons import set_icon


class Segments(QWidget):
    chosen = Signal(int)

    def __init__(self, parts: tuple[tuple[str, str], ...], name: str) -> None:
        """`parts`: title and picture of each."""
        super().__init__()
        self.setObjectName("segment")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._titles = tuple(title for title, _ in parts)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 0, 1, 0)
        layout.setSpacing(0)
        for index, (title, picture) in enumerate(parts):
            button = QToolButton()
            set_icon(button, picture)
            button.setText(title)
            button.setToolTip(title)
            button.setAccessibleName(title)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._group.addButton(button, index)
            layout.addWidget(button)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self.chosen)

    @property
    def index(self) -> int:
        return self._group.checkedId()

    def set_index(self, index: int) -> None:
        self._group.button(index).setChecked(True)

    def set_short(self, short: bool) -> None:
        """Pictures alone, where there is little room."""
        style = (
            Qt.ToolButtonStyle.ToolButtonIconOnly if short else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        )
        for button in self._group.buttons():
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(style)
                button.setStyleSheet("padding: 4px 4px; margin: 1px;" if short else "")
