"""A short tour of the workbench that leaves a screenshot at every stop, for where there is no display."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QPoint

from pocketvisor.api import Guest, GuestState
from pocketvisor_workbench.perspectives import Perspective
from pocketvisor_workbench.stage.stage import View
from pocketvisor_workbench.theme import ThemeMode
from pocketvisor_workbench.window import Window

SIZE = (1440, 900)
START_SECONDS = 30.0
_SETTLE_SECONDS = 0.4
_PICTURE_SECONDS = 5.0
_APPS = (0.61, 0.15)  # photos in the first guest, notes in the second
_DOCK_ROW = 0.926


class Tour:
    """Walks through views, themes and panes with whatever guests run."""

    def __init__(self, window: Window, folder: Path) -> None:
        self._window = window
        self._folder = folder
        self.written: list[Path] = []

    async def make(self) -> int:
        """0 if every stop was reached with its guests running; what went wrong is printed."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            print(f"pocketvisor: {self._folder}: cannot be made: {error.strerror}")
            return 1
        window = self._window
        window.resize(*SIZE)
        window.set_perspective(Perspective.DEVELOP)
        window.bench.theme.set_mode(ThemeMode.DARK)
        problem = await self._guests_run()
        await self._stop("develop-dark")
        await self._into_the_guests()
        await self._stop("in-use")
        if window.session.handset is not None:
            window.session.handset.next_foreground()
        await self._stop("other-guest-in-front")
        window.bench.theme.set_mode(ThemeMode.LIGHT)
        await self._stop("develop-light")
        window.set_perspective(Perspective.DEBUG)
        await self._stop("debug-light")
        window.bench.theme.set_mode(ThemeMode.DARK)
        await self._stop("focus-dark")
        window.trigger("palette")
        await self._stop("palette")
        window.palette_box.close_box()
        window.set_view(View.DEMO)
        await self._stop("demo")
        window.set_perspective(Perspective.DEVELOP)
        if problem:
            print(f"pocketvisor: {problem}")
        print(f"The tour's {len(self.written)} screenshots are in {self._folder.resolve()}:")
        for path in self.written:
            print(f"  {path.name}")
        return 1 if problem else 0

    async def _guests_run(self) -> str:
        """Waits until all guests run and have painted; a sentence where one does not."""
        session = self._window.session
        try:
            async with asyncio.timeout(START_SECONDS):
                await session.jobs.idle()
        except TimeoutError:
            return f"the guests did not start within {START_SECONDS:.0f} s"
        for guest in session.guests:
            if guest.state is not GuestState.RUNNING:
                return guest.problem or f"{guest.name} is {guest.state.value}"
            await self._painted(guest)
        failed = [job for job in session.jobs.jobs if job.error is not None]
        return str(failed[0].error) if failed else ""

    async def _painted(self, guest: Guest) -> None:
        """A guest without a picture is one too: it is not waited for longer than a moment."""
        for _ in range(round(_PICTURE_SECONDS / 0.05)):
            if guest.panel.sequence > 0:
                return
            await asyncio.sleep(0.05)

    async def _into_the_guests(self) -> None:
        """Unlocks each guest with a swipe and opens an app with a tap, as a visitor would."""
        for guest in self._window.session.guests:
            width, height = guest.panel.width, guest.panel.height
            await self._swipe(
                guest, QPoint(width // 2, round(height * 0.85)), QPoint(width // 2, round(height * 0.2))
            )
        await asyncio.sleep(1.0)
        for guest, across in zip(self._window.session.guests, _APPS, strict=False):
            x, y = round(guest.panel.width * across), round(guest.panel.height * _DOCK_ROW)
            guest.touch(x, y, "down")
            await asyncio.sleep(0.08)
            guest.touch(x, y, "up")
        await asyncio.sleep(1.0)

    @staticmethod
    async def _swipe(guest: Guest, start: QPoint, end: QPoint) -> None:
        steps = 12
        guest.touch(start.x(), start.y(), "down")
        for step in range(1, steps + 1):
            await asyncio.sleep(1 / 60)
            at = start + (end - start) * step / steps
            guest.touch(at.x(), at.y(), "move")
        guest.touch(end.x(), end.y(), "up")

    async def _stop(self, name: str) -> None:
        await asyncio.sleep(_SETTLE_SECONDS)
        path = self._folder / f"{len(self.written) + 1:02d}-{name}.png"
        if self._window.grab().save(str(path)):
            self.written.append(path)
