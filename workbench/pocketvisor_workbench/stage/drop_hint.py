"""What a drop onto a phone would do, in words where it would do it, or why it cannot."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLabel, QWidget

from pocketvisor_workbench.stage.drops import Offer

_MARGIN = 12


class DropHint(QLabel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("dropHint")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_offer(self, offer: Offer) -> None:
        self.setText(offer.words)
        refused = offer.run is None
        if self.property("refused") != refused:
            self.setProperty("refused", refused)
            self.style().polish(self)
        room = offer.place.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        wide = self.fontMetrics().horizontalAdvance(offer.words) + 32
        width = max(min(wide, room.width()), 80)
        hint = QRect(QPoint(0, 0), QSize(width, self.heightForWidth(width)))
        hint.moveCenter(offer.place.center())
        self.setGeometry(hint)
        self.show()
        self.raise_()
