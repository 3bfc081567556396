"""What the steps of a story share: the window, the phones in it, an authority, and how they are handled."""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEasingCurve, QPoint, QPropertyAnimation, Qt
from PySide6.QtWidgets import QLabel, QToolBar, QWidget

from pocketvisor.policies.applying import deliver
from pocketvisor.policies.authority import AuthorityKey
from pocketvisor.policies.orders import Kind, new_order
from pocketvisor.policies.signing import DocumentKind, sign
from pocketvisor_workbench.demo.pace import Pace
from pocketvisor_workbench.demo.story import StoryError
from pocketvisor_workbench.jobs import Job, JobState
from pocketvisor_workbench.log import words_of
from pocketvisor_workbench.stage.thumbnail import drag_picture

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor_workbench.window import Window

_READY_SECONDS = 60.0
_STEP_SECONDS = 30.0
_DRAG_MS = 1400
_PICTURE_HEIGHT = 132
_BACKS = 4


class Scene:
    """`folder`: for what is kept; it goes when the story is over."""

    def __init__(self, window: "Window", folder: Path, pace: Pace) -> None:
        self.window = window
        self.session = window.session
        self.folder = folder
        self.pace = pace
        self.vault = folder / "vault"
        self.key = AuthorityKey.new()
        self._number = 0
        self.work_id = b""
        self.work_path = folder / "Work.vphone"
        self.found: Handset | None = None
        """What somebody has put the lost phone's file on."""

    async def close(self) -> None:
        """Dialogs of the story are shut; the window has its phones still."""
        self.window.palette_box.hide()

    # Phones

    @property
    def work(self) -> "Guest":
        return self._guest("Work")

    @property
    def personal(self) -> "Guest":
        return self._guest("Personal")

    def _guest(self, name: str) -> "Guest":
        for guest in self.session.guests:
            if guest.name == name:
                return guest
        raise StoryError(f"{name} is on no phone any more")

    def new_handset(self, model: str) -> "Handset":
        return self.session.add_handset(self.session.models[model])

    async def start(self, handset: "Handset", image: str) -> "Guest":
        """Up to its home screen's prompt."""
        known = self.session.images
        if image not in known:
            raise StoryError(f"The guest '{image}' is not in the library")
        await self.done(self.session.start_guest(handset, known[image], front=False))
        guest = self._guest(known[image].name)
        await guest.console.expect(r"ready after", timeout=_READY_SECONDS)
        return guest

    async def done(self, job: Job) -> object:
        """A job's result. Raises StoryError with what it failed with."""
        if job.task is not None:
            await asyncio.wait({job.task})
        if job.state is not JobState.DONE:
            cancelled = f"{job.title}: it was cancelled"
            raise StoryError(words_of(job.error) if job.error is not None else cancelled)
        return job.result

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = _STEP_SECONDS) -> None:
        """Raises StoryError where it does not come true."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise StoryError(f"{what} did not happen within {seconds:.0f} s")
            await asyncio.sleep(0.05)

    def above_caption(self, dialog: QWidget) -> None:
        """So that what the story says of it can be read."""
        window = self.window
        caption = window.findChild(QToolBar, "caption-bar")
        high = window.height() - (caption.height() if caption is not None else 0)
        dialog.resize(min(dialog.width(), window.width() - 60), max(high - 40, dialog.minimumHeight()))
        left = (window.width() - dialog.width()) // 2
        dialog.move(window.mapToGlobal(QPoint(left, max((high - dialog.height()) // 2, 0))))

    async def put_on_another(self, model: str, path: Path) -> str:
        """Somebody puts a profile on a phone of his. Answers why it does not run there; raises StoryError
        where it does."""
        for notice in self.window.banners.shown:
            notice.leave()
        handset = self.found = self.new_handset(model)
        await self.pace.breathe(1.0)
        job = self.session.keeping.open(handset, path)
        if job.task is not None:
            await asyncio.wait({job.task})
        if job.error is None:
            raise StoryError(f"{path.stem} runs on {handset.name}")
        return words_of(job.error)

    # By hand

    async def command(self, guest: "Guest", words: str) -> str:
        """What the sample phone's console prints to a command."""
        guest.console.write(words.encode() + b"\n")
        found = await guest.console.expect(rf"(?s){re.escape(words)}\n(.*?)> ", timeout=_STEP_SECONDS)
        return str(found[1])

    async def places(self, guest: "Guest") -> dict[str, tuple[int, int]]:
        """The middles of all that can be touched, by name."""
        found: dict[str, tuple[int, int]] = {}
        for line in (await self.command(guest, "where")).splitlines()[1:]:
            x, y, width, height, name = line.split(" ", 4)
            found.setdefault(name, (int(x) + int(width) // 2, int(y) + int(height) // 2))
        return found

    async def tap(self, guest: "Guest", name: str) -> None:
        """Once it is on the screen: what was touched before may not be through yet."""
        end = time.monotonic() + _STEP_SECONDS
        while name not in (places := await self.places(guest)):
            if time.monotonic() > end:
                raise StoryError(f"There is no '{name}' on {guest.name}'s screen")
            await asyncio.sleep(0.1)
        guest.touch(*places[name], "down")
        await asyncio.sleep(0.1)
        guest.touch(*places[name], "up")
        await asyncio.sleep(0.4)

    async def swipe_up(self, guest: "Guest") -> None:
        """Unlocks it."""
        width, height = guest.panel.width, guest.panel.height
        guest.touch(width // 2, height * 0.9, "down")
        for step in range(1, 13):
            await asyncio.sleep(1 / 60)
            guest.touch(width // 2, height * (0.9 - 0.65 * step / 12), "move")
        guest.touch(width // 2, height * 0.25, "up")
        await asyncio.sleep(0.8)

    async def write_note(self, guest: "Guest", text: str) -> None:
        """A new note, open."""
        await self.command(guest, "home")
        await asyncio.sleep(0.5)
        await self.tap(guest, "Notes")
        await self.tap(guest, "add")
        guest.type_text(text)
        await asyncio.sleep(1.0 + len(text) * 0.03)

    async def note_of(self, guest: "Guest") -> str:
        """The newest note's title, as the list of notes tells it."""
        for _ in range(_BACKS):
            if "screen notes" in await self.command(guest, "where"):
                break
            await self.command(guest, "back")  # a keyboard or a message may be before the note
        return next((name for name in await self.places(guest) if name not in ("back", "add")), "")

    async def drag(self, guest: "Guest", target: "Handset") -> None:
        """Shows it as a drag, and moves it: the same as when it is dropped there."""
        stage = self.window.stage
        pane, place = stage.pane_of(guest), stage.views.get(target)
        if pane is not None and place is not None:
            await self._show_drag(guest, pane.mapTo(self.window, pane.rect().center()), place)
        move = self.session.moves.start(guest, target)
        if move is None:
            raise StoryError(f"{guest.name} cannot move to {target.name}")
        await self.done(move.job)

    async def _show_drag(self, guest: "Guest", start: QPoint, place: QWidget) -> None:
        picture = drag_picture(guest, _PICTURE_HEIGHT, self.window.devicePixelRatioF(), hidden=False)
        ghost = QLabel(self.window)
        ghost.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        ghost.setPixmap(picture)
        ghost.adjustSize()
        middle = QPoint(ghost.width() // 2, ghost.height() // 2)
        end = place.mapTo(self.window, place.rect().center())
        ghost.move(start - middle)
        ghost.show()
        ghost.raise_()
        motion = QPropertyAnimation(ghost, b"pos")
        motion.setDuration(round(_DRAG_MS / self.pace.speed))
        motion.setStartValue(start - middle)
        motion.setEndValue(end - middle)
        motion.setEasingCurve(QEasingCurve.Type.InOutCubic)
        motion.start()
        try:
            await asyncio.sleep(_DRAG_MS / self.pace.speed / 1000 + 0.1)
        finally:
            motion.stop()
            ghost.deleteLater()

    # IT

    def policy(self, sections: str) -> bytes:
        """Signed, for Work."""
        self._number += 1
        text = (
            f'[policy]\nprofile = "{self.work_id.hex()}"\nnumber = {self._number}\norganisation = "Acme"\n'
            f"issued = {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n\n{sections}"
        )
        return sign(text, DocumentKind.POLICY, self.key)

    def order(self, kind: Kind, reason: str) -> bytes:
        self._number += 1
        now = datetime.now(UTC)
        return new_order(kind, self.work_id, self._number, now, now + timedelta(hours=1), self.key, reason)

    async def deliver(self, document: bytes) -> str:
        """To Work's profile; what became of it."""
        guest = next((guest for guest in self.session.guests if guest.name == "Work"), None)
        file = guest.profile.file if guest is not None and guest.profile is not None else None
        applied = await asyncio.to_thread(deliver, document, self.work_id, file=file, who="Acme")
        return applied[-1].sentence
