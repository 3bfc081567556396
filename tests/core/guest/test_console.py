"""A guest's serial console: who waits for an output sees it, however much comes and whenever it is cut."""

import asyncio
import re

import pytest

from pocketvisor.errors import GuestError
from pocketvisor.guest.console import HISTORY_MAX, Console


@pytest.fixture
def console() -> Console:
    return Console(lambda _: None)


async def waiting(console: Console, pattern: str, timeout: float = 5) -> "asyncio.Task[re.Match[str]]":
    task = asyncio.create_task(console.expect(pattern, timeout))
    await asyncio.sleep(0)
    return task


async def test_what_came_before_a_flood_is_seen(console: Console) -> None:
    """All of it in one turn of the loop, so that whoever waits is called after it."""
    task = await waiting(console, "from now on")
    console.received(b"flood: from now on\n")
    for _ in range(3 * HISTORY_MAX >> 15):
        console.received(b"no pause at all\n" * 2048)
    assert (await task)[0] == "from now on"


async def test_what_is_kept_is_bounded(console: Console) -> None:
    for _ in range(5 * HISTORY_MAX >> 15):
        console.received(b"no pause at all\n" * 2048)
    assert len(console.text) <= HISTORY_MAX + HISTORY_MAX // 4
    console.received(b"the end\n")
    assert await console.expect("the end", 5)
    with pytest.raises(TimeoutError, match="did not appear within"):
        await console.expect("no pause", 0.01)


async def test_a_sequence_cut_by_a_reset_takes_nothing_of_what_follows(console: Console) -> None:
    """A colour's number was sent, and then the guest began anew: its first letter would end the sequence."""
    console.received(b"loud\n\x1b[3")
    console.begun()
    console.received(b"hostile\n> ")
    assert await console.expect(r"^hostile\n", 5)


async def test_each_match_goes_on_behind_the_last(console: Console) -> None:
    console.received(b"one two ")
    assert (await console.expect(r"\w+ ", 5))[0] == "one "
    task = await waiting(console, r"t\w+ \w+")
    console.received(b"three")
    assert (await task)[0] == "two three"


async def test_who_gives_up_takes_nothing_from_the_next(console: Console) -> None:
    task = await waiting(console, "ready")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    console.received(b"ready\n")
    assert await console.expect("ready", 5)


async def test_what_came_while_the_loop_was_held_up_is_seen(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears of the output and of the end of its patience in one turn."""
    loop = asyncio.get_running_loop()
    task, now = await waiting(console, "ready"), loop.time
    loop.call_soon(console.received, b"ready\n")
    monkeypatch.setattr(loop, "time", lambda: now() + 60)
    assert (await task)[0] == "ready"


async def test_a_guest_that_ends_is_told(console: Console) -> None:
    task = await waiting(console, "ready")
    console.ended("Debian is off")
    with pytest.raises(GuestError, match="Debian is off before 'ready' appeared"):
        await task
    console.begun()
    console.received(b"ready")
    assert await console.expect("ready", 5)


async def test_a_shut_console_keeps_nothing(console: Console) -> None:
    console.received(b"before ")
    console.set_shut(True)
    console.received(b"meanwhile ")
    console.set_shut(False)
    console.received(b"after")
    assert console.text == b"after"
