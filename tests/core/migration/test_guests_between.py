"""Real guests move between two machines: they go on there in the midst of what they did."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from machines import Machine, Proxy
from phones import MemoryStore

from pocketvisor.errors import GuestError, MigrationError
from pocketvisor.guest.guest import Guest
from pocketvisor.guest.options import GuestState
from pocketvisor.handset import Handset
from pocketvisor.migration import lease
from pocketvisor.migration.departure import Departure, MoveCancelled, MoveUnknown
from pocketvisor.migration.greeting import call
from pocketvisor.migration.guests import HandsetLanding, LeavingGuest, StoredPhone
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import Link, LinkLost
from pocketvisor.migration.receive import Receiver
from pocketvisor.migration.shelf import Shelf
from pocketvisor.models import load_models
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys
from pocketvisor.profile.ledger import Ledger


class Between:
    """A handset there that waits for phones. (One ledger of what was seen serves both machines.)"""

    def __init__(self, here: Machine, there: Machine) -> None:
        here.trust(there)
        self.here, self.there = here, there
        self.target = Handset(load_models()["nexus-one"])
        self.came: list[tuple[Guest | None, Path]] = []
        self.leases, self.leases_there = Leases(MemoryStore()), Leases(MemoryStore())
        self.receiver = Receiver(
            self.leases_there,
            HandsetLanding(self.target, lambda guest, path: self.came.append((guest, path))),
            Shelf(there.folder / "profiles"),
            told=there.told.append,
        )
        self.address = ""

    async def connect(self) -> Link:
        return await call(self.address, self.here.identity, self.here.peers)

    async def undecided(self, guest: Guest) -> Departure:
        """A move whose link is gone before the other side has heard that it may take the guest."""
        proxy = Proxy(self.address)
        address, self.address = self.address, await proxy.open()
        departure = self.departure(LeavingGuest(guest))
        decide = self.receiver._decide

        async def cut(message: Any) -> Any:
            await proxy.close()
            raise LinkLost("cut")

        self.receiver._decide = cut  # type: ignore[method-assign]
        with pytest.raises(MoveUnknown):
            await departure.run()
        self.receiver._decide = decide  # type: ignore[method-assign]
        self.address = address
        return departure

    def departure(self, guest: LeavingGuest | StoredPhone) -> Departure:
        departure = Departure(guest, guest.file, self.leases, self.connect)
        departure.patience = 0
        return departure


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


async def test_a_guest_goes_on_there_and_is_gone_here(
    between: Between, start: Any, handset: Handset, tmp_path: Path
) -> None:
    guest = await start("Work")
    await guest.keep(tmp_path / "Work.vphone")
    guest.console.write(b"one wo")
    await guest.console.expect("one wo", timeout=30)
    ticks, pid = guest.ticks, guest.pid
    report = await between.departure(LeavingGuest(guest)).run()
    assert handset.guests == []
    ((arrived, path),) = between.came
    assert arrived is not None
    assert between.target.guests == [arrived]
    assert arrived.state is GuestState.RUNNING
    assert arrived.pid not in (0, pid)
    assert arrived.ticks >= ticks
    arrived.console.write(b"d\r")
    await arrived.console.expect("d\n# ", timeout=30)
    assert path.parent == between.there.folder / "profiles"
    assert report.downtime_ms < 5000
    await arrived.snapshot("there")  # it is a phone like any other


async def test_a_paused_guest_is_paused_there_too(between: Between, start: Any, tmp_path: Path) -> None:
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone")
    await guest.pause()
    await between.departure(LeavingGuest(guest)).run()
    ((arrived, _),) = between.came
    assert arrived is not None
    assert arrived.state is GuestState.PAUSED
    await arrived.resume()
    arrived.console.write(b"x")
    await arrived.console.expect("x", timeout=30)


async def test_a_sealed_phone_takes_its_key_along(between: Between, start: Any, tmp_path: Path) -> None:
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone", keys=NewKeys(passphrase="a secret of mine"))
    await between.departure(LeavingGuest(guest)).run()
    ((arrived, path),) = between.came
    assert arrived is not None
    assert arrived.state is GuestState.RUNNING
    with ProfileFile.open(path, read_only=True) as file:
        assert file.locked  # at rest it is as it was


async def test_a_phone_that_is_off_becomes_a_file_there(between: Between, start: Any, tmp_path: Path) -> None:
    guest = await start()
    await guest.power_off()
    await guest.keep(tmp_path / "Work.vphone")
    await between.departure(LeavingGuest(guest)).run()
    ((arrived, path),) = between.came
    assert arrived is None
    assert between.target.guests == []
    opened = await between.target.open_profile(path)
    await opened.console.expect("^# ", timeout=30)


async def test_a_suspended_phone_moves_as_a_file_and_goes_on_there(
    between: Between, start: Any, handset: Handset, tmp_path: Path
) -> None:
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone")
    await guest.suspend()
    await handset.remove(guest)
    with ProfileFile.open(tmp_path / "Work.vphone") as file:
        await between.departure(StoredPhone(file)).run()
    ((arrived, _),) = between.came
    assert arrived is not None
    arrived.console.write(b"hi again")
    await arrived.console.expect("hi again", timeout=30)


async def test_what_does_not_fit_there_goes_on_here(between: Between, start: Any, tmp_path: Path) -> None:
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone")
    leaving = LeavingGuest(guest)
    leaving.ram_mib = 4096
    with pytest.raises(MigrationError, match="MiB of RAM left"):
        await between.departure(leaving).run()
    assert guest.state is GuestState.RUNNING
    guest.console.write(b"on and on")
    await guest.console.expect("on and on", timeout=30)


async def test_cancelled_while_it_stands_still_it_goes_on_here(
    between: Between, start: Any, tmp_path: Path
) -> None:
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone")
    guest.set_autosave(3600)
    departure = between.departure(LeavingGuest(guest))
    departure._progress = lambda each: departure.cancel() if each.words == "Standing still" else None  # type: ignore[assignment,misc]
    with pytest.raises(MoveCancelled):
        await departure.run()
    assert guest.state is GuestState.RUNNING
    assert not guest.held
    assert guest.profile is not None
    assert guest.profile.autosave == 3600
    async with asyncio.timeout(30):
        while between.target.guests:
            await asyncio.sleep(0.01)


async def test_nobody_resumes_what_may_run_elsewhere(between: Between, start: Any, tmp_path: Path) -> None:
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone")
    departure = await between.undecided(guest)
    (waiting,) = between.target.guests
    for held in (guest, waiting):
        assert held.state is GuestState.PAUSED
        for operation in (held.resume(), held.reset(), held.restart(), held.restore(1)):
            with pytest.raises(GuestError, match=r"moved to there|on its way here"):
                await operation
    await departure.settle()
    assert waiting.state is GuestState.RUNNING
    waiting.console.write(b"hello")
    await waiting.console.expect("hello", timeout=30)


async def test_force_lets_it_go_on_here(between: Between, start: Any, tmp_path: Path) -> None:
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone")
    departure = await between.undecided(guest)
    await departure.force()
    assert guest.state is GuestState.RUNNING
    assert not guest.held


async def test_generations_tell_how_often_a_phone_has_moved(
    between: Between, start: Any, tmp_path: Path
) -> None:
    """For machines that have no record of it, as after it was restored from a vault."""
    guest = await start()
    await guest.keep(tmp_path / "Work.vphone")
    assert guest.profile is not None
    Leases(Ledger()).change(guest.profile.file.id, lambda _: lease.owned(guest.profile.file.id, 3))
    number = (await guest.snapshot()).number
    assert guest.profile.file.manifest(number).lease.number == 3
    await between.departure(LeavingGuest(guest)).run()
    ((arrived, _),) = between.came
    assert arrived is not None and arrived.profile is not None
    record = between.leases_there.get(arrived.profile.file.id)
    assert record is not None
    assert record.number == 4
