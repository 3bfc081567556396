"""Runs the workbench as it is, beside a small socket that says where things are on the screen.

    python host.py SOCKET [arguments of the workbench]

A request is a line of JSON, an answer too:

    {"widget": NAME, "at": [ACROSS, DOWN]}      a point of a widget in pixels of the screen
    {"window": true}                            the window's size
    {"guests": true}                            the guests
    {"printed": NAME}                           what is on a guest's console
    {"write": NAME, "text": TEXT}               types on it
    {"clicks": true}                            how often a button of the mouse was let go on the window
    {"gaps": true}                              the longest time that the window's thread did not get round
    {"drop": true}                              whether what is dragged would be taken where it is
    {"colours": [X, Y, WIDTH, HEIGHT]}          how many are seen there on the screen
    {"view": true}                              how phones are shown
"""

import asyncio
import contextlib
import functools
import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from pocketvisor.guest.console import Console
from pocketvisor.scheduler.host_time import own_time
from pocketvisor_workbench.app import main
from pocketvisor_workbench.run import make_application
from pocketvisor_workbench.window import Window

_HEARTBEAT_MS = 5
_TAKEN = (Qt.CursorShape.DragCopyCursor, Qt.CursorShape.DragMoveCursor, Qt.CursorShape.DragLinkCursor)


@functools.cache
def _server() -> int:
    """The X server's process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(f"/tmp/.X11-unix/X{os.environ['DISPLAY'].lstrip(':')}")
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, _, _ = struct.unpack("3i", credentials)
    return int(pid)


def _server_waited() -> float:
    """For how many seconds the X server stood in line for a processor: the window waits for it to have read
    one picture before it paints the next."""
    return int(Path(f"/proc/{_server()}/schedstat").read_text().split()[1]) / 1e9


class Heartbeat:
    """The longest gap between two turns of the event loop, but for what others on this computer took."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last, self._server = own_time(), _server_waited()
        self._timer = QTimer()
        self._timer.setInterval(_HEARTBEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now, server = own_time(), _server_waited()
        self.longest = max(self.longest, now - self._last - (server - self._server))
        self._last, self._server = now, server

    def take(self) -> float:
        longest, self.longest = self.longest, 0.0
        return longest


class Clicks(QObject):
    """Counted where the window system hands them over, once the window manager has looked at them."""

    def __init__(self, watched: QObject) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        self.count += event.type() is QEvent.Type.MouseButtonRelease
        return False


def clicks(shown: Window) -> int:
    handle = shown.windowHandle()
    return (handle.findChild(Clicks) or Clicks(handle)).count


def window() -> Window | None:
    return next((widget for widget in QApplication.topLevelWidgets() if isinstance(widget, Window)), None)


def place(shown: Window, name: str, across: float, down: float) -> dict[str, Any] | None:
    """One that goes may be there still beside a new one of its name."""
    found = shown.findChildren(QWidget, name)
    if not found:
        return None
    widget = next((each for each in found if each.isVisible()), found[0])
    at = widget.mapToGlobal(QPoint(round(widget.width() * across), round(widget.height() * down)))
    over = QApplication.widgetAt(at)
    beside = not (0 <= across <= 1 and 0 <= down <= 1)
    return {
        "x": at.x(),
        "y": at.y(),
        "width": widget.width(),
        "height": widget.height(),
        "visible": widget.isVisible() and not widget.visibleRegion().isEmpty(),
        "free": beside or over is widget or (over is not None and widget.isAncestorOf(over)),
    }


def console(shown: Window, name: str) -> Console:
    return next(guest.console for guest in shown.session.guests if guest.name == name)


def answer(request: dict[str, Any], heartbeat: Heartbeat) -> Any:
    shown = window()
    if shown is None:
        return None
    if "widget" in request:
        return place(shown, request["widget"], *request.get("at", (0.0, 0.0)))
    if "window" in request:
        return [shown.width(), shown.height()]
    if "printed" in request:
        return console(shown, request["printed"]).text.decode("utf-8", "replace")
    if "write" in request:
        return console(shown, request["write"]).write(request["text"].encode())
    if "colours" in request:
        picture = shown.screen().grabWindow(0, *request["colours"]).toImage()
        points = ((x, y) for x in range(picture.width()) for y in range(picture.height()))
        return len({picture.pixel(*point) for point in points})
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
    if "clicks" in request:
        return clicks(shown)
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
