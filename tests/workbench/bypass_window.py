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
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu, QPushButton

from pocketvisor.api import GuestState
from pocketvisor_workbench import mime
from pocketvisor_workbench.stage.guest_drag import GuestMime

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

    async def idle(self) -> None:
        await asyncio.sleep(0)
        async with asyncio.timeout(15):
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


async def _pictured(scene: Scene) -> bool:
    return await scene.file_of("picture.png")


async def _recording(scene: Scene) -> bool:
    dialog: Any = QApplication.activeModalWidget()
    if dialog is not None:  # what was recorded before is given up
        dialog.accept()
    await scene.idle()
    return bool(scene.session.times.of(scene.guest).recording)


async def _cloned(scene: Scene) -> bool:
    await scene.idle()
    return sum(len(handset.guests) for handset in scene.session.handsets) > 1


async def _exported(scene: Scene) -> bool:
    return await scene.file_of("copy.vphone")


async def _copied(scene: Scene) -> bool:
    await scene.idle()
    return QGuiApplication.clipboard().text() == scene.held["copied"]


async def _pasted(scene: Scene) -> bool:
    await scene.idle()
    return bool(scene.held["pasted"] and scene.held["pasted"][-1] == SECRET)


async def _debugged(scene: Scene) -> bool:
    return type(QApplication.activeModalWidget()).__name__ == "GdbDialog"


async def _moves(scene: Scene) -> bool:
    dialog: Any = QApplication.activeModalWidget()
    if dialog is not None:
        dialog.accept()
    await scene.idle()
    return scene.guest.handset is not scene.held["home"]


async def _put_in(scene: Scene) -> bool:
    dialog = QApplication.activeModalWidget()
    if not isinstance(dialog, QFileDialog):
        return False
    dialog.filesSelected.emit([str(scene.held["picture"])])
    dialog.reject()
    return await _has_files(scene)


async def _has_files(scene: Scene) -> bool:
    """Whether what was given to its drive is there: a job that failed put nothing in."""
    await scene.idle()
    return any(job.error is None for job in scene.held["ended"] if job.title.startswith("Put "))


_by_all_ways("files in", "guest.insert", _put_in)
_by_all_ways("a screenshot", "guest.screenshot", _pictured)
_by_all_ways("a recording", "time.record", _recording)
_by_all_ways("a clone", "profile.clone", _cloned)
_by_all_ways("a copy of the profile", "profile.export", _exported)
_by_all_ways("text out", "guest.copy", _copied)
_by_all_ways("text in", "guest.paste", _pasted)
_by_all_ways("text typed", "guest.type-clipboard", _pasted)
_by_all_ways("gdb", "debug.gdb", _debugged)
_by_all_ways("a move", "guest.move", _moves)


# What is called by a button, a dialog or a drag, past every command


@attempt("files in", "a drop onto its glass")
async def _(scene: Scene) -> bool:
    view = scene.window.stage.views[scene.guest.handset]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scene.held["picture"]))])
    place = scene.pane.mapTo(view, scene.pane.rect().center())
    offer = view.offer_for(
        QDropEvent(
            QPointF(place),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    if offer is not None and offer.run is not None:
        offer.run()
    return await _has_files(scene)


@attempt("files in", "what the drop calls")
async def _(scene: Scene) -> bool:
    scene.window.stage.media_dropped.emit(scene.guest, [scene.held["picture"]])
    return await _has_files(scene)


@attempt("files in", "a dialog that was open already")
async def _(scene: Scene) -> bool:
    scene.held["files dialog"].filesSelected.emit([str(scene.held["picture"])])
    return await _has_files(scene)


@attempt("a screenshot", "a dialog that was open already")
async def _(scene: Scene) -> bool:
    path = scene.new("held.png")
    scene.held["picture dialog"].fileSelected.emit(str(path))
    await scene.idle()
    return path.exists()


@attempt("a recording", "the button at the phone")
async def _(scene: Scene) -> bool:
    scene.window.stage.views[scene.guest.handset]._record()
    return await _recording(scene)


@attempt("a recording", "what the button calls")
async def _(scene: Scene) -> bool:
    scene.session.times.of(scene.guest)._do("x", lambda: scene.held["timeline"].start())
    await scene.idle()
    return bool(scene.held["timeline"].recording)


@attempt("a clone", "the button of the Profiles pane")
async def _(scene: Scene) -> bool:
    scene.window.docks["profiles"].pane.clone.click()
    return await _cloned(scene)


@attempt("a clone", "what the command calls")
async def _(scene: Scene) -> bool:
    scene.session.keeping.clone(scene.guest, scene.guest.handset)
    return await _cloned(scene)


@attempt("a clone", "on another handset")
async def _(scene: Scene) -> bool:
    scene.session.keeping.clone(scene.guest, scene.other)
    return await _cloned(scene)


@attempt("a copy of the profile", "the button of the Profiles pane")
async def _(scene: Scene) -> bool:
    scene.window.docks["profiles"].pane.export.click()
    await asyncio.sleep(0.02)
    return await _exported(scene)


@attempt("a copy of the profile", "what the command calls")
async def _(scene: Scene) -> bool:
    path = scene.new("called.vphone")
    scene.session.keeping.export(scene.guest, path)
    await scene.idle()
    return path.exists()


@attempt("a copy of the profile", "a drag into a file manager")
async def _(scene: Scene) -> bool:
    path = scene.new("dragged.vphone")

    class Saver:
        def place(self) -> Path:
            return path

    data = GuestMime(scene.guest, scene.session, Saver())  # type: ignore[arg-type]
    data.data(data.formats()[-1])
    await asyncio.sleep(0.02)
    await scene.idle()
    return path.exists()


@attempt("a copy of the profile", "a vault")
async def _(scene: Scene) -> bool:
    vault = scene.new("vault")
    scene.session.vaulting.set_address(str(vault))
    await asyncio.sleep(0.02)
    await scene.idle()
    scene.session.vaulting.set_address("")
    return any(path.is_file() and path.stat().st_size > 4096 for path in vault.rglob("*"))


@attempt("gdb", "what the command calls")
async def _(scene: Scene) -> bool:
    scene.window.debug_desk.open_gdb()
    return await _debugged(scene)


@attempt("a look inside", "the panes of the debugger")
async def _(scene: Scene) -> bool:
    from pocketvisor_workbench.perspectives import Perspective

    scene.window.set_perspective(Perspective.DEBUG)
    await asyncio.sleep(0.4)
    await scene.idle()
    seen = scene.window.bench.inspector.sample is not None
    scene.window.set_perspective(Perspective.DEVELOP)
    return seen


@attempt("a look inside", "a debugger that was at hand")
async def _(scene: Scene) -> bool:
    sample = await scene.held["debugger"].sample()
    return bool(sample.registers)


async def _stood(scene: Scene) -> bool:
    await scene.idle()
    await asyncio.sleep(0.05)
    stood = bool(scene.window.bench.inspector.standing)
    scene.window.trigger("debug.continue")
    await scene.idle()
    return stood


for _how, _way in (WAYS[0], WAYS[1], WAYS[3], WAYS[4]):

    @attempt("a stop", f"debug.pause {_how}")
    async def _(scene: Scene, way: Way = _way) -> bool:
        await way(scene, "debug.pause")
        return await _stood(scene)


@attempt("a stop", "what the command calls")
async def _(scene: Scene) -> bool:
    scene.window.bench.inspector.motion.pause()
    return await _stood(scene)


@attempt("the console", "what it printed")
async def _(scene: Scene) -> bool:
    scene.window.docks["console"].show()
    feed = scene.window.docks["console"].pane.feeds[scene.guest]
    await asyncio.sleep(0.1)
    scene.guest.console.received(b"a line that the guest prints\r\n")
    await asyncio.sleep(0.1)
    return "a line that the guest prints" in feed.terminal.text()


@attempt("a move", "a drag onto the other phone")
async def _(scene: Scene) -> bool:
    view = scene.window.stage.views[scene.other]
    data = QMimeData()
    mime.add_guest(data, scene.guest.id)
    event = QDropEvent(
        QPointF(view.width() / 2, view.height() / 2),
        Qt.DropAction.MoveAction | Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    offer = view.offer_for(event)
    if offer is not None and offer.run is not None:
        offer.run()
    return await _moves(scene)


@attempt("a move", "what the drop calls")
async def _(scene: Scene) -> bool:
    scene.window.stage.guest_dropped.emit(scene.other, scene.guest)
    return await _moves(scene)


@attempt("a move", "the mover itself")
async def _(scene: Scene) -> bool:
    with suppress(Exception):
        await scene.session.moves._mover.move(scene.guest, scene.other, lambda *_: None)
    return scene.guest.handset is not scene.held["home"]


# Going back to before the policy


async def _free_picture(scene: Scene, guest: Any) -> bool:
    path = scene.new("back.png")
    scene.window.write_screenshot(guest, path)
    await scene.idle()
    return path.exists()


@attempt("going back", "an older generation")
async def _(scene: Scene) -> bool:
    scene.session.keeping.restore(scene.guest, 1)
    await scene.idle()
    return await _free_picture(scene, scene.guest)


async def _ran_elsewhere(scene: Scene) -> bool:
    """A picture of what runs on the other phone, once everything was answered with yes."""
    for _ in range(3):
        await asyncio.sleep(0.05)
        await scene.idle()
        for notice in scene.window.banners.shown:
            for button in notice.findChildren(QPushButton):
                if button.text().startswith("Run "):
                    button.click()
    ran = [guest for guest in scene.other.guests if guest is not scene.guest]
    return bool(ran) and await _free_picture(scene, ran[0])


@attempt("going back", "a copy of the file from before")
async def _(scene: Scene) -> bool:
    scene.session.keeping.open(scene.other, scene.held["older file"])
    return await _ran_elsewhere(scene)


@attempt("going back", "a copy that is dropped on a phone")
async def _(scene: Scene) -> bool:
    view = scene.window.stage.views[scene.other]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scene.held["older file"]))])
    offer = view.offer_for(
        QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    assert offer is not None and offer.run is not None
    offer.run()
    return await _ran_elsewhere(scene)


@attempt("going back", "a copy that is run in the file dialog")
async def _(scene: Scene) -> bool:
    scene.session.select(scene.other)
    scene.window.trigger("profile.open")
    dialog: Any = QApplication.activeModalWidget()
    dialog.filesSelected.emit([str(scene.held["older file"])])
    dialog.reject()
    return await _ran_elsewhere(scene)


@attempt("going back", "killing it, and restoring what was before")
async def _(scene: Scene) -> bool:
    scene.session.operate(scene.guest, "kill")
    await scene.idle()
    scene.session.keeping.restore(scene.guest, 1)
    await scene.idle()
    return await _free_picture(scene, scene.guest)


# Documents that are none. Where nobody governs, they govern; "rule" is what they want to change.


def _documents(scene: Scene) -> dict[str, bytes]:
    from pocketvisor.policies.signing import DocumentKind, sign

    it, other = scene.it, It(scene.workbench, scene.guest)
    it.number, other.number = 100, 200
    free = it.policy()
    text = free.decode().rsplit("# signed", 1)[0]
    return {
        "signed by the user": other.policy(),
        "with a byte changed": free.replace(b"Acme", b"Acne"),
        "not signed": text.encode(),
        "signed as an order": sign(text, DocumentKind.ORDER, it.key),
        "for another profile": sign(
            text.replace(scene.guest.profile.file.id.hex(), "00" * 16), DocumentKind.POLICY, it.key
        ),
        "with a number that was used": sign(
            text.replace("number = 101", "number = 1"), DocumentKind.POLICY, it.key
        ),
        "with a field that nobody knows": sign(text + "[screen]\nx = 1\n", DocumentKind.POLICY, it.key),
        "from the future": sign(text.replace("issued = 20", "issued = 30", 1), DocumentKind.POLICY, it.key),
    }


DOCUMENTS = (
    "signed by the user",
    "with a byte changed",
    "not signed",
    "signed as an order",
    "for another profile",
    "with a number that was used",
    "with a field that nobody knows",
    "from the future",
)


async def delivered(scene: Scene, name: str) -> bool:
    """Whether a document of the kinds above lets a picture be taken."""
    path = scene.new("delivery.toml")
    path.write_bytes(_documents(scene)[name])
    scene.window.policy_desk.deliver(scene.guest, path)
    await scene.idle()
    await scene.it.settled()
    return await _free_picture(scene, scene.guest)


# Out of a lock


async def _used(scene: Scene) -> bool:
    """Whether it runs, or can be seen."""
    await scene.idle()
    runs = any(
        guest.state is GuestState.RUNNING for handset in scene.session.handsets for guest in handset.guests
    )
    return runs or not scene.pane.overlay.isVisible()


LOCKED: list[tuple[str, Attempt]] = []


def locked(how: str) -> Callable[[Attempt], Attempt]:
    def add(made: Attempt) -> Attempt:
        LOCKED.append((how, made))
        return made

    return add


for _ident in ("guest.resume", "guest.restart", "guest.reset", "profile.resume", "policy.open"):

    @locked(f"{_ident}, all ways")
    async def _(scene: Scene, ident: str = _ident) -> bool:
        for _, way in WAYS[:4]:
            await way(scene, ident)
            dialog: Any = QApplication.activeModalWidget()
            if dialog is not None:
                dialog.accept() if dialog.accept_button is not None else dialog.reject()
            await scene.idle()
        return await _used(scene)


for _operation in ("resume", "restart", "reset"):

    @locked(f"the operation {_operation}")
    async def _(scene: Scene, operation: str = _operation) -> bool:
        scene.session.operate(scene.guest, operation)
        return await _used(scene)


@locked("going on")
async def _(scene: Scene) -> bool:
    scene.session.go_on(scene.guest)
    return await _used(scene)


@locked("unlocking as its user")
async def _(scene: Scene) -> bool:
    scene.window.policy_desk._unlock(scene.guest, None)
    return await _used(scene)


@locked("typing and touching")
async def _(scene: Scene) -> bool:
    QTest.mouseClick(scene.pane, Qt.MouseButton.LeftButton)
    QTest.keyClick(scene.pane, Qt.Key.Key_Return)
    return await _used(scene)


@locked("taking the handset away, and back")
async def _(scene: Scene) -> bool:
    handset = scene.guest.handset
    scene.session.remove_handset(handset)
    await scene.idle()
    scene.session.restore_handset(handset)
    return await _used(scene)


@locked("an older generation")
async def _(scene: Scene) -> bool:
    scene.session.keeping.restore(scene.guest, 1)
    return await _used(scene)


@locked("another copy of it")
async def _(scene: Scene) -> bool:
    scene.session.keeping.open(scene.other, scene.held["older file"])
    return await _used(scene)


@locked("the demo's view")
async def _(scene: Scene) -> bool:
    from pocketvisor_workbench.stage.stage import View

    scene.window.set_view(View.DEMO)
    await asyncio.sleep(0.05)
    used = await _used(scene)
    scene.window.set_view(View.GRID)
    return used
