"""Ways around a policy past every command of the window: its panes' buttons, dialogs that were open already,
drags, drops, and going back to before the policy. See bypass_window.py."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from bypass_window import WAYS, Scene, Way, attempt, cloned, debugged, exported, has_files, moves, recording
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QPushButton

from pocketvisor_workbench import mime
from pocketvisor_workbench.stage.guest_drag import GuestMime

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
    return await has_files(scene)


@attempt("files in", "what the drop calls")
async def _(scene: Scene) -> bool:
    scene.window.stage.media_dropped.emit(scene.guest, [scene.held["picture"]])
    return await has_files(scene)


@attempt("files in", "a dialog that was open already")
async def _(scene: Scene) -> bool:
    scene.held["files dialog"].filesSelected.emit([str(scene.held["picture"])])
    return await has_files(scene)


@attempt("a screenshot", "a dialog that was open already")
async def _(scene: Scene) -> bool:
    path = scene.new("held.png")
    scene.held["picture dialog"].fileSelected.emit(str(path))
    await scene.idle()
    return path.exists()


@attempt("a recording", "the button at the phone")
async def _(scene: Scene) -> bool:
    scene.window.stage.views[scene.guest.handset]._record()
    return await recording(scene)


@attempt("a recording", "what the button calls")
async def _(scene: Scene) -> bool:
    scene.session.times.of(scene.guest)._do("x", lambda: scene.held["timeline"].start())
    await scene.idle()
    return bool(scene.held["timeline"].recording)


@attempt("a clone", "the button of the Profiles pane")
async def _(scene: Scene) -> bool:
    scene.window.docks["profiles"].pane.clone.click()
    return await cloned(scene)


@attempt("a clone", "what the command calls")
async def _(scene: Scene) -> bool:
    scene.session.keeping.clone(scene.guest, scene.guest.handset)
    return await cloned(scene)


@attempt("a clone", "on another handset")
async def _(scene: Scene) -> bool:
    scene.session.keeping.clone(scene.guest, scene.other)
    return await cloned(scene)


@attempt("a copy of the profile", "the button of the Profiles pane")
async def _(scene: Scene) -> bool:
    scene.window.docks["profiles"].pane.export.click()
    await asyncio.sleep(0.02)
    return await exported(scene)


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
    return await debugged(scene)


@attempt("a look inside", "the panes of the debugger")
async def _(scene: Scene) -> bool:
    from pocketvisor_workbench.perspectives import Perspective

    scene.window.set_perspective(Perspective.DEBUG)
    inspector = scene.window.bench.inspector
    await scene.comes(lambda: inspector.sample is not None, 0.4)
    await scene.idle()
    seen = inspector.sample is not None
    scene.window.set_perspective(Perspective.DEVELOP)
    return seen


@attempt("a look inside", "a debugger that was at hand")
async def _(scene: Scene) -> bool:
    sample = await scene.held["debugger"].sample()
    return bool(sample.registers)


async def stood(scene: Scene) -> bool:
    await scene.idle()
    stood = await scene.comes(lambda: scene.window.bench.inspector.standing, 0.05)
    scene.window.trigger("debug.continue")
    await scene.idle()
    return stood


for _how, _way in (WAYS[0], WAYS[1], WAYS[3], WAYS[4]):

    @attempt("a stop", f"debug.pause {_how}")
    async def _(scene: Scene, way: Way = _way) -> bool:
        await way(scene, "debug.pause")
        return await stood(scene)


@attempt("a stop", "what the command calls")
async def _(scene: Scene) -> bool:
    scene.window.bench.inspector.motion.pause()
    return await stood(scene)


@attempt("the console", "what it printed")
async def _(scene: Scene) -> bool:
    scene.window.docks["console"].show()
    feed = scene.window.docks["console"].pane.feeds[scene.guest]
    await asyncio.sleep(0.1)
    scene.guest.console.received(b"a line that the guest prints\r\n")
    return await scene.comes(lambda: "a line that the guest prints" in feed.terminal.text(), 0.1)


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
    return await moves(scene)


@attempt("a move", "what the drop calls")
async def _(scene: Scene) -> bool:
    scene.window.stage.guest_dropped.emit(scene.other, scene.guest)
    return await moves(scene)


@attempt("a move", "the mover itself")
async def _(scene: Scene) -> bool:
    with suppress(Exception):
        await scene.session.moves._mover.move(scene.guest, scene.other, lambda *_: None)
    return scene.guest.handset is not scene.held["home"]


# Going back to before the policy


async def free_picture(scene: Scene, guest: Any) -> bool:
    path = scene.new("back.png")
    scene.window.write_screenshot(guest, path)
    await scene.idle()
    return path.exists()


@attempt("going back", "an older generation")
async def _(scene: Scene) -> bool:
    scene.session.keeping.restore(scene.guest, 1)
    await scene.idle()
    return await free_picture(scene, scene.guest)


async def ran_elsewhere(scene: Scene) -> bool:
    """A picture of what runs on the other phone, once everything was answered with yes."""
    answered: list[QPushButton] = []

    def ran() -> list[Any]:
        for notice in scene.window.banners.shown:
            for button in notice.findChildren(QPushButton):
                if button.text().startswith("Run ") and button not in answered:
                    answered.append(button)
                    button.click()
        return [guest for guest in scene.other.guests if guest is not scene.guest]

    await scene.idle()
    await scene.comes(ran, 0.2)
    await scene.idle()
    return bool(ran()) and await free_picture(scene, ran()[0])


@attempt("going back", "a copy of the file from before")
async def _(scene: Scene) -> bool:
    scene.session.keeping.open(scene.other, scene.held["older file"])
    return await ran_elsewhere(scene)


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
    return await ran_elsewhere(scene)


@attempt("going back", "a copy that is run in the file dialog")
async def _(scene: Scene) -> bool:
    scene.session.select(scene.other)
    scene.window.trigger("profile.open")
    dialog: Any = QApplication.activeModalWidget()
    dialog.filesSelected.emit([str(scene.held["older file"])])
    dialog.reject()
    return await ran_elsewhere(scene)


@attempt("going back", "killing it, and restoring what was before")
async def _(scene: Scene) -> bool:
    scene.session.operate(scene.guest, "kill")
    await scene.idle()
    scene.session.keeping.restore(scene.guest, 1)
    await scene.idle()
    return await free_picture(scene, scene.guest)
