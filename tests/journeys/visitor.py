"""Somebody at the mouse and keyboard of a workbench in a real window."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_START_SECONDS = 120.0


def needed(*programs: str) -> None:
    """Skips where a program is absent, but never in CI."""
    absent = [program for program in programs if shutil.which(program) is None]
    if absent and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(absent)} not installed")
    assert not absent, f"{', '.join(absent)} must be installed in CI"


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What the condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {seconds} s")
        time.sleep(0.02)
    return value


class Journey:
    """Somebody at the keyboard and mouse of a workbench in a real window."""

    def __init__(self, display: str, folder: Path) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"},
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            **{name: str(folder) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")},
        }
        self._path = folder / "host.sock"
        self._hanging_up = ExitStack()
        self._log = (folder / "workbench.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "host.py"), str(self._path)],
            env=self.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def open(self) -> None:
        """When its window is in front, and its guests listen."""
        self._socket = until(lambda: self._alive() and _connected(self._path), _START_SECONDS)
        self._answers = self._socket.makefile("rb")
        for each in (self._socket, self._answers):
            self._hanging_up.callback(each.close)
        until(
            lambda: self.ask(guests=True) and all(g["state"] == "running" for g in self.guests()),
            _START_SECONDS,
        )
        for guest in self.guests():
            self.until_ready(guest["name"])
        self.xdotool("windowactivate", "--sync", self.window("^Pocketvisor$"))

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.log()
        return True

    def log(self) -> str:
        self._log.flush()
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def ask(self, **request: Any) -> Any:
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(self._answers.readline())

    # Guests

    def guests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(guests=True)
        return found

    def guest(self, name: str) -> dict[str, Any]:
        return next(guest for guest in self.guests() if guest["name"] == name)

    def until_ready(self, name: str, times: int = 1) -> None:
        """It listens: what came before it did would be lost."""
        until(lambda: self.ask(printed=name).count("ready after") == times, _START_SECONDS)

    def heard(self, name: str) -> int:
        """How much has entered a guest, when all that was on its way to it has, and two lines on its console
        behind that. The last of them may be missing in it: a guest prints before it tells its figures."""
        for _ in range(2):
            answers = self.ask(printed=name).count(" wakeups")
            self.ask(write=name, text="uptime\n")
            until(lambda answers=answers: self.ask(printed=name).count(" wakeups") > answers)
        return int(self.guest(name)["events"])

    # Mouse and keyboard. What one xdotool does comes in its order, and before what the next one does.

    def xdotool(self, *arguments: str) -> str:
        result = subprocess.run(
            ["xdotool", *arguments],
            env=self.environment,
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        )
        return result.stdout

    def window(self, name: str) -> str:
        """The number of the window that is called so. There may be none yet, and one that goes just while
        xdotool looks at it is an error to it."""

        def found() -> list[str]:
            with suppress(subprocess.CalledProcessError):
                return self.xdotool("search", "--onlyvisible", "--name", name).split()
            return []

        return str(until(found)[0])

    def place(self, widget: str, across: float = 0.5, down: float = 0.5) -> tuple[str, str]:
        """A point of a widget on the screen, once it stands still there and nothing lies over it."""
        seen: list[dict[str, Any] | None] = [None, None]

        def settled() -> dict[str, Any] | None:
            seen[:] = [*seen[1:], self.ask(widget=widget, at=[across, down])]
            first, last = seen
            if last is None or not last["visible"]:
                return None
            if not last["free"]:
                self.xdotool("mousemove", "0", "0")  # a notice stays while the mouse is on it
            return last if last == first and last["free"] else None

        at = until(settled)
        return str(at["x"]), str(at["y"])

    def click(self, widget: str, across: float = 0.5, down: float = 0.5) -> None:
        """It has come when this returns. The window manager looks at each click before the window gets it, so
        that a key that is pressed at once may come first."""
        point, before = self.place(widget, across, down), self.ask(clicks=True)
        self.xdotool("mousemove", *point, "click", "1")
        until(lambda: self.ask(clicks=True) > before)

    def swipe(
        self, widget: str, start: tuple[float, float], end: tuple[float, float], steps: int = 8
    ) -> None:
        first, *others = self._way(widget, start, end, steps)
        command = ["mousemove", *first, "mousedown", "1"]
        for point in others:
            command += ["mousemove", *point, "sleep", "0.016"]
        self.xdotool(*command, "mouseup", "1")

    def swipe_on(
        self, guest: str, start: tuple[float, float], end: tuple[float, float], steps: int = 8
    ) -> None:
        """On a guest's glass, on a bit only when it has heard how far the finger is: a window that gets round
        late is told of the newest place alone, and so is a guest."""

        def when_heard(*command: str) -> None:
            before = self.guest(guest)["events"]
            self.xdotool(*command)
            until(lambda: self.guest(guest)["events"] > before)

        first, *others = self._way(f"pane-{guest}", start, end, steps)
        when_heard("mousemove", *first, "mousedown", "1")
        try:
            for point in others:
                when_heard("mousemove", *point)
        finally:
            when_heard("mouseup", "1")

    def _way(
        self, widget: str, start: tuple[float, float], end: tuple[float, float], steps: int
    ) -> list[tuple[str, str]]:
        (x0, y0), (x1, y1) = (map(int, self.place(widget, *point)) for point in (start, end))
        parts = [step / steps for step in range(steps + 1)]
        return [(str(round(x0 + (x1 - x0) * part)), str(round(y0 + (y1 - y0) * part))) for part in parts]

    def drag(self, source: str, target: str) -> None:
        self.drag_to(self.place(source, 0.5, 0.3), self.place(target))

    def drag_to(self, start: tuple[str, str], end: tuple[str, str]) -> None:
        """As slowly as somebody does: a drag begins only after some way with the button down, and is let go
        once it can be seen that it would be taken. Whoever is asked answers when something moves."""
        command = ["mousemove", *start, "mousedown", "1"]
        for step in range(1, 11):
            for axis in (0, 1):
                command.append(str(round(int(start[axis]) + (int(end[axis]) - int(start[axis])) * step / 10)))
            command[-2:] = ["mousemove", *command[-2:], "sleep", "0.05"]
        self.xdotool(*command, "sleep", "0.3")
        aside = (str(int(end[0]) + 1), end[1])

        def taken() -> bool:
            self.xdotool("mousemove", *aside, "mousemove", *end, "sleep", "0.1")
            return bool(self.ask(drop=True))

        try:
            # Twice: a window that gets round late may tell first what was so where the mouse was before.
            until(lambda: taken() and taken())
        finally:
            self.xdotool("mouseup", "1")

    def keys(self, *keys: str) -> None:
        self.xdotool("key", *keys)

    def close(self) -> None:
        self._hanging_up.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        log = self.log()
        self._log.close()
        assert code == 0, log
        assert "Traceback" not in log and "QPainter" not in log, log


def _connected(path: Path) -> socket.socket | None:
    """The file is there a moment before anybody listens at it."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection
