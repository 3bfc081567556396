"""A pane shows its guest's picture, damage only, and passes mouse and keyboard on."""

import asyncio
from typing import Any

import pytest
from kit import Workbench, taken_up, until
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from pocketvisor.api import GuestState
from pocketvisor_workbench.keymap import code_of, kept_by_workbench


async def _one(workbench: Workbench, zoom: float | None = None) -> tuple[Any, Any]:
    handset = await workbench.handset("personal")
    workbench.window.stage.set_zoom(zoom)
    guest = handset.guests[0]
    pane = workbench.pane(guest)
    await taken_up(pane)
    return guest, pane


@pytest.mark.parametrize("zoom", [1.0, 0.7, 0.4, 1.3])
def test_the_guests_picture_is_shown_at_every_scale(workbench: Workbench, zoom: float) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench, zoom)
        guest.panel.pixels[:] = 0x20A0F0
        guest.frame()
        await taken_up(pane)
        middle = pane.grab().toImage().pixelColor(pane.width() // 2, pane.height() // 2)
        assert (middle.red(), middle.green(), middle.blue()) == (0x20, 0xA0, 0xF0)

    workbench.run(scenario())


def test_only_what_was_damaged_is_painted(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench, 1.0)
        await asyncio.sleep(0.05)  # what was laid out anew
        pane.repaint()  # and nothing is left to be painted
        painted: list[Any] = []
        original = pane.paintEvent
        pane.paintEvent = lambda event: (painted.append(event.rect()), original(event))
        guest.frame(100, 200, 164, 264)
        await until(lambda: painted)
        assert painted[0].getRect() == (100, 200, 64, 64)

    workbench.run(scenario())


def test_a_burst_of_frames_is_painted_at_sixty_hertz_at_most(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench)
        before = pane.frames_painted
        loop = asyncio.get_running_loop()
        start = loop.time()
        while (took := loop.time() - start) < 0.5 or (took < 30 and pane.frames_painted - before < 3):
            guest.frame(0, 0, 8, 8)
            await asyncio.sleep(0.001)
        assert 3 <= pane.frames_painted - before <= took * 70 + 2

    workbench.run(scenario())


def test_the_last_frame_of_a_burst_is_shown(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench, 1.0)
        for shade in (0x111111, 0x222222, 0x00FF00):
            guest.panel.pixels[:] = shade
            guest.frame()
        await taken_up(pane)
        assert pane.grab().toImage().pixelColor(200, 400).green() == 255

    workbench.run(scenario())


def test_the_mouse_is_a_finger_in_panel_pixels(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench, 0.5)
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=QPoint(60, 100))
        QTest.mouseMove(pane, QPoint(70, 120))
        QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=QPoint(70, 120))
        assert guest.inputs[0] == ("touch", 120, 200, "down", 0)
        assert ("touch", 140, 240, "move", 0) in guest.inputs
        assert guest.inputs[-1] == ("touch", 140, 240, "up", 0)

    workbench.run(scenario())


def test_control_and_mouse_is_a_pinch(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench, 1.0)
        control = Qt.KeyboardModifier.ControlModifier
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, control, QPoint(100, 100))
        QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, control, QPoint(100, 100))
        assert guest.inputs[:2] == [("touch", 100, 100, "down", 0), ("touch", 379, 699, "down", 1)]
        assert {entry[3:] for entry in guest.inputs[2:]} == {("up", 0), ("up", 1)}

    workbench.run(scenario())


def test_the_wheel_drags_a_finger_and_lifts_it(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench, 1.0)
        event = QWheelEvent(
            QPointF(200, 400),
            QPointF(200, 400),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(pane, event)
        await until(lambda: guest.inputs and guest.inputs[-1][3] == "up")
        assert [entry[3] for entry in guest.inputs] == ["down", "move", "up"]
        assert guest.inputs[1][2] == 340

    workbench.run(scenario())


def test_keys_arrive_as_linux_codes_and_repeats_do_not(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench)
        pane.setFocus()
        QTest.keyClick(pane, Qt.Key.Key_A)
        QTest.keyClick(pane, Qt.Key.Key_Tab)
        assert guest.inputs == [("key", 30, True), ("key", 30, False), ("key", 15, True), ("key", 15, False)]
        repeat = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_B, Qt.KeyboardModifier.NoModifier, "b", True)
        QApplication.sendEvent(pane, repeat)
        assert len(guest.inputs) == 4

    workbench.run(scenario())


def test_no_key_stays_down_when_the_focus_leaves(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench)
        pane.setFocus()
        QTest.keyPress(pane, Qt.Key.Key_Shift)
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
        workbench.window.stage.setFocus()
        workbench.window.docks["library"].pane.search.setFocus()
        assert ("key", 42, False) in guest.inputs
        assert guest.inputs[-1][3] == "up" or ("touch", 25, 25, "up", 0) in guest.inputs

    workbench.run(scenario())


def test_every_state_has_a_face_and_a_way_out(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench)
        button = pane.overlay.findChild(QPushButton)
        assert pane.overlay.isHidden()
        guest.become(GuestState.STARTING)
        assert pane.overlay.isVisible() and button.isHidden()
        guest.become(GuestState.PAUSED)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        await until(lambda: guest.done == ["resume"] and pane.overlay.isHidden())
        guest.become(GuestState.CRASHED, "Personal crashed: its process was ended by signal 9 (SIGKILL)")
        assert "SIGKILL" in pane.overlay.sentence and button.text() == "Restart"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        await until(lambda: guest.done == ["resume", "restart"] and pane.overlay.isHidden())
        guest.become(GuestState.OFF)
        assert button.text() == "Switch on"

    workbench.run(scenario())


def test_a_guest_that_does_not_run_gets_no_keys(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, pane = await _one(workbench)
        pane.setFocus()
        guest.become(GuestState.PAUSED)
        QTest.keyClick(pane, Qt.Key.Key_A)
        assert guest.inputs == []

    workbench.run(scenario())


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("A", 30),
        ("Z", 44),
        ("1", 2),
        ("Exclam", 2),
        ("Minus", 12),
        ("Slash", 53),
        ("Question", 53),
        ("Space", 57),
        ("Return", 28),
        ("Enter", 96),
        ("F1", 59),
        ("F10", 68),
        ("F12", 88),
        ("Up", 103),
        ("Delete", 111),
    ],
)
def test_qt_keys_as_on_a_us_keyboard(key: str, code: int) -> None:
    assert code_of(getattr(Qt.Key, f"Key_{key}")) == code


def test_a_guest_is_robbed_of_no_key_but_the_workbenchs_own() -> None:
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier

    def kept(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> bool:
        return kept_by_workbench(QKeyEvent(QEvent.Type.ShortcutOverride, key, modifiers))

    assert kept(Qt.Key.Key_Tab, control) and kept(Qt.Key.Key_P, control | shift) and kept(Qt.Key.Key_F11)
    assert not kept(Qt.Key.Key_C, control) and not kept(Qt.Key.Key_Tab) and not kept(Qt.Key.Key_F1)
    assert not kept(Qt.Key.Key_Control, control | shift)
