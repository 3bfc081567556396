"""A real guest leaves the window for another machine, which is `pocketvisor receive` in a process of its own
with folders of its own, and one comes from there."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Run, Workbench, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from pocketvisor.api import GuestState, catalogue, load_models
from pocketvisor.migration import departure, messages
from pocketvisor.migration.link import Link, LinkLost
from pocketvisor.services import migration
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.job_card import JobCard
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window


@pytest.fixture
def real(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A window with Work, real."""

    async def build() -> Window:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.resize(1280, 800)
        window.show()
        handset = session.add_handset(session.models["nexus-one"])
        session.start_guest(handset, session.images["work"])
        await until(lambda: handset.guests and handset.guests[0].state is GuestState.RUNNING)
        return window

    window = run(build())
    made = Workbench(window, run)
    yield made
    run(made.end())


class There:
    """Another machine: the command line, with data of its own."""

    def __init__(self, folder: Path) -> None:
        self._environment = os.environ | {"XDG_DATA_HOME": str(folder / "there")}

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pocketvisor.cli",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )


async def event(process: asyncio.subprocess.Process, kind: str) -> dict[str, Any]:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        told: dict[str, Any] = json.loads(line)
        if told["event"] == kind:
            return told
    raise AssertionError(f"it ended without '{kind}'")


async def dialog() -> Any:
    await until(lambda: QApplication.activeModalWidget() is not None)
    return QApplication.activeModalWidget()


def words(real: Workbench) -> str:
    cards = [notice for notice in real.window.banners.shown if isinstance(notice, JobCard)]
    return " ".join(label.text() for card in cards for label in card.findChildren(QLabel))


async def send_off(real: Workbench, waiting: dict[str, Any]) -> None:
    """The selected guest, to a machine that is not trusted yet."""
    (handset,) = real.session.handsets
    real.session.select(handset, handset.guests[0])
    real.window.trigger("guest.migrate")
    shown = await dialog()
    shown.address.setEditText(waiting["address"])
    QTest.keyClick(shown, Qt.Key.Key_Return)
    await until(lambda: shown.asks_code)
    QTest.keyClicks(shown.code, waiting["code"])
    QTest.keyClick(shown, Qt.Key.Key_Return)


def test_a_guest_goes_to_another_machine_and_comes_back(real: Workbench, tmp_path: Path) -> None:
    async def scenario() -> None:
        session = real.session
        (handset,) = session.handsets
        there = There(tmp_path)
        receiving = await there.begin("receive", "--json", "--listen", "127.0.0.1:0")
        try:
            await send_off(real, await event(receiving, "waiting"))
            arrived = await event(receiving, "arrived")
            assert arrived["runs"]
            await until(lambda: not handset.guests and "It stood still for" in words(real))
        finally:
            receiving.send_signal(signal.SIGINT)
            await receiving.communicate()
        real.window.settings.set("receive-port", "0")
        real.window.trigger("handset.receive")
        shown = await dialog()
        shown.accept()
        await until(lambda: shown.code.text())
        reception: Any = session.travels.reception(handset)
        back = await there.begin(
            "migrate", "Work", reception.waiting.address, "--code", shown.code.text(), "--json"
        )
        _, said = await back.communicate()
        assert back.returncode == 0, said.decode()
        await until(lambda: "has come from another machine" in shown.said.text())
        shown.reject()
        (guest,) = handset.guests
        assert guest.name == "Work" and guest.profile is not None
        await until(lambda: guest.state is GuestState.RUNNING and real.pane(guest).isVisible())  # type: ignore[arg-type]

    real.run(scenario())


def test_a_guest_whose_move_was_cut_off_is_asked_about_in_its_pane(
    real: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other machine has taken it, and its answer is lost."""
    monkeypatch.setattr(departure, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(migration, "AGAIN_SECONDS", 60.0)
    receive = Link.receive

    async def lost(link: Link, *kinds: Any) -> Any:
        if messages.Answer in kinds:
            raise LinkLost("It is cut")
        return await receive(link, *kinds)

    async def scenario() -> None:
        (handset,) = real.session.handsets
        (guest,) = handset.guests
        receiving = await There(tmp_path).begin("receive", "--json", "--listen", "127.0.0.1:0")
        try:
            with monkeypatch.context() as cut:
                cut.setattr(Link, "receive", lost)
                await send_off(real, await event(receiving, "waiting"))
                await until(lambda: real.session.travels.undecided(guest))
                overlay = real.pane(guest).overlay  # type: ignore[arg-type]
                assert guest.state is GuestState.PAUSED and "link was lost" in overlay.sentence
                await until(lambda: "cannot be known" in words(real))
                overlay._button.click()
                await until(lambda: not real.session.jobs.running)
                assert overlay.isVisible() and guest in handset.guests
            await event(receiving, "arrived")
            overlay._button.click()
            await until(lambda: "is on the other machine" in words(real))
            assert not handset.guests and not real.window.stage.panes
        finally:
            receiving.send_signal(signal.SIGINT)
            await receiving.communicate()

    real.run(scenario())
