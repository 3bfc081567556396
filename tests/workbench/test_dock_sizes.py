"""The stage keeps room for phones: docks give way first, and get back what they gave."""

import asyncio
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from pocketvisor_workbench.dock_sizes import LEAST_STAGE, share_out
from pocketvisor_workbench.perspectives import Perspective
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.stage.stage import View
from pocketvisor_workbench.window import Window

WIDE, NARROW, LAPTOP = (1920, 1080), (1024, 700), (1366, 768)


def widths(window: Window, *names: str) -> list[int]:
    return [window.docks[name].width() for name in names]


async def size(window: Window, size: tuple[int, int]) -> None:
    window.resize(*size)
    await until(lambda: (window.width(), window.height()) == size)
    for _ in range(3):  # what was put off to the next turn
        await asyncio.sleep(0)


async def drag_border(window: Window, beside: str, by: int) -> None:
    """The border at the right edge of a dock, by the mouse."""
    place = window.docks[beside].geometry()
    at = QPoint(place.right() + 3, place.center().y())
    assert window.isSeparator(at)
    QTest.mousePress(window, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(window, at + QPoint(by, 0))
    await until(lambda: window.docks[beside].width() != place.width())
    QTest.mouseRelease(window, Qt.MouseButton.LeftButton, pos=at + QPoint(by, 0))
    for _ in range(3):
        await asyncio.sleep(0)


def test_room_is_shared_by_what_each_wants_beyond_its_least() -> None:
    assert share_out([300, 200], [100, 100], 800) == [300, 200]
    assert share_out([300, 200], [100, 100], 350) == [200, 150]
    assert share_out([300, 200], [100, 100], 100) == [100, 100]
    assert share_out([50, 200], [100, 100], 250) == [100, 150]
    assert share_out([50, 60], [100, 100], 150) == [100, 100]
    assert share_out([], [], 10) == []


@pytest.mark.parametrize("perspective", [Perspective.DEBUG, Perspective.MANAGE, Perspective.DEVELOP])
@pytest.mark.parametrize("to", [NARROW, LAPTOP], ids=["narrow", "laptop"])
def test_a_window_that_shrinks_keeps_two_phones_whole(
    workbench: Workbench, perspective: Perspective, to: tuple[int, int]
) -> None:
    async def scenario() -> None:
        window = workbench.window
        handset: Any = await workbench.handset("personal", "work")
        await size(window, WIDE)
        window.set_perspective(perspective)
        await size(window, to)
        for guest in handset.guests:
            pane = workbench.pane(guest)
            assert pane.width() >= 120, guest.name
            assert pane.visibleRegion().boundingRect() == pane.rect(), guest.name

    workbench.run(scenario())


def test_a_window_that_grows_gives_docks_their_sizes_back(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        await size(window, WIDE)
        window.set_perspective(Perspective.DEBUG)
        await size(window, WIDE)
        before = widths(window, "disassembly", "registers"), window.docks["console"].height()
        await size(window, NARROW)
        assert widths(window, "disassembly", "registers") < before[0]
        await size(window, WIDE)
        assert (widths(window, "disassembly", "registers"), window.docks["console"].height()) == before

    workbench.run(scenario())


def test_what_somebody_has_dragged_is_kept_in_proportion(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        window.set_perspective(Perspective.MANAGE)
        await size(window, (1400, 900))
        (usual,) = widths(window, "policy")
        await drag_border(window, "policy", 130)
        (dragged,) = widths(window, "policy")
        assert dragged == usual + 130
        await size(window, (1200, 900))
        assert widths(window, "policy")[0] == pytest.approx(dragged * 1200 / 1400, abs=2)
        await size(window, (1400, 900))
        assert widths(window, "policy")[0] == pytest.approx(dragged, abs=2)

    workbench.run(scenario())


def test_a_border_is_dragged_no_farther_than_the_stage_allows(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        window.set_perspective(Perspective.MANAGE)
        await size(window, (1400, 900))
        await drag_border(window, "policy", 1000)
        assert window.stage.width() == LEAST_STAGE[0]

    workbench.run(scenario())


def test_coming_back_from_the_demo_in_a_smaller_window_is_a_shrinking_too(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        await size(window, WIDE)
        window.set_perspective(Perspective.DEBUG)
        await size(window, NARROW)
        small = widths(window, "disassembly", "registers")
        await size(window, WIDE)
        window.set_view(View.DEMO)
        await size(window, NARROW)
        window.set_view(View.FOCUS)
        await until(lambda: widths(window, "disassembly", "registers") == small)

    workbench.run(scenario())


@pytest.mark.parametrize("kept", ["garbage", "", "99999.0 1.0 1.0 1.0 0.1", None])
def test_sizes_are_kept_for_the_next_time(workbench: Workbench, kept: str | None) -> None:
    """Also for a window that is not as large then. Garbage is left alone."""

    async def scenario() -> None:
        window = workbench.window
        window.set_perspective(Perspective.MANAGE)
        await size(window, (1400, 900))
        await drag_border(window, "policy", 100)
        (left,) = widths(window, "policy")
        window.save_layout()
        if kept is not None:
            window.settings.set("dock-sizes", kept)
        again = Window(window.bench, Settings(window.settings.path))
        again.restore_layout()
        again.resize(1200, 900)
        again.show()
        await size(again, (1400, 900))
        if kept is None:
            await until(lambda: abs(widths(again, "policy")[0] - left) <= 2)
        else:
            await until(lambda: again.stage.width() >= LEAST_STAGE[0] and widths(again, "policy")[0] >= 262)
        again.close()
        again.deleteLater()

    workbench.run(scenario())
