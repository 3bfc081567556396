"""Dragging a guest by its chip: onto another phone it moves there, in a file manager's folder it is saved."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QWidget

from pocketvisor_workbench import mime
from pocketvisor_workbench.stage.thumbnail import drag_picture

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session

_HEIGHT = 132


def drag_guest(chip: QWidget, guest: "Guest", session: "Session") -> None:
    """Until the mouse lets go. Called from a mouse event, never from a coroutine: see the drag's own loop."""
    data = QMimeData()
    mime.add_guest(data, guest.id)
    drag = QDrag(chip)
    drag.setMimeData(data)
    picture = drag_picture(guest, _HEIGHT, chip.devicePixelRatioF())
    drag.setPixmap(picture)
    drag.setHotSpot(QPoint(round(picture.width() / picture.devicePixelRatio() / 2), 18))
    session.moves.set_dragged(guest)
    try:
        drag.exec(Qt.DropAction.MoveAction | Qt.DropAction.CopyAction, Qt.DropAction.MoveAction)
    finally:
        session.moves.set_dragged(None)
