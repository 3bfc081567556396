"""Builds the workbench in a Qt application and runs it on qasync's loop to its end."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import qasync
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from pocketvisor.api import (
    ControlError,
    GuestImage,
    HandsetModel,
    PocketvisorError,
    RunOptions,
    catalogue,
    load_models,
)
from pocketvisor.control.server import WorkbenchServer
from pocketvisor.services.workbench import WorkbenchService
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.collector import Collector
from pocketvisor_workbench.guest_watch import GuestWatch
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.resources.remembered import Remembered
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.tour import Tour
from pocketvisor_workbench.window import Window

_log = logging.getLogger(__name__)
_Thing = TypeVar("_Thing")


def make_application() -> QApplication:
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    app = QApplication(["pocketvisor"])
    app.setApplicationName("pocketvisor")
    app.setApplicationDisplayName("Pocketvisor")
    app.setDesktopFileName("pocketvisor")
    app.setQuitOnLastWindowClosed(False)
    return app


FIRST_IMAGES = ("personal", "work")


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What the workbench opens with: things themselves, or their names. `screenshots` makes it a tour."""

    model: HandsetModel | None = None
    model_name: str = ""
    images: list[GuestImage] | None = None
    image_names: list[str] | None = None
    options: RunOptions | None = None
    profiles: tuple[Path, ...] = ()
    empty: bool = False
    screenshots: Path | None = None


def run(opening: Opening) -> int:
    """To the end of the window, or of the tour."""
    app = make_application()
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    problems: list[PocketvisorError] = []
    try:
        models, images = load_models(problems.append), catalogue(problems.append)
        model = opening.model or _named(models, opening.model_name, "handset model")
        if opening.images is not None:
            wanted = opening.images
        elif opening.image_names is not None:
            wanted = [_named(images, name, "guest") for name in opening.image_names]
        else:
            wanted = [images[name] for name in FIRST_IMAGES if name in images]
    except UnknownName as error:
        print(f"pocketvisor: {error}", file=sys.stderr)
        return 2
    except PocketvisorError as error:
        print(f"pocketvisor: {error}", file=sys.stderr)
        return 1
    session = Session(models, images)
    for problem in problems:
        session.log.error(problem)
    with loop:
        code: int = loop.run_until_complete(_main(app, session, model, wanted, opening))
    return code


class UnknownName(PocketvisorError):
    """A name on the command line that nothing has."""


def _named(known: dict[str, _Thing], name: str, what: str) -> _Thing:
    if name not in known:
        raise UnknownName(f"there is no {what} '{name}'; known are {', '.join(known)}")
    return known[name]


async def _main(
    app: QApplication, session: Session, model: HandsetModel, images: list[GuestImage], opening: Opening
) -> int:
    async with window_of(app, session) as (window, ended):
        window.show()
        if not opening.empty:
            open_first(window, model, images, opening.options)
        if opening.profiles:
            window.desk.run_profiles(None, list(opening.profiles))
        gc.collect()
        gc.freeze()  # what is there now stays: going through it again and again makes the window stutter
        if opening.screenshots is not None:
            return await Tour(window, opening.screenshots).make()
        await ended.wait()
    return 0


@contextlib.asynccontextmanager
async def window_of(app: QApplication, session: Session) -> AsyncIterator[tuple[Window, asyncio.Event]]:
    """The window of a session, not shown yet, and what is set when its user closes it or the program is told
    to end. All of it is put away then."""
    theme = Theme(app)
    collector = Collector(app)
    _watch_errors(session)
    watch = GuestWatch(session)
    sampler = Sampler(session)
    window = Window(Bench(session, sampler, theme), Settings())
    Remembered(session, window.settings)
    window.restore_layout()
    ended = asyncio.Event()
    window.closed.connect(ended.set)
    _quit_on_signals(ended)
    service = WorkbenchService(
        lambda: session.handsets, lambda: session.images, lambda path: _run_file(window, path)
    )
    session.travels.use(service.migrations)
    service.attack = window.attack_desk.asked
    server = WorkbenchServer(service)
    try:
        await server.open()
    except ControlError as error:
        session.log.add(f"The command line cannot reach this workbench: {error}", Level.WARNING)
    try:
        yield window, ended
    finally:
        window.hide()
        watch.close()
        await server.close()
        await service.migrations.close()
        await session.close()
        sampler.close()
        window.end()
        collector.close()


def open_first(
    window: Window, model: HandsetModel, images: list[GuestImage], options: RunOptions | None
) -> None:
    """One handset with its first guests, all starting at once."""
    handset = window.session.add_handset(model)
    for number, image in enumerate(images):
        window.session.start_guest(handset, image, options=options, front=number == 0)
    window.session.guest_added.connect(window.focus_first, Qt.ConnectionType.SingleShotConnection)


def _run_file(window: Window, path: Path) -> None:
    """One that was opened in a file manager: the window comes to the front with it."""
    window.show()
    window.raise_()
    window.activateWindow()
    window.desk.run_profiles(None, [path])


def _quit_on_signals(ended: asyncio.Event) -> None:
    """Ctrl+C in the terminal closes the guests too. Python sees the signal at the sampler's next tick."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError):  # not the main thread: somebody else cares
            signal.signal(number, lambda *_: ended.set())


def _watch_errors(session: Session) -> None:
    """What no code of ours caught is told in the Events pane, and on the terminal in full."""

    def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        traceback.print_exception(kind, error, where)
        session.log.add(f"Something in the workbench failed: {error!r}", Level.ERROR)

    def handler(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        _log.error("%s", context.get("message"), exc_info=error)
        with contextlib.suppress(RuntimeError):  # at the very end the log may be gone already
            session.log.add(
                f"Something in the workbench failed: {error or context.get('message')}", Level.ERROR
            )

    sys.excepthook = hook
    asyncio.get_running_loop().set_exception_handler(handler)
