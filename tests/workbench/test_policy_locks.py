"""Who manages a guest, and one that is locked: covered everywhere, with the reason and the ways out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from governing import It, dialog_of, governed_guest, pane_of, words_in
from kit import Workbench, taken_up, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from pocketvisor.profile.keys import NewKeys
from pocketvisor_workbench.stage.stage import View
from pocketvisor_workbench.stage.thumbnail import drag_picture


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
        await taken_up(pane)
        assert _has(pane, "#ff00ff"), "the test sees what it looks for"
        await it.order("lock", "Reported stolen in Porto")
        await asyncio.sleep(0.05)
        assert guest.state == "paused" and guest.done == ["pause"]
        assert "Acme has locked this phone: Reported stolen in Porto" in words_in(pane.overlay)
        assert not _has(pane, "#ff00ff")
        guest.frame()
        await taken_up(pane)
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


def test_one_whose_policy_wants_another_handset_is_moved_to_one(workbench: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        guest, it = await governed_guest(workbench, tmp_path)
        await it.govern("\n[handset]\nmips = 100000\n")
        assert guest.lock.kind == "misplaced" and guest.state == "paused"
        overlay = workbench.pane(guest).overlay
        assert "at least 100000 MIPS" in overlay.sentence
        overlay._button.click()
        dialog = dialog_of("LockedDialog")
        assert "moved to one that fits" in words_in(dialog)
        assert dialog.findChild(QPushButton, "policy.check-in") is None, "that would be no way out"
        dialog.findChild(QPushButton, "guest.move").click()
        dialog_of("MoveDialog").reject()
        await it.govern()
        assert guest.lock is None and guest.state == "running"

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
        await until(ended)

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
