"""A process that tells its handset more than anybody can hear is heard at the handset's pace."""

import asyncio
import itertools
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pocketvisor.control.channel import Channel, frame
from pocketvisor.control.messages import FromGuest, Note
from pocketvisor.guest.supervisor import AT_ONCE, BURST, BYTES_A_SECOND, MESSAGE_COST, GuestProcess, Pace

FLOOD = "import os, sys\nwhile True: os.write(1, bytes.fromhex(sys.argv[1]) * 2000)"
ENOUGH = 3000


async def test_small_messages_leave_the_loop_to_others() -> None:
    ours, theirs = socket.socketpair()
    flood = subprocess.Popen([sys.executable, "-c", FLOOD, frame(Note("x")).hex()], stdout=theirs)
    theirs.close()
    channel: Channel[Any, Any] = await Channel.open(ours, FromGuest)
    heard = 0
    turns: list[int] = []
    enough = asyncio.Event()

    def hear(_: GuestProcess, message: Any) -> None:
        nonlocal heard
        assert message == Note("x")
        heard += 1
        if heard == ENOUGH:
            enough.set()

    async def others() -> None:
        while True:
            turns.append(heard)
            await asyncio.sleep(0)

    process = GuestProcess(SimpleNamespace(), channel, hear, lambda *_: None)  # type: ignore[arg-type]
    tasks = [asyncio.create_task(work) for work in (others(), process._listen())]
    try:
        async with asyncio.timeout(60):
            await enough.wait()
        assert max(after - before for before, after in itertools.pairwise(turns)) <= AT_ONCE
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        channel.close()
        flood.kill()
        flood.wait()


@pytest.mark.parametrize("size", [30, 1 << 20])
def test_so_much_is_heard_in_a_second_and_no_more(size: int) -> None:
    now = 0.0
    pace = Pace(lambda: now)
    count = 0
    while now < 10.0:
        count += 1
        now += pace.wait(count * size)
    most = 10.5 * (BURST + BYTES_A_SECOND)
    assert count * (size + MESSAGE_COST) <= most
    assert count * (size + MESSAGE_COST) >= most / 3


def test_who_was_quiet_may_tell_a_burst_again() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    for count in range(1, BURST // MESSAGE_COST):
        assert pace.wait(count) == 0.0
    assert pace.wait(BURST) > 0.0
    now = 5.0
    assert pace.wait(BURST) == 0.0
    for _ in range(1, BURST // MESSAGE_COST):
        assert pace.wait(BURST) == 0.0
