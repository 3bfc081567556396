"""One attack under way: a job, what has come in of it so far, and the score sheet when it is through."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from pocketvisor.api import PocketvisorError
from pocketvisor.attack.sheet import Kind, Outcome, Progress, ScoreSheet
from pocketvisor_workbench.jobs import Job
from pocketvisor_workbench.log import Level, words_of

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor_workbench.session import Session

_LEAST_BETWEEN = 0.1


class Attacker(Protocol):
    """As pocketvisor.attack.attack.Attack."""

    kinds: tuple[Kind, ...]
    victim: "Guest | None"

    def run(self, progress: Callable[[Progress], None]) -> Awaitable[ScoreSheet]: ...


def real_attack(handset: "Handset", victim: "Guest | None", kinds: Sequence[str] = ()) -> Attacker:
    """`kinds`: which ones; all if none are named. Raises GuestError where there is no such kind."""
    from pocketvisor.attack.attack import Attack

    return Attack(handset, victim=victim, kinds=kinds)


class AttackRun(QObject):
    """`changed`: there is something new to be seen."""

    changed = Signal()
    ended = Signal()

    def __init__(
        self, session: "Session", handset: "Handset", victim: "Guest | None", attack: Attacker
    ) -> None:
        super().__init__(session)
        self.handset = handset
        self.victim = victim
        self.attack = attack
        self.outcomes: list[Outcome] = []
        self.progress = Progress(0, 0, "Getting ready")
        self.sheet: ScoreSheet | None = None
        self.problem = ""
        """Why it came to nothing."""
        self.told: Callable[[Progress], object] = lambda _: None
        """Given all progress as it comes."""
        self._told = 0.0
        self.job: Job = session.run(
            f"Attack {victim.name if victim is not None else 'a guest'} on {handset.name}",
            self._work,
            source=handset.name,
        )
        self.job.told = True  # the dialog tells, or the desk where that is closed
        self._log = session.log
        session.jobs.ended.connect(self._ended)

    @property
    def running(self) -> bool:
        return self.job.running

    @property
    def attempts(self) -> int:
        return sum(outcome.attempts for outcome in self.outcomes)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """In the order in which they are tried; those that were, where the others are not known yet."""
        return self.attack.kinds or tuple(outcome.kind for outcome in self.outcomes)

    @property
    def neighbour(self) -> "Guest | None":
        """Who is attacked; one of its own is on the handset only while the attack runs."""
        return self.victim if self.victim is not None else self.attack.victim

    def cancel(self) -> None:
        self.job.cancel()

    async def _work(self, job: Job) -> None:
        def tell(progress: Progress) -> None:
            another = progress.kind != self.progress.kind
            self.progress = progress
            self.told(progress)
            if progress.latest is not None:
                self.outcomes.append(progress.latest)
            job.report(progress.fraction, progress.words)
            now = time.monotonic()
            if another or progress.latest is not None or now - self._told >= _LEAST_BETWEEN:
                self._told = now
                self.changed.emit()

        self.sheet = await self.attack.run(tell)
        self.outcomes = list(self.sheet.outcomes)

    def _ended(self, job: object) -> None:
        if job is not self.job:
            return
        if isinstance(self.job.error, PocketvisorError):
            self.problem = f"{words_of(self.job.error)}."
        elif self.job.error is not None:
            self.problem = f"The attack broke off: {words_of(self.job.error)}."
        elif self.sheet is None:
            self.problem = "The attack was ended early; all is as it was before."
        if self.sheet is not None:
            level = Level.INFO if self.sheet.held else Level.WARNING
            self._log.add(f"Attack: {self.sheet.sentence}", level, source=self.handset.name)
        self.changed.emit()
        self.ended.emit()
