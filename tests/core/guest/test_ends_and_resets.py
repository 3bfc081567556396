"""A guest that ends by itself just when somebody resets it: the new life is not what ended."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pocketvisor.control.messages import Stopped
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState

Start = Callable[..., Coroutine[Any, Any, Guest]]


@pytest.mark.parametrize("reason", ["power-off", "exit", "error"])
async def test_what_has_ended_is_the_life_before(start: Start, reason: str) -> None:
    guest = await start()
    guest.run_stopped(Stopped(reason, guest.ticks))
    await guest.reset()
    async with asyncio.timeout(20):
        await asyncio.gather(*guest._tasks)
    assert (guest.state, guest.problem, guest.stop_reason) == (GuestState.RUNNING, "", None)
    await guest.console.expect("^# ", timeout=20)
    guest.console.write(b"q")
    assert (await guest.wait_stopped()).kind == "power-off"
