"""IT's dialogs: writing a policy, orders, keys, what is delivered."""

import asyncio
from pathlib import Path
from typing import Any

from governing import NOTHING, It, OwnRing, dialog_of, governed_guest, pane_of, toasts, words_in
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from pocketvisor.policies.act import Act
from pocketvisor.policies.keyring_store import Keyring
from pocketvisor.policies.signing import parted


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


def test_whoever_has_no_key_yet_is_told_how_to_have_one(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        await governed_guest(workbench, tmp_path, NOTHING)
        workbench.session.policing.keyring = Keyring(OwnRing())
        workbench.window.trigger("policy.edit")
        dialog = dialog_of("PolicyEditor")
        await until(lambda: "no key for policies yet" in dialog.keys.note.text())
        assert dialog.keys.note.isVisible() and not dialog.accept_button.isEnabled()
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
        await until(lambda: key.exists() and dialog.keys.signer is not None)
        return guest, dialog

    guest, dialog = workbench.run(make())

    async def signed_with(passphrase: str, ended: Any) -> None:
        dialog.keys.passphrase.setText(passphrase)
        dialog.accept()
        await until(ended)

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
        dialog.do(tmp_path / "lock.toml")
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
