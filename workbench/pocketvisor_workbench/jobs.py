"""Long work: asyncio tasks with a title, progress and cancel, on the GUI thread's event loop.

What would block goes to a thread by `asyncio.to_thread` inside the work, never here.
"""

import asyncio
import enum
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

_Result = TypeVar("_Result")


class JobState(enum.StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


def ending_quietly(work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
    """What goes on behind a job that was cancelled: nobody asks any more what it failed with."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


class Job(QObject):
    """One piece of work; it calls `report` itself, from whatever thread it is in."""

    changed = Signal()

    def __init__(self, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.detail = ""
        self.progress: float | None = None
        self.state = JobState.RUNNING
        self.started = time.monotonic()
        self.ended: float | None = None
        self.error: BaseException | None = None
        self.result: Any = None
        self.told = False
        """Whoever started it tells how it ended; nobody else needs to."""
        self.task: asyncio.Task[Any] | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def running(self) -> bool:
        return self.state is JobState.RUNNING

    @property
    def seconds(self) -> float:
        return (self.ended or time.monotonic()) - self.started

    def report(self, progress: float | None, detail: str = "") -> None:
        """How far the work is, from 0 to 1 (None: unknown), and a few words on what it does."""
        if threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self.report, progress, detail)
            return
        if not self.running:
            return
        self.progress = None if progress is None else min(max(progress, 0.0), 1.0)
        self.detail = detail
        self.changed.emit()

    def cancel(self) -> None:
        if self.task is not None and self.running:
            self.task.cancel()

    def _end(self, state: JobState, error: BaseException | None = None) -> None:
        self.state = state
        self.error = error
        self.ended = time.monotonic()
        self.changed.emit()


class JobBoard(QObject):
    """All jobs, the newest first; ended ones are forgotten beyond a bound."""

    added = Signal(object)
    ended = Signal(object)
    changed = Signal()

    KEPT = 50

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.jobs: list[Job] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._beside: set[asyncio.Task[Any]] = set()

    @property
    def running(self) -> list[Job]:
        return [job for job in self.jobs if job.running]

    def start(
        self, title: str, work: Callable[[Job], Coroutine[Any, Any, Any]], *, shown: bool = True
    ) -> Job:
        """Starts work at once. Jobs that are not `shown` are short ones that need no line in the list."""
        job = Job(title, self)
        if shown:
            self.jobs.insert(0, job)
            del self.jobs[self.KEPT :]
            self.added.emit(job)
        job.changed.connect(self.changed)
        job.task = asyncio.get_running_loop().create_task(self._run(job, work), name=title)
        self._tasks.add(job.task)
        job.task.add_done_callback(self._tasks.discard)
        job.task.add_done_callback(lambda _: self._never_began(job))
        self.changed.emit()
        return job

    def beside(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        """Work that is no job, since nobody asked for it or waits for it, and that ends with the jobs: a look
        into a guest."""
        task = asyncio.get_running_loop().create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    async def _run(self, job: Job, work: Callable[[Job], Awaitable[Any]]) -> None:
        try:
            job.result = await work(job)
        except asyncio.CancelledError:
            job._end(JobState.CANCELLED)
        except Exception as error:
            job._end(JobState.FAILED, error)
        else:
            job._end(JobState.DONE)
        self.ended.emit(job)

    def _never_began(self, job: Job) -> None:
        """What is cancelled before its first step runs no line of it, and has ended all the same."""
        if job.running:
            job._end(JobState.CANCELLED)
            self.ended.emit(job)

    def clear_ended(self) -> None:
        self.jobs = self.running
        self.changed.emit()

    async def idle(self) -> None:
        """Waits for the end of all that runs now."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def close(self) -> None:
        """Cancels what runs and waits for its end."""
        while tasks := [*self._tasks, *self._beside]:  # one may have begun another
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
