"""A widget for each guest, in the order of the guests: made when one comes, gone when it goes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

if TYPE_CHECKING:
    from pocketvisor.api import Guest

W = TypeVar("W", bound=QWidget)


class Rows(QWidget, Generic[W]):
    def __init__(self, make: "Callable[[Guest], W]", after: QWidget | None = None) -> None:
        """`after`: what is before them on the keyboard's way through the window."""
        super().__init__()
        self._after = after
        self._make = make
        self._rows: dict[Guest, W] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.hide()

    def row(self, guest: "Guest") -> W:
        return self._rows[guest]

    @property
    def guests(self) -> "list[Guest]":
        return list(self._rows)

    def show_rows(self, guests: "Sequence[Guest]") -> None:
        """Those who stay keep their widget, and with it what is being typed into it."""
        if list(self._rows) == list(guests):
            return
        rows, self._rows = self._rows, {}
        for guest in guests:
            row = rows.pop(guest, None) or self._make(guest)
            self._layout.removeWidget(row)
            self._layout.addWidget(row)
            self._rows[guest] = row
        for row in rows.values():
            row.hide()
            row.deleteLater()
        self.setVisible(bool(self._rows))
        self._lead_through()

    def _lead_through(self) -> None:
        """Tab comes to them where they are seen, and not at the window's end since they are its newest."""
        before = self._after
        for row in self._rows.values():
            for part in row.findChildren(QWidget):
                if before is not None and part.focusPolicy() & Qt.FocusPolicy.TabFocus:
                    QWidget.setTabOrder(before, part)
                    before = part
