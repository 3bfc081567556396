"""The Policy pane: who governs, what each side may do, how it stands, the audit log."""

import asyncio
from pathlib import Path

import pytest
from governing import NOTHING, governed_guest, pane_of, words_in
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from pocketvisor.errors import Refused
from pocketvisor.policies.act import Act


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
        pane.show_page(0)
        pane.effects.setFocus(Qt.FocusReason.TabFocusReason)
        assert pane.effects.currentIndex().row() == 0, "it can be seen where one is"
        QTest.keyClick(pane.effects, Qt.Key.Key_Down)
        assert pane.effects.currentIndex().row() == 1

    workbench.run(scenario())
