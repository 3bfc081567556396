"""The workbench's window with a story in it, from its opening to its end."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import qasync

from pocketvisor.api import PocketvisorError, catalogue, load_models
from pocketvisor_workbench.demo.caption_bar import CaptionBar
from pocketvisor_workbench.demo.film import Film
from pocketvisor_workbench.demo.pace import Pace
from pocketvisor_workbench.demo.player import Played, Player
from pocketvisor_workbench.demo.scene import Scene
from pocketvisor_workbench.demo.story import Step
from pocketvisor_workbench.run import make_application, window_of
from pocketvisor_workbench.session import Session
from pocketvisor_workbench.theme import ThemeMode
from pocketvisor_workbench.window import Window

SIZE = (1280, 800)


@dataclass(frozen=True, kw_only=True)
class Telling:
    steps: list[Step]
    folder: Path
    record: Path | None
    speed: float
    stay: bool
    tell: Callable[[Played], None]


def tell_story(telling: Telling) -> int:
    """The exit code: 1 where a step failed, or the video could not be written."""
    app = make_application()
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    session = Session(load_models(), catalogue())

    async def work() -> int:
        async with window_of(app, session) as (window, closed):
            return await _tell(telling, window, closed)

    with loop:
        code: int = loop.run_until_complete(work())
    return code


async def _tell(telling: Telling, window: Window, closed: asyncio.Event) -> int:
    window.resize(*SIZE)
    window.bench.theme.set_mode(ThemeMode.DARK)
    for dock in window.docks.values():  # at first there are the phones alone
        dock.hide()
    window.show()
    scene = Scene(window, telling.folder, Pace(telling.speed))
    player = Player(scene, telling.steps, telling.tell)
    bar = CaptionBar(player, window)
    film: Film | None = None
    code = 0
    watcher = asyncio.ensure_future(_stop_when(closed, player))
    try:
        if telling.record is not None:
            film = Film(window, telling.record)
            bar.on_held = lambda held: film.hold() if held else film.go_on()
        await player.play()
        code = 1 if player.failed else 0
        if telling.stay and not closed.is_set():
            bar.hide()
            await closed.wait()
    except PocketvisorError as error:
        print(f"pocketvisor: {error}", file=sys.stderr)
        code = 1
    finally:
        watcher.cancel()
        if film is not None:
            film.hold()
            code = await _finish(film) or code
    return code


async def _finish(film: Film) -> int:
    try:
        path = await asyncio.to_thread(film.finish)
    except PocketvisorError as error:
        print(f"pocketvisor: {error}", file=sys.stderr)
        return 1
    print(f"The video is {path}", file=sys.stderr)
    return 0


async def _stop_when(closed: asyncio.Event, player: Player) -> None:
    await closed.wait()
    player.stop()
