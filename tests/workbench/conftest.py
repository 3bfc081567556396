"""The workbench offscreen: one Qt application, qasync's loop, and a window with driven or real guests."""

import asyncio
import gc
import os
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import qasync
from driver import DriverHandset, DriverMover
from governing import OwnRing
from kit import Run, T, Workbench, images
from PySide6.QtWidgets import QApplication

from pocketvisor.api import load_models
from pocketvisor.policies.keyring_store import Keyring
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme, ThemeMode
from pocketvisor_workbench.window import Window

_LIMIT_SECONDS = 120.0
_frozen = False
_EXPECTED_WARNINGS = ("This plugin does not support propagateSizeHints",)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Garbage is collected here, in Qt's thread, as the workbench does it; see collector.py."""
    global _frozen
    if not _frozen:  # gc.get_freeze_count() would count them all
        gc.collect()
        gc.freeze()  # what was imported stays: going through it after each test would take longer than them
        _frozen = True
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.enable()


@pytest.fixture(autouse=True)
def no_qt_warnings(qtlog: Any) -> Iterator[None]:
    """A warning of Qt's fails the test."""
    yield
    said = [record.message for record in qtlog.records]
    assert [text for text in said if not text.startswith(_EXPECTED_WARNINGS)] == []


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is read or written."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    qapp.setQuitOnLastWindowClosed(False)
    return Theme(qapp)


class StayingLoop(qasync.QEventLoop):  # type: ignore[misc]
    """qasync and pytest-qt let Qt's events through when nothing runs, between the phases of a test too, and
    so this loop's callbacks: what the window does by itself goes on, and finds its loop as in the
    application."""

    def _after_run_forever(self) -> None:
        super()._after_run_forever()
        asyncio._set_running_loop(self)


@pytest.fixture
def run(qapp: QApplication, theme: Theme) -> Iterator[Run[Any]]:
    """Runs a coroutine on qasync's loop, with a limit."""
    loop = StayingLoop(qapp)
    asyncio.set_event_loop(loop)

    def run_it(work: Coroutine[Any, Any, T]) -> T:
        result: T = loop.run_until_complete(asyncio.wait_for(work, _LIMIT_SECONDS))
        return result

    yield run_it
    asyncio._set_running_loop(None)
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def workbench(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A shown window with an empty bench; its handsets are driven ones."""

    mover = DriverMover()

    async def build() -> Window:
        session = Session(
            load_models(),
            images(),
            make_handset=DriverHandset,  # type: ignore[arg-type]
            mover=mover,
        )
        session.policing.keyring = Keyring(OwnRing())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        theme.set_mode(ThemeMode.DARK)
        window.resize(1280, 800)
        window.show()
        await asyncio.sleep(0.02)
        return window

    window = run(build())
    made = Workbench(window, run, mover)
    yield made
    run(made.end())
