"""What the workbench knows of each guest's timeline, and what can be done with it: without widgets.

The bar under a phone, the guest's pane and the commands all ask here. Going somewhere takes a moment, and a
drag asks for many places: one is gone to at a time, and of those asked for meanwhile the last.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from pocketvisor.api import Act, GuestState, PocketvisorError
from pocketvisor_workbench.accents import accent_of
from pocketvisor_workbench.jobs import Job, JobState
from pocketvisor_workbench.policy.asking import why_not
from pocketvisor_workbench.timeline.words import clock_words

if TYPE_CHECKING:
    from pocketvisor.api import Guest
    from pocketvisor.guest.panel import PanelView
    from pocketvisor_workbench.session import Session

_FORWARD_MS = 200
_REST_MS = 200
_LIVE = (GuestState.RUNNING, GuestState.PAUSED)


class GuestTime(QObject):
    """One guest's timeline. `changed` comes with everything that a bar or a pane shows of it."""

    changed = Signal()
    moved = Signal()
    """Another moment is shown: of the past, or the present again."""

    def __init__(self, session: "Session", guest: "Guest") -> None:
        super().__init__(session)
        self.guest = guest
        self.busy = ""
        """What is under way, in words."""
        self.problem = ""
        """What the last attempt failed with, until there is another."""
        self.runs_forward = False
        self.wanted: int | None = None
        """The guest's clock where somebody is on the way to."""
        self._drags = False
        self._near: int | None = None
        """The position of the moment that a drag shows."""
        self._rests = QTimer(self)
        self._rests.setSingleShot(True)
        self._rests.setInterval(_REST_MS)
        self._rests.timeout.connect(self._rest)
        self._told = (0, 0)
        """The clock as its process said last, and when that was."""
        self._asked: int | None = None
        """The clock that was gone to, and is shown: an idle guest has no instruction at most times."""
        self._session = session
        self._job: Job | None = None
        self._goes_on = QTimer(self)
        """While the past runs forward, the time that is shown does too."""
        self._goes_on.setInterval(_FORWARD_MS)
        self._goes_on.timeout.connect(self.changed)
        self._unsubscribe: list[Callable[[], None]] = []
        self._follow()

    def _follow(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []
        self._followed = self.timeline
        if self._followed is not None:
            self._unsubscribe = [
                self._followed.on("moments", lambda *_: self.changed.emit()),
                self._followed.on("moved", lambda *_: self._moved()),
            ]

    def policy_changed(self) -> None:
        """There may be a timeline that was not there before, or none any more."""
        if self.timeline is not self._followed:
            self.wanted = None
            self._follow()
            self._moved()

    def close(self) -> None:
        self._goes_on.stop()
        self._rests.stop()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe.clear()

    # What is so

    @property
    def timeline(self) -> Any:
        """None for a guest that cannot be recorded, or whose policy lets nobody look into it."""
        if why_not(self.guest, Act.DEBUG):
            return None
        debugger = getattr(self.guest, "debugger", None)
        return getattr(debugger, "timeline", None)

    @property
    def recording(self) -> bool:
        return bool(self.timeline is not None and self.timeline.recording)

    @property
    def in_past(self) -> bool:
        return bool(self.timeline is not None and self.timeline.in_past)

    @property
    def shown(self) -> "Guest":
        """The guest, or what it was."""
        shown: Guest = self.timeline.shown if self.in_past else self.guest
        return shown

    @property
    def panel(self) -> "PanelView":
        """What is shown: the past's picture or the guest's own."""
        return self.shown.panel

    @property
    def moments(self) -> list[Any]:
        return list(self.timeline.moments) if self.timeline is not None else []

    @property
    def has_past(self) -> bool:
        return bool(self.timeline is not None and self.timeline.moments)

    @property
    def can_record(self) -> bool:
        can = self.timeline is not None and self.guest.state in _LIVE and not self.in_past
        return can and not why_not(self.guest, Act.RECORD)

    @property
    def can_keep(self) -> bool:
        return self.has_past and hasattr(self.timeline, "keep")

    @property
    def begin_ns(self) -> int:
        moments = self.timeline.moments if self.timeline is not None else ()
        return int(moments[0].clock_ns) if moments else 0

    @property
    def end_ns(self) -> int:
        """The present while it is recorded, else the last moment that is known."""
        timeline = self.timeline
        if timeline is None or not timeline.moments:
            return 0
        known = max(int(timeline.end_ns), int(timeline.moments[-1].clock_ns))
        if not timeline.recording or self.in_past or self.guest.state is not GuestState.RUNNING:
            return known
        # A guest that waits says nothing until it wakes, and its clock goes on.
        if known != self._told[0]:
            self._told = known, time.monotonic_ns()
        return known + time.monotonic_ns() - self._told[1]

    @property
    def shown_ns(self) -> int:
        """The moment that is looked at, or gone to."""
        if self.wanted is not None:
            return self.wanted
        if self.in_past and self._asked is not None and not self.runs_forward:
            return self._asked
        return int(self.timeline.shown_ns) if self.in_past else self.end_ns

    @property
    def size_bytes(self) -> int:
        return int(self.timeline.size_bytes) if self.timeline is not None else 0

    # What can be done

    def record(self) -> None:
        self._do("Starting to record", lambda: self.timeline.start())

    def stop(self) -> None:
        self._do("Ending the recording", lambda: self.timeline.stop())

    def toggle_recording(self) -> None:
        if self.recording:
            self.stop()
        elif self.has_past:
            self._session.times.again_wanted.emit(self.guest)
        elif self.can_record:
            self.record()

    def go_to(self, clock_ns: int, *, drag: bool = False) -> None:
        """To a moment of the past; asked again meanwhile, to the last one asked for. In a drag only to the
        nearest one that was kept, which has a picture soon, and to the very place where the drag rests."""
        if not self.has_past:
            return
        self.wanted = min(max(clock_ns, self.begin_ns), self.end_ns)
        self._drags = drag
        if drag:
            self._rests.start()
        else:
            self._rests.stop()
        self.changed.emit()
        if self._job is None:
            self._go_on()

    def _rest(self) -> None:
        if self.wanted is not None:
            self.go_to(self.wanted)

    def _go_on(self) -> None:
        if self.wanted is None:
            return
        target, moment = self.wanted, self.moment_at(self.wanted)
        words = f"Going to {clock_words(target - self.begin_ns)}"
        if not self._drags:
            self._do(words, lambda: self._go_there(target))
        elif moment is not None and moment.position != self._near:  # else what is near is shown
            self._do(words, lambda: self._go_near(moment))

    async def _go_near(self, moment: Any) -> None:
        await self.timeline.go_to(moment.position)
        self._near = moment.position

    async def _go_there(self, target: int) -> None:
        await self.timeline.go_to_clock(target)
        self._asked = target
        if self.wanted == target:
            self.wanted = None
        self.moved.emit()

    def moment_at(self, clock_ns: int) -> Any:
        """The last one at or before a time; None where there is none."""
        moments = self.timeline.moments if self.timeline is not None else ()
        index = bisect_right(moments, clock_ns, key=lambda moment: int(moment.clock_ns))
        return moments[max(index - 1, 0)] if moments else None

    def step(self, ns: int) -> None:
        """So far from what is shown, back or on."""
        if ns > 0 and not self.in_past and self.wanted is None:
            return
        target = self.shown_ns + ns
        if target >= self.end_ns:
            self.present()
        else:
            self.go_to(target)

    def present(self) -> None:
        self.wanted = None
        self._rests.stop()
        if self.in_past or self._job is not None:
            self._do("Coming back to now", lambda: self.timeline.present())

    def toggle_running(self) -> None:
        """Runs forward from the moment that is shown, or stands still there."""
        if not self.in_past:
            return
        if self.runs_forward:
            self._do("Holding", lambda: self.timeline.pause())
        else:
            self._do("Running forward", lambda: self.timeline.run_forward())

    def branch(self, name: str) -> None:
        """A guest of its own that goes on from the moment that is shown; this one comes back to now."""
        at = clock_words(self.shown_ns - self.begin_ns)

        async def work() -> None:
            branched = await self.timeline.branch(name)
            if self.timeline.in_past:
                await self.timeline.present()
            self._session.log.add(
                f"{branched.name} goes on from {at} of {self.guest.name}",
                source=branched.name,
                accent=accent_of(self.guest),
                notice=True,
            )
            self._session.bring_to_front(branched)

        self._do(f"Branching at {at}", work)

    def keep(self) -> None:
        async def work() -> None:
            await self.timeline.keep()
            self._tell(f"The recording of {self.guest.name} is kept in its profile")

        self._do("Keeping the recording", work)

    def export(self, path: Path) -> None:
        async def work() -> None:
            await self.timeline.export(path)
            self._tell(f"The recording of {self.guest.name} was written to {path}")

        self._do("Writing the recording", work)

    def _tell(self, sentence: str) -> None:
        self._session.log.add(sentence, source=self.guest.name, accent=accent_of(self.guest), notice=True)

    def _do(self, words: str, start: Callable[[], Any]) -> None:
        """One thing after another: what is asked for while something is under way follows it."""
        before = self._job

        async def work(_: Job) -> None:
            if before is not None and before.task is not None:
                await _ended(before)
            self.busy, self.problem = words, ""
            self.changed.emit()
            try:
                await start()
            except BaseException as error:
                self.problem = str(error) if isinstance(error, PocketvisorError) else ""
                self.wanted = None
                self._rests.stop()
                raise

        job = self._session.run(f"{words}: {self.guest.name}", work, shown=False, source=self.guest.name)
        self._job = job
        job.changed.connect(lambda: self._ended(job))

    def _ended(self, job: Job) -> None:
        if job.running or self._job is not job:
            return
        self._job, self.busy = None, ""
        if job.state is JobState.CANCELLED:  # also one that had not begun
            self.wanted = None
        if self.wanted is not None:
            self._go_on()
        self.changed.emit()

    def _moved(self) -> None:
        self._asked = self._near = None
        self.runs_forward = bool(self.in_past and self.timeline.running)
        if self.runs_forward:
            self._goes_on.start()
        else:
            self._goes_on.stop()
        self.moved.emit()
        self.changed.emit()


async def _ended(job: Job) -> None:
    """How it ended is told by itself."""
    if job.task is not None:
        await asyncio.wait([job.task])


class Times(QObject):
    """The timelines of all guests on the bench."""

    branch_wanted = Signal(object)
    """A guest: somebody asks for a branch of it, and is to be asked for its name."""
    again_wanted = Signal(object)
    """It is to be recorded anew, and what was recorded before goes: that is asked first."""
    menu_wanted = Signal(object, object)

    def __init__(self, session: "Session") -> None:
        super().__init__(session)
        self._session = session
        self._of: dict[Guest, GuestTime] = {}
        session.guest_removed.connect(self._removed)
        session.policies.changed.connect(lambda guest: self.of(guest).policy_changed())

    def of(self, guest: "Guest") -> GuestTime:
        known = self._of.get(guest)
        if known is None:
            known = self._of[guest] = GuestTime(self._session, guest)
            known.changed.connect(self._session.changed)
        return known

    def _removed(self, guest: "Guest") -> None:
        gone = self._of.pop(guest, None)
        if gone is not None:
            gone.close()
            gone.deleteLater()
