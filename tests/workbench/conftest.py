"""The workbench offscreen: one Qt application, qasync's loop, and a window with driven or real guests."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"
sys.path.insert(0, str(Path(__file__).parent))

import qasync
from driver import DriverGuest, DriverHandset
from PySide6.QtWidgets import QApplication

from pocketvisor.api import GuestImage, GuestState, HandsetModel, load_models
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme, ThemeMode
from pocketvisor_workbench.window import Window

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]

_LIMIT_SECONDS = 30.0
_EXPECTED_WARNINGS = ("This plugin does not support propagateSizeHints",)


@pytest.fixture(autouse=True)
def no_qt_warnings(qtlog: Any) -> Iterator[None]:
    """A warning of Qt's fails the test."""
    yield
    said = [record.message for record in qtlog.records]
    assert [text for text in said if not text.startswith(_EXPECTED_WARNINGS)] == []


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is read or written."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    qapp.setQuitOnLastWindowClosed(False)
    return Theme(qapp)


@pytest.fixture
def run(qapp: QApplication, theme: Theme) -> Iterator[Run[Any]]:
    """Runs a coroutine on qasync's loop, with a limit."""
    loop = qasync.QEventLoop(qapp)
    asyncio.set_event_loop(loop)

    def run_it(work: Coroutine[Any, Any, T]) -> T:
        result: T = loop.run_until_complete(asyncio.wait_for(work, _LIMIT_SECONDS))
        return result

    yield run_it
    asyncio.set_event_loop(None)
    loop.close()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Lets the event loop go on until something holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"did not come true within {seconds} s")
        await asyncio.sleep(0.005)


@dataclass
class Workbench:
    """A window under test."""

    window: Window
    run: Run[Any]

    @property
    def session(self) -> Session:
        return self.window.session

    def model(self, ident: str = "nexus-one") -> HandsetModel:
        return self.session.models[ident]

    async def handset(self, *images: str, model: str = "nexus-one") -> DriverHandset:
        """A handset with driven guests, drawn."""
        handset: Any = self.session.add_handset(self.model(model))
        for ident in images:
            guest = await handset.start(self.session.images[ident])
            guest.draw()
        if handset.guests:
            self.session.bring_to_front(handset.guests[0])
        await asyncio.sleep(0.02)
        return handset  # type: ignore[no-any-return]

    def pane(self, guest: DriverGuest) -> Any:
        pane = self.window.stage.pane_of(guest)  # type: ignore[arg-type]
        assert pane is not None
        return pane


def images() -> dict[str, GuestImage]:
    """A library with what it may hold, without files: driven guests load none."""
    return {
        "personal": GuestImage(
            id="personal", name="Personal", kind="elf", accent="#f0a35c", description="One's own"
        ),
        "work": GuestImage(id="work", name="Work", kind="elf", accent="#4f8cff", description="The firm's"),
        "debian": GuestImage(
            id="debian",
            name="Debian",
            kind="linux",
            ram_mib=256,
            least_ram_mib=192,
            accent="#d70a53",
            available=False,
            missing="Debian is not on this machine yet: fetch it",
        ),
    }


@pytest.fixture
def workbench(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[Workbench]:
    """A shown window with an empty bench; its handsets are driven ones."""

    async def build() -> Window:
        session = Session(load_models(), images(), make_handset=DriverHandset)  # type: ignore[arg-type]
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        theme.set_mode(ThemeMode.DARK)
        window.resize(1280, 800)
        window.show()
        await asyncio.sleep(0.02)
        return window

    window = run(build())
    yield Workbench(window, run)

    async def end() -> None:
        window.close()
        await window.session.close()
        window.deleteLater()
        await asyncio.sleep(0.01)

    run(end())


__all__ = ["DriverGuest", "DriverHandset", "GuestState", "Workbench", "images", "until"]
