"""What governs a guest, in the window: what is greyed and why, locks, the pane, IT's dialogs. The guests are
driven; keys, policies, orders, the store and the audit log are real."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from governing import NOTHING, It, OwnRing, governed_guest
from kit import Workbench, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QPushButton, QWidget

from pocketvisor.errors import Refused
from pocketvisor.policies.act import Act
from pocketvisor.policies.keyring_store import Keyring
from pocketvisor.policies.signing import parted
from pocketvisor.profile.keys import NewKeys
from pocketvisor_workbench.banners import Banner
from pocketvisor_workbench.commands import COMMANDS
from pocketvisor_workbench.policy import guarded
from pocketvisor_workbench.stage.stage import View
from pocketvisor_workbench.stage.thumbnail import drag_picture


def words_in(widget: QWidget) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def toasts(workbench: Workbench) -> list[str]:
    return [notice.text for notice in workbench.window.banners.shown if isinstance(notice, Banner)]


def dialog_of(kind: str) -> Any:
    dialog: Any = QApplication.activeModalWidget()
    assert dialog is not None and type(dialog).__name__ == kind, dialog
    return dialog


def pane_of(workbench: Workbench) -> Any:
    workbench.window.policy_desk.show_pane()
    return workbench.window.docks["policy"].pane


# Commands


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
        await asyncio.sleep(0.05)
        chooser: Any = QApplication.activeModalWidget()
        assert chooser is not None and "screenshot" in chooser.windowTitle(), "with the policy gone it opens"
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


# Who manages it, and locks


def test_who_manages_a_guest_is_on_its_chip(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, it = await governed_guest(workbench, tmp_path)
        chips = workbench.window.stage.views[guest.handset].chips
        assert "managed by Acme" in chips[0].accessibleName()
        assert "Managed by Acme" in chips[0].toolTip() and "managed" not in chips[1].accessibleName()
        wide = chips[0].sizeHint().width()
        release = it.policy(header="release = true\n")
        await it.deliver(release)
        assert guest.governed is None and "managed" not in chips[0].accessibleName()
        assert chips[0].sizeHint().width() < wide

    workbench.run(scenario())


def test_a_name_that_looks_like_markup_is_shown_as_it_is(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, it = await governed_guest(workbench, tmp_path)
        name = "<img src=x><b>Evil</b>"
        await it.deliver(it.policy(organisation=name))
        chip = workbench.window.stage.views[guest.handset].chips[0]
        assert "&lt;img" in chip.toolTip() and name in chip.accessibleName()
        pane = pane_of(workbench)
        await asyncio.sleep(0.02)
        assert name in pane.about.text()

    workbench.run(scenario())


@pytest.mark.parametrize("view", [View.GRID, View.FOCUS, View.DEMO])
def test_a_locked_guest_is_covered_and_says_why(workbench: Workbench, tmp_path: Path, view: View) -> None:
    """Nothing of its picture is seen: on its glass, in the strip, on the mouse."""

    async def scenario() -> None:
        window = workbench.window
        guest, it = await governed_guest(workbench, tmp_path)
        await workbench.handset("personal")  # so that there is a strip
        workbench.session.select(guest.handset, guest)
        window.set_view(view)
        await asyncio.sleep(0.05)
        pane = workbench.pane(guest)
        guest.panel.pixels[:] = 0x00FF00FF
        guest.frame()
        await asyncio.sleep(0.05)
        assert _has(pane, "#ff00ff"), "the test sees what it looks for"
        await it.order("lock", "Reported stolen in Porto")
        await asyncio.sleep(0.05)
        assert guest.state == "paused" and guest.done == ["pause"]
        assert "Acme has locked this phone: Reported stolen in Porto" in words_in(pane.overlay)
        assert not _has(pane, "#ff00ff")
        guest.frame()
        await asyncio.sleep(0.05)
        assert not _has(window, "#ff00ff")
        picture = drag_picture(guest, 132, 1.0, hidden=workbench.session.policies.is_locked(guest))
        assert "#ff00ff" not in _colours(picture.toImage())
        assert "is locked" in window.stage.views[guest.handset].chips[0].accessibleName()
        QTest.mouseClick(pane, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
        QTest.keyClick(pane, Qt.Key.Key_A)
        assert not [one for one in guest.inputs if one[0] in ("touch", "key")] or not guest.used()
        await it.order("unlock")
        await until(lambda: guest.state == "running")
        assert not pane.overlay.isVisible()

    workbench.run(scenario())


def _colours(image: Any) -> set[str]:
    return {
        image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)
    }


def _has(widget: QWidget, colour: str) -> bool:
    return colour in _colours(widget.grab().toImage())


def test_the_history_of_a_locked_guest_has_no_pictures(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        _, it = await governed_guest(workbench, tmp_path)
        workbench.window.desk.show_pane()
        profiles: Any = workbench.window.docks["profiles"].pane
        await until(lambda: profiles.list.history.pictures)
        await it.order("lock")
        assert not profiles.list.history.pictures and profiles.list.history.generations
        await it.order("unlock")
        assert profiles.list.history.pictures

    workbench.run(scenario())


def test_the_ways_out_of_its_lock_are_named(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, it = await governed_guest(workbench, tmp_path)
        await it.order("lock", "Reported stolen")
        overlay = workbench.pane(guest).overlay
        overlay._button.click()
        dialog = dialog_of("LockedDialog")
        assert "Reported stolen" in words_in(dialog) and "Acme can let it go on" in words_in(dialog)
        dialog.findChild(QPushButton, "policy.unlock").click()
        order = dialog_of("OrderDialog")
        await until(lambda: order.keys.signer is not None)
        assert order.kind == "unlock" and order.keys.signer.name == "Acme"
        QTest.keyClicks(order.reason, "Found again")
        QTest.keyClick(order, Qt.Key.Key_Return)
        await until(lambda: guest.lock is None and guest.state == "running")
        assert guest.governed.log()[-1].said == "Acme lets the phone be used: Found again"

    workbench.run(scenario())


def test_one_that_nobody_used_is_opened_by_its_user(workbench: Workbench, tmp_path: Path) -> None:
    """It runs on behind the cover, which a click takes away: it is not sealed."""

    async def scenario() -> None:
        guest, it = await governed_guest(workbench, tmp_path, "\n[lock]\nidle_minutes = 1\n")
        guest.keep_order(guest.used_at + 61)
        await it.settled()
        overlay = workbench.pane(guest).overlay
        assert guest.lock.kind == "idle" and guest.state == "running"
        assert overlay.isVisible() and "nobody used it" in overlay.sentence
        overlay._button.click()
        await until(lambda: guest.lock is None)
        assert not overlay.isVisible()

    workbench.run(scenario())


def test_a_sealed_one_is_opened_with_its_passphrase(workbench: Workbench, tmp_path: Path) -> None:
    async def lock() -> tuple[Any, Any]:
        handset = await workbench.handset("work")
        guest = handset.guests[0]
        await guest.keep(tmp_path / "Work.vphone", keys=NewKeys(passphrase="correct horse"))
        it = It(workbench, guest)
        await it.govern("\n[lock]\nidle_minutes = 1\n")
        guest.keep_order(guest.used_at + 61)
        await it.settled()
        workbench.pane(guest).overlay._button.click()
        return guest, dialog_of("UnlockDialog")

    guest, dialog = workbench.run(lock())
    assert "nobody used it" in words_in(dialog)

    async def opened_with(passphrase: str, ended: Any) -> None:
        dialog.passphrase.setText(passphrase)
        dialog.accept()
        await until(ended, 25)

    workbench.run(opened_with("wrong", lambda: dialog.problem.isVisible() and dialog.problem.text()))
    assert guest.lock is not None
    workbench.run(opened_with("correct horse", lambda: guest.lock is None))


def test_outside_its_hours_it_says_when_it_opens(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        from datetime import UTC, datetime, timedelta

        later = datetime.now(UTC) + timedelta(hours=3)
        rules = f'\n[hours]\nfrom = "{later:%H}:00"\nto = "{later:%H}:30"\n'
        guest, _ = await governed_guest(workbench, tmp_path, rules)
        pane = pane_of(workbench)
        await asyncio.sleep(0.02)
        assert "lets this phone be used" in pane.why.text() and "It opens" in pane.why.text()
        workbench.pane(guest).overlay._button.click()
        dialog = dialog_of("LockedDialog")
        assert "It opens by itself" in words_in(dialog)
        dialog.reject()

    workbench.run(scenario())


# The pane


def test_the_pane_says_what_to_do_where_nobody_governs(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        pane = pane_of(workbench)
        assert "No guest" in words_in(pane)
        handset = await workbench.handset("personal")
        assert "Nobody manages Personal" in words_in(pane) and "keep this guest in one" in words_in(pane)
        await handset.guests[0].keep(tmp_path / "Personal.vphone")
        workbench.session.keeping.changed.emit(handset.guests[0])
        assert "decides that from then on" in words_in(pane) and pane.first.isVisible()

    workbench.run(scenario())


def test_the_pane_shows_effects_standing_and_log(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        rules = "\n[screen]\nscreenshots = false\n[check_in]\nevery_hours = 24\n"
        guest, it = await governed_guest(workbench, tmp_path, rules)
        pane = pane_of(workbench)
        await asyncio.sleep(0.02)
        assert pane.about.text() == "Managed by Acme · policy 1"
        rows = {row.title: row for row in pane.effects.rows.rows}
        assert rows["Screenshots"].role == "bad" and rows["Camera"].role == "good"
        assert pane.standing.text() == "May be used" and "due in 24 h" in pane.why.text()
        await it.order("lock", "Lost")
        await until(lambda: pane.standing.text() == "Locked")
        assert "Acme has locked this phone: Lost" in pane.why.text()
        with pytest.raises(Refused):
            guest.check(Act.COPY_OUT)
        pane.show_page(1)
        await until(
            lambda: [row.title for row in pane.log.list.rows.rows][:2] == ["Refused: copy out", "Lock"]
        )
        pane.log.refusals.setChecked(True)
        assert [row.title for row in pane.log.list.rows.rows] == ["Refused: copy out"]
        pane.log.refusals.setChecked(False)
        QTest.keyClicks(pane.log.words, "in force")
        assert [row.title for row in pane.log.list.rows.rows] == ["Policy"]
        pane.log.words.clear()
        pane.log.words.setText("nothing like it")
        assert pane.log.empty.isVisible()

    workbench.run(scenario())


def test_a_log_that_was_tampered_with_is_told(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, it = await governed_guest(workbench, tmp_path)
        await it.order("lock")
        await it.order("unlock")
        pane = pane_of(workbench)
        pane.show_page(1)
        pane.log.verify.click()
        await until(lambda: "is whole" in pane.log.verdict.text())
        path = guest.governed.audit.path
        path.write_bytes(path.read_bytes().replace(b"has locked the phone", b"was kind to him    "))
        pane.log.verify.click()
        await until(lambda: "was changed after it was written" in pane.log.verdict.text())
        assert pane.log.verdict.objectName() == "bad"

    workbench.run(scenario())


def test_a_store_that_cannot_be_read_is_told_and_the_policy_holds(
    workbench: Workbench, tmp_path: Path
) -> None:
    async def scenario() -> None:
        guest, _ = await governed_guest(workbench, tmp_path, NOTHING)
        pane = pane_of(workbench)
        await until(lambda: pane.standing.text() == "May be used")
        assert not pane.problem.isVisible()
        guest.governed.store.path.write_bytes(b"no database any more" * 100)
        await until(lambda: pane.problem.isVisible())
        assert "cannot be used" in pane.problem.text()
        assert guest.allows(Act.SCREENSHOT) == "Acme's policy allows no screenshots of this phone"
        workbench.window.trigger("guest.screenshot")
        assert QApplication.activeModalWidget() is None

    workbench.run(scenario())


def test_all_of_it_is_reached_by_keyboard_and_has_a_name(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        await governed_guest(workbench, tmp_path)
        pane = pane_of(workbench)
        pane.show_page(2)
        pane.segments.button(0).setFocus()
        reached: list[QWidget] = []
        for _ in range(12):
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
            widget = QApplication.focusWidget()
            assert widget is not None
            reached.append(widget)
        for ident, button in pane.it.buttons.items():
            assert not button.isEnabled() or button in reached, ident
        for widget in reached:
            assert widget.accessibleName() or getattr(widget, "text", str)(), widget

    workbench.run(scenario())


# IT's dialogs


async def _editor(workbench: Workbench) -> Any:
    workbench.window.trigger("policy.edit")
    dialog = dialog_of("PolicyEditor")
    await until(lambda: dialog.keys.listed)
    return dialog


def test_a_policy_is_written_signed_and_in_force(workbench: Workbench, tmp_path: Path) -> None:
    """With the form, from nobody's phone to a governed one; and a second one that changes it."""

    async def scenario() -> None:
        handset = await workbench.handset("work")
        guest = handset.guests[0]
        it = It(workbench, guest)
        workbench.session.policing.keyring.add("Acme", it.key)
        await guest.keep(tmp_path / "Work.vphone")
        dialog = await _editor(workbench)
        dialog.form.inputs["policy", "organisation"].setFocus()
        QTest.keyClicks(dialog.form.inputs["policy", "organisation"], "Acme")
        dialog.form.inputs["screen", "screenshots"].click()
        assert 'organisation = "Acme"' in dialog.text.toPlainText()
        assert "screenshots = false" in dialog.text.toPlainText()
        row = next(row for row in dialog.effects.rows.rows if row.title == "Screenshots")
        assert row.role == "bad" and row.body.startswith("Acme's policy")
        assert guest.governed is None, "nothing holds before it is signed"
        dialog.accept()
        await until(lambda: guest.governed is not None)
        assert guest.governed.authority == it.key.public and guest.governed.policy.number == 1
        assert guest.allows(Act.SCREENSHOT)

        dialog = await _editor(workbench)
        dialog.form.inputs["screen", "screenshots"].click()
        assert "screenshots" not in dialog.text.toPlainText(), "what is as ever is not written"
        assert dialog.summary.text() == "1 change against policy 1"
        dialog.accept()
        await until(lambda: guest.governed.policy.number == 2)
        assert not guest.allows(Act.SCREENSHOT)

    workbench.run(scenario())


def test_what_is_typed_shows_in_the_form_and_mistakes_are_told(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        await governed_guest(workbench, tmp_path)
        dialog = await _editor(workbench)
        text = dialog.text.toPlainText()
        dialog.text.setPlainText(text + '\n[clipboard]\ndirection = "none"\n')
        assert dialog.form.inputs["clipboard", "direction"].currentText() == "Neither way"
        dialog.text.setPlainText(text + "\n[screen]\nsreenshots = false\n")
        assert "'screen.sreenshots'" in dialog.problem.text() and not dialog.accept_button.isEnabled()
        dialog.text.setPlainText(text + "\n[screen")
        assert not dialog.form.isEnabled(), "half a text is not changed behind the writer's back"
        dialog.accept()
        assert dialog.isVisible()
        dialog.text.setPlainText(text)
        assert dialog.accept_button.isEnabled() and dialog.form.isEnabled()
        mode = dialog.form.inputs["network", "mode"]
        mode.setCurrentIndex(mode.findData("hosts"))
        mode.activated.emit(mode.currentIndex())
        assert "has no 'hosts'" in dialog.problem.text()
        hosts = dialog.form.inputs["network", "hosts"]
        hosts.setFocus()
        assert hosts.isVisible() and not dialog.form.inputs["network", "vpn"].isVisible()
        QTest.keyClicks(hosts, "intranet.acme.example, 10.0.0.0/8")
        assert not dialog.problem.isVisible()
        assert dialog.draft.policy.network.hosts == ("intranet.acme.example", "10.0.0.0/8")
        mode.setCurrentIndex(mode.findData("off"))
        mode.activated.emit(mode.currentIndex())
        assert dialog.draft.policy.network.mode == "off" and "hosts" not in dialog.text.toPlainText()
        dialog.reject()

    workbench.run(scenario())


def test_another_key_does_not_govern(workbench: Workbench, tmp_path: Path) -> None:
    """It is said beside the key, and again when it is tried all the same."""

    async def scenario() -> None:
        from pocketvisor.policies.authority import AuthorityKey

        guest, _ = await governed_guest(workbench, tmp_path, NOTHING)
        workbench.session.policing.keyring.add("Other", AuthorityKey.new())
        dialog = await _editor(workbench)
        dialog.keys.choice.setCurrentIndex(dialog.keys.choice.findData("Other"))
        dialog.keys.choice.activated.emit(dialog.keys.choice.currentIndex())
        assert "governs this phone, not this one" in dialog.keys.note.text()
        dialog.accept()
        await until(lambda: "signed by another key" in dialog.problem.text())
        assert guest.governed.policy.number == 1 and guest.allows(Act.SCREENSHOT)
        dialog.reject()

    workbench.run(scenario())


def test_without_a_keyring_a_file_does(workbench: Workbench, tmp_path: Path) -> None:
    """Each passphrase takes a second on purpose, and more where the computer has other things to do."""
    key = tmp_path / "acme.key"

    async def make() -> tuple[Any, Any]:
        ring = OwnRing()
        ring.problem = RuntimeError("no service answers")
        workbench.session.policing.keyring = Keyring(ring)
        handset = await workbench.handset("work")
        guest = handset.guests[0]
        await guest.keep(tmp_path / "Work.vphone")
        workbench.window.trigger("policy.edit")
        dialog = dialog_of("PolicyEditor")
        await until(lambda: "The keyring cannot be used" in dialog.keys.note.text())
        assert "--key-file" not in dialog.keys.note.text() and not dialog.accept_button.isEnabled()
        dialog.keys._new()
        new = dialog_of("NewKeyDialog")
        assert new.place.currentData() == "file", "where there is no keyring"
        new.path.setText(str(key))
        new.passphrase.setText("correct horse")
        new.again.setText("correct hose")
        assert "not the same" in new.problem.text() and not new.accept_button.isEnabled()
        new.again.setText("correct horse")
        new.accept()
        await until(lambda: key.exists() and dialog.keys.signer is not None, 25)
        return guest, dialog

    guest, dialog = workbench.run(make())

    async def signed_with(passphrase: str, ended: Any) -> None:
        dialog.keys.passphrase.setText(passphrase)
        dialog.accept()
        await until(ended, 25)

    workbench.run(signed_with("wrong", lambda: "does not open the key's file" in dialog.problem.text()))
    assert guest.governed is None
    workbench.run(signed_with("correct horse", lambda: guest.governed is not None))


def test_a_wipe_is_asked_twice_and_done(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, _ = await governed_guest(workbench, tmp_path)
        workbench.window.trigger("policy.wipe")
        dialog = dialog_of("OrderDialog")
        await until(lambda: dialog.keys.signer is not None)
        assert "cannot be had back" in words_in(dialog) and not dialog.accept_button.isEnabled()
        dialog.accept()
        await asyncio.sleep(0.05)
        assert dialog.isVisible() and not guest.governed.standing().wipe_due
        dialog.sure.click()
        dialog.accept()
        await until(lambda: guest.governed.wiped)
        assert guest.state in ("crashed", "off") and "kill" in guest.done
        overlay = workbench.pane(guest).overlay
        await until(lambda: "Wiped" in words_in(overlay))
        assert "had this phone wiped" in overlay.sentence and not overlay._button.isVisible()
        offers = workbench.window.banners.findChildren(QPushButton, "banner-button")
        assert not [button.text() for button in offers], "it is not offered to be restored"

    workbench.run(scenario())


def test_a_dialog_that_is_closed_meanwhile_is_not_missed(workbench: Workbench, tmp_path: Path) -> None:
    """The keyring answers when nobody asks any more; what was not signed as yet is given up."""

    async def scenario() -> None:
        guest, _ = await governed_guest(workbench, tmp_path)
        ended: list[Any] = []
        workbench.session.jobs.ended.connect(ended.append)
        for command in ("policy.keys", "policy.edit", "policy.lock"):
            workbench.window.trigger(command)
            dialog: Any = QApplication.activeModalWidget()
            dialog.reject()
            await asyncio.sleep(0)
        await workbench.session.jobs.idle()
        workbench.window.trigger("policy.lock")
        dialog = dialog_of("OrderDialog")
        await until(lambda: dialog.keys.signer is not None)
        dialog.accept()
        dialog.reject()
        await workbench.session.jobs.idle()
        assert guest.lock is None and guest.governed.governance.state_order is None
        assert ended and [job.error for job in ended if job.error is not None] == []

    workbench.run(scenario())


def test_a_phone_is_released(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, _ = await governed_guest(workbench, tmp_path, NOTHING)
        workbench.window.trigger("policy.release")
        dialog = dialog_of("OrderDialog")
        await until(lambda: dialog.keys.signer is not None)
        assert not dialog.reason.isVisible() and "what he likes" in words_in(dialog)
        dialog.accept()
        await until(lambda: guest.governed is None)
        assert not guest.allows(Act.SCREENSHOT)
        pane = pane_of(workbench)
        await until(lambda: "Nobody manages Work" in words_in(pane))

    workbench.run(scenario())


def test_an_order_goes_through_a_file(workbench: Workbench, tmp_path: Path) -> None:
    """Signed here, delivered there; a second delivery is old."""

    async def scenario() -> None:
        guest, _ = await governed_guest(workbench, tmp_path)
        workbench.window.trigger("policy.lock")
        dialog = dialog_of("OrderDialog")
        await until(lambda: dialog.keys.signer is not None)
        dialog._do(tmp_path / "lock.toml")
        await until(lambda: (tmp_path / "lock.toml").exists() and QApplication.activeModalWidget() is None)
        assert guest.lock is None and len(parted((tmp_path / "lock.toml").read_bytes())) == 1
        desk = workbench.window.policy_desk
        desk.deliver(guest, tmp_path / "lock.toml")
        await until(lambda: guest.lock is not None)
        desk.deliver(guest, tmp_path / "lock.toml")
        await until(lambda: "is old or was used already" in toasts(workbench)[-1])
        for name, content in (("nonsense", b"x"), ("large", b"x" * 200_000)):
            (tmp_path / name).write_bytes(content)
            job = desk.deliver(guest, tmp_path / name)
            await until(lambda job=job: not job.running)  # type: ignore[misc]
            assert job.error is not None
        job = desk.deliver(guest, tmp_path / "nowhere")
        await until(lambda: not job.running)
        assert "cannot be read" in toasts(workbench)[-1]

    workbench.run(scenario())


def test_keys_are_made_and_shown(workbench: Workbench) -> None:
    async def scenario() -> None:
        workbench.window.trigger("policy.keys")
        dialog = dialog_of("KeysDialog")
        await until(lambda: "none yet" in dialog.note.text())
        dialog._new()
        new = dialog_of("NewKeyDialog")
        QTest.keyClicks(new.name, "Acme IT")
        QTest.keyClick(new, Qt.Key.Key_Return)
        await until(lambda: "Acme IT" in words_in(dialog))
        public = workbench.session.policing.keyring.keys()[0].public.hex()
        assert any(line.text() == public for line in dialog.findChildren(type(new.name)))
        assert not any("authority-key" in line.text() for line in dialog.findChildren(type(new.name)))
        dialog.reject()

    workbench.run(scenario())
