"""Every pane, with a guest and without: empty states, what is shown, and that nothing waits or grows."""

import asyncio
import gc
import time
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from pocketvisor.api import GuestState
from pocketvisor_workbench.console_feed import BACKLOG
from pocketvisor_workbench.log import EventLog, Level
from pocketvisor_workbench.metrics import POINTS
from pocketvisor_workbench.panes import PANES
from pocketvisor_workbench.panes.guest_controls import grouped
from pocketvisor_workbench.theme import ThemeMode


@pytest.mark.parametrize("name", [pane.name for pane in PANES])
def test_a_pane_stands_without_guests_with_them_and_after_them(workbench: Workbench, name: str) -> None:
    async def scenario() -> None:
        window = workbench.window
        for other in window.docks:
            window.docks[other].setVisible(other == name)
        pane = window.docks[name].pane
        assert not pane.grab().isNull()
        handset: Any = await workbench.handset("personal", "work")
        await asyncio.sleep(0.25)
        assert not pane.grab().isNull()
        window.bench.theme.set_mode(ThemeMode.LIGHT)
        assert not pane.grab().isNull()
        for guest in list(handset.guests):
            await handset.remove(guest)
        workbench.session.remove_handset(handset)
        await asyncio.sleep(0.15)
        assert not pane.grab().isNull()

    workbench.run(scenario())


def _pane(workbench: Workbench, name: str) -> Any:
    workbench.window.docks[name].show()
    workbench.window.docks[name].raise_()
    return workbench.window.docks[name].pane


def test_performance_draws_at_most_600_points_within_fixed_ranges(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        pane = _pane(workbench, "performance")
        series = workbench.window.bench.sampler.series[handset.guests[0]]
        for number in range(POINTS + 50):
            series.sample(1000 + number / 10, number * 10**7, number * 10**6, 50 << 20)
        pane.refresh()
        x, y = pane.graphs[0].curves[handset.guests[0]].getData()
        assert len(x) == POINTS and y[-1] == pytest.approx(10.0, rel=0.01)
        assert pane.graphs[1].top == handset.model.mips

    workbench.run(scenario())


def test_performance_survives_a_restart_of_the_counters(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        series = workbench.window.bench.sampler.series[handset.guests[0]]
        series.sample(time.monotonic() + 1, 10**9, 10**9, 1)
        series.sample(time.monotonic() + 2, 0, 0, 1)
        series.sample(time.monotonic() + 3, 10**8, 10**6, 1)
        assert min(value for value in series.mips if value == value) >= 0

    workbench.run(scenario())


def test_console_shows_types_finds_copies_and_saves(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = _pane(workbench, "console")
        personal = handset.guests[0]
        assert pane.guest is personal
        personal.console.push(b"login: \x1b[32mroot\x1b[0m\r\n# ls\r\nbin dev\r\n# ")
        await until(lambda: "bin dev" in pane.view.selected_text())
        pane.view.setFocus()
        QTest.keyClicks(pane.view, "ls")
        QTest.keyClick(pane.view, Qt.Key.Key_Return)
        QTest.keyClick(pane.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClick(pane.view, Qt.Key.Key_Up)
        QTest.keyClick(pane.view, Qt.Key.Key_Tab)
        assert personal.console.written == b"ls\r\x03\x1b[A\t"
        assert pane.view.search("root") == 1 and pane.view.search("nothing") == 0
        pane.view.copy()
        assert "login: root" in QGuiApplication.clipboard().text()
        pane.save_to(str(tmp_path / "console.txt"))
        assert (tmp_path / "console.txt").read_text() == "login: root\n# ls\nbin dev\n#\n"
        pane.save_to(str(tmp_path / "no" / "where.txt"))
        assert workbench.session.log.entries[-1].level is Level.ERROR
        pane.clear()
        assert pane.view.selected_text() == ""

    workbench.run(scenario())


def test_console_follows_the_selected_guest_but_not_while_it_is_typed_into(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = _pane(workbench, "console")
        workbench.session.bring_to_front(handset.guests[1])
        assert pane.guest is handset.guests[1]
        pane.view.setFocus()
        workbench.session.bring_to_front(handset.guests[0])
        assert pane.guest is handset.guests[1]

    workbench.run(scenario())


def test_a_flood_on_the_console_neither_holds_the_window_nor_grows(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        pane = _pane(workbench, "console")
        flood = b"\x1b[31mflood flood flood\x1b[0m\r\n" * 4000
        loop = asyncio.get_running_loop()
        handset.guests[0].console.push(flood)
        await asyncio.sleep(0.3)
        gc.collect()
        gc.freeze()  # as the program does once it has started
        longest, last, end = 0.0, time.thread_time(), loop.time() + 1.0  # what others do does not count
        turns = 0
        while loop.time() < end or turns < 20:  # a second may have few turns where others have the computer
            turns += 1
            handset.guests[0].console.push(flood)
            await asyncio.sleep(0)
            longest, last = max(longest, time.thread_time() - last), time.thread_time()
        gc.unfreeze()
        feed = pane.feeds[handset.guests[0]]
        assert len(feed._pending) <= BACKLOG and feed.skipped > 0
        assert longest < 0.1, longest

    workbench.run(scenario())


def test_events_filter_by_words_and_level_and_stay_within_bounds(workbench: Workbench) -> None:
    async def scenario() -> None:
        pane = _pane(workbench, "events")
        log = workbench.session.log
        log.add("one thing", source="Personal")
        log.add("another thing", Level.ERROR, source="Work")
        pane.words.setText("thing work")
        assert pane._filter.rowCount() == 1
        pane.words.clear()
        pane.level.setCurrentIndex(3)
        assert pane._filter.rowCount() == 1
        pane.level.setCurrentIndex(0)
        pane.table.selectAll()
        pane.copy()
        assert "another thing" in QGuiApplication.clipboard().text()
        for number in range(EventLog.KEPT + 10):
            log.add(f"event {number}")
        assert pane.model.rowCount() <= EventLog.KEPT and len(log.entries) <= EventLog.KEPT

    workbench.run(scenario())


def test_jobs_show_progress_and_are_cancelled_by_a_click(workbench: Workbench) -> None:
    async def scenario() -> None:
        pane = _pane(workbench, "jobs")

        async def work(job: Any) -> None:
            job.report(0.25, "a quarter")
            await asyncio.sleep(60)

        job = workbench.session.run("Long work", work)
        await until(lambda: job.progress == 0.25)
        row = pane.rows[job]
        assert row._bar.value() == 250 and row._detail.text() == "a quarter"
        QTest.mouseClick(row.cancel, Qt.MouseButton.LeftButton)
        await until(lambda: not job.running)
        assert row.cancel.isHidden()
        workbench.session.jobs.clear_ended()
        assert pane.rows == {}

    workbench.run(scenario())


def test_controls_tell_the_state_and_offer_what_can_be_done(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        guest = handset.guests[0]
        pane = _pane(workbench, "controls")
        assert pane.head.name.text() == "Personal" and pane.head.state.text() == "Running"
        assert pane.head.operations["guest.pause"].isEnabled()
        QTest.mouseClick(pane.head.operations["guest.pause"], Qt.MouseButton.LeftButton)
        await until(lambda: guest.state is GuestState.PAUSED)
        assert pane.head.state.text() == "Paused" and pane.head.operations["guest.resume"].isEnabled()
        guest.become(GuestState.CRASHED, "Personal crashed: no reason")
        assert pane.head.problem.text() == "Personal crashed: no reason"
        assert (
            pane.head.operations["guest.restart"].isEnabled()
            and not pane.head.operations["guest.kill"].isEnabled()
        )
        guest.become(GuestState.RUNNING)
        pane.keys.typing.setText("hello")
        QTest.keyClick(pane.keys.typing, Qt.Key.Key_Return)
        assert guest.inputs == [("type", "hello")]

    workbench.run(scenario())


def test_library_offers_guests_and_phones_and_says_what_is_missing(workbench: Workbench) -> None:
    async def scenario() -> None:
        pane = _pane(workbench, "library")
        cards = {card.ident: card for card in pane.cards}
        assert not cards["debian"].usable and "fetch it" in cards["debian"].toolTip()
        QTest.mouseDClick(cards["nexus-one"], Qt.MouseButton.LeftButton)
        handset: Any = workbench.session.handset
        QTest.mouseDClick(cards["work"], Qt.MouseButton.LeftButton)
        await until(lambda: handset.guests)
        assert handset.guests[0].name == "Work"
        pane.search.setText("samsung")
        shown = {card.ident for card in pane.cards if not card.isHidden()}
        assert shown == {"galaxy-s", "galaxy-s2"}
        pane.search.setText("nothing at all")
        assert pane._nothing.isVisible()

    workbench.run(scenario())


def test_large_numbers_are_read_at_a_glance() -> None:
    assert [grouped(value) for value in (7, 12345, 12_345_678, 98_765_432_100)] == [
        "7",
        "12\u2009345",
        "12.35 M",
        "98.77 G",
    ]
