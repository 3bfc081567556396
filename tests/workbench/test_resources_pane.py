"""The Resources pane: what it shows of a phone's processor, memory and battery, and what is changed there."""

import asyncio
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor.api import GuestState
from pocketvisor.scheduler.qos import SHARES, Qos
from pocketvisor_workbench.resources.bars import Part, StackBar
from pocketvisor_workbench.resources.pane import ResourcesPane
from pocketvisor_workbench.resources.power import hours_words
from pocketvisor_workbench.resources.share_row import shares_at, step_of


def resources(workbench: Workbench) -> Any:
    workbench.window.docks["resources"].show()
    workbench.window.docks["resources"].raise_()
    return workbench.window.docks["resources"].pane


def work_on(handset: Any, *mips: float, seconds: float = 3.0) -> None:
    """The guests do so much, and the handset looks meanwhile, as it does by itself with real ones."""
    for number in range(round(seconds / 0.05)):
        for guest, each in zip(handset.guests, mips, strict=True):
            guest.ran(0.05, each)
        handset.scheduler.assign(1000.0 + number * 0.05)
        if number % 10 == 0:
            handset.power.look()


def keys(widget: Any, key: Qt.Key, times: int = 1) -> None:
    widget.setFocus()
    for _ in range(times):
        QTest.keyClick(widget, key)


def test_each_guest_has_its_share_and_the_phone_its_sums(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        personal, work = handset.guests
        work.set_qos(reservation=1260)
        work_on(handset, 420, 1250)
        pane.refresh()
        assert pane.cpu.summary.text() == "1670 of 2100 MIPS"
        assert pane.cpu.reserved.text().startswith("1260 MIPS are reserved, 840 can be.")
        assert pane.cpu.rows.row(work).figure.text() == "1250 MIPS · 75 %"
        share = pane.cpu.rows.row(work).bar.share
        assert share.reserved == 1260 and share.used == pytest.approx(1250) and share.total == 2100
        assert pane.cpu.rows.row(personal).bar.accessibleName().startswith("Personal: ran 420 of ")
        powers = [handset.power.now().guests[number] for number in range(2)]
        row = pane.power.rows.row(personal)
        assert (
            row.figure.text().startswith(f"{powers[0].ma:.0f} mA")
            and powers[0].panel_ma > 50 > powers[1].panel_ma
        )

    workbench.run(scenario())


def test_a_reservation_is_set_by_keys_and_one_too_many_is_a_sentence(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        personal, work = handset.guests
        personal.set_qos(reservation=1000)
        pane.refresh()
        row = pane.cpu.rows.row(work)
        assert not row.reserved.slider.isVisible()
        row.edit.click()
        assert row.reserved.slider.isVisible()
        keys(row.reserved.slider, Qt.Key.Key_PageUp, 2)
        assert work.qos == Qos(reservation=210)
        assert row.reserved.field.text() == "210 MIPS" and not row.problem.isVisible()
        row.reserved.field.setFocus()
        row.reserved.field.selectAll()
        QTest.keyClicks(row.reserved.field, "1500")
        QTest.keyClick(row.reserved.field, Qt.Key.Key_Return)
        assert work.qos.reservation == 210
        assert "1100 of its 2100 MIPS left to reserve, not 1500" in row.problem.text()
        assert row.problem.isVisible() and row.reserved.field.text() == "210 MIPS"
        assert row.reserved.slider.value() == 210
        keys(row.reserved.slider, Qt.Key.Key_Home)
        assert work.qos.reservation == 0 and row.reserved.field.text() == "none"
        assert not row.problem.isVisible()
        work.set_qos(reservation=300, shares=400)
        pane.refresh()
        row.usual.click()
        assert work.qos == Qos() and not row.usual.isEnabled()

    workbench.run(scenario())


def test_tab_comes_to_a_guest_s_settings_where_they_are_seen(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        pane.refresh()
        await handset.start(workbench.session.images["work"], name="Later")
        pane.refresh()
        rows = [pane.cpu.rows.row(guest) for guest in handset.guests]
        rows[1].edit.click()
        pane.cpu.head.setFocus()
        reached = []
        for _ in range(9):
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
            reached.append(QApplication.focusWidget())
        settings = (rows[1].shares, rows[1].reserved, rows[1].limit)
        unfolded = [part for setting in settings for part in (setting.slider, setting.field)]
        assert set(reached) >= {rows[0].edit, rows[1].edit, *unfolded}
        assert reached.index(rows[0].edit) < reached.index(rows[1].edit) < reached.index(unfolded[0])

    workbench.run(scenario())


def test_the_pane_says_whose_resources_they_are(workbench: Workbench) -> None:
    async def scenario() -> None:
        pane = resources(workbench)
        assert pane.whose.text() == ""
        first: Any = await workbench.handset("personal")
        second: Any = await workbench.handset("work")
        assert second.name != first.name and pane.whose.text() == second.name
        workbench.session.select(first)
        assert pane.whose.text() == first.name

    workbench.run(scenario())


def test_a_limit_ends_at_the_right_and_shares_double_every_four_steps(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        work = handset.guests[1]
        pane.refresh()
        row = pane.cpu.rows.row(work)
        row.edit.click()
        assert row.limit.field.text() == "none" and row.limit.slider.value() == 2100
        keys(row.limit.slider, Qt.Key.Key_PageDown)
        assert work.qos.limit == 1995 and row.limit.field.text() == "1995 MIPS"
        keys(row.limit.slider, Qt.Key.Key_End)
        assert work.qos.limit == 0 and row.limit.field.text() == "none"
        keys(row.shares.slider, Qt.Key.Key_PageUp)
        assert work.qos.shares == 2 * SHARES and row.shares.field.text() == "2000"

    workbench.run(scenario())


def test_shares_and_the_sliders_steps_belong_together() -> None:
    assert shares_at(0) == SHARES and shares_at(4) == 2 * SHARES and shares_at(-12) == 120
    assert all(step_of(shares_at(step)) == step for step in range(-12, 13))
    assert step_of(1) == -12 and step_of(100_000) == 12


def test_a_slider_that_is_held_is_left_alone_and_sets_nothing_yet(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        pane = resources(workbench)
        guest = handset.guests[0]
        pane.refresh()
        row = pane.cpu.rows.row(guest)
        row.edit.click()
        row.reserved.slider.setSliderDown(True)
        row.reserved.slider.setSliderPosition(700)
        pane.refresh()
        assert guest.qos.reservation == 0 and row.reserved.slider.value() == 700
        assert row.reserved.field.text() == "700 MIPS"
        row.reserved.slider.setSliderDown(False)
        assert guest.qos.reservation == 700

    workbench.run(scenario())


def test_boost_and_response_time_are_the_phones(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        pane.refresh()
        pane.cpu.boost.click()
        assert handset.scheduler.boost == 2.0
        work_on(handset, 420, 1250)
        pane.refresh()
        assert pane.cpu.rows.row(handset.guests[0])._sign.toolTip().startswith("Boosted")
        pane.cpu.factor.setFocus()
        pane.cpu.factor.selectAll()
        QTest.keyClicks(pane.cpu.factor, "4")
        QTest.keyClick(pane.cpu.factor, Qt.Key.Key_Return)
        assert handset.scheduler.boost == 4.0
        pane.cpu.automatic.click()
        assert handset.scheduler.response.target_ms == 20.0
        pane.refresh()
        assert pane.cpu.waited.isVisible() and pane.cpu.waited.text().startswith("Waited ")
        pane.cpu.automatic.click()
        pane.cpu.boost.click()
        assert handset.scheduler.response.target_ms is None and handset.scheduler.boost == 1.0
        pane.refresh()
        assert not pane.cpu.waited.isVisible() and not pane.cpu.boost.isChecked()

    workbench.run(scenario())


def test_a_low_battery_slows_the_background_and_says_so(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        pane.refresh()
        pane.power.low.click()
        assert (handset.power.low.percent, handset.power.low.background_mips) == (15, 100)
        handset.phone.set_battery(9.0)
        work_on(handset, 900, 100)
        pane.refresh()
        work = handset.guests[1]
        assert "100 MIPS" in pane.power.rows.row(work)._slow.toolTip()
        assert pane.power.rows.row(work)._slow.isVisible()
        assert not pane.power.rows.row(handset.guests[0])._slow.isVisible()
        assert "battery is low" in pane.cpu.rows.row(work)._sign.toolTip()
        assert pane.power.summary.text().startswith("9 %")
        handset.phone.set_battery(plugged=True)
        pane.refresh()
        assert pane.power.level.text() == "On the charger."
        assert not pane.power.rows.row(work)._slow.isVisible()
        pane.power.low.click()
        assert handset.power.low.percent == 0

    workbench.run(scenario())


def test_memory_is_split_into_own_shared_and_given_back(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        personal, work = handset.guests
        handset.memory.kinds = {
            personal.id: {"private": 18, "shared": 12, "merged": 6, "saved": 9, "balloon": 8},
            work.id: {"private": 30, "shared": 12, "saved": 6},
        }
        handset.memory.alone = {work.id: "Its policy keeps its memory apart"}
        pane.refresh()
        parts = pane.memory.rows.row(personal).bar.parts
        assert [part.value >> 20 for part in parts] == [18, 12, 6, 8]
        assert pane.memory.rows.row(personal).figure.text() == "27 of 64 MiB"
        assert pane.memory.summary.text() == "63 of 512 MiB"
        assert "Sharing saves 15 MiB, 19 %." in pane.memory.figures.text()
        assert not pane.memory.rows.row(work).apart.isVisible()
        pane.memory.sharing.click()
        await until(lambda: handset.memory.share)
        await until(lambda: pane.memory.rows.row(work).apart.isVisible())
        assert pane.memory.rows.row(work).apart.text() == "Its policy keeps its memory apart"
        assert not pane.memory.rows.row(personal).apart.isVisible()
        pane.memory.sharing.click()
        await until(lambda: not handset.memory.share)
        handset.memory.kinds = {personal.id: {"private": 600}}
        pane.refresh()
        assert "more than it has" in pane.memory.figures.text()

    workbench.run(scenario())


def test_guests_come_and_go_and_the_editor_of_who_stays_is_open_still(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal", "work")
        pane = resources(workbench)
        pane.refresh()
        row = pane.cpu.rows.row(handset.guests[1])
        row.edit.click()
        handset.guests[0].become(GuestState.PAUSED)
        await handset.start(workbench.session.images["work"], name="Third")
        assert [guest.name for guest in pane.cpu.rows.guests] == ["Personal", "Work", "Third"]
        assert pane.cpu.rows.row(handset.guests[0]).figure.text() == "idle"
        await handset.remove(handset.guests[0])
        assert [guest.name for guest in pane.cpu.rows.guests] == ["Work", "Third"]
        assert pane.cpu.rows.row(handset.guests[0]) is row and row.reserved.slider.isVisible()
        other: Any = await workbench.handset("personal", model="htc-dream")
        assert pane.cpu.rows.guests == other.guests
        for one in (other, handset):
            workbench.session.remove_handset(one)
        assert pane._stack.currentIndex() == 1

    workbench.run(scenario())


def test_there_are_as_many_columns_as_there_is_room_for(workbench: Workbench) -> None:
    async def scenario() -> None:
        await workbench.handset("personal")
        pane = ResourcesPane(workbench.window.bench)
        pane.show()
        for width, columns in ((300, 1), (620, 2), (900, 3)):
            pane.resize(width, 500)
            await asyncio.sleep(0.02)
            lefts = {section.mapTo(pane, section.rect().topLeft()).x() for section in pane.sections}
            assert len(lefts) == columns
        pane.deleteLater()

    workbench.run(scenario())


def test_nothing_is_read_while_the_pane_is_hidden(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        pane = resources(workbench)
        workbench.window.docks["resources"].hide()
        asked: list[str] = []
        handset.scheduler.now = lambda: asked.append("now") or []
        await asyncio.sleep(0.7)
        pane.refresh()
        assert asked == []
        workbench.window.trigger("view.resources")
        await until(lambda: asked)

    workbench.run(scenario())


def test_a_stack_says_what_is_under_the_mouse_and_never_overflows(workbench: Workbench) -> None:
    bar = StackBar("Memory")
    bar.resize(200, 12)
    bar.show_parts([Part("a", 1, "good"), Part("nothing", 0, "bad"), Part("b", 2, "bad")], 4, "free")
    assert [round(place.width()) for place in bar.places()] == [50, 100]
    assert [bar.words_at(x) for x in (10, 60, 190)] == ["a", "b", "free"]
    assert bar.accessibleName() == "Memory: a, b, free"
    bar.show_parts([Part("a", 30, "good"), Part("small", 0.001, "bad"), Part("b", 30, "bad")], 4)
    assert max(place.right() for place in bar.places()) <= 200
    assert not bar.grab().isNull()


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.2, "12 min"), (1.4, "84 min"), (2.5, "2 h 30 min"), (3.0, "3 h"), (14.7, "15 h"), (90.0, "4 days")],
)
def test_hours(hours: float, words: str) -> None:
    assert hours_words(hours) == words
