"""A guest's colour as an icon, for lists and boxes."""

from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap


@lru_cache(maxsize=64)
def swatch(accent: str) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(accent))
    painter.drawEllipse(6, 6, 20, 20)
    painter.end()
    swatch_icon = QIcon(pixmap)
    swatch_icon.addPixmap(pixmap, QIcon.Mode.Selected)  # or a selected row tints it
    return swatch_icon
