"""A workbench's moves to other machines: asked for over its socket, and settled by themselves when a link
that was lost is back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from machines import Machine, Proxy
from test_guests_between import Between

from pocketvisor.control import migration_calls as calls
from pocketvisor.control.profile_calls import ProfileAbsent
from pocketvisor.errors import MigrationError
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.migration import departure as departures
from pocketvisor.migration.identity import load_identity
from pocketvisor.migration.link import LinkLost
from pocketvisor.migration.peers import TrustedPeers
from pocketvisor.profiles import profile_names
from pocketvisor.services import migration as migration_service
from pocketvisor.services.workbench import WorkbenchService


@pytest.fixture
async def between(
    here: Machine, there: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Between]:
    """`here` is this program's own installation."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(departures, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(migration_service, "AGAIN_SECONDS", 0.1)
    here.identity, here.peers = load_identity(), TrustedPeers()
    between = Between(here, there)
    between.address = await there.listen(session=lambda link: between.receiver.session(link))
    yield between
    await there.close()
    await between.receiver.close()
    await between.target.close()


@pytest.fixture
async def service(handset: Handset) -> AsyncIterator[WorkbenchService]:
    service = WorkbenchService(lambda: [handset], dict)
    yield service
    await service.migrations.close()


async def test_a_guest_without_a_profile_gets_one_and_moves(
    between: Between, service: WorkbenchService, start: Any
) -> None:
    await start("Work")
    told: list[str] = []
    moved = await service(
        calls.MigrateGuest(guest="Work", address=between.address), lambda words, _: told.append(words)
    )
    assert isinstance(moved, calls.Migrated)
    assert (moved.guest, moved.peer) == ("Work", "there")
    assert between.target.guests[0].state is GuestState.RUNNING
    assert profile_names() == ["Work"]
    assert any("MiB" in words for words in told)


async def test_nobody_is_asked_about_a_profile_that_is_not_here(
    between: Between, service: WorkbenchService, tmp_path: Path
) -> None:
    path = str(tmp_path / "other.vphone")
    request = calls.MigrateProfile(profile=path, address=between.address)
    assert isinstance(await service(request), ProfileAbsent)
    assert isinstance(await service(calls.SettleMove(profile=path)), ProfileAbsent)


class Undecided:
    """A guest whose move was cut off at the worst moment."""

    def __init__(self, between: Between, service: WorkbenchService) -> None:
        self._between = between
        self._service = service
        self.proxy = Proxy(between.address)

    async def begin(self, start: Any, tmp_path: Path) -> Any:
        guest = await start("Work")
        await guest.keep(tmp_path / "Work.vphone")
        receiver = self._between.receiver
        decide = receiver._decide

        async def cut(message: Any) -> Any:
            self.proxy.cut = self.proxy.passed  # nothing more passes
            await self.proxy.close()
            raise LinkLost("cut")

        receiver._decide = cut  # type: ignore[method-assign]
        self.address = await self.proxy.open()
        with pytest.raises(MigrationError, match="cannot be known"):
            await self._service(calls.MigrateGuest(guest="Work", address=self.address))
        receiver._decide = decide  # type: ignore[method-assign]
        assert guest.state is GuestState.PAUSED
        assert self._service.migrations.undecided(guest)
        return guest

    async def mend(self) -> None:
        self.proxy.cut = None
        port = int(self.address.rpartition(":")[2])
        self.proxy._server = await asyncio.start_server(self.proxy._connected, "127.0.0.1", port)


async def test_exactly_one_goes_on_by_itself_when_the_link_is_back(
    between: Between, service: WorkbenchService, start: Any, tmp_path: Path, handset: Handset
) -> None:
    undecided = Undecided(between, service)
    await undecided.begin(start, tmp_path)
    (waiting,) = between.target.guests
    await undecided.mend()
    async with asyncio.timeout(30):
        while handset.guests:
            await asyncio.sleep(0.05)
    assert waiting.state is GuestState.RUNNING
    await undecided.proxy.close()


async def test_the_user_gives_up_or_decides(
    between: Between, service: WorkbenchService, start: Any, tmp_path: Path
) -> None:
    undecided = Undecided(between, service)
    guest = await undecided.begin(start, tmp_path)
    path = str(guest.profile.path)
    with pytest.raises(MigrationError, match="cannot be known"):
        await service(calls.SettleMove(profile=path))
    settled = await service(calls.SettleMove(profile=path, force=True))
    assert isinstance(settled, calls.Settled)
    assert settled.here
    assert guest.state is GuestState.RUNNING
    with pytest.raises(MigrationError, match="nothing to decide"):
        await service(calls.SettleMove(profile=path))
