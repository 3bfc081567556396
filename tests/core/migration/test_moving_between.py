"""A phone moves between two machines: it runs there with all that it was, or goes on here."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from machines import Machine, Proxy
from phones import Move, Phone, World

from pocketvisor.errors import MigrationError, ProfileError
from pocketvisor.migration import departure as departures
from pocketvisor.migration import lease
from pocketvisor.migration.departure import MoveCancelled, MoveUnknown
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import LinkLost
from pocketvisor.migration.rounds import MoveProgress
from pocketvisor.migration.settling import settled
from pocketvisor.migration.shelf import Shelf, file_name
from pocketvisor.profile.file import ProfileFile


@pytest.fixture
async def move(here: Machine, there: Machine, tmp_path: Path) -> AsyncIterator[Move]:
    move = Move(here, there, Phone(World(), tmp_path / "phone.vphone"))
    await move.listen()
    yield move
    await move.close()
    assert not move.world.two


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


async def test_rounds_are_taken_until_they_are_small_or_no_smaller(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departures, "SMALL", 20_000)
    move.phone.ram = [move.phone.page() for _ in range(400)]
    move.phone.changes_each = [400, 100, 30, 1, 1, 1]
    report = await move.departure().run()
    assert report.rounds == 1 + 4 + 1
    move.phone.ended = False


async def test_progress_rate_and_rounds_are_told(move: Move) -> None:
    told: list[MoveProgress] = []
    move.phone.ram = [move.phone.page() for _ in range(1000)]
    departure = move.departure()
    departure._progress = told.append
    report = await departure.run()
    assert [*dict.fromkeys(each.words for each in told)] == [
        "Connecting",
        "Its history",
        "Round 1",
        "Standing still",
    ]
    assert told[-1].sent_bytes == report.sent_bytes > 4_000_000
    assert max(each.rate for each in told) > 1e5
    assert all(each.fraction is None or 0 <= each.fraction <= 1 for each in told)


async def test_a_phone_that_is_off_moves_as_it_is(move: Move) -> None:
    first = move.phone.file.head
    move.phone.save("off")
    move.phone.file.set_head(first)  # its user went back
    move.phone.ram_mib = 0

    async def nothing() -> None:
        return None

    async def head() -> int:
        move.world.stands("here")
        move.phone.paused = True
        return first

    move.phone.take_generation = nothing  # type: ignore[method-assign]
    move.phone.last_generation_paused = head  # type: ignore[method-assign]
    await move.departure().run()
    with move.arrived() as file:
        assert file.head == first
        assert len(file.generations()) == 2


async def test_there_and_back_again_only_what_is_new_travels(
    move: Move, here: Machine, there: Machine, tmp_path: Path
) -> None:
    move.phone.ram = [move.phone.page() for _ in range(300)]
    first = await move.departure().run()
    back = Move.__new__(Move)
    back.__dict__.update(move.__dict__)
    back.here, back.there = there, here
    back.here_store, back.there_store = move.there_store, move.here_store
    back.leases = Leases(back.here_store)
    back.phone = Phone.__new__(Phone)
    back.phone.__dict__.update(move.phone.__dict__)
    back.phone.file = move.arrived()
    back.phone.ended = False
    move.phone.file.close()
    (here.folder / "profiles").mkdir()
    move.phone.file.path.rename(here.folder / "profiles" / "Old.vphone")
    back._begin_receiver()
    move.world.live = {"here"}  # it runs where this move begins
    await back.listen()
    second = await back.departure().run()
    assert second.sent_bytes < first.sent_bytes / 50
    assert back.state() == ("given-up", "owner")
    record = Leases(back.there_store).get(back.phone.file.id)
    assert record is not None
    assert record.number == 2
    back.phone.file.close()
    await here.close()
    move.phone.file = ProfileFile.open(here.folder / "profiles" / "Old.vphone")


@pytest.mark.parametrize("stage", ["Connecting", "Its history", "Round 1", "Standing still"])
async def test_cancelled_at_any_stage_it_goes_on_here(move: Move, stage: str) -> None:
    move.phone.ram = [move.phone.page() for _ in range(600)]
    departure = move.departure()

    def progress(each: MoveProgress) -> None:
        if each.words == stage:
            assert departure.cancel()

    departure._progress = progress
    with pytest.raises(MoveCancelled, match="goes on here"):
        await departure.run()
    assert move.world.live == {"here"}
    assert departure.outcome == "not-taken"
    await there_is_nothing(move)
    await move.departure().run()  # and it can be moved later
    assert move.world.live == {"there"}


async def there_is_nothing(move: Move) -> None:
    """The other side has forgotten it."""
    shelf = Shelf(move.receiver.shelf.folder)
    async with asyncio.timeout(30):
        while (
            move.state()[1] not in ("none", "idle")
            or shelf.find(move.phone.file.id)
            or move.landing.ended != move.landing.prepared  # after its record says so
        ):
            await asyncio.sleep(0.01)


async def test_a_cancelled_task_leaves_it_here_too(move: Move) -> None:
    departure = move.departure()
    task = asyncio.ensure_future(departure.run())
    departure._progress = lambda each: task.cancel() if each.words == "Standing still" else None  # type: ignore[assignment,misc]
    with pytest.raises(asyncio.CancelledError):
        await task
    assert move.world.live == {"here"}
    await there_is_nothing(move)


async def test_cancelled_too_late_it_is_there(move: Move) -> None:
    """While it changes hands nothing is cut short: the answer says where it is."""
    departure = move.departure()
    commit = lease.commit
    task = asyncio.ensure_future(departure.run())

    def cancelling(*args: object) -> lease.Record:
        task.get_loop().call_soon_threadsafe(task.cancel)
        return commit(*args)  # type: ignore[arg-type]

    lease.commit = cancelling  # type: ignore[assignment]
    try:
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        lease.commit = commit
    assert departure.outcome == "taken"
    assert not departure.cancel()
    assert move.world.live == {"there"}
    assert move.state() == ("given-up", "owner")


@pytest.mark.parametrize("stage", ["check", "prepare"])
async def test_refused_there_it_goes_on_here(move: Move, stage: str) -> None:
    move.landing.fails_at = stage
    with pytest.raises(MigrationError, match=r"no room for Work and its 16 MiB|cannot run there"):
        await move.departure().run()
    assert move.world.live == {"here"}
    await there_is_nothing(move)


async def test_what_cannot_run_although_it_was_taken_is_there_and_not_lost(move: Move) -> None:
    move.landing.fails_at = "go on"
    await move.departure().run()
    assert move.state() == ("given-up", "owner")
    assert any("cannot run" in sentence for sentence in move.there.told)
    move.check_arrived()


async def test_a_full_disk_there_is_said_and_nothing_is_left(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    move.phone.ram = [move.phone.page() for _ in range(600)]
    stored = ProfileFile.store_raw
    count = 0

    def full(file: ProfileFile, own: bytes, body: bytes) -> None:
        nonlocal count
        count += 1
        if count > 300:
            raise ProfileError("Work.vphone cannot be written: No space left on device")
        stored(file, own, body)

    monkeypatch.setattr(ProfileFile, "store_raw", full)
    with pytest.raises(MigrationError, match="No space left"):
        await move.departure().run()
    assert move.world.live == {"here"}
    await there_is_nothing(move)


async def test_what_arrives_leaves_some_of_the_disk_free(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(move.there.folder)

    class Full:
        f_bavail = 10
        f_frsize = real.f_frsize

    monkeypatch.setattr("pocketvisor.migration.shelf.os.statvfs", lambda _: Full)
    with pytest.raises(MigrationError, match="disk of the other machine is full"):
        await move.departure().run()
    assert move.world.live == {"here"}


async def test_a_record_that_cannot_be_written_here_leaves_it_here(move: Move) -> None:
    move.leases.owner(move.phone.file.id)
    move.here_store.broken = True
    with pytest.raises(MigrationError, match="cannot be written"):
        await move.departure().run()
    assert move.world.live == {"here"}
    await there_is_nothing(move)


async def test_a_record_that_cannot_be_written_there_leaves_it_here(move: Move) -> None:
    move.there_store.broken = True
    with pytest.raises(MigrationError, match="cannot be written"):
        await move.departure().run()
    assert move.world.live == {"here"}


async def test_a_copy_that_is_there_already_is_not_run_twice(move: Move) -> None:
    shelf = move.there.folder / "profiles"
    shelf.mkdir()
    (shelf / "Copy.vphone").write_bytes(move.phone.file.path.read_bytes())
    with pytest.raises(MigrationError, match="that machine's own"):
        await move.departure().run()
    assert move.world.live == {"here"}
    assert (shelf / "Copy.vphone").exists()


async def test_what_was_moved_away_is_not_moved_again(move: Move) -> None:
    await move.departure().run()
    with pytest.raises(MigrationError, match="was moved to there"):
        await move.departure().run()
    assert move.world.live == {"there"}


async def cut_off(move: Move, *, answer: bool) -> departures.Departure:
    """The link is gone for good where the phone changes hands."""
    proxy = Proxy(move.address)
    departure = move.departure(await proxy.open())
    receiver = move.receiver
    decide = receiver._decide

    async def lost(message):  # type: ignore[no-untyped-def]
        if answer:
            await decide(message)
        await proxy.close()
        raise LinkLost("cut")

    receiver._decide = lost  # type: ignore[method-assign]
    with pytest.raises(MoveUnknown, match="cannot be known from here"):
        await departure.run()
    receiver._decide = decide  # type: ignore[method-assign]
    assert departure.outcome is None
    assert not move.phone.running
    departure._call = move.connect
    return departure


@pytest.mark.parametrize("answer", [False, True])
async def test_a_side_that_cannot_know_stands_still_until_it_does(move: Move, answer: bool) -> None:
    departure = await cut_off(move, answer=answer)
    assert move.state() == ("unknown", "owner" if answer else "prepared")
    await departure.settle()
    assert move.world.live == {"there"}
    assert move.state() == ("given-up", "owner")
    move.check_arrived()


async def test_given_up_meanwhile_it_goes_on_here_if_it_was_not_taken(move: Move) -> None:
    departure = await cut_off(move, answer=False)
    assert not departure.cancel()
    with pytest.raises(MoveCancelled):
        await departure.settle()
    assert move.world.live == {"here"}
    await there_is_nothing(move)


async def test_given_up_too_late_it_is_there(move: Move) -> None:
    departure = await cut_off(move, answer=True)
    departure.cancel()
    await departure.settle()
    assert departure.outcome == "taken"
    assert move.world.live == {"there"}


async def test_the_user_may_decide_with_the_risk(move: Move) -> None:
    departure = await cut_off(move, answer=False)
    await departure.force()
    assert move.world.live == {"here"}
    assert move.state() == ("owner", "prepared")
    await move.departure().run()  # they meet again: it moves as always
    assert move.state() == ("given-up", "owner")


async def test_a_phone_whose_program_was_killed_is_settled_by_its_record(move: Move) -> None:
    await cut_off(move, answer=True)
    record = await settled(move.leases, move.phone.file.id, move.connect)
    assert record.state is lease.State.GIVEN_UP
    record = await settled(move.leases, move.phone.file.id, move.connect)  # once more: nothing to ask
    assert record.state is lease.State.GIVEN_UP


async def test_somebody_else_at_that_address_is_not_believed(move: Move, tmp_path: Path) -> None:
    await cut_off(move, answer=True)
    other = Machine(tmp_path, "other")
    move.here.trust(other)
    address = await other.listen(session=lambda link: move.receiver.session(link))
    with pytest.raises(MigrationError, match="on its way to there"):
        await settled(move.leases, move.phone.file.id, lambda: move.connect(address))
    await other.close()
    assert move.state()[0] == "unknown"


async def test_what_came_over_before_a_cut_does_not_travel_again(move: Move) -> None:
    move.phone.ram = [move.phone.page() for _ in range(4000)]
    proxy = Proxy(move.address, cut=13 << 20)
    with pytest.raises(MigrationError):
        await move.departure(await proxy.open()).run()
    await proxy.close()
    assert move.world.live == {"here"}
    assert move.state()[1] == "preparing"
    async with asyncio.timeout(30):
        while move.receiver._links:  # it still takes what has come
            await asyncio.sleep(0.01)
    report = await move.departure().run()
    assert report.sent_bytes < 12 << 20
    move.check_arrived()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Work", "Work"),
        ("../../etc/passwd", "etc passwd"),
        ("/", "Phone"),
        ("..", "Phone"),
        ("", "Phone"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a\0b\nc\x1b", "a b c"),
        ("x.vphone", "x"),
        ("é" * 200, "é" * 40),
        ("\ud800", "Phone"),
        ("con: a|b", "con a b"),
    ],
)
def test_a_name_from_elsewhere_stays_in_its_folder(tmp_path: Path, name: str, file: str) -> None:
    assert file_name(name) == file
    shelf = Shelf(tmp_path / "shelf")
    path = shelf.new(name)
    assert path.parent == tmp_path / "shelf"
    path.touch()
    assert shelf.new(name).name == f"{file} 2.vphone"
