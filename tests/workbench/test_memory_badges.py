"""What is said of memory at the phone itself: beside a guest's chip, and in the bar below the phone."""

from typing import Any

from kit import Workbench
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from pocketvisor.api import GuestState
from pocketvisor_workbench.resources.badges import Detail
from pocketvisor_workbench.stage.stage import View


def view_of(workbench: Workbench, handset: Any) -> Any:
    return workbench.window.stage.views[handset]


async def two_guests(workbench: Workbench) -> tuple[Any, Any]:
    """A phone whose guests share something, and its view."""
    handset: Any = await workbench.handset("personal", "work")
    personal, work = handset.guests
    handset.memory.kinds = {
        personal.id: {"private": 18, "shared": 12, "saved": 6},
        work.id: {"private": 30, "shared": 12, "saved": 6},
    }
    view = view_of(workbench, handset)
    view.memory_badges.look()
    return handset, view


def test_each_guest_says_what_it_holds_beside_its_name(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset, view = await two_guests(workbench)
        badges = view.memory_badges.badges
        assert [badges[guest].text() for guest in handset.guests] == ["24 MiB", "36 MiB"]
        assert all(badge.isVisible() for badge in badges.values())
        chip, badge = view.chips[0], badges[handset.guests[0]]
        assert badge.x() >= chip.geometry().right() and badge.y() == chip.y()
        assert "Sharing saves it 6 MiB" in badge.toolTip() and "18 MiB of its own" in badge.accessibleName()
        handset.guests[1].become(GuestState.OFF)
        view.memory_badges.look()
        assert not badges[handset.guests[1]].isVisible() and badge.isVisible()
        await handset.remove(handset.guests[1])
        assert list(view.memory_badges.badges) == [handset.guests[0]]

    workbench.run(scenario())


def test_a_badge_gives_way_where_there_is_no_room(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset, view = await two_guests(workbench)
        badge = view.memory_badges.badges[handset.guests[0]]
        seen = set()
        for factor in (0.6, 0.45, 0.4, 0.36, 0.3, 0.25):
            workbench.window.stage.set_zoom(factor)
            seen.add(badge.detail)
            if badge.detail:
                right = max(one.geometry().right() for one in view.memory_badges.badges.values())
                assert right <= view.width()
                chips = [chip.geometry() for chip in view.chips]
                assert not badge.geometry().intersects(chips[1]) and not badge.geometry().intersects(chips[0])
        assert {Detail.NONE, Detail.SAVED} <= seen
        workbench.window.set_view(View.DEMO)
        assert not badge.isVisible()

    workbench.run(scenario())


def test_badges_can_be_hidden_and_stay_so(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset, view = await two_guests(workbench)
        window = workbench.window
        badge = view.memory_badges.badges[handset.guests[0]]
        window.trigger("view.memory-badges")
        assert not badge.isVisible() and window.settings.text("memory-badges") == "hidden"
        assert not window.actions_by_ident["view.memory-badges"].isChecked()
        other: Any = await workbench.handset("personal", model="htc-dream")
        assert not view_of(workbench, other).memory_badges.shown
        window.trigger("view.memory-badges")
        assert badge.isVisible() and window.settings.text("memory-badges") == "shown"

    workbench.run(scenario())


def test_a_click_on_a_badge_or_below_the_phone_opens_the_resources(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset, view = await two_guests(workbench)
        other: Any = await workbench.handset("work")
        window = workbench.window
        dock = window.docks["resources"]
        assert window.session.handset is other and not dock.isVisible()
        QTest.mouseClick(view.memory_badges.badges[handset.guests[0]], Qt.MouseButton.LeftButton)
        assert dock.isVisible() and window.session.handset is handset
        assert dock.pane.cpu.rows.guests == handset.guests
        dock.hide()
        QTest.mouseClick(
            view_of(workbench, other)._footer,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
            QPoint(20, 10),
        )
        assert dock.isVisible() and window.session.handset is other

    workbench.run(scenario())


def test_the_bar_below_the_phone_shows_what_is_held_and_the_battery(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset, view = await two_guests(workbench)
        footer = view._footer
        assert footer.memory.held == 60 << 20
        assert [part.value >> 20 for part in footer._parts()] == [18, 30, 12]
        assert "60 of 512 MiB held (Personal 24 MiB, Work 36 MiB)" in footer.toolTip()
        handset.phone.set_battery(12.0)
        view.memory_badges.look()
        assert "Battery: 12 %" in footer.toolTip()
        assert not footer.grab().isNull()

    workbench.run(scenario())
