"""Mouse, wheel and touch screen as fingers on a guest's panel.

One button of a mouse is one finger. With Ctrl held it is two, the second mirrored at the panel's centre, for
pinching. A turn of the wheel drags a finger along. A real touch screen's fingers go through as they are.
"""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, QSize, QTimer
from PySide6.QtGui import QEventPoint, QTouchEvent

Point = tuple[int, int]
Send = Callable[[int, int, str, int], None]

_WHEEL_REST_MS = 120
_SLOTS = 10


class Touch:
    """The fingers that are down, and how they got there, on a picture of some size."""

    def __init__(self, parent: QObject, send: Send, size: QSize) -> None:
        self._send = send
        self.size = size
        self._down: dict[int, Point] = {}
        self._pinching = False
        self._slots: dict[int, int] = {}
        self._wheel_at: QPointF | None = None
        self._rest = QTimer(parent)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_WHEEL_REST_MS)
        self._rest.timeout.connect(self._end_wheel)

    def close(self) -> None:
        self._rest.stop()
        self._down.clear()

    @property
    def fingers(self) -> int:
        return len(self._down)

    def down(self, at: Point, *, pinch: bool = False) -> None:
        self._end_wheel()
        self.release()
        self._pinching = pinch
        self._put(0, at, "down")
        if pinch:
            self._put(1, self._mirrored(at), "down")

    def move(self, at: Point) -> None:
        if self._wheel_at is not None or self._down.get(0, at) == at:
            return
        self._put(0, at, "move")
        if self._pinching:
            self._put(1, self._mirrored(at), "move")

    def up(self, at: Point) -> None:
        if self._wheel_at is None:
            self.move(at)
        self.release()

    def release(self) -> None:
        """Every finger leaves the panel where it is."""
        self._wheel_at = None
        self._pinching = False
        self._slots.clear()
        for slot, at in list(self._down.items()):
            self._put(slot, at, "up")

    def wheel(self, at: Point, pixels: float) -> None:
        """Drags by `pixels` of the panel, downwards when positive."""
        if self._down and self._wheel_at is None:
            return
        if self._wheel_at is None:
            self._wheel_at = QPointF(*at)
            self._put(0, at, "down")
        y = self._wheel_at.y() + pixels
        if not 0 <= y < self.size.height():
            # The finger has come to the edge: it is lifted and put down again.
            self._put(0, self._down[0], "up")
            self._wheel_at = QPointF(*at)
            self._put(0, at, "down")
            y = min(max(at[1] + pixels, 0), self.size.height() - 1)
        self._wheel_at = QPointF(self._wheel_at.x(), y)
        self._put(0, (int(self._wheel_at.x()), int(y)), "move")
        self._rest.start()

    def take(self, event: QEvent, on_panel: Callable[[QPointF], Point]) -> bool:
        """A touch screen's event; False for any other."""
        if not isinstance(event, QTouchEvent):
            return False
        for point in event.points():
            state = point.state()
            if state is QEventPoint.State.Pressed:
                free = next((slot for slot in range(_SLOTS) if slot not in self._slots.values()), None)
                if free is None:
                    continue
                self._slots[point.id()] = free
                self._put(free, on_panel(point.position()), "down")
            elif point.id() in self._slots:
                slot = self._slots[point.id()]
                at = on_panel(point.position())
                if state is QEventPoint.State.Released:
                    self._put(slot, at, "up")
                    del self._slots[point.id()]
                elif state is QEventPoint.State.Updated:
                    self._put(slot, at, "move")
        event.accept()
        return True

    def _end_wheel(self) -> None:
        self._rest.stop()
        if self._wheel_at is not None:
            self.release()

    def _mirrored(self, at: Point) -> Point:
        return self.size.width() - 1 - at[0], self.size.height() - 1 - at[1]

    def _put(self, slot: int, at: Point, phase: str) -> None:
        if phase == "up":
            self._down.pop(slot, None)
        else:
            self._down[slot] = at
        self._send(at[0], at[1], phase, slot)
