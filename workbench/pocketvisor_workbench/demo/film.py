"""What the window shows, as a video: a picture a few times a second, encoded on a thread of its own.

Pictures carry the time at which they were taken, so that one that was left out, where the computer is busy,
leaves no jump. Dialogs of the window are in the picture; a phone whose policy allows no recordings is
covered.
"""

import queue
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PySide6.QtCore import QObject, QPoint, QRect, QTimer
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from pocketvisor.api import Act
from pocketvisor_workbench.demo.film_file import FilmError, check_film, part_of

if TYPE_CHECKING:
    from pocketvisor_workbench.window import Window

PICTURES_A_SECOND: Final = 10
_WAITING_MAX: Final = 8
_COVER: Final = QColor("#0d1016")
_MILLISECONDS: Final = Fraction(1, 1000)


class Film(QObject):
    """From its making to finish(). Raises FilmError at once where the file cannot be made."""

    def __init__(self, window: "Window", path: Path) -> None:
        super().__init__(window)
        self._window = window
        self.path = path
        self._part = part_of(path)
        size = window.size()
        self._width, self._height = size.width() & ~1, size.height() & ~1
        self._container, self._stream = _opened(path, self._width, self._height)
        self._waiting: queue.Queue[tuple[QImage, int] | None] = queue.Queue(_WAITING_MAX)
        self._problem = ""
        self.pictures = 0
        self._time = 0.0
        self._looked_at = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(1000 // PICTURES_A_SECOND)
        self._timer.timeout.connect(self._take)
        self._thread = threading.Thread(target=self._encode, name="film", daemon=True)
        self._thread.start()
        self.go_on()

    def hold(self) -> None:
        """Time stands still in the video."""
        self._timer.stop()

    def go_on(self) -> None:
        if not self._timer.isActive():
            self._looked_at = time.monotonic()
            self._timer.start()

    def _take(self) -> None:
        now = time.monotonic()
        self._time += now - self._looked_at
        self._looked_at = now
        if self._waiting.full():
            return
        self._waiting.put_nowait((self._picture(), round(self._time * 1000)))

    def _picture(self) -> QImage:
        image = self._window.grab().toImage()
        corner = self._window.mapToGlobal(QPoint(0, 0))
        painter = QPainter(image)
        for pane in self._window.stage.panes:
            if pane.isVisible() and pane.guest.allows(Act.RECORD):
                painter.fillRect(QRect(pane.mapTo(self._window, QPoint(0, 0)), pane.size()), _COVER)
        for other in QApplication.topLevelWidgets():
            if other is not self._window and other.isVisible() and other.isWindow():
                painter.drawPixmap(other.mapToGlobal(QPoint(0, 0)) - corner, other.grab())
        painter.end()
        return image

    def _encode(self) -> None:
        last = -1
        try:
            while (item := self._waiting.get()) is not None:
                image, when = item
                if when > last and not self._problem:
                    self._write(image, when)
                    last = when
        except Exception as error:
            self._problem = str(error) or repr(error)
            while self._waiting.get() is not None:
                pass

    def _write(self, image: QImage, when: int) -> None:
        import av

        size = self._width, self._height
        if (image.width(), image.height()) != size:
            image = image.scaled(*size)
        image = image.convertToFormat(QImage.Format.Format_RGB32)
        shape = image.height(), image.bytesPerLine() // 4, 4
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(shape)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rows[:, : self._width]), format="bgra")
        frame.pts, frame.time_base = when, _MILLISECONDS
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self.pictures += 1

    def finish(self) -> Path:
        """After hold(). The file is there under its name, whole, or FilmError says why not and nothing is
        left. Blocks for as long as encoding takes: on any thread."""
        self._waiting.put(None)
        self._thread.join()
        try:
            if not self._problem and self.pictures:
                for packet in self._stream.encode(None):
                    self._container.mux(packet)
            self._container.close()
            if self._problem or not self.pictures:
                why = self._problem or "it is empty"
                raise FilmError(f"{self.path}: the video could not be written: {why}")
            self._part.replace(self.path)
        except (OSError, ValueError) as error:
            raise FilmError(f"{self.path}: the video could not be written: {error}") from error
        finally:
            self._part.unlink(missing_ok=True)
        return self.path


def _opened(path: Path, width: int, height: int) -> tuple[Any, Any]:
    codec = check_film(path)
    import av

    kind = {".mp4": "mp4", ".mkv": "matroska", ".webm": "webm"}[path.suffix]
    try:
        container = av.open(str(part_of(path)), "w", format=kind)
    except OSError as error:
        raise FilmError(f"{path.parent}: no video can be written there: {error.strerror}") from error
    stream: Any = container.add_stream(codec, rate=PICTURES_A_SECOND)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = _MILLISECONDS
    if codec == "libx264":
        stream.options = {"preset": "veryfast", "crf": "23"}
    return container, stream
