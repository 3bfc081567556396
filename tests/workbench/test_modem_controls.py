"""The Controls pane's section on a guest's modem: messages and calls to the guest, and what it sends."""

from typing import Any

import msgspec
from kit import Workbench
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from pocketvisor.devices.modem.state import (
    Answered,
    CallEnded,
    Dialled,
    FarAnswers,
    FarHangsUp,
    IncomingCall,
    IncomingMessage,
    MessageSent,
)
from pocketvisor.guest.modem import Modem


async def guest_with_a_modem(workbench: Workbench) -> tuple[Any, list[Any]]:
    """A driven guest, its modem as the handset sees it, and what that is told."""
    workbench.window.docks["controls"].show()
    workbench.window.docks["controls"].raise_()
    handset: Any = await workbench.handset("personal", "work")
    guest = handset.guests[0]
    guest.run_note = lambda sentence: None
    guest.modem = Modem(guest)
    told: list[Any] = []
    guest.on("console", told.append)
    guest.become(guest.state)
    return guest, told


def reported(guest: Any, report: Any) -> None:
    guest.modem.heard(msgspec.msgpack.encode(report))


def test_a_guest_without_a_modem_says_so(workbench: Workbench) -> None:
    async def scenario() -> None:
        await guest_with_a_modem(workbench)
        section = workbench.window.docks["controls"].pane.modem
        assert section.inside.isEnabled() and section.summary.text() == "no call"
        workbench.session.bring_to_front(workbench.session.guests[1])
        assert not section.inside.isEnabled() and section.summary.text() == "none"

    workbench.run(scenario())


def test_messages_go_both_ways(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, told = await guest_with_a_modem(workbench)
        section = workbench.window.docks["controls"].pane.modem
        section.number.setText("Ada")
        section.text.setFocus()
        QTest.keyClicks(section.text, "Where are you?")
        QTest.keyClick(section.text, Qt.Key.Key_Return)
        assert told == [IncomingMessage("Ada", "Where are you?")]
        assert section.text.text() == ""
        reported(guest, MessageSent("Ada", "At home", 1, 1, 1))
        assert [section.sent.item(at).text() for at in range(section.sent.count())] == ["To Ada: At home"]
        section.number.clear()
        QTest.keyClicks(section.text, "Nobody says this")
        QTest.keyClick(section.text, Qt.Key.Key_Return)
        assert len(told) == 1 and section.text.text() == "Nobody says this"
        assert "number" in workbench.session.log.entries[-1].text

    workbench.run(scenario())


def test_calls_begin_and_end_at_both_ends(workbench: Workbench) -> None:
    async def scenario() -> None:
        guest, told = await guest_with_a_modem(workbench)
        section = workbench.window.docks["controls"].pane.modem
        section.number.setText("+358401234567")
        QTest.mouseClick(section.call, Qt.MouseButton.LeftButton)
        assert told == [IncomingCall("+358401234567")]
        assert section.summary.text() == "rings" and not section.call.isEnabled()
        reported(guest, Answered("+358401234567", "guest"))
        assert section.summary.text() == "speaks to +358401234567"
        QTest.mouseClick(section.hang_up, Qt.MouseButton.LeftButton)
        assert told[-1] == FarHangsUp()
        reported(guest, CallEnded("+358401234567", "far"))
        assert section.summary.text() == "no call" and not section.hang_up.isEnabled()
        reported(guest, Dialled("112"))
        assert section.call.text() == "Answer"
        QTest.mouseClick(section.call, Qt.MouseButton.LeftButton)
        assert told[-1] == FarAnswers()

    workbench.run(scenario())
