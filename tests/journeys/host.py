"""Runs the workbench as it is, beside a small socket that says where things are on the screen.

    python host.py SOCKET [arguments of the workbench]

A request is a line of JSON, an answer too: {"widget": NAME} gives its place in pixels of the screen,
{"guests": true} the guests, {"gaps": true} the longest time that the window's thread did not get round, and
{"drop": true} whether what is dragged would be taken where it is.
"""

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from pocketvisor_workbench.app import main
from pocketvisor_workbench.run import make_application
from pocketvisor_workbench.window import Window

_HEARTBEAT_MS = 5
_TAKEN = (Qt.CursorShape.DragCopyCursor, Qt.CursorShape.DragMoveCursor, Qt.CursorShape.DragLinkCursor)


def _stood_in_line() -> float:
    """For how many seconds this thread was ready to run, and others had the processors."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


class Heartbeat:
    """The longest gap between two turns of the event loop, but for what others on this computer took."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.monotonic() - _stood_in_line()
        self._timer = QTimer()
        self._timer.setInterval(_HEARTBEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.monotonic() - _stood_in_line()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def take(self) -> float:
        longest, self.longest = self.longest, 0.0
        return longest


def window() -> Window | None:
    return next((widget for widget in QApplication.topLevelWidgets() if isinstance(widget, Window)), None)


def answer(request: dict[str, Any], heartbeat: Heartbeat) -> Any:
    shown = window()
    if shown is None:
        return None
    if "widget" in request:
        found = shown.findChild(QWidget, request["widget"])
        if found is None:
            return None
        at = found.mapToGlobal(QPoint(0, 0))
        visible = found.isVisible() and not found.visibleRegion().isEmpty()
        return {
            "x": at.x(),
            "y": at.y(),
            "width": found.width(),
            "height": found.height(),
            "visible": visible,
        }
    if "guests" in request:
        panes = {pane.guest: pane for pane in shown.stage.panes}
        return [
            {
                "name": guest.name,
                "state": guest.state.value,
                "handset": guest.handset.name,
                "profile": str(guest.profile.path) if guest.profile is not None else "",
                "generation": guest.profile.generation if guest.profile is not None else 0,
                "problem": guest.problem,
                "pid": guest.pid,
                "foreground": guest.handset.foreground is guest,
                "focused": panes[guest].hasFocus(),
                "overlay": panes[guest].overlay.isVisible(),
                "frames": guest.panel.sequence,
                "painted": panes[guest].frames_painted,
                "ticks": guest.counters().ticks,
                "events": guest.counters().events,
            }
            for guest in shown.session.guests
        ]
    if "gaps" in request:
        return heartbeat.take()
    if "drop" in request:
        hints = shown.findChildren(QWidget, "dropHint")
        cursor = QApplication.overrideCursor()
        return any(hint.isVisible() for hint in hints) or (cursor is not None and cursor.shape() in _TAKEN)
    if "view" in request:
        return shown.stage.view.value
    return None


async def serve(path: str) -> None:
    heartbeat = Heartbeat()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while line := await reader.readline():
                writer.write(json.dumps(answer(json.loads(line), heartbeat)).encode() + b"\n")
                await writer.drain()
        writer.close()

    await asyncio.start_unix_server(client, path)


if __name__ == "__main__":
    make_application()
    tasks: list[asyncio.Task[None]] = []
    QTimer.singleShot(0, lambda: tasks.append(asyncio.get_event_loop().create_task(serve(sys.argv[1]))))
    sys.exit(main(sys.argv[2:]))
