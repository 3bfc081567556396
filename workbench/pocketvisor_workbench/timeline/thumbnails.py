"""The small pictures of a recording's moments, decoded when they are painted."""

from collections import OrderedDict
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap

KEPT = 160
_BYTES_MOST = 4 << 20


class Thumbnails:
    """By moment and height; a picture that cannot be decoded is an empty one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], QPixmap] = OrderedDict()

    def of(self, moment: Any, height: int) -> QPixmap:
        """So many of the screen's pixels high."""
        key = int(moment.position), height
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        pixmap = QPixmap()
        data = bytes(moment.thumbnail)
        if data and len(data) <= _BYTES_MOST and pixmap.loadFromData(data, "PNG") and not pixmap.isNull():
            pixmap = pixmap.scaled(
                QSize(height * 4, height),
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        self._kept[key] = pixmap
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return pixmap

    def clear(self) -> None:
        self._kept.clear()
