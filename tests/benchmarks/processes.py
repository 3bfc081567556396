"""Guests' processes: from the wish for one to its board being built, and what one more costs in memory.

The guest is a small one that never runs, so that neither its image nor its own work is in the figures.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pocketvisor.control.messages import Start
from pocketvisor.guest import run
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import RunOptions
from pocketvisor.guest.supervisor import GuestProcess
from pocketvisor.images.catalogue import catalogue

from . import ours
from .bench import Bench
from .figures import Figure
from .memory import process_sizes

_MANY = 10
_OPTIONS = RunOptions(paused=True, ram_mib=32)
_GOAL_MS, _GOAL_MB = 10.0, 15.0


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds, and megabytes of a million bytes."""
    bench.say("starting one after another")
    async with _timed() as milliseconds:
        async with ours.handset() as phone:
            for _ in range(bench.rounds(40, 10) + 1):
                await phone.remove(await phone.start(catalogue()["self_test"], options=_OPTIONS))
        first, *later = milliseconds
    bench.say(f"starting {_MANY}")
    async with AsyncExitStack() as stack:
        guests = [await _start(stack) for _ in range(_MANY)]
        sizes = [(await asyncio.to_thread(process_sizes, guest.pid))[0] for guest in guests]
    return [
        Figure(name="a process: asked for to ready", unit="ms", ours=later, judge="median", goal=_GOAL_MS),
        Figure(name="the first of a program", unit="ms", ours=[first]),
        Figure(name=f"PSS, each of {_MANY} that idle", unit="MB", ours=sizes, judge="worst", goal=_GOAL_MB),
    ]


async def _start(stack: AsyncExitStack) -> Guest:
    phone = await stack.enter_async_context(ours.handset())
    return await phone.start(catalogue()["self_test"], options=_OPTIONS)


@asynccontextmanager
async def _timed() -> AsyncIterator[list[float]]:
    """What each guest's process takes from spawn() to the end of start(), in milliseconds."""
    taken: list[float] = []

    class Timed(GuestProcess):
        began = 0.0

        @classmethod
        async def spawn(cls, *arguments: Any) -> "Timed":
            began = time.perf_counter()
            process = await super().spawn(*arguments)
            assert isinstance(process, Timed)
            process.began = began
            return process

        async def start(self, message: Start, replay_log: bytes | None) -> None:
            await super().start(message, replay_log)
            taken.append((time.perf_counter() - self.began) * 1000)

    run.GuestProcess = Timed  # type: ignore[misc]
    try:
        yield taken
    finally:
        run.GuestProcess = GuestProcess  # type: ignore[misc]
