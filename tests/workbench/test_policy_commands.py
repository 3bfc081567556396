"""What a policy forbids, in the window: greyed, explained, refused however it is asked for. The guests are
driven; keys, policies, the store and the audit log are real."""

from pathlib import Path
from typing import Any

import pytest
from governing import NOTHING, governed_guest, toasts
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from pocketvisor.policies.act import Act
from pocketvisor_workbench.commands import COMMANDS
from pocketvisor_workbench.policy import guarded


def test_what_a_policy_forbids_is_greyed_with_the_reason(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        window = workbench.window
        guest, it = await governed_guest(workbench, tmp_path)
        guest.has_drive = True
        window.refresh_actions()
        forbidden = {"guest.screenshot", "guest.copy", "guest.paste", "guest.insert", "profile.clone"}
        forbidden |= {"profile.export", "guest.type-clipboard"}
        for ident in forbidden:
            assert window.actions_by_ident[ident].isEnabled(), f"{ident} is free as yet"
        await it.govern(NOTHING)
        for ident in forbidden:
            action = window.actions_by_ident[ident]
            assert not action.isEnabled(), ident
            assert action.toolTip().startswith("Acme's policy "), (ident, action.toolTip())
        assert window.actions_by_ident["guest.pause"].isEnabled()
        workbench.session.select(guest.handset, guest.handset.guests[1])
        assert window.actions_by_ident["guest.screenshot"].isEnabled(), (
            "the neighbour is nobody's but its user's"
        )

    workbench.run(scenario())


def test_every_command_that_names_an_act_is_asked_about(workbench: Workbench, tmp_path: Path) -> None:
    """However it is run: by its id, its keys or the palette; and each attempt is in the audit log."""

    async def scenario() -> None:
        window = workbench.window
        guest, _ = await governed_guest(workbench, tmp_path, NOTHING)
        refused = [
            command
            for command in COMMANDS
            if command.act not in (None, Act.RUN, Act.MOVE) and command.possible(window)
        ]
        assert len(refused) >= 6
        for command in refused:
            before = len(guest.governed.log())
            window.trigger(command.ident)
            assert len(guest.governed.log()) == before + 1, command.ident
            assert guest.governed.log()[-1].what == f"refused: {command.act}"
            assert toasts(workbench)[-1].startswith("Acme's policy ")
            assert QApplication.activeModalWidget() is None
        assert guest.done == [] and guest.inputs == [] and len(guest.handset.guests) == 2

    workbench.run(scenario())


def test_the_keys_of_a_greyed_command_say_why(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, it = await governed_guest(workbench, tmp_path, NOTHING)
        pane = workbench.pane(guest)
        pane.setFocus()
        modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        QTest.keyClick(pane, Qt.Key.Key_S, modifiers)
        assert toasts(workbench)[-1] == "Acme's policy allows no screenshots of this phone"
        assert QApplication.activeModalWidget() is None
        await it.govern()
        QTest.keyClick(pane, Qt.Key.Key_S, modifiers)
        await until(lambda: QApplication.activeModalWidget() is not None)
        chooser: Any = QApplication.activeModalWidget()
        assert "screenshot" in chooser.windowTitle(), "with the policy gone it opens"
        chooser.reject()

    workbench.run(scenario())


def test_the_palette_shows_the_sentence_and_runs_nothing(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        window = workbench.window
        guest, _ = await governed_guest(workbench, tmp_path, NOTHING)
        window.palette_box.open_box()
        QTest.keyClicks(window.palette_box.words, "clone the")
        entry = window.palette_box.model.shown[0]
        assert entry.title == "Clone the guest" and not entry.enabled
        assert entry.why_not == "Acme's policy allows no clones of this phone"
        QTest.keyClick(window.palette_box.words, Qt.Key.Key_Return)
        assert toasts(workbench)[-1] == entry.why_not
        await workbench.session.jobs.idle()
        assert len(guest.handset.guests) == 2

    workbench.run(scenario())


def test_the_reason_is_under_the_pointer_in_a_menu(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        window = workbench.window
        await governed_guest(workbench, tmp_path, NOTHING)
        told: list[str] = []
        monkeypatch.setattr(guarded.QToolTip, "showText", lambda _at, words, _menu: told.append(words))
        menu = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "Guest")
        menu.adjustSize()
        for ident in ("guest.pause", "guest.screenshot"):
            at = menu.actionGeometry(window.actions_by_ident[ident]).center()
            QApplication.sendEvent(menu, QHelpEvent(QHelpEvent.Type.ToolTip, at, menu.mapToGlobal(at)))
        assert told == ["Acme's policy allows no screenshots of this phone"]

    workbench.run(scenario())


def test_text_goes_from_a_guest_and_into_one_as_the_policy_says(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        window = workbench.window
        guest, it = await governed_guest(workbench, tmp_path, '\n[clipboard]\ndirection = "in"\n')
        guest.clipboard.text = "a secret of Acme's"
        clipboard = QGuiApplication.clipboard()
        clipboard.setText("from outside")
        window.trigger("guest.copy")
        await workbench.session.jobs.idle()
        assert clipboard.text() == "from outside" and "copied out" in toasts(workbench)[-1]
        window.trigger("guest.paste")
        await workbench.session.jobs.idle()
        assert guest.clipboard.pasted == "from outside"
        assert "12 characters" in toasts(workbench)[-1], "how much, and never what"
        await it.govern('\n[clipboard]\ndirection = "out"\n')
        clipboard.setText("again")
        window.trigger("guest.paste")
        window.trigger("guest.copy")
        await workbench.session.jobs.idle()
        assert guest.clipboard.pasted == "from outside" and clipboard.text() == "a secret of Acme's"
        clipboard.clear()

    workbench.run(scenario())
