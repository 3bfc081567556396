"""A guest that has no driver for its balloon, and what its handset makes of that."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pocketvisor.api import Guest, GuestError
from pocketvisor.devices.virtio_balloon import BalloonReport
from pocketvisor.guest import balloon


async def test_a_guest_that_does_not_cooperate_is_reported(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balloon, "PATIENCE_SECONDS", 0.05)
    guest: Guest = await start("Monitor", parts=("balloon",))
    said: asyncio.Queue[str] = asyncio.Queue()
    guest.on("event", said.put_nowait)
    guest.balloon.set(4)
    sentence = await asyncio.wait_for(said.get(), 60)
    assert sentence == "Monitor: has put 0 MiB into its balloon, and was asked for 4"
    assert (guest.balloon.target_mib, guest.balloon.actual_mib) == (4, 0)
    for mib in (-1, guest.ram_mib, 1 << 20):
        with pytest.raises(GuestError):
            guest.balloon.set(mib)


async def test_the_target_stays_over_a_reset(start: Callable[..., Any]) -> None:
    guest: Guest = await start("Monitor", parts=("balloon",))
    guest.balloon.set(4)
    await guest.reset()
    assert guest.balloon.target_mib == 4
    assert guest._run is not None
    assert guest._run.boot.board.devices.balloon == 1024


async def test_what_a_process_tells_is_not_believed(start: Callable[..., Any]) -> None:
    guest: Guest = await start("Monitor", parts=("balloon",))
    changes = []
    stop = guest.balloon.watch(lambda: changes.append(guest.balloon.statistics))
    for data in (b"", b"nonsense", msgspec.msgpack.encode({"target": -1})):
        guest.balloon._heard("balloon", data)
    assert changes == []
    guest.balloon._heard("balloon", msgspec.msgpack.encode(BalloonReport(0, 0, {"free": 1, "other": 2})))
    assert changes == [{"free": 1}]
    stop()
