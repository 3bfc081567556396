"""How far something is that takes long: a bar on a terminal, a line a second elsewhere; on standard
error, so that what a verb answers stays by itself."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
Tell = Callable[[str, float | None], None]
"""Words, and from 0 to 1 how much is done; None where nobody knows."""

_SILENT_SECONDS: Final = 0.5  # what is over sooner needs no bar
_LINE_SECONDS: Final = 1.0


@contextmanager
def shown_progress(title: str, *, shown: bool = True) -> Iterator[Tell]:
    """To be called from any thread."""
    if not shown:
        yield lambda words, done: None
    elif not sys.stderr.isatty():
        yield _lines(title)
    else:
        from rich.console import Console  # slow to load

        with _bar(title, Console(stderr=True)) as tell:
            yield tell


@contextmanager
def _bar(title: str, console: "Console") -> Iterator[Tell]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[share]}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console, transient=True)
    task = progress.add_task(title, total=None, share="")
    began = time.monotonic()
    shown = threading.Lock()  # taken for good by whoever starts it

    def tell(words: str, done: float | None) -> None:
        share = "" if done is None else f"{done:4.0%}"
        total = None if done is None else 1.0
        progress.update(task, description=words or title, total=total, completed=done or 0.0, share=share)
        if time.monotonic() - began > _SILENT_SECONDS and shown.acquire(blocking=False):
            progress.start()

    try:
        yield tell
    finally:
        if not shown.acquire(blocking=False):
            progress.stop()


def _lines(title: str) -> Tell:
    told = ""
    last = time.monotonic()

    def tell(words: str, done: float | None) -> None:
        nonlocal told, last
        now = time.monotonic()
        line = f"{'' if done is None else f'{done:.0%}':>4} {words or title}"
        if now - last >= _LINE_SECONDS and line != told:
            told, last = line, now
            with suppress(OSError):  # what goes on is not for the telling
                typer.echo(line, err=True)

    return tell


def stoppable(work: Callable[[threading.Event], T]) -> T:
    """In a thread of its own, so that Ctrl+C is heard at once: it stops at the next piece, and cleans up."""
    stop, over = threading.Event(), threading.Event()
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work(stop))
        except BaseException as error:  # told to the thread that waits
            errors.append(error)
        finally:
            over.set()

    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        stop.set()

    # A handler of its own rather than an exception, which could come between any two steps of what follows.
    before = signal.getsignal(signal.SIGINT)
    heard = before is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    if heard:
        signal.signal(signal.SIGINT, interrupt)
    try:
        threading.Thread(target=run, name="profile-work").start()
        over.wait()  # and not join(), which an interrupt leaves believing that the thread has ended
    finally:
        if heard:
            signal.signal(signal.SIGINT, before)
    if interrupted and not answers:
        raise KeyboardInterrupt
    if errors:
        raise errors[0]
    return answers[0]
