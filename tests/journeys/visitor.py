"""Somebody at the mouse and keyboard of a workbench in a real window."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_START_SECONDS = 60.0


def needed(*programs: str) -> None:
    """Skips where a program is absent, but never in CI."""
    absent = [program for program in programs if shutil.which(program) is None]
    if absent and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(absent)} not installed")
    assert not absent, f"{', '.join(absent)} must be installed in CI"


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
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
        socket_path = folder / "host.sock"
        self._log = (folder / "workbench.log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "host.py"), str(socket_path)],
            env=self.environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        until(lambda: self._alive() and socket_path.exists(), _START_SECONDS)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(socket_path))
        self._answers = self._socket.makefile("rb")
        until(
            lambda: self.ask(guests=True) and all(g["state"] == "running" for g in self.guests()),
            _START_SECONDS,
        )
        self.xdotool(
            "search", "--sync", "--onlyvisible", "--name", "^Pocketvisor$", "windowactivate", "--sync"
        )

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

    def guests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(guests=True)
        return found

    def guest(self, name: str) -> dict[str, Any]:
        return next(guest for guest in self.guests() if guest["name"] == name)

    def xdotool(self, *arguments: str) -> str:
        result = subprocess.run(
            ["xdotool", *arguments],
            env=self.environment,
            check=True,
            timeout=30,
            capture_output=True,
            text=True,
        )
        return result.stdout

    def place(self, widget: str, across: float = 0.5, down: float = 0.5) -> tuple[str, str]:
        """A point of a widget on the screen."""
        at = until(lambda: self.ask(widget=widget))
        assert at["visible"], f"{widget} is not to be seen"
        return str(round(at["x"] + at["width"] * across)), str(round(at["y"] + at["height"] * down))

    def click(self, widget: str, across: float = 0.5, down: float = 0.5) -> None:
        self.xdotool("mousemove", "--sync", *self.place(widget, across, down), "click", "1")

    def swipe(
        self, widget: str, start: tuple[float, float], end: tuple[float, float], steps: int = 8
    ) -> None:
        command = ["mousemove", "--sync", *self.place(widget, *start), "mousedown", "1"]
        for step in range(1, steps + 1):
            share = step / steps
            point = tuple(a + (b - a) * share for a, b in zip(start, end, strict=True))
            command += ["mousemove", *self.place(widget, *point), "sleep", "0.016"]
        self.xdotool(*command, "mouseup", "1")

    def drag(self, source: str, target: str) -> None:
        self.drag_to(self.place(source, 0.5, 0.3), self.place(target))

    def drag_to(self, start: tuple[str, str], end: tuple[str, str]) -> None:
        """As slowly as somebody does: a drag begins only after some way with the button down, and is let go
        once it can be seen that it would be taken. Whoever is asked answers when something moves."""
        command = ["mousemove", "--sync", *start, "mousedown", "1"]
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
            until(taken)
        finally:
            self.xdotool("mouseup", "1")

    def keys(self, *keys: str) -> None:
        self.xdotool("key", *keys)

    def close(self) -> None:
        self._socket.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        log = self.log()
        self._log.close()
        assert code == 0, log
        assert "Traceback" not in log and "QPainter" not in log, log
