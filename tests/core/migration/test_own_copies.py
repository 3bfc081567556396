"""A copy of a phone that the user put on the shelf is the user's: no other machine's question, and no move
that comes to nothing, takes it away."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from machines import Machine
from phones import Move, Phone, World

from pocketvisor.errors import MigrationError
from pocketvisor.migration import lease, messages
from pocketvisor.migration.lease import Record, State
from pocketvisor.migration.leases import Leases
from pocketvisor.profile.file import ProfileFile


@pytest.fixture
async def move(here: Machine, there: Machine, tmp_path: Path) -> AsyncIterator[Move]:
    """There it was on its way once and not taken; then its user put a copy from a backup on the shelf."""
    move = Move(here, there, Phone(World(), tmp_path / "phone.vphone"))
    await move.listen()
    profile = move.phone.file.id
    before = Record(profile=profile, state=State.IDLE, refused=(bytes(16),))
    Leases(move.there_store).change(profile, lambda _: before)
    copy(move).parent.mkdir(parents=True)
    move.phone.file.close()
    shutil.copy(move.phone.file.path, copy(move))
    move.phone.file = ProfileFile.open(move.phone.file.path)
    yield move
    await move.close()


def copy(move: Move) -> Path:
    return move.there.folder / "profiles" / "backup.vphone"


def is_whole(move: Move) -> bool:
    with ProfileFile.open(copy(move), read_only=True) as file:
        return bool(file.generations()) and file.verify() == []


def offer(move: Move, identity: bytes) -> messages.Offer:
    file = move.phone.file
    return messages.Offer(file.id, identity, 0, "Work", msgspec.msgpack.encode(file.raw_header()), 16)


async def test_a_question_takes_nothing_away(move: Move) -> None:
    link = await move.connect()
    for give_up in (False, True):
        link.send(messages.Ask(move.phone.file.id, os.urandom(16), 7, give_up=give_up))
        assert (await link.receive(messages.Answer)).outcome == "not-taken"
    link.send(messages.Commit(move.phone.file.id, os.urandom(16), 7))
    assert (await link.receive(messages.Answer)).outcome == "not-taken"
    assert is_whole(move)
    link.abort()


async def test_an_offer_that_is_refused_takes_nothing_away(move: Move) -> None:
    move.landing.fails_at = "check"
    link = await move.connect()
    link.send(offer(move, os.urandom(16)))
    with pytest.raises(MigrationError):
        await link.receive(messages.Accepted)
    assert is_whole(move)


async def test_a_move_that_is_cancelled_takes_nothing_away(move: Move) -> None:
    link = await move.connect()
    link.send(offer(move, os.urandom(16)))
    assert (await link.receive(messages.Accepted)).known
    await link.cancel()
    assert is_whole(move)
    record = Leases(move.there_store).get(move.phone.file.id)
    assert not lease.may_run(record) and lease.may_run(lease.go_on_by_force(record or pytest.fail()))


async def test_what_came_of_a_cut_move_goes_when_it_is_given_up(move: Move) -> None:
    """And nothing else does: here nobody put a copy beside it."""
    copy(move).unlink()
    identity = os.urandom(16)
    link = await move.connect()
    link.send(offer(move, identity))
    await link.receive(messages.Accepted)
    link.abort()
    assert list(copy(move).parent.glob("*.vphone"))
    link = await move.connect()
    link.send(messages.Ask(move.phone.file.id, identity, 0, give_up=True))
    assert (await link.receive(messages.Answer)).outcome == "not-taken"
    assert list(copy(move).parent.glob("*.vphone")) == []
    link.abort()
