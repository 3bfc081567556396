"""Handsets drawn as phones: what shares a phone is on one body, and the foreground is plain and switched."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor.api import load_models
from pocketvisor_workbench import mime
from pocketvisor_workbench.stage.geometry import PhoneGeometry
from pocketvisor_workbench.stage.stage import View


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("guests", [0, 1, 2, 4])
def test_screens_lie_on_the_plate_and_the_front_around_one_of_them(factor: float, guests: int) -> None:
    for model in load_models().values():
        phone = PhoneGeometry.of(model.panel.width, model.panel.height, factor, guests)
        bays = [phone.bay(index) for index in range(max(guests, 1))]
        for bay, following in pairwise(bays):
            assert bay.right() < following.left()
        for index, bay in enumerate(bays):
            assert phone.plate().contains(bay)
            assert phone.front(index).contains(bay)
        assert phone.front(0).height() > phone.plate().height()
        below = [key for key in model.keys if not key.startswith(("power", "volume", "mute", "camera"))]
        for key in phone.front_keys(0, len(below)):
            assert phone.front(0).contains(key) and not key.intersects(bays[0])


def test_all_guests_of_a_handset_are_live_at_full_size_side_by_side(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal", "work")
        first, second = (workbench.pane(guest) for guest in handset.guests)
        assert first.size() == second.size() and first.parent() is second.parent()
        assert first.isVisible() and second.isVisible()

    workbench.run(scenario())


def test_a_click_into_a_pane_brings_its_guest_to_the_front(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal", "work")
        QTest.mouseClick(workbench.pane(handset.guests[1]), Qt.MouseButton.LeftButton)
        assert handset.foreground is handset.guests[1]
        assert workbench.pane(handset.guests[1]).hasFocus()

    workbench.run(scenario())


def test_a_click_on_the_chip_and_one_key_switch_too(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        view = workbench.window.stage.views[handset]
        QTest.mouseClick(view.chips[1], Qt.MouseButton.LeftButton)
        assert handset.foreground is handset.guests[1]
        assert "in the foreground" in view.chips[1].accessibleName()
        workbench.window.trigger("handset.next-guest")
        assert handset.foreground is handset.guests[0]
        assert workbench.pane(handset.guests[0]).hasFocus()

    workbench.run(scenario())


@pytest.mark.parametrize("view", [View.GRID, View.DEMO])
def test_a_swipe_on_the_bezel_switches_the_foreground(workbench: Workbench, view: View) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        workbench.window.set_view(view)
        await asyncio.sleep(0.05)
        phone = workbench.window.stage.views[handset]
        start = QPoint(phone.pane_of(handset.guests[0]).mapTo(phone, QPoint(20, -8)))  # type: ignore[union-attr]
        across = 200 if view is View.GRID else -200
        QTest.mousePress(phone, Qt.MouseButton.LeftButton, pos=start)
        for step in range(1, 6):
            QTest.mouseMove(phone, start + QPoint(across * step // 5, 0))
        QTest.mouseRelease(phone, Qt.MouseButton.LeftButton, pos=start + QPoint(across, 0))
        assert handset.foreground is handset.guests[1]
        assert handset.guests[1].inputs == []

    workbench.run(scenario())


def test_in_the_demo_only_the_foreground_is_on_the_glass(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        workbench.window.set_view(View.DEMO)
        await asyncio.sleep(0.05)
        shown = [not workbench.pane(guest).visibleRegion().isEmpty() for guest in handset.guests]
        assert shown == [True, False]
        handset.next_foreground()
        await until(lambda: workbench.pane(handset.guests[0]).visibleRegion().isEmpty())
        assert not any(dock.isVisible() for dock in workbench.window.docks.values())
        workbench.window.set_view(View.GRID)
        shown = {name for name, dock in workbench.window.docks.items() if not dock.isHidden()}
        assert shown == {"library", "performance", "console", "events", "jobs"}

    workbench.run(scenario())


def test_hardware_keys_go_to_the_foreground(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        keys = {key.key: key for key in workbench.window.stage.views[handset].keys}
        assert tuple(keys) == handset.model.keys
        QTest.mouseClick(keys["home"], Qt.MouseButton.LeftButton)
        QTest.mouseClick(keys["power"], Qt.MouseButton.LeftButton)
        assert handset.guests[0].inputs == [
            ("hardware", "home", True),
            ("hardware", "home", False),
            ("hardware", "power", True),
            ("hardware", "power", False),
        ]
        assert handset.guests[1].inputs == []

    workbench.run(scenario())


def _drop(target: Any, data: QMimeData) -> None:
    """Offscreen there is no real drag: its events are sent."""
    rest = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(40, 40), *rest)
    QApplication.sendEvent(target, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(target, QDropEvent(QPointF(40, 40), *rest))


def test_models_and_images_can_be_dropped(workbench: Workbench) -> None:
    async def scenario() -> None:
        stage = workbench.window.stage
        _drop(stage, mime.dragged(mime.MODEL, "zte-open"))
        handset: Any = workbench.session.handset
        assert handset.model.id == "zte-open"
        _drop(stage.views[handset], mime.dragged(mime.IMAGE, "personal"))
        await until(lambda: handset.guests)
        assert handset.guests[0].name == "Personal"

    workbench.run(scenario())


def test_files_dropped_on_a_phone_open_the_dialog_filled_in(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset()
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in ("vmlinuz", "initrd.gz")])
        _drop(workbench.window.stage.views[handset], data)
        dialog: Any = QApplication.activeModalWidget()
        assert (
            dialog.own.main.path == tmp_path / "vmlinuz" and dialog.own.initrd.path == tmp_path / "initrd.gz"
        )
        assert "there is no such file" in dialog.problem.text()
        dialog.reject()

    workbench.run(scenario())


def test_the_stage_fits_many_phones_and_one(workbench: Workbench) -> None:
    async def scenario() -> None:
        stage = workbench.window.stage
        await workbench.handset("personal", "work")
        alone = stage.factor
        for model in ("zte-open", "xperia-ray", "galaxy-s2"):
            await workbench.handset("work", model=model)
        stage.arrange()
        assert stage.factor < alone
        workbench.window.set_view(View.FOCUS)
        assert sum(view.isVisible() for view in stage.views.values()) == 1
        workbench.window.select_handset(1)
        stage.arrange()
        chosen: Any = workbench.session.handset
        assert stage.views[chosen].isVisible()

    workbench.run(scenario())
