"""The workbench with real guests: the tour from start to end, and a guest that is killed beside another."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Run, Workbench, until
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from pocketvisor.api import GuestState, catalogue, load_models
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window


def test_without_a_display_there_is_a_tour_with_screenshots(tmp_path: Path) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    environment.pop("QT_QPA_PLATFORM", None)
    result = subprocess.run(
        [sys.executable, "-m", "pocketvisor_workbench.app", "--screenshots", str(tmp_path / "shots")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    pictures = sorted((tmp_path / "shots").glob("*.png"))
    assert len(pictures) == 8 and str(tmp_path / "shots") in result.stdout
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.size == (1440, 900)
            assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 500


def test_a_name_that_nothing_has_is_a_sentence_and_exit_code_2() -> None:
    for arguments in (["--handset", "brick"], ["nobody"]):
        result = subprocess.run(
            [sys.executable, "-m", "pocketvisor_workbench.app", "--tour", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 2
        assert arguments[-1] in result.stderr and "Traceback" not in result.stderr


@pytest.fixture
def real(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A window with Personal and Work, real, on one handset."""

    async def build() -> Window:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        window.resize(1280, 800)
        window.show()
        handset = session.add_handset(session.models["nexus-one"])
        for ident in ("personal", "work"):
            session.start_guest(handset, session.images[ident])
        await session.jobs.idle()
        await until(
            lambda: len(handset.guests) == 2 and all(guest.panel.sequence for guest in handset.guests)
        )
        return window

    window = run(build())
    made = Workbench(window, run)
    yield made
    run(made.end())


def test_a_swipe_changes_the_pixels_in_the_pane(real: Workbench) -> None:
    async def scenario() -> None:
        guest: Any = real.session.handsets[0].guests[0]
        pane = real.pane(guest)
        before = pane.grab().toImage()
        sequence = guest.panel.sequence
        down = QPoint(pane.width() // 2, round(pane.height() * 0.85))
        QTest.mousePress(pane, Qt.MouseButton.LeftButton, pos=down)
        for step in range(1, 9):
            QTest.mouseMove(pane, down - QPoint(0, step * pane.height() // 12))
            await asyncio.sleep(0.016)
        QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=down - QPoint(0, pane.height() * 8 // 12))
        await until(lambda: guest.panel.sequence > sequence + 3)
        await until(lambda: pane.grab().toImage() != before)

    real.run(scenario())


def test_a_killed_guest_is_told_in_its_pane_and_its_neighbour_runs_on(real: Workbench) -> None:
    async def scenario() -> None:
        personal, work = real.session.handsets[0].guests
        pid = personal.pid
        os.kill(work.pid, signal.SIGKILL)
        overlay = real.pane(work).overlay
        await until(lambda: overlay.isVisible())
        assert "SIGKILL" in overlay.sentence and work.state is GuestState.CRASHED
        assert personal.state is GuestState.RUNNING and personal.pid == pid
        real.session.operate(work, "restart")
        await until(lambda: work.state is GuestState.RUNNING and overlay.isHidden())
        await until(lambda: work.panel.sequence > 0)

    real.run(scenario())


def test_a_guest_is_removed_and_the_pane_with_it(real: Workbench) -> None:
    async def scenario() -> None:
        handset = real.session.handsets[0]
        work = handset.guests[1]
        real.session.remove_guest(work)
        await until(lambda: len(handset.guests) == 1 and len(real.window.stage.panes) == 1)
        await asyncio.sleep(0.3)  # samples and paints go on without it
        assert real.session.guest is handset.guests[0]

    real.run(scenario())


def test_an_image_that_cannot_be_used_is_a_sentence_and_touches_nothing(
    real: Workbench, tmp_path: Path
) -> None:
    from pocketvisor.api import image_from_files

    async def scenario() -> None:
        path = tmp_path / "noise.elf"
        path.write_bytes(b"this is no program")
        handset = real.session.handsets[0]
        real.session.start_guest(handset, image_from_files(elf=path, ram_mib=64))
        await real.session.jobs.idle()
        await until(lambda: real.window.banners.shown)
        assert "noise.elf" in real.window.banners.shown[0].text
        assert [guest.state for guest in handset.guests] == [GuestState.RUNNING] * 2

    real.run(scenario())
