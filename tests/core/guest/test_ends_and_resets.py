"""A guest that ends by itself just when somebody resets it: the new life is not what ended."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pocketvisor.control.messages import Stopped
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState

Start = Callable[..., Coroutine[Any, Any, Guest]]


@pytest.mark.parametrize("reason", ["power-off", "exit", "error", "reset"])
async def test_what_has_ended_is_the_life_before(start: Start, reason: str) -> None:
    guest = await start()
    guest.run_stopped(Stopped(reason, guest.ticks))
    await guest.reset()
    begun = guest.pid
    async with asyncio.timeout(20):
        await asyncio.gather(*guest._tasks)
    assert (guest.state, guest.problem, guest.stop_reason) == (GuestState.RUNNING, "", None)
    assert guest.pid == begun
    await guest.console.expect("^# ", timeout=20)
    guest.console.write(b"q")
    assert (await guest.wait_stopped()).kind == "power-off"


@pytest.mark.parametrize("end", ["power_off", "kill"])
async def test_who_is_switched_off_as_it_resets_itself_stays_off(start: Start, end: str) -> None:
    guest = await start()
    ending = asyncio.create_task(getattr(guest, end)())
    await asyncio.sleep(0)  # it has the guest's life in hand
    guest.run_stopped(Stopped("reset", guest.ticks))
    await ending
    async with asyncio.timeout(20):
        await asyncio.gather(*guest._tasks)
    assert (guest.state, guest.pid) == (GuestState.OFF, 0)
