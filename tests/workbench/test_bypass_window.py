"""None of the ways through the window gets around a policy, and each of them works where there is none. With
a real guest."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bypass_window as ways
import bypass_window_locked as locked
import bypass_window_past as past
import pytest
from governing import NOTHING, It, OwnRing
from kit import Run, Workbench, until
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from pocketvisor.api import GuestState, PocketvisorError, RunOptions, catalogue, load_models
from pocketvisor.policies.keyring_store import Keyring
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.window import Window

RULES = NOTHING + '\n[handset]\nmodels = ["nexus-one"]\n'


@pytest.fixture
def scene(run: Run[Any], theme: Theme, tmp_path: Path) -> Iterator[ways.Scene]:
    """A window with Work, real, in a profile of two generations, and an empty phone beside it."""

    async def build() -> ways.Scene:
        session = Session(load_models(), catalogue())
        window = Window(Bench(session, Sampler(session), theme), Settings(tmp_path / "workbench.ini"))
        window.restore_layout()
        window.resize(1280, 800)
        window.show()
        handset = session.add_handset(session.models["nexus-one"])
        session.start_guest(handset, session.images["work"], options=RunOptions(media=True))
        session.add_handset(session.models["motorola-droid"])
        await until(lambda: handset.guests and handset.guests[0].state is GuestState.RUNNING, 30)
        guest: Any = handset.guests[0]
        await until(lambda: guest.panel.sequence, 30)
        workbench = Workbench(window, run)
        session.policing.keyring = Keyring(OwnRing())
        await guest.keep(tmp_path / "Work.vphone")
        await guest.snapshot("before")
        guest.set_autosave(None)
        made = ways.Scene(workbench, guest, It(workbench, guest), tmp_path)
        await _at_hand(made)
        return made

    made = run(build())
    yield made
    QGuiApplication.clipboard().clear()
    run(made.workbench.end())


async def _at_hand(scene: ways.Scene) -> None:
    """What somebody has from before the policy."""
    guest, session = scene.guest, scene.session
    session.select(guest.handset, guest)
    await until(lambda: guest.clipboard.available, 20)
    await guest.clipboard.paste("copied in the guest")
    scene.held |= {
        "home": guest.handset,
        "debugger": guest.debugger,
        "timeline": guest.debugger.timeline,
        "copied": await guest.clipboard.copy(),
        "older file": scene.folder / "Older.vphone",
        "pasted": [],
        "picture": scene.folder / "picture.txt",
        "ended": [],
    }
    scene.held["picture"].write_text("a file from outside")
    session.jobs.ended.connect(scene.held["ended"].append)
    paste, typing = guest.clipboard.paste, guest.type_text

    async def pasted(text: str) -> None:
        await paste(text)
        scene.held["pasted"].append(text)

    def typed(text: str) -> None:
        typing(text)
        scene.held["pasted"].append(text)

    guest.clipboard.paste, guest.type_text = pasted, typed
    await asyncio.to_thread(shutil.copy, guest.profile.path, scene.held["older file"])
    scene.window.trigger("guest.screenshot")
    scene.held["picture dialog"] = _laid_aside()
    scene.window.trigger("guest.insert")
    scene.held["files dialog"] = _laid_aside()


def _laid_aside() -> QWidget:
    """The dialog that was opened, without what it asks being answered."""
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    dialog.hide()
    return dialog


def _all(scene: ways.Scene) -> dict[str, bool]:
    """What each attempt got."""

    async def one(how: str, made: ways.Attempt) -> bool:
        QGuiApplication.clipboard().setText(ways.SECRET)
        scene.held["pasted"].clear()
        await scene.tidy()
        try:
            return await made(scene)
        except PocketvisorError:
            return False
        except TimeoutError:
            under_way = [task.get_name() for task in scene.session.jobs._tasks]
            raise AssertionError(f"{how} never ended: {under_way}") from None

    return {
        f"{kind}: {how}": scene.workbench.run(one(how, made))
        for kind, attempts in ways.ATTEMPTS.items()
        for how, made in attempts
    }


def test_nothing_in_the_window_gets_around_a_policy(scene: ways.Scene) -> None:
    run = scene.workbench.run
    run(scene.it.govern(RULES))
    got = _all(scene)
    around = [how for how, achieved in got.items() if achieved]
    assert around == [], "\n".join(around)
    assert past.__doc__ and len(got) >= 75 and len(ways.ATTEMPTS) >= 14
    for name in locked.DOCUMENTS:
        assert not run(locked.delivered(scene, name)), name
    assert scene.guest.governed.policy.number == 1
    refused = [line for line in scene.guest.governed.log() if line.what.startswith("refused")]
    assert len(refused) >= 40, "who tried is in the audit log"
    assert scene.guest.governed.audit.verify() == []


def test_each_way_works_where_nobody_governs(scene: ways.Scene) -> None:
    failed = [how for how, achieved in _all(scene).items() if not achieved]
    assert failed == [], "\n".join(failed)


def test_nothing_in_the_window_opens_a_lock(scene: ways.Scene) -> None:
    run = scene.workbench.run

    async def lock() -> None:
        await scene.it.govern()
        await scene.it.order("lock", "Reported stolen")
        await until(lambda: scene.guest.state is GuestState.PAUSED)
        await asyncio.sleep(0.05)

    async def unlock() -> None:
        await scene.tidy()
        assert scene.guest.lock is not None
        await scene.it.order("unlock")
        await until(lambda: scene.guest.state is GuestState.RUNNING)

    run(lock())
    for how, made in locked.LOCKED:
        assert not run(made(scene)), how
        assert scene.guest.lock is not None, how
    run(unlock())
    assert run(locked.used(scene)), "what was looked for is there when it is not locked"
