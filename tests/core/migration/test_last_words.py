"""What one side says at last is heard by the other although that is busy with something else, for longer than
the first waits for an answer: a link that is gone then is no reason of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from machines import Machine
from phones import Guest, Move, Phone, World

from pocketvisor.errors import MigrationError, ProfileError
from pocketvisor.migration import link as links
from pocketvisor.migration.departure import MoveCancelled
from pocketvisor.migration.link import Link
from pocketvisor.profile.file import ProfileFile

CHUNKS = 600


@pytest.fixture
async def move(
    here: Machine, there: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Move]:
    monkeypatch.setattr(links, "LINGER_SECONDS", 0.05)
    move = Move(here, there, Phone(World(), tmp_path / "phone.vphone", chunks=CHUNKS))
    yield move
    await move.close()


async def test_a_move_that_is_cancelled_while_the_other_side_is_busy_is_given_up_there(move: Move) -> None:
    """It makes the guest ready, and says so to a link that has gone meanwhile."""
    await move.listen()
    begun, gone = asyncio.Event(), asyncio.Event()
    prepare = move.landing.prepare

    async def slow(path: Path, generation: int, key: str | None, runs: bool) -> Guest:
        begun.set()
        await gone.wait()
        return await prepare(path, generation, key, runs)

    move.landing.prepare = slow  # type: ignore[method-assign]
    departure = move.departure()
    moving = asyncio.ensure_future(departure.run())
    await begun.wait()
    assert departure.cancel()
    with pytest.raises(MoveCancelled):
        await moving
    gone.set()
    async with asyncio.timeout(30):
        while move.state()[1] != "idle" or move.landing.ended != 1:
            await asyncio.sleep(0.01)
    assert move.receiver.shelf.find(move.phone.file.id) is None
    assert move.world.live == {"here"}


async def test_what_is_refused_while_more_of_it_is_on_its_way_is_said(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other disk is full; this one is slow to give what is to be sent next."""
    gone = threading.Event()

    async def session(link: Link) -> None:
        await move.receiver.session(link)
        gone.set()

    def full(file: ProfileFile, own: bytes, body: bytes) -> None:
        raise ProfileError("Work.vphone cannot be written: No space left on device")

    read, count = ProfileFile.raw_chunk, 0

    def slow(file: ProfileFile, own: bytes) -> bytes:
        nonlocal count
        count += 1
        if count == CHUNKS:
            assert gone.wait(30)
        return read(file, own)

    monkeypatch.setattr(ProfileFile, "store_raw", full)
    monkeypatch.setattr(ProfileFile, "raw_chunk", slow)
    move.address = await move.there.listen(session=session)
    with pytest.raises(MigrationError, match="No space left"):
        await move.departure().run()
    assert move.world.live == {"here"}
