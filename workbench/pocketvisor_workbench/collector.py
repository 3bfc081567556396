"""Python's garbage collector, in the GUI's thread alone.

Left to itself it runs in whichever thread happens to allocate, and there it would destroy what Qt has in the
GUI's thread: a timer that goes in another thread stays in the event loop, which then calls what is no more.
"""

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 500


class Collector(QObject):
    """From here to `close` garbage is collected when the event loop comes round to it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> None:
        """Collects the generations that are due, as the collector itself would."""
        counts, limits = gc.get_count(), gc.get_threshold()
        due = [
            age for age, (count, limit) in enumerate(zip(counts, limits, strict=True)) if count > limit > 0
        ]
        if due:
            gc.collect(due[-1])

    def close(self) -> None:
        self._timer.stop()
        gc.enable()
