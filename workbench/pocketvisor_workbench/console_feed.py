"""Takes a guest's console output into its terminal in bounded pieces, so that a flood never holds the GUI."""

from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from pocketvisor.api import Act, Refused
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
        self.terminal = Terminal(reply=self.type)
        self.skipped = 0
        self._pending = bytearray()
        if why := guest.allows(Act.CONSOLE):
            self._say(why)
        else:
            self._pending += guest.console.text[-BACKLOG:]
        self._timer = QTimer(self)
        self._timer.setInterval(_PIECE_MS)
        self._timer.timeout.connect(self._take)
        self._unsubscribe = [guest.console.subscribe(self._received), guest.console.on_shut(self._shut)]
        if self._pending:
            self._timer.start()

    def close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._timer.stop()

    def type(self, data: bytes) -> None:
        """What is typed into a console that its policy keeps shut is lost; the terminal says so."""
        with suppress(Refused):
            self.guest.console.write(data)

    def _shut(self, shut: bool) -> None:
        self._pending.clear()
        self.terminal.clear()
        if shut:
            self._say(self.guest.allows(Act.CONSOLE))

    def _say(self, sentence: str) -> None:
        self.terminal.feed(f"\x1b[0m{sentence}\r\n".encode())

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
