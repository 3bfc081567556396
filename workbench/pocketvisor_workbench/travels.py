"""Moves between machines: guests that leave for another one, handsets that wait for some, and guests of whom
nobody knows whose they are since a link was lost.

How that is done is pocketvisor.services.migration's; here are the jobs, and what is said about them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QObject, Signal

from pocketvisor.api import GuestState
from pocketvisor_workbench.ending import Ending
from pocketvisor_workbench.jobs import Job, JobState
from pocketvisor_workbench.log import Level, words_of

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor.migration.departure import MoveReport
    from pocketvisor.migration.reception import Reception

_UNKNOWN_SHOWN_MS = 60_000

Tell = Callable[[str, float | None], None]


class Border(Protocol):
    """pocketvisor.services.migration.Migrations, or what stands for it."""

    changed: Callable[[], None]

    async def migrate(self, guest: "Guest", address: str, tell: Tell) -> "MoveReport": ...

    def undecided(self, guest: "Guest") -> bool: ...

    async def settle(self, guest: "Guest", *, give_up: bool = False, force: bool = False) -> bool: ...

    async def receive(self, handset: "Handset", host: str, port: int) -> "Reception": ...

    def reception(self, handset: "Handset") -> "Reception | None": ...

    async def receive_no_more(self, handset: "Handset") -> None: ...

    async def close(self) -> None: ...


@dataclass
class Travel:
    """One guest on its way to another machine, or its move's end that is asked about."""

    guest: "Guest"
    address: str
    job: Job
    ran: bool = True


class Travels(QObject):
    began = Signal(object)
    """A Travel, or a question about one."""
    changed = Signal()
    """Who waits for phones, or whose end is not known."""
    decide_wanted = Signal(object)

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self._session = session
        self._border: Border | None = None
        self._under_way: dict[Guest, Travel] = {}
        session.jobs.ended.connect(self._job_ended)

    @property
    def border(self) -> Border:
        """The program's; a session that was given none has one of its own."""
        if self._border is None:
            from pocketvisor.services.migration import Migrations

            self.use(Migrations())
        assert self._border is not None
        return self._border

    def use(self, border: Border) -> None:
        self._border = border
        border.changed = self._tell_changed

    async def close(self) -> None:
        if self._border is not None:
            self._border.changed = lambda: None
            await self._border.close()

    def _tell_changed(self) -> None:
        self.changed.emit()
        self._session.changed.emit()

    def _job_ended(self, job: Job) -> None:
        for guest, travel in list(self._under_way.items()):
            if travel.job is job:
                del self._under_way[guest]

    # Leaving

    def of(self, guest: "Guest | None") -> Travel | None:
        """The guest's way to another machine, while it is under way."""
        return self._under_way.get(guest) if guest is not None else None

    def why_not(self, guest: "Guest") -> str:
        """Why a guest cannot leave, as a sentence; empty where it can."""
        if guest in self._under_way or self._session.moves.of(guest) is not None:
            return f"{guest.name} is on its way already"
        if guest.state is GuestState.CRASHED:
            return f"{guest.name} has stopped: there is nothing to move"
        if guest.state is GuestState.STARTING:
            return f"{guest.name} is starting: it can move when it runs"
        return guest.held

    def start(self, guest: "Guest", address: str) -> Travel | None:
        """Begins a move; where it cannot be, that is said."""
        problem = self.why_not(guest)
        if problem:
            self._session.log.add(problem, Level.WARNING, source=guest.name, notice=True)
            return None

        async def work(job: Job) -> "MoveReport":
            def tell(words: str, done: float | None) -> None:
                job.report(done, words)

            try:
                report = await self.border.migrate(guest, address, tell)
            finally:
                self._under_way.pop(guest, None)
            self._session.log.add(_arrived_words(travel, report), source=guest.name)
            return report

        job = self._session.run(f"Move {guest.name} to {address}", work, source=guest.name)
        travel = Travel(guest, address, job, guest.state is GuestState.RUNNING)
        self._under_way[guest] = travel
        self.began.emit(travel)
        self._session.changed.emit()
        return travel

    def ending(self, travel: Travel) -> Ending:
        """What is said when a move to another machine has ended."""
        from pocketvisor.migration.departure import MoveCancelled

        job, guest = travel.job, travel.guest
        if job.state is JobState.DONE:
            return Ending(_arrived_words(travel, job.result), shown_ms=12_000)
        if self.undecided(guest):
            return Ending(
                guest.held, Level.WARNING, "Ask again", lambda: self.ask_again(guest), _UNKNOWN_SHOWN_MS
            )
        if guest not in self._session.guests:
            return Ending(f"{guest.name} could not be kept any more: it is on the other machine.")
        stays = f"{guest.name} goes on here, on {guest.handset.name}."
        if job.state is JobState.CANCELLED or isinstance(job.error, MoveCancelled):
            return Ending(f"The move was cancelled. {stays}")
        assert job.error is not None
        return Ending(f"{_sentence(words_of(job.error))} {stays}", Level.ERROR)

    # Whose end is not known

    def undecided(self, guest: "Guest | None") -> bool:
        return guest is not None and self._border is not None and self._border.undecided(guest)

    def ask_again(self, guest: "Guest", *, give_up: bool = False) -> None:
        """The other machine is asked; with `give_up` it is told that the guest is wanted here."""
        self._settle(guest, f"Ask whose {guest.name} is", give_up=give_up)

    def go_on_by_force(self, guest: "Guest") -> None:
        """Nobody is asked: should the other machine have it, two of it run."""
        self._settle(guest, f"Let {guest.name} go on here", force=True)

    def _settle(self, guest: "Guest", title: str, **how: bool) -> None:
        async def work(_: Job) -> bool:
            if not self.undecided(guest):  # the other machine has answered meanwhile
                return guest in self._session.guests
            return await self.border.settle(guest, **how)

        job = self._session.run(title, work, source=guest.name)
        self.began.emit(Travel(guest, "", job))

    def answer(self, asked: Travel) -> Ending:
        """What is said when somebody asked whose a guest is."""
        job, guest = asked.job, asked.guest
        if job.state is JobState.DONE:
            where = f"goes on here, on {guest.handset.name}" if job.result else "is on the other machine"
            return Ending(f"{guest.name} {where}.")
        if job.state is JobState.CANCELLED:
            return Ending(f"Whose {guest.name} is stays open: it stands still here.", Level.WARNING)
        assert job.error is not None
        return Ending(_sentence(words_of(job.error)), Level.WARNING, shown_ms=15_000)

    # Waiting for phones

    def reception(self, handset: "Handset | None") -> "Reception | None":
        if handset is None or self._border is None:
            return None
        return self._border.reception(handset)

    def receive(self, handset: "Handset", host: str, port: int) -> Job:
        """The job's result is the Reception; whoever starts it says what it fails with."""

        async def work(_: Job) -> "Reception":
            reception = await self.border.receive(handset, host, port)
            assert reception.waiting is not None
            words = f"{handset.name} waits for phones at {reception.waiting.address}"
            self._session.log.add(words, source=handset.name)
            return reception

        job: Job = self._session.run(f"Receive on {handset.name}", work, shown=False, source=handset.name)
        job.told = True
        return job

    def receive_no_more(self, handset: "Handset") -> None:
        async def work(_: Job) -> None:
            await self.border.receive_no_more(handset)
            self._session.log.add(f"{handset.name} waits for phones no more", source=handset.name)

        self._session.run(f"Stop receiving on {handset.name}", work, shown=False, source=handset.name)


async def trusted(address: str, code: str | None) -> None:
    """Whether the two machines trust each other, or do now by the code. Raises NotPaired, MigrationError."""
    from pocketvisor.services.migration import called

    link = await called(address, code)
    link.abort()
    await asyncio.sleep(0)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _arrived_words(travel: Travel, report: "MoveReport") -> str:
    words = f"{travel.guest.name} is on {report.peer} ({report.address})."
    if travel.ran:
        words += f" It stood still for {report.downtime_ms:.0f}\N{NO-BREAK SPACE}ms."
    return words
