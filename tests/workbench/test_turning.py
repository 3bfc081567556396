"""A phone may be turned and a picture may change its size: what is seen is right, and a touch lands on it."""

import asyncio
from typing import Any

import numpy as np
import pytest
from kit import Workbench, taken_up, until
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from pocketvisor.api import load_models
from pocketvisor_workbench.stage.geometry import PhoneGeometry
from pocketvisor_workbench.stage.placement import Placement
from pocketvisor_workbench.stage.stage import View

NATIVE = QSize(480, 800)
TURNS = (0, 90, 180, 270)
RED, GREEN, BLUE, WHITE = 0xFF0000, 0x00FF00, 0x0000FF, 0xFFFFFF
CORNERS = (RED, GREEN, BLUE, WHITE)  # upper left, upper right, lower right, lower left


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("picture", [(480, 800), (800, 480), (1024, 768), (320, 240), (600, 600)])
@pytest.mark.parametrize("pane", [(480, 800), (800, 480), (237, 395), (61, 97)])
def test_a_pictures_pixels_and_the_panes_lead_to_each_other(
    turn: int, picture: tuple[int, int], pane: tuple[int, int]
) -> None:
    placement = Placement.of(QSize(*pane), QSize(*picture), NATIVE, turn)
    assert QRect(QPoint(0, 0), QSize(*pane)).contains(placement.area)
    fits = placement.area.width() == pane[0] or placement.area.height() == pane[1]
    assert fits, "it is shown as large as it fits"
    width, height = picture
    for x, y in ((0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1), (width // 3, height // 5)):
        seen = placement.transform.map(QPointF(x + 0.5, y + 0.5))
        assert placement.on_picture(seen) == (x, y)
        pixel = QPoint(int(seen.x()), int(seen.y()))
        assert placement.on_pane(x, y, x + 1, y + 1).contains(pixel)
    outside = placement.on_picture(QPointF(-50, 1e6))
    assert 0 <= outside[0] < width and 0 <= outside[1] < height


def test_a_picture_of_the_other_shape_is_upright_on_a_phone_on_its_side_alone() -> None:
    for turn in TURNS:
        pane = QSize(800, 480) if turn % 180 else QSize(480, 800)
        assert Placement.of(pane, QSize(480, 800), NATIVE, turn).turn == turn
        assert Placement.of(pane, QSize(800, 480), NATIVE, turn).turn == (0 if turn % 180 else turn)


@pytest.mark.parametrize("guests", [1, 2, 4])
@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_phones_parts_lie_as_on_the_upright_one(turn: int, guests: int) -> None:
    for model in load_models().values():
        size = model.panel.width, model.panel.height
        upright = PhoneGeometry.of(*size, 0.5, guests)
        phone = PhoneGeometry.of(*size, 0.5, guests, turn=turn)
        whole = QRect(QPoint(0, 0), phone.size.toSize())
        assert (phone.size == upright.size) is (turn % 180 == 0)
        for index in range(guests):
            bay = phone.bay(index)
            assert whole.contains(bay.toRect()) and phone.front(index).contains(bay)
            assert (bay.width() < bay.height()) is (turn % 180 == 0)
        for key in phone.front_keys(0, 4):
            assert phone.front(0).contains(key) and not phone.bay(0).intersects(key)
        for left in (True, False):
            for key in phone.edge_keys(3, left=left):
                assert whole.contains(key.toAlignedRect()) and not phone.bay(0).intersects(key)


def four_corners(pixels: Any) -> None:
    height, width = pixels.shape
    pixels[:] = 0x808080
    down, across = height // 4, width // 4
    for colour, rows, columns in zip(
        CORNERS,
        (slice(0, down), slice(0, down), slice(-down, None), slice(-down, None)),
        (slice(0, across), slice(-across, None), slice(-across, None), slice(0, across)),
        strict=True,
    ):
        pixels[rows, columns] = colour


def seen_corners(pane: Any) -> list[QColor]:
    """Clockwise, from the upper left; a little inside, since the glass is round there."""
    image = pane.grab().toImage()
    area = pane._picture.placement.area
    x0, y0 = area.left() + area.width() // 12, area.top() + area.height() // 12
    x1, y1 = area.right() - area.width() // 12, area.bottom() - area.height() // 12
    return [image.pixelColor(*at) for at in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]


def is_turned(pane: Any, quarters: int) -> bool:
    expected = [QColor(f"#{CORNERS[(n - quarters) % 4]:06x}") for n in range(4)]
    return seen_corners(pane) == expected


@pytest.mark.parametrize("zoom", [1.0, 0.7, 0.4])
def test_a_picture_that_does_not_follow_lies_on_its_side_with_the_phone(
    workbench: Workbench, zoom: float
) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        workbench.window.stage.set_zoom(zoom)
        guest = handset.guests[0]
        pane = workbench.pane(guest)
        four_corners(guest.panel.pixels)
        for turn in (0, 90, 180, 270, 0):
            handset.phone.rotate(turn)
            guest.frame()
            await until(lambda turn=turn: (pane.width() > pane.height()) is bool(turn % 180))
            await taken_up(pane)
            assert is_turned(pane, turn // 90)

    workbench.run(scenario())


def test_only_what_was_damaged_is_painted_on_a_turned_phone(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        handset.phone.rotate(90)
        workbench.window.stage.set_zoom(1.0)
        guest = handset.guests[0]
        pane = workbench.pane(guest)
        await taken_up(pane)
        await asyncio.sleep(0.05)  # what was laid out anew
        pane.repaint()  # and nothing is left to be painted
        painted: list[Any] = []
        original = pane.paintEvent
        pane.paintEvent = lambda event: (painted.append(event.rect()), original(event))
        guest.panel.pixels[200:264, 100:164] = GREEN
        guest.frame(100, 200, 164, 264)
        await until(lambda: painted)
        assert painted[0].adjusted(1, 1, -1, -1).getRect() == (800 - 264, 100, 64, 64)
        assert pane.grab().toImage().pixelColor(800 - 230, 130) == QColor(0, 255, 0)

    workbench.run(scenario())


def test_a_guest_that_follows_is_upright_and_gets_its_touches_in_its_own_pixels(
    workbench: Workbench,
) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest = handset.guests[0]
        pane = workbench.pane(guest)
        workbench.window.stage.set_zoom(0.5)
        handset.phone.rotate(270)
        await until(lambda: pane.width() > pane.height())
        four_corners(guest.show_scanout(800, 480))
        guest.frame()
        await until(lambda: pane._picture.size == QSize(800, 480))
        await taken_up(pane)
        assert is_turned(pane, 0) and pane.size() == QSize(400, 240)
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=QPoint(300, 60))
        QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=QPoint(300, 60))
        assert guest.inputs[0] == ("touch", 600, 120, "down", 0)
        handset.phone.rotate(0)
        await until(lambda: pane.width() < pane.height())
        await taken_up(pane)
        assert is_turned(pane, 0) and pane._picture.placement.area.getRect() == (0, 128, 240, 144)

    workbench.run(scenario())


@pytest.mark.parametrize(
    ("turn", "expected"), [(0, (120, 200)), (90, (100, 679)), (180, (359, 599)), (270, (379, 120))]
)
def test_a_touch_lands_where_it_is_seen(workbench: Workbench, turn: int, expected: tuple[int, int]) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest = handset.guests[0]
        pane = workbench.pane(guest)
        workbench.window.stage.set_zoom(0.5)
        handset.phone.rotate(turn)
        await until(lambda: (pane.width() > pane.height()) is bool(turn % 180))
        at = QPoint(60, 100) if turn % 180 == 0 else QPoint(60, 50)
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=at)
        QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=at)
        _, x, y, phase, _ = guest.inputs[0]
        assert phase == "down" and abs(x - expected[0]) <= 1 and abs(y - expected[1]) <= 1

    workbench.run(scenario())


def test_the_picture_goes_back_to_the_framebuffer(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest = handset.guests[0]
        pane = workbench.pane(guest)
        for width, height in ((1024, 768), (64, 64), (2048, 2048), (480, 800)):
            guest.show_scanout(width, height)[:] = GREEN
            guest.frame()
            await until(lambda width=width: pane._picture.size.width() == width)
            await taken_up(pane)
            middle = pane.grab().toImage().pixelColor(pane.rect().center())
            assert middle == QColor(0, 255, 0)
        guest.panel.pixels[:] = RED
        guest.panel.publisher.show(0, 0, 0, 0)
        guest.frame()
        await taken_up(pane)
        assert pane.grab().toImage().pixelColor(pane.rect().center()) == QColor(255, 0, 0)

    workbench.run(scenario())


def test_no_finger_stays_down_when_the_picture_or_the_phone_turns(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest = handset.guests[0]
        pane = workbench.pane(guest)
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
        handset.phone.rotate(90)
        assert guest.inputs[-1][3] == "up"
        QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
        guest.show_scanout(800, 480)
        guest.frame()
        await until(lambda: guest.inputs[-1][3] == "up")

    workbench.run(scenario())


def test_a_guests_process_that_lies_about_its_scanout_leads_nowhere(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest = handset.guests[0]
        pane = workbench.pane(guest)
        for lie in (
            (1, 8192, 8192, 32768),
            (1, 0, 100, 400),
            (1, 100, 0, 400),
            (1, 100, 100, 0xFFFFFFFC),
            (1, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
            (1, 100, 100, 4),
            (7, 100, 100, 400),
        ):
            guest.panel.publisher.show(*lie)
            guest.frame()
            await taken_up(pane)
            assert pane._picture.size == NATIVE

    workbench.run(scenario())


def test_a_turned_phone_shows_all_views_and_its_panes_in_a_row(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal", "work")
        handset.phone.rotate(90)
        stage = workbench.window.stage
        view = stage.views[handset]
        for chosen in (View.FOCUS, View.DEMO, View.GRID):
            stage.set_view(chosen)
            await asyncio.sleep(0.05)
            for pane in view.panes:
                if pane.parent() is view:
                    assert view.rect().contains(pane.geometry())
        first, second = (pane.geometry() for pane in view.panes)
        assert first.bottom() < second.top() and first.left() == second.left()
        tops = {chip.y() for chip in view.chips}
        assert len(tops) == 1 and all(chip.geometry().bottom() < first.top() for chip in view.chips)
        assert not view.chips[0].geometry().intersects(view.chips[1].geometry())

    workbench.run(scenario())


def test_the_guests_names_follow_their_bays(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal", "work")
        view = workbench.window.stage.views[handset]
        first, second = view.chips
        for turn, in_order in ((90, True), (180, False), (270, False), (0, True)):
            handset.phone.rotate(turn)
            assert view.turn == turn and (first.x() < second.x()) is in_order

    workbench.run(scenario())


def test_numpy_reads_the_scanout_as_the_pane_does(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest = handset.guests[0]
        pixels = guest.show_scanout(320, 200)
        pixels[:] = BLUE
        seen = np.frombuffer(guest.panel.buffer, np.uint32)
        assert seen.shape == (320 * 200,) and (seen == BLUE).all()

    workbench.run(scenario())
