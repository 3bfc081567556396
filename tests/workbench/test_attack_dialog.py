"""The attack's dialog with scripted attacks: each of its states, what is exported, and what is told."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kit import Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from pocketvisor.api import GuestError, GuestState
from pocketvisor.attack.sheet import Effect, Kind, Outcome, Progress, ScoreSheet, SecretSearch
from pocketvisor.control.isolation import Isolation
from pocketvisor_workbench.attack.dialog import AttackDialog
from pocketvisor_workbench.attack.export import sheet_html, sheet_json
from pocketvisor_workbench.attack.words import effect_words, isolation_words, stopper_words
from pocketvisor_workbench.theme import ThemeMode

KINDS = (
    Kind("dma", "guest", "Memory beyond its RAM", "its devices"),
    Kind("open", "engine", "Files opened", "Landlock"),
    Kind("kill", "engine", "Its neighbour killed", "the list of system calls"),
)
DIGEST = "1354479ee94bcb59f483adab04010a41"


def outcome(kind: Kind, *, reached: int = 0, attempts: int = 1200) -> Outcome:
    sentence = f"{reached} of them got through" if reached else ""
    return Outcome(kind, attempts, reached, {"EPERM": attempts - 5, "EACCES": 5}, sentence)


def sheet(*, reached: int = 0, complete: bool = True, victim: str = "Personal") -> ScoreSheet:
    return ScoreSheet(
        handset="Nexus One",
        attacker="Attacker",
        victim=victim,
        isolation=Isolation(
            no_new_privileges=True, calls_allowed=31, landlock=4, limits={"NOFILE": 64, "NICE": 0}
        ),
        outcomes=tuple(outcome(kind, reached=reached if kind.name == "kill" else 0) for kind in KINDS),
        effects=(
            Effect("RAM", DIGEST, DIGEST if not reached else DIGEST[::-1], not reached),
            Effect("frames", "60 a second", "59 a second", True),
            Effect("files", "", "", True),
        ),
        secrets=SecretSearch(8, {"RAM": 64 << 20}, ("A secret is at 0x4010",) if reached else ()),
        seconds=64.0,
        complete=complete,
    )


class ScriptedAttack:
    """Stops before its last kind until it is let go."""

    def __init__(self, victim: Any, ending: Callable[[], ScoreSheet]) -> None:
        self.victim = victim
        self.kinds = KINDS
        self.ending = ending
        self.go_on = asyncio.Event()
        self.cleaned = False

    async def run(self, tell: Callable[[Progress], None]) -> ScoreSheet:
        try:
            tell(Progress(0, 3, "A hostile guest starts"))
            for number, kind in enumerate(KINDS):
                tell(Progress(number, 3, kind.title, kind))
                if number == 2:
                    await self.go_on.wait()
                tell(Progress(number + 1, 3, kind.title, kind, outcome(kind)))
            return self.ending()
        finally:
            self.cleaned = True


def attacks(workbench: Workbench, ending: Callable[[], ScoreSheet] = sheet) -> list[ScriptedAttack]:
    """From now on attacks are scripted; those that were begun."""
    made: list[ScriptedAttack] = []

    def make(_: Any, victim: Any, kinds: Any = ()) -> ScriptedAttack:
        made.append(ScriptedAttack(victim, ending))
        return made[-1]

    workbench.window.attack_desk.attack = make  # type: ignore[assignment]
    return made


def results(dialog: AttackDialog) -> list[str]:
    model = dialog.model
    return [str(model.index(row, 3).data()) for row in range(model.rowCount())]


def test_an_attack_is_begun_followed_and_its_sheet_is_shown(workbench: Workbench) -> None:
    async def scenario() -> None:
        made = attacks(workbench)
        handset: Any = await workbench.handset("personal", "work")
        workbench.window.trigger("guest.attack")
        dialog: Any = workbench.window.findChild(AttackDialog)
        assert dialog.victim.currentText() == "Personal" and not dialog.isModal()
        assert dialog._nothing.isVisible() and not dialog.table.isVisible() and not dialog.export.isVisible()
        dialog.victim.setCurrentIndex(1)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        assert made[0].victim is handset.guests[1]
        await until(lambda: results(dialog) == ["held", "held", "trying"])
        assert dialog.verdict.bar.isVisible() and dialog.verdict.title.text().startswith("2,400 attempts")
        assert dialog.cancel.isVisible() and not dialog.start.isVisible() and not dialog.victim.isVisible()
        await until(lambda: [tile.words[0] for tile in dialog.vitals.tiles][:2] == ["Work", "Frames"])
        handset.guests[1].become(GuestState.PAUSED)
        await until(lambda: "stands still" in dialog.vitals.tiles[0].words[1])
        overlay = workbench.pane(handset.guests[1]).overlay
        assert overlay._title.text() == "Under attack" and not overlay._button.isVisible()
        made[0].go_on.set()
        await until(lambda: dialog.verdict.title.text() == "Held")
        assert results(dialog) == ["held"] * 3 and not dialog.verdict.bar.isVisible()
        assert overlay._title.text() == "Paused" and overlay._button.isVisible()
        words = dict(tile.words for tile in dialog.vitals.tiles)
        assert words == {
            "RAM": "1354479ee9…",
            "Frame rate": "60 a second → 59 a second",
            "Files": "as before",
            "Secrets": "none of 8 found",
        }
        assert (
            "31 system calls allowed" in dialog.isolation.text() and "priority" not in dialog.isolation.text()
        )
        assert "no raised priority" in dialog.isolation.toolTip()
        assert dialog.start.text() == "Attack again" and dialog.export.isVisible()
        for mode in (ThemeMode.LIGHT, ThemeMode.DARK):
            workbench.window.bench.theme.set_mode(mode)
            assert not dialog.grab().isNull()
        dialog.close()

    workbench.run(scenario())


def test_what_got_through_stands_out(workbench: Workbench) -> None:
    async def scenario() -> None:
        made = attacks(workbench, lambda: sheet(reached=3))
        await workbench.handset("personal")
        dialog: Any = workbench.window.attack_desk.open()
        dialog.begin()
        made[0].go_on.set()
        await until(lambda: dialog.verdict.title.text() == "Not held")
        assert results(dialog) == ["3 reached it", "held", "held"], "what got through is at the top"
        tip = dialog.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert "Its neighbour killed" in tip and "the list of system calls" in tip
        assert "EPERM 1,195, EACCES 5" in tip and "3 of them got through" in tip
        assert (
            "kill reached something, Personal's RAM changed, 1 secret was found"
            in dialog.verdict.words.text()
        )
        changed = [tile for tile in dialog.vitals.tiles if "changed" in tile.accessibleName()]
        assert [tile.words[0] for tile in changed] == ["RAM", "Secrets"]
        assert "A secret is at 0x4010" in changed[1].toolTip()
        dialog.close()

    workbench.run(scenario())


def test_one_that_is_stopped_or_cannot_begin_says_so(workbench: Workbench) -> None:
    async def scenario() -> None:
        made = attacks(workbench)
        await workbench.handset("personal")
        dialog: Any = workbench.window.attack_desk.open()
        dialog.begin()
        await until(lambda: "trying" in results(dialog)[2:])
        QTest.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
        await until(lambda: "ended early" in dialog.verdict.words.text())
        assert made[0].cleaned and dialog.start.isVisible() and not dialog.export.isVisible()

        def refuse() -> ScoreSheet:
            raise GuestError("Nexus One has 12 MiB left, the hostile guest wants 64")

        made = attacks(workbench, refuse)
        dialog.begin()
        made[0].go_on.set()
        await until(lambda: "12 MiB left" in dialog.verdict.words.text())
        assert not workbench.window.banners.shown, "the dialog has said it"
        dialog.close()

    workbench.run(scenario())


def test_a_closed_dialog_lets_it_go_on_and_the_end_is_told(workbench: Workbench) -> None:
    async def scenario() -> None:
        made = attacks(workbench)
        await workbench.handset("personal")
        desk = workbench.window.attack_desk
        dialog: Any = desk.open()
        dialog.begin()
        assert desk.open() is dialog, "one dialog for each phone"
        await until(lambda: "trying" in results(dialog)[2:])
        dialog.reject()
        await asyncio.sleep(0)
        again: Any = desk.open()
        assert again is not dialog and results(again) == ["held", "held", "trying"]
        assert len(made) == 1
        again.reject()
        made[0].go_on.set()
        await until(lambda: workbench.window.banners.shown)
        banner: Any = workbench.window.banners.shown[0]
        assert "none reached anything" in banner.text and banner.button.text() == "Score sheet"
        QTest.mouseClick(banner.button, Qt.MouseButton.LeftButton)
        shown: Any = desk._dialogs[workbench.session.handset]
        assert results(shown) == ["held"] * 3
        shown.close()

    workbench.run(scenario())


def asked(workbench: Workbench, told: list[Progress]) -> "asyncio.Future[ScoreSheet]":
    """As an open workbench is asked by the command line."""
    desk, guest = workbench.window.attack_desk, workbench.session.guests[0]
    return asyncio.ensure_future(desk.asked(guest.handset, guest, ("dma",), told.append))


def test_one_that_another_program_begins_can_be_followed_and_stopped_here(workbench: Workbench) -> None:
    async def scenario() -> None:
        made = attacks(workbench)
        handset: Any = await workbench.handset("personal")
        told: list[Progress] = []
        asking = asked(workbench, told)
        await until(lambda: workbench.window.banners.shown)
        banner: Any = workbench.window.banners.shown[0]
        assert banner.text == "Another program attacks Personal." and banner.button.text() == "Show"
        with pytest.raises(GuestError, match="under attack already"):
            await asked(workbench, [])
        QTest.mouseClick(banner.button, Qt.MouseButton.LeftButton)
        dialog: Any = workbench.window.attack_desk._dialogs[handset]
        await until(lambda: results(dialog) == ["held", "held", "trying"])
        made[0].go_on.set()
        assert (await asking).held and told[-1].done == 3
        await until(lambda: dialog.verdict.title.text() == "Held")

        asking = asked(workbench, told)
        await until(lambda: len(made) == 2 and "trying" in results(dialog)), "an open dialog follows it"
        assert not workbench.window.banners.shown
        QTest.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
        with pytest.raises(GuestError, match="ended early, in the window"):
            await asking

        asking = asked(workbench, told)
        await until(lambda: len(made) == 3 and "trying" in results(dialog))
        asking.cancel()  # it hung up
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert made[2].cleaned and not workbench.window.attack_desk.runs[handset].running
        dialog.close()

    workbench.run(scenario())


def test_the_dialog_is_no_larger_than_the_window(workbench: Workbench) -> None:
    async def scenario() -> None:
        await workbench.handset("personal")
        workbench.window.resize(1024, 700)
        dialog: Any = workbench.window.attack_desk.open()
        assert dialog.width() <= 1024 - 40 and dialog.height() <= 700 - 40
        dialog.close()

    workbench.run(scenario())


def test_a_phone_that_goes_takes_its_attack_along(workbench: Workbench) -> None:
    async def scenario() -> None:
        made = attacks(workbench)
        handset: Any = await workbench.handset("personal")
        desk = workbench.window.attack_desk
        dialog: Any = desk.open()
        dialog.begin()
        await until(lambda: "trying" in results(dialog)[2:])
        workbench.session.remove_handset(handset)
        await until(lambda: made[0].cleaned)
        assert desk.runs == {} and desk._dialogs == {}
        assert desk.open() is None

    workbench.run(scenario())


def test_in_a_small_dialog_nothing_is_cut(workbench: Workbench) -> None:
    async def scenario() -> None:
        made = attacks(workbench)
        await workbench.handset("personal")
        dialog: Any = workbench.window.attack_desk.open()
        dialog.begin()
        made[0].go_on.set()
        await until(lambda: dialog.verdict.title.text() == "Held")
        dialog.resize(dialog.minimumSize())
        await asyncio.sleep(0.05)
        assert dialog.table.isColumnHidden(1)
        tiles = [tile.geometry().translated(dialog.vitals.pos()) for tile in dialog.vitals.tiles]
        assert all(tile.height() == 48 for tile in tiles)
        assert max(tile.bottom() for tile in tiles) < dialog.table.y()
        assert dialog.table.geometry().bottom() < dialog.isolation.y()
        dialog.close()

    workbench.run(scenario())


@pytest.mark.parametrize("name", ["sheet.json", "sheet.html"])
def test_a_sheet_is_exported(workbench: Workbench, tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        made = attacks(workbench)
        await workbench.handset("personal")
        dialog: Any = workbench.window.attack_desk.open()
        assert dialog.write(tmp_path / name) is None
        dialog.begin()
        made[0].go_on.set()
        await until(lambda: dialog.verdict.title.text() == "Held")
        dialog.write(tmp_path / name)
        await workbench.session.jobs.idle()
        assert (tmp_path / name).stat().st_size > 500
        dialog.write(tmp_path / "no" / name)
        await workbench.session.jobs.idle()
        assert "cannot be written" in workbench.session.log.entries[-1].text
        dialog.close()

    workbench.run(scenario())


def test_json_has_the_sheet_and_what_follows_from_it() -> None:
    read = json.loads(sheet_json(sheet(reached=3)))
    assert read["held"] is False and read["attempts"] == 3600 and read["kinds"] == 3
    assert [one["reached"] for one in read["outcomes"]] == [0, 0, 3]
    assert read["secrets"]["found"] == ["A secret is at 0x4010"]


def test_a_page_shows_words_from_elsewhere_as_they_are() -> None:
    """A guest's name, and what a taken-over process tells, are an attacker's words."""
    page = sheet_html(sheet(victim="<script>alert(1)</script>"))
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "http" not in page.replace("</html>", "").replace("<!doctype html>", "")
    assert "3 reached it" in sheet_html(sheet(reached=3))


def test_words_of_effects_and_of_what_stopped_it() -> None:
    assert effect_words(Effect("files", "", "3 more", False)) == "nothing → 3 more"
    assert effect_words(Effect("RAM", DIGEST, DIGEST[::-1], False)) == "1354479ee9… → 14a01040ba…"
    many = Outcome(KINDS[0], 10, 0, {"a": 1, "b": 4, "c": 2, "d": 3})
    assert stopper_words(many) == "b 4, d 3, c 2, 1 more"
    assert stopper_words(Outcome(KINDS[0], 5, 0, {"EPERM": 5})) == "EPERM"
    assert stopper_words(Outcome(KINDS[0], 0, 0)) == "its devices"


def test_bounds_are_told_in_words() -> None:
    limits = {"AS": 4 << 30, "DATA": 1 << 30, "CORE": 0, "MEMLOCK": 0, "NICE": 0, "SIGPENDING": 7}
    said = isolation_words(Isolation(limits=limits), limits=True)
    assert said[-4:] == [
        "no core dumps, locked memory or raised priority",
        "address space at most 4.0 GiB",
        "memory of its own at most 1.0 GiB",
        "SIGPENDING at most 7",
    ]
    assert "no core dumps" in isolation_words(Isolation(limits={"CORE": 0}), limits=True)
    assert isolation_words(Isolation(limits={"CORE": 5}), limits=True)[-1] == "CORE at most 5 B"
    assert len(isolation_words(Isolation(limits=limits))) == len(said) - 3


def test_the_controls_say_what_a_guests_process_has_given_up(workbench: Workbench) -> None:
    async def scenario() -> None:
        handset: Any = await workbench.handset("personal")
        dock = workbench.window.docks["controls"]
        dock.show()
        section: Any = dock.pane.isolation  # type: ignore[attr-defined]
        assert section.summary.text() == "complete"
        assert "31 system calls allowed" in section.words.text()
        guest = handset.guests[0]
        guest.isolation = Isolation(calls_allowed=31, lacks=("This kernel has no <b>Landlock",))
        guest.become(GuestState.PAUSED)
        assert "lacks" in section.summary.text() and "no &lt;b&gt;Landlock" in section.words.text()
        guest.isolation = None
        guest.become(GuestState.OFF)
        assert section.summary.text() == "no process"

    workbench.run(scenario())
