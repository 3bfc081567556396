"""The user's terminal during a headless run: guests' consoles go out, keys go in, Ctrl+] ends the run."""

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable
from typing import Any, BinaryIO

QUIT = b"\x1d"
LINE_MAX = 4096
"""Bytes of a line that are kept until its end comes; a longer one is shown as several."""


class ConsoleOut:
    """Guests' output; with several guests each line begins with its guest's name.

    Where it cannot be written any more it raises nothing, for there is more to be done than to show it:
    `failure` says why, and `on_lost` is called."""

    def __init__(self, stream: BinaryIO, names: list[str]) -> None:
        self.failure: OSError | None = None
        self.on_lost: Callable[[], None] = lambda: None
        self._stream = stream
        self._width = max((len(name) for name in names), default=0) if len(names) > 1 else 0
        self._lines: dict[str, bytes] = {}
        self._fresh = True

    def write(self, name: str, data: bytes) -> None:
        if self._width:
            *lines, rest = (self._lines.get(name, b"") + data).split(b"\n")
            lines = [piece for line in lines for piece in _pieces(line)]
            *more, self._lines[name] = _pieces(rest)
            lines += more
            data = b"".join(self._prefix(name) + line + b"\n" for line in lines)
        if data:
            self._put(data)
            self._fresh = data.endswith(b"\n")

    def finish(self) -> None:
        """Lines without an end get one."""
        for name, line in self._lines.items():
            if line:
                self._put(self._prefix(name) + line + b"\n")
        self._lines.clear()
        if not self._fresh:
            self._put(b"\n")
            self._fresh = True

    def _put(self, data: bytes) -> None:
        if self.failure is not None:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except OSError as error:
            self.failure = error
            self.on_lost()

    def _prefix(self, name: str) -> bytes:
        return f"{name:{self._width}} | ".encode()


def _pieces(line: bytes) -> list[bytes]:
    """One at least; the last one may have no end yet."""
    return [line[at : at + LINE_MAX] for at in range(0, len(line) or 1, LINE_MAX)]


class TerminalKeys:
    """Keys of a terminal as they are pressed; nothing where standard input is no terminal."""

    def __init__(self, on_keys: Callable[[bytes], None], on_quit: Callable[[], None]) -> None:
        self._on_keys = on_keys
        self._on_quit = on_quit
        self._saved: list[Any] | None = None
        self._fd = -1

    def __enter__(self) -> "TerminalKeys":
        if sys.stdin is not None and sys.stdin.isatty():
            self._fd = sys.stdin.fileno()
            self._saved = termios.tcgetattr(self._fd)
            tty.setraw(self._fd)
            asyncio.get_running_loop().add_reader(self._fd, self._readable)
        return self

    def __exit__(self, *_: object) -> None:
        if self._saved is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            with contextlib.suppress(termios.error):  # it is hung up, and what follows has to be done
                termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)
            self._saved = None

    def _readable(self) -> None:
        try:
            keys = os.read(self._fd, 1024)
        except OSError:
            keys = b""
        if not keys:  # hung up: it would be readable for ever
            asyncio.get_running_loop().remove_reader(self._fd)
        before, quit_key, _ = keys.partition(QUIT)
        if before:
            self._on_keys(before)
        if quit_key or not keys:
            self._on_quit()
