"""The Controls pane's section on a guest's balloon: what the guest is asked for, and what it says."""

from typing import Any

import msgspec
from kit import Workbench
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from pocketvisor.devices.virtio_balloon import AskStatistics, BalloonReport, SetTarget
from pocketvisor.guest.balloon import Balloon


def memory_section(workbench: Workbench) -> Any:
    return workbench.window.docks["controls"].pane.memory  # type: ignore[attr-defined]


async def guest_with_a_balloon(workbench: Workbench) -> tuple[Any, list[Any]]:
    """A driven guest, its balloon as the handset sees it, and what that is told."""
    workbench.window.docks["controls"].show()
    workbench.window.docks["controls"].raise_()
    handset: Any = await workbench.handset("personal", "work")
    guest = handset.guests[0]
    told: list[Any] = []
    guest.on("balloon", told.append)
    guest.balloon = Balloon(guest)
    guest.become(guest.state)
    return guest, told


def test_a_guest_without_a_balloon_says_so(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, _ = await guest_with_a_balloon(workbench)
        section = memory_section(workbench)
        assert section.inside.isEnabled() and section.summary.text() == "0 MiB in the balloon"
        workbench.session.bring_to_front(workbench.session.guests[1])
        assert not section.inside.isEnabled() and section.summary.text() == "no balloon"
        await guest.balloon.close()

    workbench.run(scenario())


def test_memory_is_asked_for_and_shown(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, told = await guest_with_a_balloon(workbench)
        section = memory_section(workbench)
        assert told == [AskStatistics()], "figures are asked for while they can be seen"
        told.clear()
        section.target.setFocus()
        QTest.keyClick(section.target, Qt.Key.Key_PageUp)
        assert told == [SetTarget(16 << 8)]
        report = BalloonReport(16 << 8, 12 << 8, {"free": 30 << 20, "available": 31 << 20})
        guest.balloon._heard("balloon", msgspec.msgpack.encode(report))
        assert section.value.text() == "16 MiB"
        assert section.summary.text() == "12 MiB in the balloon"
        assert section.figures.text() == "free 30 MiB, available 31 MiB"
        workbench.window.docks["controls"].hide()
        assert not guest.balloon._listeners.has("watched")
        await guest.balloon.close()

    workbench.run(scenario())
