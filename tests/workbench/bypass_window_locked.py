"""Documents that are none, and ways out of a lock. See bypass_window.py."""

import asyncio
from collections.abc import Callable
from typing import Any

from bypass_window import WAYS, Attempt, Scene
from bypass_window_past import free_picture
from governing import It
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from pocketvisor.api import GuestState

# Documents that are none. Where nobody governs, they govern; "rule" is what they want to change.


def documents(scene: Scene) -> dict[str, bytes]:
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
    path.write_bytes(documents(scene)[name])
    scene.window.policy_desk.deliver(scene.guest, path)
    await scene.idle()
    await scene.it.settled()
    return await free_picture(scene, scene.guest)


# Out of a lock


async def used(scene: Scene) -> bool:
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
        return await used(scene)


for _operation in ("resume", "restart", "reset"):

    @locked(f"the operation {_operation}")
    async def _(scene: Scene, operation: str = _operation) -> bool:
        scene.session.operate(scene.guest, operation)
        return await used(scene)


@locked("going on")
async def _(scene: Scene) -> bool:
    scene.session.go_on(scene.guest)
    return await used(scene)


@locked("unlocking as its user")
async def _(scene: Scene) -> bool:
    scene.window.policy_desk._unlock(scene.guest, None)
    return await used(scene)


@locked("typing and touching")
async def _(scene: Scene) -> bool:
    QTest.mouseClick(scene.pane, Qt.MouseButton.LeftButton)
    QTest.keyClick(scene.pane, Qt.Key.Key_Return)
    return await used(scene)


@locked("taking the handset away, and back")
async def _(scene: Scene) -> bool:
    handset = scene.guest.handset
    scene.session.remove_handset(handset)
    await scene.idle()
    scene.session.restore_handset(handset)
    return await used(scene)


@locked("an older generation")
async def _(scene: Scene) -> bool:
    scene.session.keeping.restore(scene.guest, 1)
    return await used(scene)


@locked("another copy of it")
async def _(scene: Scene) -> bool:
    scene.session.keeping.open(scene.other, scene.held["older file"])
    return await used(scene)


@locked("the demo's view")
async def _(scene: Scene) -> bool:
    from pocketvisor_workbench.stage.stage import View

    scene.window.set_view(View.DEMO)
    await asyncio.sleep(0.05)
    got = await used(scene)
    scene.window.set_view(View.GRID)
    return got
