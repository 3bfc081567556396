"""Dragging a guest by its chip: onto another phone it moves there, in a file manager's folder it is saved."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QMetaType, QMimeData, QPoint, Qt, QTimer
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QWidget

from pocketvisor.api import Act
from pocketvisor_workbench import mime
from pocketvisor_workbench.policy.asking import why_not
from pocketvisor_workbench.stage import direct_save
from pocketvisor_workbench.stage.thumbnail import drag_picture

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor_workbench.session import Session
    from pocketvisor_workbench.stage.direct_save import DirectSave

_HEIGHT = 132


class GuestMime(QMimeData):
    """The guest's id for our own phones, and a file of its name for file managers: it is saved by a job, and
    nothing is made before somebody wants it."""

    def __init__(self, guest: "Guest", session: "Session", saver: "DirectSave | None") -> None:
        super().__init__()
        self._guest, self._session, self._saver = guest, session, saver
        self._asked = False
        mime.add_guest(self, guest.id)

    def formats(self) -> list[str]:
        return [mime.GUEST, *([direct_save.TYPE] if self._saver is not None else [])]

    def hasFormat(self, kind: str) -> bool:
        return kind in self.formats()

    def retrieveData(self, kind: str, wanted: QMetaType | QMetaType.Type) -> Any:
        if kind != direct_save.TYPE or self._saver is None:
            return super().retrieveData(kind, wanted)
        place = self._saver.place()
        if place is None:
            return QByteArray(direct_save.FAILED)
        if not self._asked:  # some ask twice
            self._asked = True
            guest, session = self._guest, self._session
            QTimer.singleShot(0, session, lambda: session.keeping.export(guest, place))
        return QByteArray(direct_save.SAVED)


def drag_guest(chip: QWidget, guest: "Guest", session: "Session") -> None:
    """Until the mouse lets go. Called from a mouse event, never from a coroutine: see the drag's own loop."""
    hidden = session.policies.is_locked(guest)
    picture = drag_picture(guest, _HEIGHT, chip.devicePixelRatioF(), hidden=hidden)
    kept_in = why_not(guest, Act.EXPORT)
    saver = None if kept_in else direct_save.direct_save(f"{guest.name}{mime.PROFILE_SUFFIX}")
    data = GuestMime(guest, session, saver)
    drag = QDrag(chip.window())  # which outlives the chip: that goes with the guest
    drag.setMimeData(data)
    drag.setPixmap(picture)
    drag.setHotSpot(QPoint(round(picture.width() / picture.devicePixelRatio() / 2), 18))
    session.moves.set_dragged(guest)
    if saver is not None:
        data.destroyed.connect(saver.close)  # some time after the drop, when all have had what they want
        QTimer.singleShot(0, data, saver.offer)  # when the drag has a window
    try:
        drag.exec(Qt.DropAction.MoveAction | Qt.DropAction.CopyAction, Qt.DropAction.MoveAction)
    finally:
        session.moves.set_dragged(None)
