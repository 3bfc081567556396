"""A guest that has memory together with others goes to another machine with all of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from machines import Machine
from sharing_worker import MIB, worker_image
from test_guests_between import Between

from pocketvisor.guest.options import RunOptions
from pocketvisor.handset import Handset
from pocketvisor.migration.guests import LeavingGuest


@pytest.fixture
async def between(
    here: Machine, there: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Between]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    between = Between(here, there)
    between.address = await there.listen(session=lambda link: between.receiver.session(link))
    yield between
    await there.close()
    await between.receiver.close()
    await between.target.close()


@pytest.mark.parametrize("running", [False, True])
async def test_it_arrives_whole_and_shares_there(
    between: Between, handset: Handset, tmp_path: Path, running: bool
) -> None:
    image = worker_image(tmp_path)
    options = RunOptions(paused=True, deterministic=True, rate="max")
    guest, twin = [await handset.start(image, options=options) for _ in range(2)]
    for each in (guest, twin):
        await each.run_until(300_000)
    await handset.memory.search()
    assert guest.ram is not None and guest.ram.foreign_bytes >= 2 * MIB
    digest = await twin.digest()
    await guest.keep(tmp_path / "worker.vphone")
    if running:
        await guest.resume()
    await between.departure(LeavingGuest(guest)).run()
    [(came, _)] = between.came
    assert came is not None
    await came.pause()
    await handset.memory.search()
    await twin.run_until(came.ticks)
    assert await came.digest() == await twin.digest()
    assert (await twin.digest() == digest) is not running
    async with asyncio.timeout(60):
        while handset.memory.now().saved:
            await asyncio.sleep(0.05)
    other = await between.target.start(image, options=options)
    assert other.ram is not None and other.ram.foreign_bytes == 2 * MIB
    assert await came.digest() == await twin.digest()
