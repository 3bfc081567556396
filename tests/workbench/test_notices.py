"""Notices: what somebody works with stays in reach, each is seen for its time, the keyboard gets there."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import QEvent, QPointF, QRect, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor_workbench.banners import MOST, Banner, Notice
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.notice_spot import find_spot
from pocketvisor_workbench.perspectives import Perspective
from pocketvisor_workbench.stage.stage import View

ROOM = QRect(0, 0, 1000, 600)
LONG = "Personal was not moved: its file lies on a disk that is full, and 34 MiB are missing there. " * 2


def high(height: int) -> Callable[[int], int]:
    return lambda _: height


def test_with_nothing_in_the_way_it_is_below_in_the_middle() -> None:
    spot = find_spot(ROOM, [[]], high(50))
    assert spot.wish == 0 and spot.place == QRect(240, 534, 520, 50)


def test_it_goes_aside_and_narrower_for_a_card() -> None:
    card = QRect(330, 20, 340, 560)
    spot = find_spot(ROOM, [[card]], high(50))
    assert spot.wish == 0 and not spot.place.intersects(card) and spot.place.width() == 300
    assert spot.place.right() > card.right()


def test_a_card_s_rim_is_covered_before_a_phone() -> None:
    card, phone = QRect(20, 20, 960, 560), QRect(100, 90, 800, 480)
    spot = find_spot(ROOM, [[card], [phone]], high(60))
    assert spot.wish == 1 and spot.place.bottom() < phone.top()


def test_where_all_is_taken_it_covers_as_little_as_it_can() -> None:
    phone = QRect(0, 40, 1000, 560)
    spot = find_spot(ROOM, [[phone], [phone]], high(60))
    assert spot.wish == 2 and spot.place.top() < 10


@pytest.mark.parametrize("room", [QRect(0, 0, 40, 30), QRect(0, 0, 0, 0), QRect(10, 10, 250, 100)])
def test_a_room_that_is_too_small_is_no_trouble(room: QRect) -> None:
    assert find_spot(room, [[room]], high(50)).place.width() <= max(room.width(), 1)


def reachable(workbench: Workbench, guest: Any) -> bool:
    """The middle and all corners of its pane are under the mouse, and so are the phone's keys."""
    window, pane = workbench.window, workbench.pane(guest)
    inner = pane.rect().adjusted(3, 3, -3, -3)
    spots = [inner.topLeft(), inner.topRight(), inner.bottomLeft(), inner.bottomRight(), inner.center()]
    places = [(pane, spot) for spot in spots]
    places += [(key, key.rect().center()) for key in window.stage.views[guest.handset].keys]
    for widget, spot in places:
        found = window.childAt(widget.mapTo(window, spot))
        if found is None or not (found is widget or widget.isAncestorOf(found)):
            return False
    return True


@pytest.mark.parametrize("size", [(1024, 700), (1366, 768), (1920, 1080)])
@pytest.mark.parametrize("perspective", list(Perspective))
def test_phones_and_their_keys_stay_in_reach(
    workbench: Workbench, perspective: Perspective, size: tuple[int, int]
) -> None:
    async def scenario() -> None:
        window = workbench.window
        handset: Any = await workbench.handset("personal", "work")
        window.set_perspective(perspective)
        window.resize(*size)
        await until(lambda: (window.width(), window.height()) == size)
        await asyncio.sleep(0)
        workbench.session.log.add("Personal was saved.", notice=True)
        workbench.session.log.add("Personal was saved once more.", Level.WARNING, notice=True)
        window.banners.add(Banner("Nexus One was removed.", Level.INFO, "Undo", lambda: None, 8000))
        seen = [notice for notice in window.banners.shown if notice.isVisible()]
        assert seen and seen[-1].text == "Nexus One was removed."
        guests = handset.guests[:1] if perspective is Perspective.DEMO else handset.guests
        for guest in guests:
            assert reachable(workbench, guest), guest.name
        assert window.stage.rect().contains(window.banners.geometry())
        for notice in seen:
            assert notice.height() >= notice.minimumSizeHint().height(), "no words are cut"

    workbench.run(scenario())


def test_a_long_one_on_a_small_stage_leaves_the_phones_in_reach(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        handset: Any = await workbench.handset("personal")
        window.set_perspective(Perspective.DEVELOP)
        window.resize(1024, 700)
        await until(lambda: (window.width(), window.height()) == (1024, 700))
        await asyncio.sleep(0)
        workbench.session.log.add(LONG, Level.ERROR, notice=True)
        assert window.banners.isVisible() and reachable(workbench, handset.guests[0])

    workbench.run(scenario())


def test_an_older_one_waits_for_room_and_comes_back(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        await workbench.handset("personal", "work")
        window.set_perspective(Perspective.DEBUG)
        window.resize(1024, 700)
        await until(lambda: (window.width(), window.height()) == (1024, 700))
        undo = Banner("Nexus One was removed.", Level.INFO, "Undo", lambda: None, 8000)
        window.banners.add(undo)
        newer = Banner("Personal was saved.", Level.INFO)
        window.banners.add(newer)
        assert newer.isVisible() and undo.isHidden() and undo in window.banners.shown
        assert not undo._life.isActive(), "its time stands still"
        newer.leave()
        assert undo.isVisible() and undo._life.isActive()

    workbench.run(scenario())


def test_what_asks_nothing_goes_before_what_does(workbench: Workbench) -> None:
    async def scenario() -> None:
        banners = workbench.window.banners
        undo = Banner("Nexus One was removed.", Level.INFO, "Undo", lambda: None, 8000)
        banners.add(undo)
        for number in range(5):
            banners.add(Banner(f"notice {number}", Level.INFO))
        assert undo in banners.shown and len(banners.shown) == MOST

    workbench.run(scenario())


def test_it_goes_by_itself_but_not_under_the_mouse(workbench: Workbench) -> None:
    async def scenario() -> None:
        banners = workbench.window.banners
        held = Banner("Read me", Level.INFO, shown_ms=60)
        banners.add(held)
        at = QPointF(3, 3)
        QApplication.sendEvent(held, QEnterEvent(at, at, at))
        other = Banner("Quick", Level.INFO, shown_ms=60)
        banners.add(other)
        await until(lambda: other not in banners.shown)
        assert held in banners.shown and not held._life.isActive()
        QApplication.sendEvent(held, QEvent(QEvent.Type.Leave))
        assert held._life.isActive()
        await until(lambda: banners.shown == [])
        assert banners.isHidden()

    workbench.run(scenario())


def focused(notice: Notice) -> bool:
    widget = QApplication.focusWidget()
    return widget is not None and (widget is notice or notice.isAncestorOf(widget))


def test_the_keyboard_answers_and_dismisses(workbench: Workbench) -> None:
    async def scenario() -> None:
        window, answered = workbench.window, []
        handset: Any = await workbench.handset("personal")
        pane = workbench.pane(handset.guests[0])
        pane.setFocus()
        asks = Banner("Nexus One was removed.", Level.INFO, "Undo", lambda: answered.append(True), 8000)
        window.banners.add(asks)
        window.banners.add(Banner("Personal was saved.", Level.INFO, shown_ms=60_000))
        QTest.keyClick(
            pane, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        )
        assert focused(asks), "the one that asks"
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
        assert answered == [True]
        await until(pane.hasFocus)
        window.trigger("view.notice")
        (left,) = window.banners.shown
        assert focused(left)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
        assert window.banners.shown == []
        await until(pane.hasFocus)
        typed = {entry[1] for entry in handset.guests[0].inputs if entry[0] == "key"}
        assert typed <= {29, 42}, "but for Ctrl and Shift, which are let go again"

    workbench.run(scenario())


def test_one_with_the_keyboard_does_not_go_under_the_fingers(workbench: Workbench) -> None:
    async def scenario() -> None:
        banners = workbench.window.banners
        asks = Banner("Nexus One was removed.", Level.INFO, "Undo", lambda: None, 60)
        banners.add(asks)
        workbench.window.trigger("view.notice")
        quick = Banner("Quick", Level.INFO, shown_ms=120)
        banners.add(quick)
        await until(lambda: quick not in banners.shown)
        assert asks in banners.shown and focused(asks)

    workbench.run(scenario())


def test_all_are_dismissed_at_once(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        actions = window.actions_by_ident
        assert not actions["view.dismiss-notices"].isEnabled()
        for number in range(3):
            workbench.session.log.add(f"notice {number}", notice=True)
        assert actions["view.dismiss-notices"].isEnabled() and actions["view.notice"].isEnabled()
        window.trigger("view.dismiss-notices")
        assert window.banners.shown == [] and window.banners.isHidden()
        assert not actions["view.dismiss-notices"].isEnabled()

    workbench.run(scenario())


def test_it_keeps_off_when_phones_are_moved_about(workbench: Workbench) -> None:
    async def scenario() -> None:
        window = workbench.window
        handset: Any = await workbench.handset("personal")
        window.banners.add(Banner("Personal was saved.", Level.INFO, shown_ms=60_000))
        await workbench.handset("work")
        before = window.banners.geometry()
        workbench.session.select(handset)
        window.set_view(View.FOCUS)
        window.resize(900, 760)
        await until(lambda: (window.width(), window.height()) == (900, 760))
        await asyncio.sleep(0)
        assert window.banners.isVisible() and window.banners.geometry() != before
        assert reachable(workbench, handset.guests[0])

    workbench.run(scenario())
