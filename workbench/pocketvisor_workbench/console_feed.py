"""Takes a guest's console output into its terminal in bounded pieces, so that a flood never holds the GUI."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from pocketvisor_workbench.terminal import Terminal

if TYPE_CHECKING:
    from pocketvisor.api import Guest

PIECE = 16 << 10
"""Bytes a time: some milliseconds of work."""
BACKLOG = 256 << 10
"""Beyond this the older half is dropped: nobody reads that fast."""
_PIECE_MS = 16


class ConsoleFeed(QObject):
    """One guest's terminal."""

    def __init__(self, guest: "Guest", parent: QObject) -> None:
        super().__init__(parent)
        self.guest = guest
        self.terminal = Terminal(reply=guest.console.write)
        self.skipped = 0
        self._pending = bytearray(guest.console.text[-BACKLOG:])
        self._timer = QTimer(self)
        self._timer.setInterval(_PIECE_MS)
        self._timer.timeout.connect(self._take)
        self._unsubscribe: Callable[[], object] = guest.console.subscribe(self._received)
        if self._pending:
            self._timer.start()

    def close(self) -> None:
        self._unsubscribe()
        self._timer.stop()

    def _received(self, data: bytes) -> None:
        if not self._pending and len(data) <= PIECE:
            self.terminal.feed(data)
            return
        self._pending += data
        if len(self._pending) > BACKLOG:
            dropped = len(self._pending) - BACKLOG // 2
            self.skipped += dropped
            del self._pending[:dropped]
            self._pending[:0] = f"\x1b[0m\r\n[{dropped >> 10} KiB left out]\r\n".encode()
        if not self._timer.isActive():
            self._timer.start()

    def _take(self) -> None:
        piece = bytes(self._pending[:PIECE])
        del self._pending[:PIECE]
        if piece:
            self.terminal.feed(piece)
        if not self._pending:
            self._timer.stop()
