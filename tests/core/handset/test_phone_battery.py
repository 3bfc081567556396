"""The battery follows what real guests do, where it is asked to."""

import asyncio
from collections.abc import Callable
from typing import Any

from pocketvisor.api import Guest, Handset


async def test_a_running_guest_uses_it_up_and_a_paused_one_does_not(
    handset: Handset, start: Callable[..., Any]
) -> None:
    guest: Guest = await start()
    assert handset.phone.battery.level == 80
    used = asyncio.Event()
    handset.phone.on("battery", lambda battery: used.set() if battery.level < 80 else None)
    handset.phone.set_draining(True)
    await asyncio.wait_for(used.wait(), 60)
    assert 79 < handset.phone.battery.level < 80
    await guest.pause()
    handset.power.look()  # what it did before the pause
    level = handset.phone.battery.level
    handset.power.look()
    assert handset.phone.battery.level == level
