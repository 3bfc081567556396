"""Builds the workbench in a Qt application and runs it on qasync's loop to its end."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import traceback
from types import TracebackType
from typing import Any

import qasync
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from pocketvisor.api import ControlError, PocketvisorError, catalogue, load_models
from pocketvisor.control.server import WorkbenchServer
from pocketvisor_workbench.bench import Bench
from pocketvisor_workbench.log import Level
from pocketvisor_workbench.metrics import Sampler
from pocketvisor_workbench.remote import Remote
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.settings import Settings
from pocketvisor_workbench.theme import Theme
from pocketvisor_workbench.tour import Tour
from pocketvisor_workbench.window import Window

_log = logging.getLogger(__name__)


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


def run(options: argparse.Namespace, *, tour: bool) -> int:
    app = make_application()
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    try:
        models = load_models()
        images = catalogue()
    except PocketvisorError as error:
        print(f"pocketvisor: {error}", file=sys.stderr)
        return 1
    if options.handset not in models:
        print(f"pocketvisor: there is no handset model '{options.handset}'", file=sys.stderr)
        return 2
    wanted = (
        [] if options.empty else options.guests or [name for name in ("personal", "work") if name in images]
    )
    for name in wanted:
        if name not in images:
            print(f"pocketvisor: there is no guest '{name}' in the library", file=sys.stderr)
            return 2
    with loop:
        code: int = loop.run_until_complete(_main(app, models, images, options, wanted, tour=tour))
    return code


async def _main(
    app: QApplication,
    models: dict[str, Any],
    images: dict[str, Any],
    options: argparse.Namespace,
    wanted: list[str],
    *,
    tour: bool,
) -> int:
    theme = Theme(app)
    session = Session(models, images)
    _watch_errors(session)
    bench = Bench(session, Sampler(session), theme)
    window = Window(bench, Settings())
    window.restore_layout()
    ended = asyncio.Event()
    window.closed.connect(ended.set)
    _quit_on_signals(ended)
    server = WorkbenchServer(Remote(session))
    try:
        await server.open()
    except ControlError as error:
        session.log.add(f"The command line cannot reach this workbench: {error}", Level.WARNING)
    code = 0
    try:
        window.show()
        if not options.empty:
            await open_first(window, options.handset, wanted)
        if tour:
            code = await Tour(window, options.screenshots).make()
        else:
            await ended.wait()
    finally:
        window.hide()
        await server.close()
        await session.close()
    return code


async def open_first(window: Window, model: str, images: list[str]) -> None:
    """One handset with its first guests, all starting at once."""
    session = window.session
    handset = session.add_handset(session.models[model])
    for name in images:
        session.start_guest(handset, session.images[name], front=name == images[0])
    await asyncio.sleep(0)
    window.focus_foreground()


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
        session.log.add(f"Something in the workbench failed: {error or context.get('message')}", Level.ERROR)

    sys.excepthook = hook
    asyncio.get_running_loop().set_exception_handler(handler)
