"""Moving running guests from handset to handset: what can go where, the moves under way, and the way back.

How a guest is moved is pocketvisor.moving's; here are the jobs that do it and what is said about them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from pocketvisor.api import Act, GuestState, PocketvisorError
from pocketvisor_workbench.ending import Ending
from pocketvisor_workbench.jobs import Job, JobState
from pocketvisor_workbench.log import Level, words_of
from pocketvisor_workbench.policy.asking import why_not

if TYPE_CHECKING:
    from pocketvisor.api import Guest, Handset
    from pocketvisor.moving import MoveReport, Progress
    from pocketvisor_workbench.session import Session


class Mover(Protocol):
    """pocketvisor.moving, or what stands for it."""

    def check(self, guest: "Guest", target: "Handset") -> None:
        """Raises PocketvisorError with the reason why a guest cannot go there."""

    async def move(self, guest: "Guest", target: "Handset", progress: "Progress") -> "MoveReport": ...


class RealMover:
    """What it takes is imported with the first move, or the first look at where one could go."""

    def check(self, guest: "Guest", target: "Handset") -> None:
        from pocketvisor.moving import check_move

        check_move(guest, target)

    async def move(self, guest: "Guest", target: "Handset", progress: "Progress") -> "MoveReport":
        from pocketvisor.moving import move

        return await move(guest, target, progress)


@dataclass
class Move:
    """One guest on its way, or there."""

    guest: "Guest"
    source: "Handset"
    target: "Handset"
    job: Job
    back: bool = False


class Moves(QObject):
    """The session's moves; one of a guest at a time."""

    began = Signal(object)
    arrived = Signal(object)
    """A move whose guest is where it was wanted."""
    dragged_changed = Signal()

    def __init__(self, session: "Session", mover: Mover) -> None:
        super().__init__(session)
        self._session = session
        self._mover = mover
        self._under_way: dict[Guest, Move] = {}
        self.last: Move | None = None
        """What can be undone."""
        self.dragged: Guest | None = None
        """The guest that hangs on the mouse."""
        session.jobs.ended.connect(self._job_ended)

    def _job_ended(self, job: Job) -> None:
        """Also one that was cancelled before it began."""
        for guest, move in list(self._under_way.items()):
            if move.job is job:
                del self._under_way[guest]

    def set_dragged(self, guest: "Guest | None") -> None:
        self.dragged = guest
        self.dragged_changed.emit()

    def of(self, guest: "Guest | None") -> Move | None:
        """The guest's move, while it is under way."""
        return self._under_way.get(guest) if guest is not None else None

    def why_not(self, guest: "Guest", target: "Handset") -> str:
        """Why a guest cannot go to a handset, as a sentence; empty where it can."""
        if guest.handset is target:
            return f"{guest.name} is on {target.name} already"
        if target not in self._session.handsets:
            return f"{target.name} is not on the bench"
        if guest in self._under_way or self._session.travels.of(guest) is not None:
            return f"{guest.name} is on its way already"
        if guest.state is GuestState.CRASHED:
            return f"{guest.name} has stopped: there is nothing to move"
        if refusal := why_not(guest, Act.MOVE, model=target.model):
            return refusal
        try:
            self._mover.check(guest, target)
        except PocketvisorError as error:
            return words_of(error)
        return ""

    def targets(self, guest: "Guest") -> "list[Handset]":
        return [handset for handset in self._session.handsets if not self.why_not(guest, handset)]

    def start(self, guest: "Guest", target: "Handset", *, back: bool = False) -> Move | None:
        """Begins a move; where it cannot be, that is said."""
        problem = self.why_not(guest, target)
        if problem:
            self._session.log.add(problem, Level.WARNING, source=guest.name, notice=True)
            return None
        front = guest.handset.foreground is guest

        async def work(job: Job) -> "MoveReport":
            def tell(words: str, done: float | None) -> None:
                job.report(done, words)

            try:
                report = await self._mover.move(guest, target, tell)
            finally:
                self._under_way.pop(guest, None)
            if front and guest in target.guests:
                self._session.bring_to_front(guest)
            self._session.log.add(self._ended_words(move, report), source=guest.name)
            self.arrived.emit(move)
            return report

        title = f"Move {guest.name} {'back ' if back else ''}to {target.name}"
        job = self._session.run(title, work, source=guest.name)
        move = Move(guest, guest.handset, target, job, back)
        self._under_way[guest] = move
        self.last = move
        self.began.emit(move)
        self._session.changed.emit()
        return move

    def can_undo(self) -> bool:
        move = self.last
        return (
            move is not None and move.job.state is JobState.DONE and not self.why_not(move.guest, move.source)
        )

    def undo(self) -> None:
        """The last move, backwards: the guest goes on from where it is, on the handset that it came from."""
        if self.last is not None and self.last.job.state is JobState.DONE:
            self.start(self.last.guest, self.last.source, back=True)

    def ending(self, move: Move) -> Ending:
        """What is said when a move has ended."""
        job, name = move.job, move.guest.name
        if job.state is JobState.CANCELLED:
            return Ending(f"The move was cancelled. {name} goes on on {move.guest.handset.name}.")
        if job.error is not None:
            words = f"{name} was not moved and stays on {move.guest.handset.name}: {words_of(job.error)}"
            return Ending(words, Level.ERROR)
        words = self._ended_words(move, job.result)
        if move.back:
            return Ending(words)

        def undo() -> None:
            self.start(move.guest, move.source, back=True)

        return Ending(words, Level.INFO, "Undo", undo)

    @staticmethod
    def _ended_words(move: Move, report: "MoveReport") -> str:
        downtime = report.downtime_ms
        stood = f"{downtime:.1f}" if downtime < 10 else f"{downtime:.0f}"
        words = f"{move.guest.name} is on {move.target.name}. It stood still for {stood}\N{NO-BREAK SPACE}ms."
        if report.balloon_mib:
            words += f" To fit, it gave back {report.balloon_mib} MiB of its memory."
        return words
