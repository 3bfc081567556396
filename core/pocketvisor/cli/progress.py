"""How far something is that takes long: a bar on a terminal, a line for each tenth elsewhere; on standard
error, so that what a verb answers stays by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import typer

T = TypeVar("T")
Tell = Callable[[str, float | None], None]
"""Words, and from 0 to 1 how much is done; None where nobody knows."""

_SILENT_SECONDS: Final = 0.5  # what is over sooner needs no bar


@contextmanager
def shown_progress(title: str, *, shown: bool = True) -> Iterator[Tell]:
    """To be called from any thread."""
    from rich.console import Console

    console = Console(stderr=True)
    if not shown:
        yield lambda words, done: None
    elif console.is_terminal:
        with _bar(title, console) as tell:
            yield tell
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str, console: object) -> Iterator[Tell]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[share]}"),
        TimeElapsedColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:  # type: ignore[arg-type]
        task = progress.add_task(title, total=None, share="", visible=False)

        def tell(words: str, done: float | None) -> None:
            share = "" if done is None else f"{done:4.0%}"
            progress.update(
                task,
                description=words or title,
                total=None if done is None else 1.0,
                completed=done or 0.0,
                share=share,
                visible=time.monotonic() - began > _SILENT_SECONDS,
            )

        yield tell


def _lines(title: str) -> Tell:
    told: tuple[str, int] = ("", -1)
    began = time.monotonic()

    def tell(words: str, done: float | None) -> None:
        nonlocal told
        if time.monotonic() - began < _SILENT_SECONDS:
            return
        words = words or title
        tenth = -1 if done is None else int(done * 10)
        if words != told[0] or tenth > told[1]:
            told = (words, tenth)
            share = "     " if done is None else f"{done:4.0%} "
            typer.echo(f"{share}{words}", err=True)

    return tell


def stoppable(work: Callable[[threading.Event], T]) -> T:
    """In a thread of its own, so that Ctrl+C is heard at once: it stops at the next piece, and cleans up."""
    stop = threading.Event()
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work(stop))
        except BaseException as error:  # told to the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="profile-copy")
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        stop.set()
        thread.join()
        if not answers:
            raise
    if errors:
        raise errors[0]
    return answers[0]
