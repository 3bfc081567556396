"""X Direct Save (XDS): a file manager on X11 says where something was dropped, and it is saved there.

The drag carries the type XdndDirectSave0, and the window that Qt drags with (the owner of the selection
XdndSelection) has a property of that name with the file's name. Whoever it is dropped on replaces the name by
a URI and asks for the type; the answer says that it is saved ("S"). freedesktop.org has it.

Left out: platforms other than X11, which have no such protocol; there a copy is saved by the menu.
"""

import ctypes
import os
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlparse

from PySide6.QtGui import QGuiApplication

TYPE = "XdndDirectSave0"
SAVED, FAILED = b"S", b"E"
_LONGEST = 4096
_REPLACE = 0
_ANY = 0


class _X11:
    """A connection of its own: any client may set and read a window's properties."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL("libX11.so.6")
        window, atom, pointer = ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p
        for name, result, arguments in (
            ("XOpenDisplay", pointer, [ctypes.c_char_p]),
            ("XCloseDisplay", ctypes.c_int, [pointer]),
            ("XInternAtom", atom, [pointer, ctypes.c_char_p, ctypes.c_int]),
            ("XGetSelectionOwner", window, [pointer, atom]),
            ("XSync", ctypes.c_int, [pointer, ctypes.c_int]),
            ("XFree", ctypes.c_int, [pointer]),
            (
                "XChangeProperty",
                ctypes.c_int,
                [pointer, window, atom, atom, *[ctypes.c_int] * 2, ctypes.c_char_p, ctypes.c_int],
            ),
        ):
            function = getattr(self._lib, name)
            function.restype, function.argtypes = result, arguments
        self._lib.XGetWindowProperty.restype = ctypes.c_int
        self._lib.XGetWindowProperty.argtypes = [
            *(pointer, window, atom, ctypes.c_long, ctypes.c_long, ctypes.c_int, atom),
            *[pointer] * 5,
        ]
        self._display = self._lib.XOpenDisplay(None)
        if not self._display:
            raise OSError("no X11 display")
        self._property = self._lib.XInternAtom(self._display, TYPE.encode(), 0)
        self._text = self._lib.XInternAtom(self._display, b"text/plain", 0)

    def close(self) -> None:
        display, self._display = self._display, None
        if display is not None:
            self._lib.XCloseDisplay(display)

    @property
    def closed(self) -> bool:
        return self._display is None

    @property
    def dragging_window(self) -> int:
        selection = self._lib.XInternAtom(self._display, b"XdndSelection", 0)
        return int(self._lib.XGetSelectionOwner(self._display, selection))

    def put(self, window: int, text: bytes) -> None:
        self._lib.XChangeProperty(
            self._display, window, self._property, self._text, 8, _REPLACE, text, len(text)
        )
        self._lib.XSync(self._display, 0)

    def get(self, window: int) -> bytes:
        kind, size, count, left = (ctypes.c_ulong(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong())
        data = ctypes.c_void_p()
        failed = self._lib.XGetWindowProperty(
            self._display,
            window,
            self._property,
            0,
            _LONGEST // 4,
            0,
            _ANY,
            *(ctypes.byref(part) for part in (kind, size, count, left, data)),
        )
        if failed or not data.value:
            return b""
        try:
            return ctypes.string_at(data, count.value) if size.value == 8 else b""
        finally:
            self._lib.XFree(data)


class DirectSave:
    """One drag's offer to be saved as a file of some name."""

    def __init__(self, name: str) -> None:
        """Raises OSError where there is no X11."""
        self._name = name.encode()
        self._x11 = _X11()
        self._window = 0

    def close(self) -> None:
        self._window = 0
        self._x11.close()

    def offer(self) -> bool:
        """Once the drag is under way: whether there was a window to hang the name on."""
        if self._x11.closed:
            return False
        self._window = self._x11.dragging_window
        if self._window:
            self._x11.put(self._window, self._name)
        return bool(self._window)

    def place(self) -> Path | None:
        """Where it was dropped; None where that is no file of this machine."""
        return place_of(self._x11.get(self._window)) if self._window else None


def place_of(answer: bytes) -> Path | None:
    """The path in what a file manager answers: a file URI of this machine, and nothing else."""
    uri = answer.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
    parts = urlparse(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost", os.uname().nodename):
        return None
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if not path.startswith("/") or "\0" in path or path.endswith("/"):
        return None
    return Path(path)


def direct_save(name: str) -> DirectSave | None:
    """None where the platform has no such thing."""
    if QGuiApplication.platformName() != "xcb":
        return None
    try:
        return DirectSave(name)
    except OSError:
        return None
