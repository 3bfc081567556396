"""In the window's process: keys and touches on a pane, timed until the pane has painted what they did."""

import asyncio
import re
import time
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from pocketvisor_workbench.stage.pane import GuestPane

from .window import Answer, Workbench, command, until

_LEFT = Qt.MouseButton.LeftButton
_STILL_SECONDS = 0.25
_DIGITS = (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3)


async def scenario(workbench: Workbench) -> Answer:
    """So many samples of each, one after the other, each from a picture that stands still."""
    painted = _Painted()
    handset = await workbench.put("nexus-one", "personal", "work")
    guest = handset.guests[0]
    workbench.window.session.bring_to_front(guest)
    await command(guest, "home", "home")
    await command(guest, "app calculator", "app calculator")
    await asyncio.sleep(1.0)
    pane = workbench.pane(guest)
    pane.setFocus()
    painted.pane = pane
    places = await _digits(guest)
    answer: Answer = {"key": [], "touch": []}
    for number in range(20 if workbench.quick else 100):
        key = _DIGITS[number % 3]
        answer["key"].append(await painted.after(lambda key=key: QTest.keyPress(pane, key)))
        QTest.keyRelease(pane, key)
        x, y = places[number % len(places)]
        at = QPoint(x * pane.width() // guest.panel.width, y * pane.height() // guest.panel.height)
        answer["touch"].append(await painted.after(lambda at=at: QTest.mousePress(pane, _LEFT, pos=at)))
        QTest.mouseRelease(pane, _LEFT, pos=at)
        for _ in range(2):  # the display would be full some time, and then a digit changes nothing
            QTest.keyClick(pane, Qt.Key.Key_Backspace)
    return answer


async def _digits(guest: Any) -> list[tuple[int, int]]:
    """The middles of the calculator's digits, which the guest itself tells."""
    found = await command(guest, "where", r"screen \w+\n(?:\d+ \d+ \d+ \d+ [^\n]*\n)+")
    middles = []
    for x, y, width, height, _ in re.findall(r"^(\d+) (\d+) (\d+) (\d+) (\d)$", found, re.MULTILINE):
        middles.append((int(x) + int(width) // 2, int(y) + int(height) // 2))
    if not middles:
        raise RuntimeError(f"the calculator shows no digits:\n{found}")
    return middles


class _Painted:
    """Tells when a pane has painted a picture that differs from the one before an input.

    To be made before the panes are: Qt remembers which method paints.
    """

    def __init__(self) -> None:
        self.pane: Any = None
        self._before = b""
        self._at = 0.0
        original = GuestPane.paintEvent

        def paint_event(widget: GuestPane, event: Any) -> None:
            original(widget, event)
            if widget is self.pane and not self._at and bytes(widget.guest.panel.buffer) != self._before:
                self._at = time.monotonic()

        GuestPane.paintEvent = paint_event  # type: ignore[assignment, method-assign]

    async def after(self, act: Any) -> float:
        """Milliseconds from the act to the pixels, from a picture that stands still."""
        await self._still()
        self._before, self._at = bytes(self.pane.guest.panel.buffer), 0.0
        begun = time.monotonic()
        act()
        await until(lambda: self._at, 5.0)
        return (self._at - begun) * 1000

    async def _still(self) -> None:
        panel = self.pane.guest.panel
        seen, since = panel.sequence, time.monotonic()
        while time.monotonic() - since < _STILL_SECONDS:
            await asyncio.sleep(0.01)
            if panel.sequence != seen:
                seen, since = panel.sequence, time.monotonic()
