"""gammu, a program for phones that knows nothing of us, uses the modem through a tty.

All that is asked of it is asked on one connection: while it does not know yet what kind of phone this is, it
waits 400 ms before each of its questions.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from terminal_equipment import Terminal

from pocketvisor.devices.modem.state import CallEnded, Dialled, IncomingMessage, MessageSent

pytestmark = pytest.mark.skipif(shutil.which("gammu") is None, reason="gammu is not installed")

LONG = "long " * 60
COMMANDS = (
    "identify",
    "networkinfo",
    "battery",
    "getallsms",
    "deleteallsms 1",
    "sendsms TEXT +49123 -text Grüße",
    f'sendsms TEXT +49123 -len 400 -text "{LONG}"',
    "dialvoice 12345",
    "cancelcall",
    "monitor 1",
)


class Session(NamedTuple):
    line: Terminal
    answers: dict[str, str]
    """What was printed, by the first word of the command."""


@contextmanager
def served(line: Terminal) -> Iterator[str]:
    """The tty at which it answers."""
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    tty.setraw(theirs)
    stopped, stop = os.pipe()

    def serve() -> None:
        while True:
            readable, _, _ = select.select([ours, stopped], [], [])
            if stopped in readable:
                return
            line.modem.feed(os.read(ours, 4096))
            os.write(ours, line.modem.take(1 << 16))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.write(stop, b"x")
        thread.join()
        for fd in (ours, theirs, stopped, stop):
            os.close(fd)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("gammu")
    line = Terminal()
    line.modem.hear(IncomingMessage("+4915112345678", "für €5"))
    line.modem.hear(IncomingMessage("Bank", "日本" * 50))
    with served(line) as device:
        said = ran(folder, device)
    parts = re.split(r'Executing batch ".*" - command \d+: (\w+).*\n', said)
    answers: dict[str, str] = {}
    for command, answer in zip(parts[1::2], parts[2::2], strict=True):
        answers[command] = answers.get(command, "") + answer
    return Session(line, answers)


def ran(folder: Path, device: str) -> str:
    settings, commands = folder / "gammurc", folder / "commands"
    settings.write_text(f"[gammu]\ndevice={device}\nconnection=at115200\n")
    commands.write_text("\n".join(COMMANDS) + "\n")
    done = subprocess.run(
        ["gammu", "-c", settings, "batch", commands], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_knows_the_phone_and_its_network(session: Session) -> None:
    identity = session.answers["identify"]
    assert "Pocketvisor" in identity
    assert "004999010640000" in identity
    assert "home network" in session.answers["networkinfo"]
    assert "80 percent" in session.answers["battery"]


def test_it_reads_and_sends_messages(session: Session) -> None:
    shown = session.answers["getallsms"]
    for text in ("für €5", "日本日本", "part 2 of 2", '"Bank"'):
        assert text in shown
    assert session.line.modem.state.messages == {}, "it has deleted them"
    first, *parts = [report for report in session.line.reports if isinstance(report, MessageSent)]
    assert first == MessageSent("+49123", "Grüße")
    assert "".join(part.text for part in parts) == LONG
    assert [(part.part, part.count) for part in parts] == [(1, 2), (2, 2)]


def test_it_calls(session: Session) -> None:
    calls = [report for report in session.line.reports if not isinstance(report, MessageSent)]
    assert calls == [Dialled("12345"), CallEnded("12345", "guest")]


def test_it_listens_to_what_comes(session: Session) -> None:
    answer = session.answers["monitor"].partition("USSD")[0]
    assert answer.strip()
    assert "not supported" not in answer
