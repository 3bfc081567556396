"""What a drop onto a phone would do, in words where it would do it."""

from collections.abc import Sequence

from PySide6.QtCore import QMimeData, QPoint, QRect, Qt
from PySide6.QtWidgets import QLabel, QWidget

from pocketvisor.api import GuestState
from pocketvisor_workbench import mime
from pocketvisor_workbench.stage.pane import GuestPane

_LIVE = (GuestState.RUNNING, GuestState.PAUSED)


class DropHint(QLabel):
    def __init__(self, handset: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._handset = handset
        self.setObjectName("dropHint")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_for(self, data: QMimeData, pane: GuestPane | None, view: QWidget) -> None:
        """`pane` is that under the mouse with a drive, if there is one."""
        words, room = f"Add a guest to {self._handset}", view.rect()
        place = room
        if mime.ident_of(data, mime.IMAGE) is not None:
            words = f"Start on {self._handset}"
        elif pane is not None:
            words = f"Put into {pane.guest.name}'s drive"
            place = QRect(pane.mapTo(view, QPoint(0, 0)), pane.size()).intersected(room)
        self.setText(words)
        self.adjustSize()
        hint = QRect(QPoint(0, 0), self.size().boundedTo(room.size()))
        hint.moveCenter(place.center())
        self.setGeometry(hint)
        self.show()
        self.raise_()


def drive_at(panes: Sequence[GuestPane], view: QWidget, at: QPoint) -> GuestPane | None:
    """The pane at a place of the view whose guest takes files into its drive."""
    for pane in panes:
        here = pane.mapFrom(view, at)
        seen = pane.isVisible() and pane.visibleRegion().contains(here)
        if seen and pane.guest.state in _LIVE and pane.guest.has_drive:
            return pane
    return None
