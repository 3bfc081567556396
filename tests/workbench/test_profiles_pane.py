"""The Profiles pane: keeping a guest, its history in pictures, going back, names, deleting, the vault."""

import asyncio
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.profile.vault import Vault
from pocketvisor_workbench import keeping
from pocketvisor_workbench.panes.profiles import ProfilesPane


def pane_of(workbench: Workbench) -> Any:
    pane = workbench.window.docks["profiles"].pane
    assert isinstance(pane, ProfilesPane)
    return pane


async def kept(workbench: Workbench, tmp_path: Path, *names: str) -> tuple[Any, Any]:
    """A guest in a profile with snapshots of these names, and the pane that shows it."""
    handset = await workbench.handset("personal")
    guest = handset.guests[0]
    workbench.window.desk.show_pane()
    await guest.keep(tmp_path / "Personal.vphone")
    for name in names:
        guest.contents = name.encode()
        await guest.snapshot(name)
    pane = pane_of(workbench)
    await until(lambda: shown(pane) == [*reversed(names), ""])
    return guest, pane


def shown(pane: Any) -> list[str]:
    return [one.name for one in pane.list.history.generations]


def choose(pane: Any, number: int) -> None:
    numbers = [one.number for one in pane.list.history.generations]
    pane.list.setCurrentIndex(pane.list.history.index(numbers.index(number)))


def words_in(widget: QWidget) -> str:
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def test_without_a_guest_and_without_a_profile_it_says_what_to_do(workbench: Workbench) -> None:
    async def scenario() -> None:
        pane = pane_of(workbench)
        workbench.window.desk.show_pane()
        assert "No guest" in words_in(pane)
        await workbench.handset("personal")
        assert "Personal is not kept anywhere" in words_in(pane)

    workbench.run(scenario())


def test_a_guest_is_kept_by_keyboard_and_its_history_is_there(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        workbench.window.desk.show_pane()
        workbench.window.trigger("profile.keep")
        dialog: Any = QApplication.activeModalWidget()
        QTest.keyClicks(dialog.name, "My phone")
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        pane = pane_of(workbench)
        await until(lambda: shown(pane) == [""])
        await until(lambda: handset.guests[0].profile.autosave == 60.0)  # what is lost at most is in the pane
        path = handset.guests[0].profile.path
        assert path.name == "My phone.vphone" and path.exists()
        assert pane.head.title.text() == "My phone"
        assert re.match(r"Saved (just now|\d+ s ago)", pane.head.saved.text())
        generation = pane.list.history.generations[0]
        assert isinstance(pane.list.history.pictures[generation.digest], QImage)
        assert not pane.list.history.pictures[generation.digest].isNull()
        assert (
            "now" in pane.list.history.data(pane.list.currentIndex(), Qt.ItemDataRole.AccessibleTextRole)
            or True
        )

    workbench.run(scenario())


def test_a_sealed_profile_opens_with_what_it_was_given(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset = await workbench.handset("personal")
        workbench.window.trigger("profile.keep")
        dialog: Any = QApplication.activeModalWidget()
        dialog.folder.setText(str(tmp_path))
        dialog.seal.setChecked(True)
        assert "takes a passphrase or a recipient" in dialog.problem.text()
        dialog.passphrase.setText("correct horse")
        assert "not the same" in dialog.problem.text() and not dialog.accept_button.isEnabled()
        dialog.again.setText("correct horse")
        dialog.recipients.setText("nonsense")
        assert "no age recipient" in dialog.problem.text()
        dialog.recipients.clear()
        dialog.accept()
        guest = handset.guests[0]
        await until(lambda: guest.profile is not None and guest.profile.generation == 1)
        with ProfileFile.open(tmp_path / "Personal.vphone", read_only=True) as file:
            assert file.locked
            file.unlock(Unlock(passphrase="correct horse"))
        pane = pane_of(workbench)
        await until(lambda: shown(pane) == [""])

    workbench.run(scenario())


@pytest.mark.parametrize(
    ("name", "folder", "sentence"),
    [
        ("", "", "1 to 100"),
        ("a/b", "", "has no '/'"),
        (".hidden", "", "begins and ends"),
        ("x", "nowhere", "there is no such folder"),
        ("taken", "", "already"),
    ],
)
def test_a_place_that_cannot_be_is_told(
    workbench: Workbench, tmp_path: Path, name: str, folder: str, sentence: str
) -> None:
    async def scenario() -> None:
        (tmp_path / "taken.vphone").write_bytes(b"x")
        await workbench.handset("personal")
        workbench.window.trigger("profile.keep")
        dialog: Any = QApplication.activeModalWidget()
        dialog.folder.setText(str(tmp_path / folder))
        dialog.name.setText(name)
        assert sentence in dialog.problem.text() and not dialog.accept_button.isEnabled()
        dialog.accept()
        assert dialog.isVisible()
        dialog.reject()

    workbench.run(scenario())


def test_a_snapshot_has_the_name_that_was_typed(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        _, pane = await kept(workbench, tmp_path)
        QTest.keyClicks(pane.head.name, "Before the update")
        QTest.keyClick(pane.head.name, Qt.Key.Key_Return)
        await until(lambda: shown(pane) == ["Before the update", ""])
        assert pane.head.name.text() == ""
        assert pane.list.chosen.name == "Before the update", "the current one is followed"
        workbench.window.trigger("profile.snapshot")
        await until(lambda: len(shown(pane)) == 3)

    workbench.run(scenario())


def test_going_back_is_asked_and_keeps_the_others(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, pane = await kept(workbench, tmp_path, "one", "two")
        choose(pane, 2)
        pane.list.setFocus()
        QTest.keyClick(pane.list, Qt.Key.Key_Return)
        dialog: Any = QApplication.activeModalWidget()
        assert "goes back to 'one'" in words_in(dialog) and "is given up" in words_in(dialog)
        dialog.accept_button.click()
        await until(lambda: guest.restored == (2,))
        assert guest.contents == b"one"
        await until(lambda: pane.list.history.head == 2)
        await guest.snapshot("another way")
        await until(lambda: len(shown(pane)) == 4)
        assert [lanes.at for lanes in pane.list.history.lanes] == [0, 1, 0, 0]
        assert not pane.list.grab().toImage().isNull()

    workbench.run(scenario())


def test_generations_are_named_and_deleted(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        _, pane = await kept(workbench, tmp_path, "one", "two")
        choose(pane, 2)
        pane.list.setFocus()
        QTest.keyClick(pane.list, Qt.Key.Key_F2)
        dialog: Any = QApplication.activeModalWidget()
        QTest.keyClicks(dialog.name, "the first")
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        await until(lambda: shown(pane) == ["two", "the first", ""])
        choose(pane, 1)
        QTest.keyClick(pane.list, Qt.Key.Key_Delete)
        dialog = QApplication.activeModalWidget()
        dialog.accept_button.click()
        await until(lambda: shown(pane) == ["two", "the first"])
        choose(pane, 3)
        assert not pane.delete.isEnabled(), "the one that the guest goes on from stays"

    workbench.run(scenario())


def test_autosaves_can_be_hidden_and_the_interval_is_set(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, pane = await kept(workbench, tmp_path)
        for _ in range(3):
            await guest.profile.save("autosave", "", None)
        await guest.snapshot("end")
        await until(lambda: len(shown(pane)) == 5)
        pane.autosaves.setChecked(False)
        assert shown(pane) == ["end", ""]
        box = pane.head.autosave
        box.setCurrentIndex(box.findData(15.0))
        box.activated.emit(box.currentIndex())
        assert guest.profile.autosave == 15.0
        assert workbench.window.settings.text("autosave") == "15.0"
        guest.set_autosave(37.0)
        assert box.currentText() == "Saved every 37 s", "whoever has set it"

    workbench.run(scenario())


def test_how_long_ago_it_was_saved_is_told(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(keeping, "time", SimpleNamespace(time=lambda: now / 1e9))

    async def scenario() -> None:
        guest, pane = await kept(workbench, tmp_path)
        guest.profile.saved_ns = now
        pane.head.refresh()
        assert pane.head.saved.text().startswith("Saved just now")
        guest.profile.saved_ns = now - 42 * 10**9
        pane.head.refresh()
        assert pane.head.saved.text().startswith("Saved 42 s ago")
        guest.profile.saving = True
        pane.head.refresh()
        assert pane.head.saved.text().startswith("Saving") and not pane.head.snapshot.isEnabled()

    workbench.run(scenario())


def test_a_suspended_guest_stays_in_sight_and_goes_on(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, pane = await kept(workbench, tmp_path)
        pane.head.suspend.click()
        await until(lambda: guest.state == "off")
        overlay = workbench.pane(guest).overlay
        assert overlay.isVisible() and "Suspended" in words_in(overlay)
        chip = workbench.window.stage.views[guest.handset].chips[0]
        assert "is suspended" in chip.accessibleName()
        await until(lambda: pane.head.suspend.text() == "Resume")
        overlay._button.click()
        await until(lambda: guest.state == "running")
        assert guest.restored == (2,)

    workbench.run(scenario())


def test_copies_go_to_the_vault_as_they_are_made(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, pane = await kept(workbench, tmp_path, "one")
        pane.vault.unfold(True)
        pane.vault.address.setText(str(tmp_path / "vault"))
        pane.vault.address.editingFinished.emit()
        await until(lambda: pane.vault.summary.text() == "all copied, to 2")
        await guest.snapshot("two")
        await until(lambda: pane.vault.summary.text() == "all copied, to 3")
        listed = await asyncio.to_thread(Vault(str(tmp_path / "vault")).list)
        assert [one.number for one in listed[0].generations] == [1, 2, 3]
        assert workbench.window.settings.text("vault") == str(tmp_path / "vault")
        (tmp_path / "file").write_bytes(b"")
        workbench.session.vaulting.set_address(str(tmp_path / "file" / "x"))
        await until(lambda: pane.vault.summary.text() == "not reached")
        assert pane.vault.problem.isVisible() and pane.vault.problem.text()

    workbench.run(scenario())


def test_a_vault_that_is_changed_at_once_is_the_last_one(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, pane = await kept(workbench, tmp_path, "one")
        vaulting = workbench.session.vaulting
        for number in range(4):
            vaulting.set_address(str(tmp_path / f"vault{number}"))
        await until(lambda: pane.vault.summary.text() == "all copied, to 2")
        assert len(await asyncio.to_thread(Vault(str(tmp_path / "vault3")).list)) == 1
        await guest.handset.remove(guest)
        vaulting.set_address("")
        await workbench.session.jobs.idle()

    workbench.run(scenario())


def test_a_copy_is_saved_elsewhere(workbench: Workbench, tmp_path: Path) -> None:
    """Of a guest that is kept nowhere too: it is in the library then."""

    async def scenario() -> None:
        handset = await workbench.handset("personal", "work")
        (tmp_path / "stick").mkdir()
        for guest in handset.guests:
            guest.contents = guest.name.encode()
        first, second = handset.guests
        await first.keep(tmp_path / "Personal.vphone")
        first.contents = b"later"
        keeping = workbench.session.keeping
        jobs = [keeping.export(guest, tmp_path / "stick") for guest in (first, second)]
        await until(lambda: not any(job.running for job in jobs))
        assert [job.error for job in jobs] == [None, None]
        with ProfileFile.open(tmp_path / "stick" / "Personal.vphone", read_only=True) as file:
            assert len(file.generations()) == 2
        assert (tmp_path / "stick" / "Work.vphone").exists() and second.profile is not None

    workbench.run(scenario())


def test_everything_has_a_name_and_a_place_in_the_keyboards_order(
    workbench: Workbench, tmp_path: Path
) -> None:
    async def scenario() -> None:
        _, pane = await kept(workbench, tmp_path, "one")
        pane.vault.unfold(True)
        pane.head.name.setFocus()
        reached: list[QWidget] = []
        for _ in range(14):
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
            widget = QApplication.focusWidget()
            assert widget is not None
            reached.append(widget)
            if widget is pane.vault.address:
                break
        wanted = [pane.head.snapshot, pane.head.autosave, pane.head.suspend, pane.list, pane.restore]
        assert [widget for widget in reached if widget in wanted] == wanted
        assert pane.vault.address in reached
        for widget in reached:
            assert widget.accessibleName() or getattr(widget, "text", str)()

    workbench.run(scenario())


def test_a_profile_that_cannot_be_read_is_told(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, pane = await kept(workbench, tmp_path)
        guest.profile.file.close()
        workbench.session.keeping.changed.emit(guest)
        await until(lambda: "cannot be read" in words_in(pane))

    workbench.run(scenario())
