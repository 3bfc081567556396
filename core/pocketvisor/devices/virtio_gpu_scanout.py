"""What of a virtio-gpu is seen: a part of one picture, painted into the scanout's memory, the cursor over it.

Only what was flushed is painted and published, in one list after a burst of commands. The cursor's position
is that of its picture's upper left corner, as Linux gives it; the hot spot says nothing here, since the host
draws no pointer of its own.
"""

from typing import Final, NamedTuple, Protocol

from pocketvisor.devices.virtio_gpu_protocol import (
    CURSOR_SIDE,
    ERR_INVALID_PARAMETER,
    GpuError,
    Rect,
)
from pocketvisor.devices.virtio_gpu_resources import Resource

SIDE_LEAST: Final = 16
SIDE_MOST: Final = 8192
_DAMAGE_MAX: Final = 16
_PICTURE: Final = CURSOR_SIDE * CURSOR_SIDE * 4


class Screen(Protocol):
    """The machine, as far as it tells the pane what to show."""

    def publish_scanout(self, width: int, height: int, stride: int) -> None: ...
    def publish_damage(self, rectangles: list[tuple[int, int, int, int]]) -> None: ...


class _Row(NamedTuple):
    solid: tuple[tuple[int, bytes], ...]
    """Runs of opaque pixels, each with where it begins."""
    blends: tuple[tuple[int, int, int, int, int], ...]
    """Pixels that let some of the picture through: where, blue, green, red, and how much, of 255."""


class Cursor:
    """A cursor's picture (b8g8r8a8, colours already multiplied by alpha), ready to be laid over another."""

    def __init__(self, picture: bytes) -> None:
        self.picture = picture
        self._rows = [self._row(y) for y in range(CURSOR_SIDE)]

    def _row(self, y: int) -> _Row:
        row = self.picture[y * CURSOR_SIDE * 4 : (y + 1) * CURSOR_SIDE * 4]
        solid: list[tuple[int, bytes]] = []
        blends = []
        alphas = row[3::4]
        x = 0
        while x < CURSOR_SIDE:
            end, alpha = x + 1, alphas[x]
            if alpha == 255:
                while end < CURSOR_SIDE and alphas[end] == 255:
                    end += 1
                solid.append((x, row[4 * x : 4 * end]))
            elif alpha:
                blue, green, red = (min(value, alpha) for value in row[4 * x : 4 * x + 3])
                blends.append((x, blue, green, red, 255 - alpha))
            x = end
        return _Row(tuple(solid), tuple(blends))

    def draw(self, target: memoryview, width: int, height: int, at_x: int, at_y: int) -> None:
        """Over a picture of this size without gaps between its rows; what is outside of it is left out."""
        left, right = max(at_x, 0), min(at_x + CURSOR_SIDE, width)
        if left >= right:
            return
        skip, count = left - at_x, right - left
        for y, row in enumerate(self._rows, at_y):
            if not 0 <= y < height or not (row.solid or row.blends):
                continue
            place = slice(4 * (y * width + left), 4 * (y * width + right))
            line = bytearray(target[place])
            for x, pixels in row.solid:
                start, end = max(x - skip, 0), min(x - skip + len(pixels) // 4, count)
                if start < end:
                    line[4 * start : 4 * end] = pixels[4 * (start - x + skip) : 4 * (end - x + skip)]
            for x, blue, green, red, through in row.blends:
                if 0 <= x - skip < count:
                    at = 4 * (x - skip)
                    line[at] = blue + (line[at] * through >> 8)
                    line[at + 1] = green + (line[at + 1] * through >> 8)
                    line[at + 2] = red + (line[at + 2] * through >> 8)
            target[place] = line


class Scanout:
    """`memory` is what the pane shows where it shows a scanout: x8r8g8b8, rows without gaps."""

    def __init__(self, memory: memoryview, screen: Screen) -> None:
        self._memory = memory
        self._screen = screen
        self._resource: Resource | None = None
        self._part = Rect(0, 0, 0, 0)
        self._stale = False
        self._cursor: Cursor | None = None
        self._cursor_at = (0, 0)
        self._damage: list[Rect] = []

    @property
    def shown(self) -> tuple[int, Rect]:
        """The resource's number, 0 for none, and which part of it."""
        return (self._resource.number if self._resource is not None else 0), self._part

    @property
    def cursor(self) -> tuple[bytes | None, int, int]:
        return (self._cursor.picture if self._cursor is not None else None), *self._cursor_at

    def show(self, resource: Resource, part: Rect) -> None:
        """Raises GpuError where that cannot be shown. Of the same size as before, it is seen when flushed."""
        if (
            not part.within(resource.width, resource.height)
            or not SIDE_LEAST <= part.width <= SIDE_MOST
            or not SIDE_LEAST <= part.height <= SIDE_MOST
            or part.width * part.height * 4 > len(self._memory)
        ):
            raise GpuError(ERR_INVALID_PARAMETER)
        resized = self._resource is None or part[2:] != self._part[2:]
        self._stale = self._stale or (resource, part) != (self._resource, self._part)
        self._resource, self._part = resource, part
        if resized:
            self._damage.clear()
            self._paint(Rect(0, 0, part.width, part.height))
            self._stale = False
            self._screen.publish_scanout(part.width, part.height, part.width * 4)

    def hide(self) -> None:
        """The framebuffer is shown again."""
        if self._resource is not None:
            self._resource = None
            self._part = Rect(0, 0, 0, 0)
            self._damage.clear()
            self._screen.publish_scanout(0, 0, 0)

    def forget(self, resource: Resource) -> None:
        """The resource will be gone."""
        if resource is self._resource:
            self.hide()

    def flush(self, resource: Resource, rect: Rect) -> None:
        if resource is not self._resource:
            return
        part = self._part
        if self._stale:
            self._stale = False
            self._repaint(Rect(0, 0, part.width, part.height))
            return
        seen = rect.intersected(part)
        if seen is not None:
            self._repaint(seen._replace(x=seen.x - part.x, y=seen.y - part.y))

    def publish(self) -> None:
        """Tells of what was painted since the last call."""
        damage, self._damage = self._damage, []
        if not damage:
            return
        if len(damage) > _DAMAGE_MAX:
            x, y = min(one.x for one in damage), min(one.y for one in damage)
            right = max(one.x + one.width for one in damage)
            bottom = max(one.y + one.height for one in damage)
            damage = [Rect(x, y, right - x, bottom - y)]
        self._screen.publish_damage([(x, y, x + width, y + height) for x, y, width, height in damage])

    # The cursor

    def set_cursor(self, picture: bytes | None, x: int, y: int) -> None:
        """Of another picture than 64x64 nothing is seen."""
        old = self._cursor_rect()
        shown = picture is not None and len(picture) == _PICTURE and any(picture[3::4])
        self._cursor = Cursor(picture) if shown and picture is not None else None
        self._cursor_at = (x, y)
        self._cursor_changed(old)

    def move_cursor(self, x: int, y: int) -> None:
        old = self._cursor_rect()
        if (x, y) != self._cursor_at:
            self._cursor_at = (x, y)
            self._cursor_changed(old)

    def _cursor_rect(self) -> Rect | None:
        """Where it is on the scanout, if it is."""
        if self._cursor is None or self._resource is None:
            return None
        whole = Rect(0, 0, self._part.width, self._part.height)
        return Rect(*self._cursor_at, CURSOR_SIDE, CURSOR_SIDE).intersected(whole)

    def _cursor_changed(self, old: Rect | None) -> None:
        """What lay under it is taken from the resource, which may be a moment ahead of what was flushed."""
        if self._resource is None or self._stale:
            return
        new = self._cursor_rect()
        if old is not None:
            self._base(old)
            self._damage.append(old)
        if new is not None:
            self._base(new)
            self._damage.append(new)
            self._draw_cursor()

    # Painting, in the scanout's coordinates

    def _repaint(self, rect: Rect) -> None:
        self._paint(rect)
        self._damage.append(rect)

    def _paint(self, rect: Rect) -> None:
        self._base(rect)
        cursor = self._cursor_rect()
        if cursor is not None and cursor.intersected(rect) is not None:
            self._base(cursor)
            self._draw_cursor()
            self._damage.append(cursor)

    def _base(self, rect: Rect) -> None:
        assert self._resource is not None
        part = self._part
        source = rect._replace(x=rect.x + part.x, y=rect.y + part.y)
        self._resource.paint(source, self._memory, part.width * 4, rect.x, rect.y)

    def _draw_cursor(self) -> None:
        if self._cursor is not None:
            self._cursor.draw(self._memory, self._part.width, self._part.height, *self._cursor_at)
