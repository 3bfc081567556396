"""The slider under a phone: what it says in each state, and what mouse and keys do with it. The timeline is a
driven one here; test_real_time.py goes the same way with a real guest."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from driver import DriverGuest, DriverHandset
from driver_time import SECOND, DriverTimeline, give_time, pixels
from kit import Workbench, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor_workbench.stage.stage import View
from pocketvisor_workbench.timeline.bar import COMPACT_HEIGHT, HEIGHT
from pocketvisor_workbench.timeline.words import before_words, clock_words


@pytest.fixture
def timed(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """Every driven guest has a timeline."""
    made = DriverGuest.__init__

    def init(guest: DriverGuest, *rest: Any) -> None:
        made(guest, *rest)
        give_time(guest)

    monkeypatch.setattr(DriverGuest, "__init__", init)
    workbench.window.resize(1280, 980)
    yield workbench


def timeline_of(guest: Any) -> DriverTimeline:
    timeline: DriverTimeline = guest.debugger.timeline
    return timeline


def view_of(workbench: Workbench, handset: DriverHandset) -> Any:
    return workbench.window.stage.views[handset]  # type: ignore[index]


async def recorded(workbench: Workbench, seconds: int = 60) -> tuple[DriverHandset, Any, DriverTimeline]:
    """A guest that has been recorded for so long."""
    handset = await workbench.handset("personal", "work")
    timeline = timeline_of(handset.guests[0])
    workbench.window.trigger("time.record")
    await workbench.session.jobs.idle()
    for second in range(1, seconds + 1):
        timeline.add(second)
    await asyncio.sleep(0.02)
    return handset, view_of(workbench, handset).time_bar, timeline


def test_a_guest_without_a_past_has_a_button_and_no_bar(timed: Workbench) -> None:
    async def scenario() -> None:
        handset = await timed.handset("personal")
        view = view_of(timed, handset)
        record = view._header.record if view.compact else view._footer.record
        assert view.time_bar.isHidden() and record.isVisible()
        height = view.size_at(0.5).height()
        QTest.mouseClick(record, Qt.MouseButton.LeftButton)
        await until(lambda: timeline_of(handset.guests[0]).recording)
        await until(lambda: view.time_bar.isVisible() and record.isHidden())
        assert view.size_at(0.5).height() - height in (HEIGHT, COMPACT_HEIGHT)
        assert "Recording" in view.time_bar.words.text()
        assert "Stop recording Personal" in view.time_bar.record.accessibleName()

    timed.run(scenario())


def test_a_drag_shows_the_picture_of_then_and_its_end_is_now(timed: Workbench) -> None:
    async def scenario() -> None:
        handset, bar, timeline = await recorded(timed)
        guest = handset.guests[0]
        strip, pane = bar.strip, timed.pane(guest)
        middle = strip.height() // 2
        QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() // 2, middle))
        QTest.mouseMove(strip, QPoint(strip.width() // 4, middle))
        await until(lambda: timeline.in_past and timeline.gone_to[-1] // SECOND in (14, 15))
        assert timeline.gone_to[0] % SECOND == 0, "a drag goes by the moments that were kept"
        await until(lambda: bar.time.wanted is None)  # and where it rests to the very place
        assert strip._preview.isVisible() and strip._preview.words == clock_words(timeline.gone_to[-1])
        QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() // 4, middle))
        await until(lambda: pane._badge.isVisible())
        shown = pane.grab().toImage().pixel(pane.width() // 2, pane.height() // 2) & 0xFFFFFF
        assert shown == pixels(timeline.past.panel)
        assert bar.now.isVisible() and bar.branch.isEnabled() and "ago" in bar.words.text()
        assert not bar.record.isEnabled() or timeline.recording

        inputs = len(guest.inputs)
        QTest.mouseClick(pane, Qt.MouseButton.LeftButton)
        QTest.keyClick(pane, Qt.Key.Key_A)
        assert len(guest.inputs) == inputs and "no input" in pane._badge.words

        QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() // 2, middle))
        QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() + 20, middle))
        await until(lambda: not timeline.in_past and pane._badge.isHidden())
        assert bar.now.isHidden() and bar.time.wanted is None

    timed.run(scenario())


def test_of_many_moments_asked_for_while_one_is_gone_to_the_last_counts(timed: Workbench) -> None:
    async def scenario() -> None:
        _, bar, timeline = await recorded(timed)
        timeline.gate = asyncio.Event()
        for second in (10, 20, 30, 40):
            bar.time.go_to(second * SECOND)
            await asyncio.sleep(0)
        assert bar.time.shown_ns == 40 * SECOND
        timeline.gate.set()
        await until(lambda: bar.time.wanted is None)
        assert timeline.gone_to[-1] == 40 * SECOND and len(timeline.gone_to) <= 2

    timed.run(scenario())


def test_the_keyboard_is_enough(timed: Workbench) -> None:
    async def scenario() -> None:
        _, bar, timeline = await recorded(timed)
        strip = bar.strip
        strip.setFocus()

        async def press(key: Qt.Key, modifiers: Qt.KeyboardModifier, at: float) -> None:
            QTest.keyClick(strip, key, modifiers)
            await until(lambda: bar.time.wanted is None and timeline.in_past and not bar.time.busy)
            assert timeline.shown_ns == round(at * SECOND)

        none, shift = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
        await press(Qt.Key.Key_Home, none, 0)
        await press(Qt.Key.Key_PageUp, none, 10)
        await press(Qt.Key.Key_Left, none, 9)
        await press(Qt.Key.Key_Right, shift, 9.1)
        assert "0:09.1" in strip.accessibleName()
        await press(Qt.Key.Key_PageDown, none, 0)
        QTest.keyClick(strip, Qt.Key.Key_Space)
        await until(lambda: timeline.running and bar.run.accessibleName() == "Hold here")
        QTest.keyClick(strip, Qt.Key.Key_Space)
        await until(lambda: not timeline.running)
        QTest.keyClick(strip, Qt.Key.Key_End)
        await until(lambda: not timeline.in_past)
        timed.window.trigger("time.back")
        await until(lambda: timeline.in_past and not bar.time.busy)
        timed.window.trigger("time.present")
        await until(lambda: not timeline.in_past)

    timed.run(scenario())


def test_a_branch_is_named_and_brought_to_the_front(timed: Workbench) -> None:
    async def scenario() -> None:
        handset, bar, timeline = await recorded(timed)
        bar.time.go_to(20 * SECOND)
        await until(lambda: timeline.in_past and not bar.time.busy)
        QTest.mouseClick(bar.branch, Qt.MouseButton.LeftButton)
        dialog: Any = QApplication.activeModalWidget()
        assert dialog.name.text() == "Personal from 0:20"
        dialog.name.setText("Another way")
        dialog.accept()
        await until(lambda: len(handset.guests) == 3)
        await until(lambda: handset.foreground is not None and handset.foreground.name == "Another way")
        assert not timeline.in_past

    timed.run(scenario())


def test_recording_anew_asks_before_it_lets_the_past_go(timed: Workbench) -> None:
    async def scenario() -> None:
        _, bar, timeline = await recorded(timed, 5)
        QTest.mouseClick(bar.record, Qt.MouseButton.LeftButton)
        await until(lambda: not timeline.recording and not bar.time.busy)
        assert "recorded" in bar.words.text() and bar.isVisible()
        QTest.mouseClick(bar.record, Qt.MouseButton.LeftButton)
        dialog: Any = QApplication.activeModalWidget()
        assert dialog is not None and not timeline.recording
        dialog.accept()
        await until(lambda: timeline.recording)

    timed.run(scenario())


def test_what_fails_is_said_under_the_phone_and_the_present_stays(timed: Workbench) -> None:
    async def scenario() -> None:
        _, bar, timeline = await recorded(timed)
        timeline.fails = "That moment cannot be had again: its log is damaged"
        bar.time.go_to(5 * SECOND)
        await until(lambda: bar.words.toolTip() == timeline.fails)
        assert not timeline.in_past and bar.time.wanted is None
        assert bar.now.isHidden() and bar.words.objectName() == "problem"
        timeline.fails = ""
        bar.time.go_to(5 * SECOND)
        await until(lambda: timeline.in_past and bar.words.objectName() == "past")

    timed.run(scenario())


def test_the_bar_is_about_the_foreground_and_demo_has_none(timed: Workbench) -> None:
    async def scenario() -> None:
        handset, bar, timeline = await recorded(timed)
        view = view_of(timed, handset)
        first, second = handset.guests
        timed.session.bring_to_front(second)  # type: ignore[arg-type]
        await until(lambda: bar.isHidden())
        timed.session.bring_to_front(first)  # type: ignore[arg-type]
        await until(lambda: bar.isVisible())
        bar.time.go_to(20 * SECOND)
        await until(lambda: timeline.in_past)
        timed.window.set_view(View.DEMO)
        assert view.time_bar.isHidden() and timed.pane(first)._badge.isVisible()
        timed.window.set_view(View.GRID)
        assert view.time_bar.isVisible()
        await handset.remove(first)
        assert bar.time is None or bar.time.guest is second

    timed.run(scenario())


def test_what_is_given_up_before_it_began_leaves_nothing(timed: Workbench) -> None:
    async def scenario() -> None:
        _, bar, timeline = await recorded(timed, 3)
        bar.time.go_to(2 * SECOND)
        await timed.session.jobs.close()
        assert bar.time.wanted is None and not bar.time.busy and timeline.gone_to == []

    timed.run(scenario())


def test_a_damaged_thumbnail_is_left_out(timed: Workbench) -> None:
    async def scenario() -> None:
        _, bar, timeline = await recorded(timed, 3)
        for moment in timeline.moments:
            moment.thumbnail = b"\x89PNG" + bytes(40)
        bar.strip._thumbnails.clear()
        bar.strip.grab()
        QTest.mouseMove(bar.strip, QPoint(20, 10))
        assert bar.strip._preview is not None
        await asyncio.sleep(0.02)  # the panes have looked

    timed.run(scenario())


def test_times_in_words() -> None:
    assert [clock_words(n * SECOND) for n in (0, 61, 3661)] == ["0:00.0", "1:01.0", "1:01:01.0"]
    assert clock_words(59_950_000_000) == "0:59.9" and clock_words(-5) == "0:00.0"
    assert [before_words(n * SECOND) for n in (2, 130, 7200)] == ["2.0 s ago", "2 min 10 s ago", "2.0 h ago"]
