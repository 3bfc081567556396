"""What takes drops for a handset: it says what a drop would do while something hangs over it, and does it."""

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent

from pocketvisor_workbench.stage.drops import Offer


class DropTarget:
    """For a widget, before its Qt class among its bases."""

    offer: Offer | None = None
    """What a drop would do now; without `run`, why it cannot be."""

    def offer_for(self, event: QDropEvent) -> Offer | None:
        """None for what is of no use here."""
        raise NotImplementedError

    def offer_changed(self) -> None:
        """Another offer is to be shown, or none."""
        raise NotImplementedError

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._look(event) is not None:
            event.accept()  # also where it is refused: the moves that follow show why

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        offer = self._look(event)
        event.setAccepted(offer is not None and offer.run is not None)

    def dragLeaveEvent(self, _: QDragLeaveEvent) -> None:
        self._take(None)

    def dropEvent(self, event: QDropEvent) -> None:
        offer = self._look(event)
        self._take(None)
        if offer is None or offer.run is None:
            event.ignore()
            return
        event.accept()
        if offer.moves:  # when the drag is over, whose chip goes with the guest
            assert isinstance(self, QObject)
            QTimer.singleShot(0, self, offer.run)
        else:
            offer.run()

    def _look(self, event: QDropEvent) -> Offer | None:
        offer = self.offer_for(event)
        moves = offer is not None and offer.moves
        event.setDropAction(Qt.DropAction.MoveAction if moves else Qt.DropAction.CopyAction)
        self._take(offer)
        return offer

    def _take(self, offer: Offer | None) -> None:
        if offer != self.offer:
            self.offer = offer
            self.offer_changed()
