"""Ways around a policy through the window, by kind: its commands however they are run, drags and drops, the
panes' buttons, dialogs that were open before the policy came, going back, and documents that are none.

An attempt gives True where it got what the policy forbids. test_bypass_window.py makes all of them with a
real guest that is governed, where none may succeed, and with the same guest where nobody governs it, where
each has to: an attempt that cannot succeed at all shows nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from governing import It
from kit import Workbench
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu

from pocketvisor.api import GuestState

SECRET = "the figures of the quarter"
Attempt = Callable[["Scene"], Awaitable[bool]]
ATTEMPTS: dict[str, list[tuple[str, Attempt]]] = {}


@dataclass
class Scene:
    workbench: Workbench
    guest: Any
    it: It
    folder: Path
    held: dict[str, Any] = field(default_factory=dict)
    """What was open or at hand before the policy came."""
    _count: int = 0

    @property
    def window(self) -> Any:
        return self.workbench.window

    @property
    def session(self) -> Any:
        return self.workbench.session

    @property
    def pane(self) -> Any:
        return self.workbench.pane(self.guest)

    @property
    def other(self) -> Any:
        """The handset where it is not."""
        return next(one for one in self.session.handsets if one is not self.guest.handset)

    def new(self, name: str) -> Path:
        self._count += 1
        return self.folder / f"{self._count}-{name}"

    async def comes(self, promise: Callable[[], object], seconds: float) -> bool:
        """Whether it comes true by itself. Where somebody governs it has so long; where nobody does, it has
        to, and may take its time on a busy computer."""
        governed = self.guest.governed is not None and self.guest.governed.policy is not None
        loop = asyncio.get_running_loop()
        end = loop.time() + (seconds if governed else 30.0)
        while not promise():
            if loop.time() > end:
                return False
            await asyncio.sleep(0.01)
        return True

    async def idle(self) -> None:
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await self.session.jobs.idle()
        await asyncio.sleep(0.01)

    async def file_of(self, name: str) -> bool:
        """Whether the dialog that is open, if one is, writes a file."""
        dialog = QApplication.activeModalWidget()
        path = self.new(name)
        if not isinstance(dialog, QFileDialog):
            return False
        dialog.fileSelected.emit(str(path))
        dialog.reject()
        await self.idle()
        return path.exists()

    async def tidy(self) -> None:
        """As it was: no dialog, one guest, where it was first, running and not recorded."""
        while (dialog := QApplication.activeModalWidget()) is not None:
            assert isinstance(dialog, QDialog)
            dialog.reject()
            await asyncio.sleep(0)
        self.window.palette_box.close_box()
        await self.idle()
        self.held["ended"].clear()
        home = self.held["home"]
        for handset in self.session.handsets:
            for guest in list(handset.guests):
                if guest is not self.guest:
                    await handset.remove(guest)
        time = self.session.times.of(self.guest)
        if time.recording:
            time.stop()
            await self.idle()
        if self.guest.handset is not home:
            self.session.moves.start(self.guest, home)
            await self.idle()
        self.session.select(home, self.guest)
        with suppress(Exception):
            if self.guest.state is GuestState.PAUSED and self.guest.lock is None:
                await self.guest.resume()
        self.window.refresh_actions()


def attempt(kind: str, how: str) -> Callable[[Attempt], Attempt]:
    def add(made: Attempt) -> Attempt:
        ATTEMPTS.setdefault(kind, []).append((how, made))
        return made

    return add


# The ways to run a command

Way = Callable[[Scene, str], Awaitable[None]]


async def _by_id(scene: Scene, ident: str) -> None:
    scene.window.trigger(ident)


async def _by_action(scene: Scene, ident: str) -> None:
    """The one of the menus and the buttons, also where it is greyed."""
    action = scene.window.actions_by_ident[ident]
    action.setEnabled(True)
    action.trigger()


async def _by_keys(scene: Scene, ident: str) -> None:
    keys = scene.window.actions_by_ident[ident].shortcut()
    scene.window.activateWindow()
    await asyncio.sleep(0.02)
    scene.pane.setFocus()
    if not keys.isEmpty():
        combination = keys[0]
        QTest.keyClick(scene.pane, combination.key(), combination.keyboardModifiers())


async def _by_palette(scene: Scene, ident: str) -> None:
    box = scene.window.palette_box
    box.open_box()
    box.words.setText(scene.window.actions_by_ident[ident].text())
    QTest.keyClick(box.words, Qt.Key.Key_Return)


async def _by_menu(scene: Scene, ident: str) -> None:
    """In the menu bar, as it is greyed or not."""
    menus = scene.window.menuBar().findChildren(QMenu)
    action = next(one for menu in menus for one in menu.actions() if one.objectName() == ident)
    action.activate(action.ActionEvent.Trigger)


WAYS: tuple[tuple[str, Way], ...] = (
    ("by its name", _by_id),
    ("by its action", _by_action),
    ("by its keys", _by_keys),
    ("in the palette", _by_palette),
    ("in the menu", _by_menu),
)
_NO_KEYS = ("profile.clone", "profile.export", "debug.gdb", "guest.insert")


def _by_all_ways(kind: str, ident: str, got: Attempt) -> None:
    for how, way in WAYS:
        if way is _by_keys and ident in _NO_KEYS:
            continue

        async def made(scene: Scene, way: Way = way) -> bool:
            await way(scene, ident)
            await asyncio.sleep(0.02)
            return await got(scene)

        attempt(kind, f"{ident} {how}")(made)


async def pictured(scene: Scene) -> bool:
    return await scene.file_of("picture.png")


async def recording(scene: Scene) -> bool:
    dialog: Any = QApplication.activeModalWidget()
    if dialog is not None:  # what was recorded before is given up
        dialog.accept()
    await scene.idle()
    return bool(scene.session.times.of(scene.guest).recording)


async def cloned(scene: Scene) -> bool:
    await scene.idle()
    return sum(len(handset.guests) for handset in scene.session.handsets) > 1


async def exported(scene: Scene) -> bool:
    return await scene.file_of("copy.vphone")


async def copied(scene: Scene) -> bool:
    await scene.idle()
    return QGuiApplication.clipboard().text() == scene.held["copied"]


async def pasted(scene: Scene) -> bool:
    await scene.idle()
    return bool(scene.held["pasted"] and scene.held["pasted"][-1] == SECRET)


async def debugged(scene: Scene) -> bool:
    return type(QApplication.activeModalWidget()).__name__ == "GdbDialog"


async def moves(scene: Scene) -> bool:
    dialog: Any = QApplication.activeModalWidget()
    if dialog is not None:
        dialog.accept()
    await scene.idle()
    return scene.guest.handset is not scene.held["home"]


async def put_in(scene: Scene) -> bool:
    dialog = QApplication.activeModalWidget()
    if not isinstance(dialog, QFileDialog):
        return False
    dialog.filesSelected.emit([str(scene.held["picture"])])
    dialog.reject()
    return await has_files(scene)


async def has_files(scene: Scene) -> bool:
    """Whether what was given to its drive is there: a job that failed put nothing in."""
    await scene.idle()
    return any(job.error is None for job in scene.held["ended"] if job.title.startswith("Put "))


_by_all_ways("files in", "guest.insert", put_in)
_by_all_ways("a screenshot", "guest.screenshot", pictured)
_by_all_ways("a recording", "time.record", recording)
_by_all_ways("a clone", "profile.clone", cloned)
_by_all_ways("a copy of the profile", "profile.export", exported)
_by_all_ways("text out", "guest.copy", copied)
_by_all_ways("text in", "guest.paste", pasted)
_by_all_ways("text typed", "guest.type-clipboard", pasted)
_by_all_ways("gdb", "debug.gdb", debugged)
_by_all_ways("a move", "guest.move", moves)
