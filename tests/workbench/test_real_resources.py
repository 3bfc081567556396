"""The Resources pane and the attack with real guests: what is set there holds, what is shown is so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Run, Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from pocketvisor.api import GuestState, catalogue, load_models
from pocketvisor.attack.attack import Attack
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window

_KINDS = ("addresses", "dma-address", "queue-size")


@pytest.fixture
def real(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A window without a phone. What runs by itself begins in the test: Qt's events are handled between a
    fixture and its test too, and there no loop of asyncio's is running."""

    async def build() -> Window:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        window.resize(1280, 800)
        window.show()
        return window

    window = run(build())
    made = Workbench(window, run)
    yield made
    run(made.end())


async def phone_with(real: Workbench, *images: str, model: str = "nexus-one") -> tuple[Any, Any]:
    """A phone with real guests, and its Resources pane."""
    session = real.session
    handset = session.add_handset(session.models[model])
    for number, ident in enumerate(images):
        session.start_guest(handset, session.images[ident], name=f"{ident} {number + 1}")
    await session.jobs.idle()
    await until(lambda: all(guest.state is GuestState.RUNNING for guest in handset.guests))
    assert len(handset.guests) == len(images)
    real.window.resources_desk.show(handset)
    return handset, real.window.docks["resources"].pane


def test_a_reservation_from_the_pane_is_what_the_guest_gets(real: Workbench) -> None:
    async def scenario() -> None:
        handset, pane = await phone_with(real, "hostile", "hostile", model="htc-dream")
        one, two = handset.guests
        for guest in (one, two):
            await guest.console.expect("> ", timeout=30)
            guest.console.write(b"spin\n")
        await until(lambda: {one, two} <= set(pane.cpu.rows.guests))
        row = pane.cpu.rows.row(two)
        row.edit.click()
        row.reserved.field.setFocus()
        row.reserved.field.selectAll()
        wanted = handset.model.mips * 8 // 10
        QTest.keyClicks(row.reserved.field, str(wanted))
        QTest.keyClick(row.reserved.field, Qt.Key.Key_Return)
        assert two.qos.reservation == wanted
        await until(lambda: row._now is not None and 0.74 < row._now.share < 0.86)
        share = row.bar.share
        assert share.reserved == wanted and share.total == handset.model.mips
        assert pane.cpu.rows.row(one)._now.share == pytest.approx(1 - row._now.share, abs=0.05)
        await until(lambda: pane.power.rows.row(two).figure.text().split()[0] != "0")

        def draws() -> list[float]:
            drawn = {power.guest: power.cpu_ma for power in handset.power.now().guests}
            return [drawn[one.id], drawn[two.id]]

        await until(lambda: draws()[0] < draws()[1])

    real.run(scenario())


def test_memory_is_read_from_real_guests_and_taken_apart_by_the_switch(real: Workbench) -> None:
    async def scenario() -> None:
        handset, pane = await phone_with(real, "personal", "personal")
        await until(lambda: len(pane.memory.rows.guests) == 2)
        assert handset.memory.now().shared > 0, "both are of one image"
        pane.refresh()
        kinds = [part.words for part in pane.memory.bar.parts]
        assert any("of images" in words for words in kinds), kinds
        view: Any = real.window.stage.views[handset]
        view.memory_badges.look()
        assert all(badge.text().endswith("MiB") for badge in view.memory_badges.badges.values())
        pane.memory.sharing.click()
        await until(lambda: handset.memory.now().shared == 0)
        await until(lambda: not pane.memory.sharing.isChecked())
        assert all(guest.state is GuestState.RUNNING for guest in handset.guests)

    real.run(scenario())


def test_a_real_attack_in_the_window_leaves_the_phone_as_it_was(real: Workbench) -> None:
    async def scenario() -> None:
        handset, _ = await phone_with(real, "personal", "work")
        before = list(handset.guests)
        desk = real.window.attack_desk
        desk.attack = lambda handset, victim, _: Attack(handset, victim=victim, kinds=_KINDS)
        dialog: Any = desk.open(handset, before[0])
        seen: list[tuple[int, int]] = []
        handset.on("guest-added", lambda _: seen.append((len(handset.guests), len(real.window.stage.panes))))
        dialog.begin()
        await until(lambda: dialog.run.sheet is not None or dialog.run.problem, seconds=60)
        assert dialog.run.problem == "" and seen == [(3, 3)], "the attacker had a pane"
        assert dialog.verdict.title.text() == "Held", dialog.verdict.words.text()
        assert dialog.run.sheet.victim == before[0].name and dialog.model.rowCount() == len(_KINDS)
        assert [row.outcome.held for row in dialog.model.rows] == [True] * len(_KINDS)
        assert handset.guests == before and len(real.window.stage.panes) == 2
        assert all(guest.state is GuestState.RUNNING for guest in before)
        dialog.close()

    real.run(scenario())


def test_an_attack_that_is_stopped_leaves_nothing_behind(real: Workbench) -> None:
    async def scenario() -> None:
        handset, _ = await phone_with(real, "personal")
        victim = handset.guests[0]
        dialog: Any = real.window.attack_desk.open(handset, victim)
        dialog.begin()
        await until(lambda: dialog.run.progress.kind is not None)
        attacker = handset.guests[1]
        dialog._cancel()
        await until(lambda: not dialog.run.running)
        assert handset.guests == [victim] and attacker.state is GuestState.STOPPED
        assert victim.state is GuestState.RUNNING and not victim.held
        assert "ended early" in dialog.verdict.words.text()
        dialog.close()

    real.run(scenario())
