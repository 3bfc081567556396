"""Dialogs are opened without waiting, tell what was chosen, and say what is wrong before anything starts."""

from pathlib import Path
from typing import Any

from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication


def _dialog() -> Any:
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    return dialog


def test_a_handset_is_chosen_by_keyboard_alone(workbench: Workbench) -> None:
    async def scenario() -> None:
        workbench.window.trigger("handset.add")
        dialog = _dialog()
        first = dialog.cards[0]
        first.setFocus()
        QTest.keyClick(first, Qt.Key.Key_Right)
        assert dialog.chosen == dialog.cards[1].model.id
        dialog.name.setText("My phone")
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        await until(lambda: workbench.session.handsets)
        handset = workbench.session.handsets[0]
        assert (handset.name, handset.model.id) == ("My phone", dialog.cards[1].model.id)

    workbench.run(scenario())


def test_a_guest_is_added_with_a_name_and_memory(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset()
        workbench.window.trigger("guest.add")
        dialog = _dialog()
        dialog.images.setCurrentRow(1)
        dialog.name.setText("Second")
        dialog.ram.setValue(2)
        dialog.accept()
        await until(lambda: handset.guests)
        assert handset.guests[0].name == "Second" and handset.guests[0].image.id == "work"

    workbench.run(scenario())


def test_an_image_that_is_not_here_says_how_to_get_it(workbench: Workbench) -> None:
    async def scenario() -> None:
        await workbench.handset()
        workbench.window.trigger("guest.add")
        dialog = _dialog()
        dialog.images.setCurrentRow(2)
        assert "not on this machine" in dialog._about.text()
        assert not dialog.accept_button.isEnabled() and not dialog._fetch.isHidden()
        dialog.reject()

    workbench.run(scenario())


def test_files_of_ones_own_are_checked_before_the_start(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset()
        workbench.window.trigger("guest.add-files")
        dialog = _dialog()
        assert not dialog.accept_button.isEnabled()
        dialog.own.main.edit.setText(str(tmp_path / "missing"))
        assert "there is no such file" in dialog.problem.text()
        kernel = tmp_path / "zImage"
        kernel.write_bytes(b"kernel")
        dialog.own.main.edit.setText(str(kernel))
        assert dialog.accept_button.isEnabled()
        dialog.accept()
        await until(lambda: handset.guests)
        assert handset.guests[0].image.kernel == kernel

    workbench.run(scenario())


def test_the_other_dialogs_open_and_close(workbench: Workbench) -> None:
    async def scenario() -> None:
        await workbench.handset("personal")
        for command in ("help.shortcuts", "help.about", "handset.details"):
            workbench.window.trigger(command)
            dialog = _dialog()
            assert not dialog.grab().isNull()
            QTest.keyClick(dialog, Qt.Key.Key_Escape)
            assert QApplication.activeModalWidget() is None

    workbench.run(scenario())


def test_removing_a_running_guest_is_asked_first(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        workbench.window.trigger("guest.remove")
        _dialog().reject()
        assert handset.guests
        workbench.window.trigger("guest.remove")
        _dialog().accept()
        await until(lambda: not handset.guests)

    workbench.run(scenario())
