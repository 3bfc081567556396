"""Moves between machines in the window: a handset that waits for phones, and a guest that leaves.

Receptions are real ones, over the loopback; moves are driven here, and real in test_real_travels.py."""

import asyncio
from typing import Any

import pytest
from driver_travels import CODE, DriverBorder
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from pocketvisor.errors import MigrationError
from pocketvisor.migration.departure import MoveUnknown
from pocketvisor.migration.identity import load_identity
from pocketvisor.migration.peers import TrustedPeers
from pocketvisor.services.migration import called
from pocketvisor_workbench.job_card import JobCard


def words_of(part: Any) -> str:
    return " ".join(label.text() for label in part.findChildren(QLabel) if not label.isHidden())


async def dialog() -> Any:
    await until(lambda: QApplication.activeModalWidget() is not None)
    return QApplication.activeModalWidget()


def card(workbench: Workbench) -> Any:
    cards = [notice for notice in workbench.window.banners.shown if isinstance(notice, JobCard)]
    assert cards
    return cards[-1]


@pytest.fixture
def border(workbench: Workbench) -> DriverBorder:
    async def build() -> DriverBorder:
        border = DriverBorder()
        workbench.session.travels.use(border)
        workbench.window.travel_desk.trusted = border.trusted
        return border

    made: DriverBorder = workbench.run(build())
    return made


async def waiting(workbench: Workbench, port: str = "0") -> tuple[Any, Any]:
    """A handset that waits for phones, and the dialog that says so."""
    handset = await workbench.handset("personal")
    workbench.window.settings.set("receive-port", port)
    workbench.window.trigger("handset.receive")
    shown = await dialog()
    assert shown.host.text() == "127.0.0.1" and "Only this machine" in shown.note.text()
    QTest.keyClick(shown, Qt.Key.Key_Return)
    await until(lambda: workbench.session.travels.reception(handset) is not None and shown.code.text())
    return handset, shown


def test_a_handset_waits_with_a_code_and_another_machine_pairs_with_it(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset, shown = await waiting(workbench)
        travels = workbench.session.travels
        reception = travels.reception(handset)
        address = reception.waiting.address
        assert address in words_of(shown) and len(shown.code.text()) == 7
        mark = workbench.window.stage.views[handset]._header.receiving
        assert mark.isVisible() and address in mark.accessibleName()
        QTest.mouseClick(shown.copy, Qt.MouseButton.LeftButton)
        code = QGuiApplication.clipboard().text()
        assert code == shown.code.text().replace(" ", "")
        with pytest.raises(MigrationError, match="2 more tries"):
            await called(address, f"{(int(code) + 1) % 10**6:06}")
        await until(lambda: "wrong code" in words_of(shown))
        (await called(address, code)).abort()
        await until(lambda: "is trusted from now on" in words_of(shown))
        assert "used up" in words_of(shown) and shown.copy.isHidden()
        QTest.mouseClick(shown.again, Qt.MouseButton.LeftButton)
        assert shown.code.text().replace(" ", "").isdigit() and shown.again.isHidden()
        QTest.mouseClick(shown.stop, Qt.MouseButton.LeftButton)
        await until(lambda: travels.reception(handset) is None and mark.isHidden())

    workbench.run(scenario())


def test_closing_the_dialog_hides_the_code_and_the_handset_waits_on(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset, shown = await waiting(workbench)
        code = shown.code.text()
        address = workbench.session.travels.reception(handset).waiting.address
        QTest.keyClick(shown, Qt.Key.Key_Escape)
        await asyncio.sleep(0.02)
        TrustedPeers().trust(load_identity().fingerprint, "other")
        with pytest.raises(MigrationError, match="No pairing code is shown"):
            await called(address, code)
        QTest.mouseClick(workbench.window.stage.views[handset]._header.receiving, Qt.MouseButton.LeftButton)
        again = await dialog()
        assert again is not shown and again.code.text() != code and address in words_of(again)
        again.reject()
        workbench.window.trigger("handset.receive-no-more")
        await until(lambda: workbench.session.travels.reception(handset) is None)

    workbench.run(scenario())


def test_what_another_address_means_is_said_and_what_is_wrong_with_it(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset()
        workbench.window.trigger("handset.receive")
        shown = await dialog()
        for address, words in (("0.0.0.0", "can knock"), ("::1", "Only this"), ("localhost", "Only this")):
            shown.host.setText(address)
            assert words in shown.note.text()
        shown.host.setText("")
        assert not shown.accept_button.isEnabled()
        shown.host.setText("127.0.0.1")
        for port in ("", "x", "65536", "-1"):
            shown.port.setText(port)
            assert not shown.accept_button.isEnabled()
        shown.port.setText("7010")
        shown.host.setText("203.0.113.7")  # nobody's
        shown.accept()
        await until(lambda: shown.problem.isVisible())
        assert "cannot be listened at" in shown.problem.text() and shown.accept_button.isEnabled()
        assert workbench.session.travels.reception(handset) is None
        shown.reject()

    workbench.run(scenario())


def test_a_handset_that_is_switched_off_waits_no_more(workbench: Workbench, monkeypatch: Any) -> None:
    monkeypatch.setattr("pocketvisor_workbench.session.UNDO_MS", 10)

    async def scenario() -> None:
        handset, shown = await waiting(workbench)
        shown.reject()
        workbench.session.remove_handset(handset)
        await until(lambda: handset.closed)
        assert workbench.session.travels.reception(handset) is None

    workbench.run(scenario())


async def leave(workbench: Workbench, address: str = "studio:7010") -> tuple[Any, Any]:
    """The dialog about a guest that is to leave, with an address typed into it."""
    handset = await workbench.handset("personal", "work")
    workbench.window.trigger("guest.migrate")
    shown = await dialog()
    assert shown.accept_button.isEnabled() is bool(shown.address.count()) and not shown.asks_code
    QTest.keyClicks(shown.address.lineEdit(), address)
    return handset.guests[0], shown


def test_a_stranger_is_paired_with_in_the_dialog_and_the_guest_goes_there(
    workbench: Workbench, border: DriverBorder
) -> None:
    async def scenario() -> None:
        guest, shown = await leave(workbench)
        QTest.keyClick(shown, Qt.Key.Key_Return)
        await until(lambda: shown.asks_code)
        assert "is not trusted yet" in words_of(shown) and shown.focusWidget() is shown.code
        QTest.keyClicks(shown.code, "000000")
        QTest.keyClick(shown, Qt.Key.Key_Return)
        await until(lambda: "2 more tries" in words_of(shown))
        shown.code.setText(CODE)
        QTest.keyClick(shown, Qt.Key.Key_Return)
        await until(lambda: workbench.session.travels.of(guest) is not None)
        await until(lambda: "112.4 MiB/s" in words_of(card(workbench)))
        other = await workbench.handset(model="galaxy-s2")
        assert "on its way" in workbench.session.moves.why_not(guest, other)  # type: ignore[arg-type]
        border.let_go.set()
        await until(lambda: "is on studio (studio:7010)" in words_of(card(workbench)))
        assert "87\N{NO-BREAK SPACE}ms" in words_of(card(workbench))
        assert guest not in workbench.session.guests

    workbench.run(scenario())


def test_addresses_and_trusted_machines_are_offered_the_next_time(
    workbench: Workbench, border: DriverBorder
) -> None:
    TrustedPeers().trust(b"\1" * 32, "desk", "192.0.2.9:7010")
    border.paired = True

    async def scenario() -> None:
        _, shown = await leave(workbench)
        assert shown.address.count() == 1 and shown.address.itemText(0) == "192.0.2.9:7010"
        shown.address.setEditText("192.0.2.9:7010")
        assert "desk was found there last" in shown.note.text()
        shown.address.setEditText("studio:7010")
        shown.accept()
        await until(lambda: workbench.window.settings.text("machines") == "studio:7010")
        border.let_go.set()
        await until(lambda: len(workbench.session.guests) == 1)
        workbench.session.select(workbench.session.handsets[0])
        workbench.window.trigger("guest.migrate")
        again = await dialog()
        assert [again.address.itemText(at) for at in range(2)] == ["studio:7010", "192.0.2.9:7010"]
        again.reject()

    workbench.run(scenario())


def test_a_machine_that_does_not_answer_is_told_in_the_dialog(
    workbench: Workbench, border: DriverBorder
) -> None:
    border.problem = MigrationError("studio:7010 does not answer")

    async def scenario() -> None:
        guest, shown = await leave(workbench)
        shown.accept()
        await until(lambda: "does not answer" in words_of(shown))
        assert shown.isVisible() and shown.accept_button.isEnabled()
        assert workbench.session.travels.of(guest) is None
        shown.reject()

    workbench.run(scenario())


def test_a_cancelled_and_a_failed_move_say_that_it_goes_on_here(
    workbench: Workbench, border: DriverBorder
) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest: Any = handset.guests[0]
        travels = workbench.session.travels
        travels.start(guest, "studio:7010")  # type: ignore[arg-type]
        await until(lambda: "MiB/s" in words_of(card(workbench)))
        travels.start(guest, "studio:7010")
        assert "on its way already" in workbench.session.log.entries[-1].text
        workbench.window.trigger("guest.cancel-move")
        await until(lambda: "was cancelled" in words_of(card(workbench)))
        assert "goes on here, on Nexus One" in words_of(card(workbench))
        border.problem = MigrationError("studio has 12 MiB left, the guest wants 64")
        border.let_go.set()
        travels.start(guest, "studio:7010")
        await until(lambda: "12 MiB left" in words_of(card(workbench)))
        assert travels.of(guest) is None and guest in workbench.session.guests

    workbench.run(scenario())


def test_only_what_can_leave_does(workbench: Workbench, border: DriverBorder) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest: Any = handset.guests[0]
        action = workbench.window.actions_by_ident["guest.migrate"]
        assert action.isEnabled()
        for state in ("starting", "crashed"):
            guest.become(type(guest.state)(state))
            assert not action.isEnabled() and workbench.session.travels.why_not(guest)
        guest.become(type(guest.state)("off"))
        assert action.isEnabled()

    workbench.run(scenario())


def test_the_chooser_and_the_menus_lead_there(
    workbench: Workbench, border: DriverBorder, monkeypatch: Any
) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        workbench.window.trigger("guest.move")
        chooser = await dialog()
        QTest.mouseClick(chooser.elsewhere, Qt.MouseButton.LeftButton)
        await until(lambda: hasattr(QApplication.activeModalWidget(), "asks_code"))
        (await dialog()).reject()
        popped: list[str] = []
        monkeypatch.setattr(workbench.window, "pop_up", lambda idents, at: popped.extend(idents))
        view = workbench.window.stage.views[handset]
        view.menu_wanted.emit(handset, view.pos())
        assert "handset.receive" in popped and "handset.receive-no-more" in popped
        view.guest_menu_wanted.emit(handset.guests[0], view.pos())
        assert "guest.migrate" in popped

    workbench.run(scenario())


async def cut_off(workbench: Workbench, border: DriverBorder) -> Any:
    """A guest of whom nobody knows whose it is."""
    handset = await workbench.handset("personal")
    guest: Any = handset.guests[0]
    border.problem = MoveUnknown("Personal was being moved to studio when the link was lost")
    border.let_go.set()
    workbench.session.travels.start(guest, "studio:7010")
    await until(lambda: workbench.session.travels.undecided(guest))
    return guest


def button(part: Any, text: str) -> Any:
    return next(
        one for one in part.findChildren(QPushButton) if one.text().startswith(text) and one.isVisible()
    )


def test_a_guest_of_whom_nobody_knows_whose_it_is_says_so_and_asks_again(
    workbench: Workbench, border: DriverBorder
) -> None:
    async def scenario() -> None:
        guest = await cut_off(workbench, border)
        overlay = workbench.pane(guest).overlay
        assert overlay.isVisible() and "link was lost" in overlay.sentence
        await until(lambda: "when the link was lost" in words_of(card(workbench)))
        QTest.mouseClick(button(overlay, "Ask again"), Qt.MouseButton.LeftButton)
        await until(lambda: border.asked == [("Personal", False, False)])
        assert overlay.isVisible() and guest.done == ["pause"], "it still stands still"
        border.here = True
        workbench.window.trigger("guest.ask-again")
        await until(lambda: "goes on here" in words_of(card(workbench)))
        assert overlay.isHidden() and not workbench.session.travels.undecided(guest)
        assert not workbench.window.actions_by_ident["guest.ask-again"].isEnabled()

    workbench.run(scenario())


def test_the_user_decides_only_after_the_risk_was_read(workbench: Workbench, border: DriverBorder) -> None:
    async def scenario() -> None:
        guest = await cut_off(workbench, border)
        QTest.mouseClick(button(workbench.pane(guest).overlay, "Decide"), Qt.MouseButton.LeftButton)
        shown = await dialog()
        assert "two of it run" in words_of(shown) and shown.ask.isChecked()
        QTest.keyClick(shown, Qt.Key.Key_Return)
        await until(lambda: border.asked == [("Personal", True, False)])
        await until(lambda: QApplication.activeModalWidget() is None)
        workbench.window.trigger("guest.decide")
        again = await dialog()
        again.force.setChecked(True)
        assert not again.accept_button.isEnabled()
        again.accept()
        assert again.isVisible() and len(border.asked) == 1
        again.sure.setChecked(True)
        QTest.mouseClick(again.accept_button, Qt.MouseButton.LeftButton)
        await until(lambda: border.asked[-1] == ("Personal", False, True))
        await until(lambda: workbench.pane(guest).overlay.isHidden())

    workbench.run(scenario())


def test_a_guest_that_was_taken_is_gone_when_that_is_known(
    workbench: Workbench, border: DriverBorder
) -> None:
    async def scenario() -> None:
        guest = await cut_off(workbench, border)
        border.here = False
        workbench.session.travels.ask_again(guest)
        await until(lambda: "is on the other machine" in words_of(card(workbench)))
        assert guest not in workbench.session.guests
        workbench.session.travels.ask_again(guest)
        await until(lambda: not workbench.session.jobs.running)
        assert len(border.asked) == 1

    workbench.run(scenario())


def test_a_guest_on_its_way_offers_no_resume(workbench: Workbench, border: DriverBorder) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        guest: Any = handset.guests[0]
        guest.held = "Personal is moving to another machine"
        await guest.pause()
        overlay = workbench.pane(guest).overlay
        assert overlay.sentence == guest.held
        assert not [one for one in overlay.findChildren(QPushButton) if one.isVisible()]

    workbench.run(scenario())
