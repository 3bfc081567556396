"""What takes long on the command line: Ctrl+C is heard at once, and waited for until all is cleaned up."""

import os
import signal
import threading
from types import SimpleNamespace

import pytest
import typer

from pocketvisor.cli import progress
from pocketvisor.cli.progress import shown_progress, stoppable
from pocketvisor.errors import ProfileError


def interrupted(_: object = None) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_stops_the_work_and_waits_for_its_end() -> None:
    ended = threading.Event()

    def work(stop: threading.Event) -> None:
        interrupted()
        assert stop.wait(20)
        stop.clear()
        stop.wait(0.2)  # cleaning up takes a moment
        ended.set()
        raise ProfileError("cancelled")

    with pytest.raises(KeyboardInterrupt):
        stoppable(work)
    assert ended.is_set()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, set()), "what it starts next hears Ctrl+C as well"


def test_what_was_through_before_it_heard_is_done() -> None:
    def work(stop: threading.Event) -> str:
        interrupted()
        assert stop.wait(20)
        return "done"

    assert stoppable(work) == "done"


def test_errors_and_answers_are_the_works() -> None:
    assert stoppable(lambda stop: stop.is_set()) is False
    with pytest.raises(ProfileError, match="no room"):
        stoppable(lambda stop: (_ for _ in ()).throw(ProfileError("no room")))


def test_what_is_soon_over_says_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: 5.0))
    with shown_progress("Copying") as tell:
        for done in range(100):
            tell("Copying", done / 100)
    with shown_progress("Copying", shown=False) as tell:
        tell("Copying", None)
    typer.echo("copied")
    assert tuple(capsys.readouterr()) == ("copied\n", "")
