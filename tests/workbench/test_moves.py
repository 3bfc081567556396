"""A guest moves from phone to phone: dragged by its chip, by keyboard, with a card, cancel and undo."""

import asyncio
from collections.abc import Callable
from typing import Any

from kit import Workbench, until
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from pocketvisor.api import GuestError, GuestState
from pocketvisor_workbench import mime
from pocketvisor_workbench.job_card import JobCard
from pocketvisor_workbench.stage import guest_drag, handset_view
from pocketvisor_workbench.stage.stage import View

ACTIONS = Qt.DropAction.MoveAction | Qt.DropAction.CopyAction


async def two(workbench: Workbench, *images: str) -> tuple[Any, Any]:
    first = await workbench.handset(*(images or ("personal",)))
    second = await workbench.handset(model="galaxy-s2")
    await asyncio.sleep(0.02)
    return first, second


def carried(guest: Any) -> QMimeData:
    data = QMimeData()
    mime.add_guest(data, guest.id)
    return data


def drag_over(view: Any, data: QMimeData) -> tuple[QDragEnterEvent, QDragMoveEvent]:
    at = QPointF(view.rect().center())
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(at.toPoint(), ACTIONS, data, buttons, keys)
    QApplication.sendEvent(view, enter)
    move = QDragMoveEvent(at.toPoint(), ACTIONS, data, buttons, keys)
    QApplication.sendEvent(view, move)
    return enter, move


def drop(view: Any, data: QMimeData) -> QDropEvent:
    event = QDropEvent(
        QPointF(view.rect().center()),
        ACTIONS,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(view, event)
    return event


def hint(view: Any) -> QLabel:
    label: QLabel = view.findChild(QLabel, "dropHint")
    return label


def card(workbench: Workbench) -> Any:
    cards = [notice for notice in workbench.window.banners.shown if isinstance(notice, JobCard)]
    assert len(cards) == 1
    return cards[0]


def words_of(notice: Any) -> str:
    return " ".join(label.text() for label in notice.findChildren(QLabel) if not label.isHidden())


def test_a_guest_that_is_dropped_on_another_phone_goes_there(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench, "personal", "work")
        guest = first.guests[0]
        view = workbench.window.stage.views[second]
        enter, move = drag_over(view, carried(guest))
        assert enter.isAccepted() and move.isAccepted()
        assert hint(view).text() == f"Move {guest.name} to {second.name}" and hint(view).isVisible()
        event = drop(view, carried(guest))
        assert event.isAccepted() and event.dropAction() is Qt.DropAction.MoveAction
        assert hint(view).isHidden() and workbench.mover.moved == [], "not in the drag's own loop"
        await until(lambda: guest.handset is second)
        assert second.foreground is guest and workbench.session.guest is guest
        assert workbench.pane(guest).isVisible() and len(workbench.window.stage.panes) == 2
        assert workbench.session.handset is second

    workbench.run(scenario())


def test_a_phone_that_cannot_take_it_says_why(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        guest = first.guests[0]
        guest.ram_mib = second.ram_free_mib + 1
        view = workbench.window.stage.views[second]
        enter, move = drag_over(view, carried(guest))
        assert enter.isAccepted() and not move.isAccepted()
        assert "MiB left" in hint(view).text() and hint(view).property("refused") is True
        assert not drop(view, carried(guest)).isAccepted()
        QApplication.sendEvent(view, QDragLeaveEvent())
        assert hint(view).isHidden()
        await asyncio.sleep(0.02)
        assert workbench.mover.moved == []

    workbench.run(scenario())


def test_its_own_phone_and_guests_of_other_programs_are_no_targets(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        views = workbench.window.stage.views
        enter, _ = drag_over(views[first], carried(first.guests[0]))
        assert not enter.isAccepted() and hint(views[first]).isHidden()
        other = QMimeData()
        other.setData(mime.GUEST, b"4711-abc:g1")
        _, move = drag_over(views[second], other)
        assert not move.isAccepted() and "another Pocketvisor" in hint(views[second]).text()
        for rubbish in (b"", b":", b"\xff\xfe", b"x" * 100_000):
            other.setData(mime.GUEST, rubbish)
            assert not drop(views[second], other).isAccepted()
        assert workbench.mover.moved == []

    workbench.run(scenario())


def test_the_chip_is_the_grip(workbench: Workbench, monkeypatch: Any) -> None:
    """Some pixels make it a drag; a click stays a click. Phones that can take it are marked meanwhile."""

    async def scenario() -> None:
        first, _ = await two(workbench, "personal", "work")
        guest = first.guests[1]
        view = workbench.window.stage.views[first]
        chip = view.chips[1]
        dragged: list[Any] = []
        monkeypatch.setattr(handset_view, "drag_guest", lambda chip, guest, session: dragged.append(guest))
        QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
        assert dragged == [] and first.foreground is guest
        QTest.mousePress(chip, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
        QTest.mouseMove(chip, QPoint(12, 11))
        assert dragged == []
        QTest.mouseMove(chip, QPoint(60, 40))
        QTest.mouseMove(chip, QPoint(90, 60))
        assert dragged == [guest] and not chip.isDown()
        QTest.mouseRelease(chip, Qt.MouseButton.LeftButton, pos=QPoint(90, 60))

    workbench.run(scenario())


def test_what_is_dragged_is_the_guests_picture_and_its_id(workbench: Workbench, monkeypatch: Any) -> None:
    made: list[Any] = []

    class Drag(guest_drag.QDrag):
        def exec(self, *_: object) -> Qt.DropAction:  # type: ignore[override]
            made.append((self.mimeData().formats(), self.pixmap().size(), workbench.session.moves.dragged))
            return Qt.DropAction.IgnoreAction

    monkeypatch.setattr(guest_drag, "QDrag", Drag)

    async def scenario() -> None:
        first, second = await two(workbench)
        guest = first.guests[0]
        for state in (GuestState.RUNNING, GuestState.OFF):
            guest.become(state)
            guest_drag.drag_guest(workbench.window.stage.views[first].chips[0], guest, workbench.session)
        assert [mime.GUEST in formats for formats, _, _ in made] == [True, True]
        assert all(size.height() > 100 and dragged is guest for _, size, dragged in made)
        assert workbench.session.moves.dragged is None
        assert workbench.session.moves.targets(guest) == [second]

    workbench.run(scenario())


def test_ctrl_m_asks_where_to_and_the_keyboard_is_enough(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        third = await workbench.handset(model="nexus-one")
        guest = first.guests[0]
        second_room = second.model.ram_mib
        guest.ram_mib = second_room + 1 if second_room < third.model.ram_mib else 64
        workbench.session.select(first, guest)
        workbench.pane(guest).setFocus()
        QTest.keyClick(workbench.window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
        dialog: Any = QApplication.activeModalWidget()
        assert dialog.rows.count() == 2 and dialog.focusWidget() is dialog.rows
        QTest.keyClick(dialog.rows, Qt.Key.Key_End)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        await until(lambda: guest.handset is third)
        await until(lambda: workbench.window.focusWidget() is workbench.pane(guest))

    workbench.run(scenario())


def test_the_chooser_says_what_keeps_a_guest_from_a_phone(workbench: Workbench) -> None:
    async def scenario() -> None:
        first = await workbench.handset("personal")
        workbench.window.trigger("guest.move")
        dialog: Any = QApplication.activeModalWidget()
        assert not dialog.accept_button.isEnabled() and "No other handset" in words_of(dialog)
        dialog.reject()
        second = await workbench.handset(model="galaxy-s2")
        first.guests[0].ram_mib = 100_000
        workbench.session.select(first)
        workbench.window.trigger("guest.move")
        dialog = QApplication.activeModalWidget()
        assert not dialog.accept_button.isEnabled()
        assert "the guest wants 100000" in words_of(dialog) and second.name in words_of(dialog)
        dialog.accept()
        assert workbench.mover.moved == []
        dialog.reject()

    workbench.run(scenario())


def test_a_card_shows_how_far_a_move_is_and_takes_it_back(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        guest, moves = first.guests[0], workbench.session.moves
        workbench.mover.held = True
        moves.start(guest, second)
        await until(lambda: "310 MiB/s" in words_of(card(workbench)))
        assert moves.why_not(guest, second) == f"{guest.name} is on its way already"
        shown = card(workbench)
        assert shown.button.text() == "Cancel"
        workbench.mover.let_go.set()
        await until(lambda: guest.handset is second)
        await until(lambda: "It stood still for 3.4\N{NO-BREAK SPACE}ms" in words_of(shown))
        workbench.mover.held = False
        assert shown.button.text() == "Undo"
        QTest.mouseClick(shown.button, Qt.MouseButton.LeftButton)
        await until(lambda: guest.handset is first)

    workbench.run(scenario())


def test_a_cancelled_and_a_failed_move_leave_the_guest_where_it_is(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        guest, moves = first.guests[0], workbench.session.moves
        workbench.mover.held = True
        moves.start(guest, second)
        await until(lambda: "MiB/s" in words_of(card(workbench)))
        QTest.mouseClick(card(workbench).findChild(QPushButton), Qt.MouseButton.LeftButton)
        await until(lambda: "was cancelled" in words_of(card(workbench)))
        assert guest.handset is first and moves.of(guest) is None and not moves.can_undo()
        card(workbench).leave()
        workbench.mover.held, workbench.mover.problem = False, GuestError("its process was ended by signal 9")
        moves.start(guest, second)
        await until(lambda: "stays on Nexus One: its process" in words_of(card(workbench)))
        assert len(workbench.window.banners.shown) == 1, "said once"
        assert guest.handset is first and moves.of(guest) is None

    workbench.run(scenario())


def test_a_move_that_is_cancelled_at_once_is_over(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        guest, moves = first.guests[0], workbench.session.moves
        move = moves.start(guest, second)
        assert move is not None
        move.job.cancel()
        await until(lambda: not move.job.running)
        assert moves.of(guest) is None and guest.handset is first
        moves.start(guest, second)
        await until(lambda: guest.handset is second)

    workbench.run(scenario())


def test_a_move_can_be_undone_by_keyboard_while_there_is_a_way_back(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        guest, session = first.guests[0], workbench.session
        session.moves.start(guest, second)
        await until(lambda: session.moves.can_undo())
        workbench.window.trigger("guest.undo-move")
        await until(lambda: guest.handset is first)
        await until(lambda: session.moves.can_undo())
        session.remove_handset(second)
        assert not session.moves.can_undo()

    workbench.run(scenario())


def refused(case: Callable[[Any, Any], None], workbench: Workbench) -> str:
    """What is said when something is the matter with a guest or a handset."""
    first, second = workbench.session.handsets
    case(first.guests[0], second)
    return workbench.session.moves.why_not(first.guests[0], second)


def test_only_what_can_be_moved_is(workbench: Workbench) -> None:
    async def scenario() -> None:
        await two(workbench)
        for state, words in (
            (GuestState.STARTING, "is starting"),
            (GuestState.CRASHED, "has stopped"),
            (GuestState.PAUSED, ""),
            (GuestState.OFF, ""),
            (GuestState.RUNNING, ""),
        ):
            said = refused(lambda guest, _, state=state: guest.become(state), workbench)
            assert words in said and bool(words) is bool(said)

    workbench.run(scenario())


def test_in_focus_the_small_cards_take_it(workbench: Workbench) -> None:
    """Only one handset is large there: the others are reached by their cards below."""

    async def scenario() -> None:
        first, second = await two(workbench)
        guest = first.guests[0]
        workbench.session.select(first)
        workbench.window.resize(1280, 1100)
        workbench.window.set_view(View.FOCUS)
        await asyncio.sleep(0.05)
        card = workbench.window.stage._strip._cards[second]
        assert card.isVisible()
        enter, move = drag_over(card, carried(guest))
        assert enter.isAccepted() and move.isAccepted()
        assert drop(card, carried(guest)).isAccepted()
        await until(lambda: guest.handset is second)
        guest.ram_mib = 100_000
        own = workbench.window.stage._strip._cards[first]
        enter, move = drag_over(own, carried(guest))
        assert enter.isAccepted() and not move.isAccepted()
        assert not drop(own, carried(guest)).isAccepted()

    workbench.run(scenario())


def test_notices_step_aside_for_what_is_dragged(workbench: Workbench) -> None:
    async def scenario() -> None:
        first, second = await two(workbench)
        banners = workbench.window.banners
        workbench.session.log.add("Something is to be read", notice=True)
        assert banners.isVisible()
        enter, _ = drag_over(banners, carried(first.guests[0]))
        assert not enter.isAccepted()
        await until(lambda: banners.isHidden())
        workbench.session.log.add("Something new", notice=True)
        assert banners.isVisible()
        assert second in workbench.session.handsets

    workbench.run(scenario())
