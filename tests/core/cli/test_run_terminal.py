"""A run's terminal: what goes out is bounded, and one that is hung up ends the run without an error."""

import asyncio
import io
import os
import sys
import termios

import pytest

from pocketvisor.cli.terminal import LINE_MAX, ConsoleOut, TerminalKeys


def test_a_guest_that_never_ends_its_line_is_not_kept_for_ever() -> None:
    stream = io.BytesIO()
    out = ConsoleOut(stream, ["one", "two"])
    for _ in range(64):
        out.write("one", b"x" * LINE_MAX)
    out.write("two", b"hello\n")
    assert stream.getvalue().count(b"x") >= 62 * LINE_MAX
    out.finish()
    lines = stream.getvalue().split(b"\n")
    assert sum(line.count(b"x") for line in lines) == 64 * LINE_MAX
    assert all(line.startswith((b"one | ", b"two | ")) for line in lines if line)
    assert max(map(len, lines)) <= LINE_MAX + 6


async def test_a_terminal_that_is_hung_up_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    failures: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context))
    typed, quitted = bytearray(), asyncio.Event()
    with os.fdopen(slave, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with TerminalKeys(typed.extend, quitted.set):
            assert termios.tcgetattr(slave) != before
            os.write(master, b"abc")
            while typed != b"abc":
                await asyncio.sleep(0)
            os.close(master)
            await asyncio.wait_for(quitted.wait(), 30)
    assert failures == []
