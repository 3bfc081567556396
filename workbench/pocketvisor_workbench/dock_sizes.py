"""How wide and how high docks are, in a window of any size.

Each edge of the window has a size that is wanted there, for a roomy window: that of the arrangement, or what
somebody has dragged it to. A smaller window gives each its share, and when the window changes, so do they.
The stage keeps enough for a phone: docks give way first, down to what they can be used at.
"""

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QStyle

from pocketvisor_workbench.perspectives import Arrangement

if TYPE_CHECKING:
    from pocketvisor_workbench.docks import PaneDock
    from pocketvisor_workbench.window import Window

LEAST_STAGE = (320, 240)
"""What is left to the stage whatever somebody drags."""
_STAGE = (400, 396)
"""What docks leave to it by themselves: two phones side by side, small but whole."""
_ROOMY = 1400
"""From this width on docks at the sides have the width that they like."""
_WIDTHS = {
    "library": 258,
    "controls": 286,
    "network": 286,
    "resources": 304,
    "profiles": 304,
    "policy": 320,
    "disassembly": 588,
    "memory": 588,
    "pages": 588,
    "interrupts": 588,
    "registers": 344,
    "stack": 344,
    "stops": 344,
    "symbols": 344,
    "linux": 344,
}
_MOST = {"disassembly": 1.15, "memory": 1.15, "registers": 1.3, "stack": 1.3}
"""How much wider than they need they may become, in a large window."""
_HEIGHTS = {"disassembly": 460, "memory": 260, "registers": 400, "stack": 330}

_KEPT = re.compile(r"(\d{1,4}\.\d) (\d\.\d{1,2}) (\d{1,4}\.\d) (\d\.\d{1,2}) (0\.\d{4})", re.ASCII)

_Area = Qt.DockWidgetArea
_LEFT, _RIGHT, _BOTTOM = _Area.LeftDockWidgetArea, _Area.RightDockWidgetArea, _Area.BottomDockWidgetArea
_Across, _Down = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


def share_out(wanted: list[int], least: list[int], room: int) -> list[int]:
    """What each gets of the room: what it wants, or less, where there is too little for all; never less than
    its least."""
    wanted = [max(*pair) for pair in zip(wanted, least, strict=True)]
    if sum(wanted) <= room:
        return wanted
    spare, over = max(room - sum(least), 0), max(sum(wanted) - sum(least), 1)
    return [low + (want - low) * spare // over for want, low in zip(wanted, least, strict=True)]


class DockSizes(QObject):
    """Of one window, which it watches."""

    def __init__(self, window: "Window") -> None:
        super().__init__(window)
        self._window = window
        self._widths: dict[Qt.DockWidgetArea, float] = {}
        """At each side, in a window that is just roomy."""
        self._most: dict[Qt.DockWidgetArea, float] = {}
        self._height: float | None = None
        """Of the bottom, as a part of the window's; None: as the arrangement has it."""
        self._given: dict[Qt.DockWidgetArea, int] = {}
        """What each edge got last: where it has that still, nobody has dragged its border."""
        self._due: Arrangement | None = None
        """What the first look at the window is to show: docks take sizes only in one that is shown."""
        self._seen_once = self._asks = False
        self._drags = False
        window.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        """Borders between docks are the window's own: nobody is told that one was dragged. When the window
        hears of its new size, its layout has it already."""
        kind = event.type()
        if kind is QEvent.Type.Resize and self._seen_once:
            self.fit()
        elif kind is QEvent.Type.Show and not self._seen_once:
            QTimer.singleShot(0, self, self._first_seen)
        elif kind is QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            self._drags = self._window.isSeparator(event.position().toPoint())
        elif kind is QEvent.Type.MouseButtonRelease and self._drags:
            self._drags = False
            QTimer.singleShot(0, self, self.dragged)
        return False

    def _first_seen(self) -> None:
        self._seen_once = True
        if self._due is not None:
            self.arranged(self._due)
        elif self._asks:
            self.dragged()
        else:
            self.fit()

    @property
    def kept(self) -> str:
        """What is wanted, for the next time: width and most at the left, at the right; height."""
        numbers = [self._widths.get(area, 0.0) for area in (_LEFT, _RIGHT)]
        mosts = [self._most.get(area, 1.0) for area in (_LEFT, _RIGHT)]
        return f"{numbers[0]:.1f} {mosts[0]} {numbers[1]:.1f} {mosts[1]} {self._height or 0.0:.4f}"

    def restored(self, kept: str) -> None:
        """Docks are where they were the last time, maybe in a window that is not as large. What cannot be
        read is asked of the docks themselves."""
        self._due = None
        found = _KEPT.fullmatch(kept)
        self._asks = found is None
        if found is None:
            return
        left, most_left, right, most_right, height = (float(number) for number in found.groups())
        for area, width, most in ((_LEFT, left, most_left), (_RIGHT, right, most_right)):
            if width:
                self._widths[area], self._most[area] = width, max(most, 0.1)
        self._height = height or None

    def arranged(self, arrangement: Arrangement) -> None:
        """Docks are where an arrangement has them: now they get its sizes."""
        self._due = None if self._seen_once else arrangement
        docks = self._window.docks
        for area, groups in ((_LEFT, arrangement.left), (_RIGHT, arrangement.right)):
            if groups:
                name = groups[0][0]
                self._widths[area] = _WIDTHS.get(name, docks[name].width())
                self._most[area] = _MOST.get(name, 1.0)
            if len(groups) > 1:
                heights = [_HEIGHTS.get(group[0], 100) for group in groups]
                self._window.resizeDocks([docks[group[0]] for group in groups], heights, _Down)
        self._height = None
        self.fit()
        below = [docks[group[0]] for group in arrangement.bottom]
        if below:
            self._window.resizeDocks(below, [1000] * len(below), _Across)

    def widen(self, dock: "PaneDock") -> None:
        """A dock at the side that is shown again gets the width that it needs."""
        name, area = dock.pane_class.name, self._window.dockWidgetArea(dock)
        if name in _WIDTHS and not dock.isFloating() and area in (_LEFT, _RIGHT):
            self._widths[area], self._most[area] = _WIDTHS[name], _MOST.get(name, 1.0)
            self.fit()

    def dragged(self) -> None:
        """Somebody has dragged a border: what is there now is what is wanted."""
        for area in (_LEFT, _RIGHT):
            row = self._line(area)
            width = sum(dock.width() for dock in row)
            if row and width != self._given.get(area):
                self._most.setdefault(area, _MOST.get(row[0].pane_class.name, 1.0))
                self._widths[area] = width / self._scale(area)
        below = self._line(_BOTTOM)
        if below and (depth := self._depth(below)) != self._given.get(_BOTTOM):
            self._height = depth / max(self._window.height(), 1)

    def fit(self) -> None:
        """The window is of another size."""
        sides = [(area, row) for area in (_LEFT, _RIGHT) if (row := self._line(area))]
        stage = self._window.stage
        if sides:
            now = [sum(dock.width() for dock in row) for _, row in sides]
            wanted = [
                round(self._widths.get(area, width) * self._scale(area))
                for (area, _), width in zip(sides, now, strict=True)
            ]
            least = [sum(self._least(dock).width() for dock in row) for _, row in sides]
            got = share_out(wanted, least, sum(now) + stage.width() - _STAGE[0])
            for (area, row), width, before in zip(sides, got, now, strict=True):
                self._set(row, width, before, _Across)
                self._given[area] = sum(dock.width() for dock in row)
        below = self._line(_BOTTOM)
        if below:
            before, high = self._depth(below), self._window.height()
            usual = max(min(high // 4, 280), 160)
            wanted_height = usual if self._height is None else round(high * self._height)
            tabs = max(before - sum(dock.height() for dock in below), 0)
            least_height = tabs + sum(self._least(dock).height() for dock in below)
            (height,) = share_out([wanted_height], [least_height], before + stage.height() - _STAGE[1])
            if len(below) == 1:
                beside = [
                    dock
                    for dock in self._seen(_BOTTOM)
                    if dock.geometry().bottom() == below[0].geometry().bottom()
                ]
                self._window.resizeDocks(beside, [height] * len(beside), _Down)
            else:
                self._set(below, height, before, _Down)
            self._given[_BOTTOM] = self._depth(below)

    def _depth(self, below: list["PaneDock"]) -> int:
        """From the border with the stage to the lower edge, tabs included."""
        border = self._window.style().pixelMetric(QStyle.PixelMetric.PM_DockWidgetSeparatorExtent)
        return below[-1].geometry().bottom() - self._window.stage.geometry().bottom() - border

    def _least(self, dock: "PaneDock") -> QSize:
        """With all that is in tabs with it: they have the same place."""
        least = dock.minimumSizeHint()
        for other in self._window.tabifiedDockWidgets(dock):
            if not other.isHidden():
                least = least.expandedTo(other.minimumSizeHint())
        return least

    def _scale(self, area: Qt.DockWidgetArea) -> float:
        return min(self._window.width() / _ROOMY, self._most.get(area, 1.0))

    def _seen(self, area: Qt.DockWidgetArea) -> list["PaneDock"]:
        """Those at an edge of which something is seen: of tabs, the one in front."""
        return [
            dock
            for dock in self._window.docks.values()
            if self._window.dockWidgetArea(dock) is area
            and dock.isVisible()
            and not dock.isFloating()
            and not dock.visibleRegion().isEmpty()
        ]

    def _line(self, area: Qt.DockWidgetArea) -> list["PaneDock"]:
        """Docks that take an edge's whole depth together: mostly one."""
        seen = self._seen(area)
        if area is _BOTTOM:
            first = min((dock.x() for dock in seen), default=0)
            return sorted((dock for dock in seen if dock.x() == first), key=lambda dock: dock.y())
        first = min((dock.y() for dock in seen), default=0)
        return sorted((dock for dock in seen if dock.y() == first), key=lambda dock: dock.x())

    def _set(self, line: list["PaneDock"], size: int, before: int, way: Qt.Orientation) -> None:
        sizes = [dock.width() if way is _Across else dock.height() for dock in line]
        self._window.resizeDocks(line, [one * size // max(before, 1) for one in sizes], way)
