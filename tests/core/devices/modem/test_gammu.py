"""gammu, a program for phones that knows nothing of us, uses the modem through a tty."""

import os
import pty
import select
import shutil
import subprocess
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal_equipment import Terminal

from pocketvisor.devices.modem.state import CallEnded, Dialled, IncomingMessage, MessageSent

pytestmark = pytest.mark.skipif(shutil.which("gammu") is None, reason="gammu is not installed")

Gammu = Callable[..., str]


@pytest.fixture
def line() -> Terminal:
    return Terminal()


@pytest.fixture
def gammu(line: Terminal, tmp_path: Path) -> Iterator[Gammu]:
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
    settings = tmp_path / "gammurc"
    settings.write_text(f"[gammu]\ndevice={os.ttyname(theirs)}\nconnection=at115200\n")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["gammu", "-c", settings, *arguments], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield run
    os.write(stop, b"x")
    thread.join()
    for fd in (ours, theirs, stopped, stop):
        os.close(fd)


def test_it_knows_the_phone_and_its_network(gammu: Gammu) -> None:
    identity = gammu("identify")
    assert "Pocketvisor" in identity
    assert "004999010640000" in identity
    assert "home network" in gammu("networkinfo")
    assert "80 percent" in gammu("battery")


def test_it_reads_and_sends_messages(gammu: Gammu, line: Terminal) -> None:
    line.modem.hear(IncomingMessage("+4915112345678", "für €5"))
    line.modem.hear(IncomingMessage("Bank", "日本" * 50))
    shown = gammu("getallsms")
    for text in ("für €5", "日本日本", "part 2 of 2", '"Bank"'):
        assert text in shown
    gammu("deleteallsms", "1")
    assert line.modem.state.messages == {}
    gammu("sendsms", "TEXT", "+49123", "-text", "Grüße")
    gammu("sendsms", "TEXT", "+49123", "-len", "400", "-text", "long " * 60)
    first, *parts = line.reports
    assert first == MessageSent("+49123", "Grüße")
    assert "".join(part.text for part in parts if isinstance(part, MessageSent)) == "long " * 60
    assert [(part.part, part.count) for part in parts if isinstance(part, MessageSent)] == [(1, 2), (2, 2)]


def test_it_calls(gammu: Gammu, line: Terminal) -> None:
    gammu("dialvoice", "12345")
    gammu("cancelcall")
    assert line.reports == [Dialled("12345"), CallEnded("12345", "guest")]


def test_it_listens_to_what_comes(gammu: Gammu) -> None:
    assert "not supported" not in gammu("monitor", "1").partition("USSD")[0]
