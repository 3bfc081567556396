"""A phone moves between two machines: it runs there with all that it was, or goes on here."""

import asyncio
from pathlib import Path

import pytest
from machines import Machine
from phones import FakeLanding, Move, Phone, World

from pocketvisor.errors import MigrationError
from pocketvisor.migration.departure import MoveCancelled
from pocketvisor.migration.rounds import MoveProgress


@pytest.fixture
async def move(here: Machine, there: Machine, tmp_path: Path) -> Move:
    move = Move(here, there, Phone(World(), tmp_path / "phone.vphone"))
    await move.listen()
    return move


async def test_a_phone_runs_there_with_all_that_it_was(move: Move) -> None:
    report = await move.departure().run()
    assert move.world.live == {"there"}
    assert move.phone.ended
    assert move.state() == ("given-up", "owner")
    assert move.landing.ran[0].path.name == "Work.vphone"
    assert report.peer == "there"
    assert 0 < report.downtime_ms < 5000
    assert report.rounds == 3  # its history, one round while it ran, the last one
    move.check_arrived()
