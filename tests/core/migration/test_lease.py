"""The lease of a phone: never two that run, and exactly one as soon as both sides talk again.

The network of the model is as bad as one can be: what was ever sent may arrive at any later time, in any
order, any number of times, or never; each side may be killed at any moment and begin again from its record.
"""

from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from pocketvisor.errors import MigrationError
from pocketvisor.migration import lease
from pocketvisor.migration.lease import Peer, Record, State

PROFILE = b"p" * 16
SENDING = (State.COMMITTING, State.UNKNOWN)


class Message(Struct, frozen=True, order=True):
    kind: str
    sender: int
    to: int
    move: bytes
    number: int = 0
    outcome: str = ""


class World(Struct, frozen=True):
    """Durable records, what each side has in mind (a move under way, gone when it is killed), and the net."""

    records: tuple[Record | None, ...]
    moving: tuple[bytes, ...]
    targets: tuple[int, ...]
    sent: frozenset[Message] = frozenset()
    moves: int = 0

    def live(self) -> int:
        return sum(record is not None and lease.may_run(record) for record in self.records)


def peer(side: int) -> Peer:
    return Peer(bytes([side]) * 32, f"side {side}")


def begun(sides: int) -> World:
    owner = lease.owned(PROFILE)
    return World((owner, *(None,) * (sides - 1)), (b"",) * sides, (0,) * sides)


def changed(
    world: World, side: int, record: Record | None, *sent: Message, moving: bytes | None = None
) -> World:
    records = (*world.records[:side], record, *world.records[side + 1 :])
    minds = world.moving
    if moving is not None:
        minds = (*minds[:side], moving, *minds[side + 1 :])
    return structs.replace(world, records=records, moving=minds, sent=world.sent | set(sent))


def own_steps(world: World, side: int, moves_max: int) -> Iterator[World]:
    """What a side may do by itself."""
    record, moving = world.records[side], world.moving[side]
    if record is None:
        return
    number = record.number
    if record.state is State.OWNER and not moving and world.moves < moves_max:
        for target in range(len(world.records)):
            if target != side:
                move = bytes([world.moves + 1]) * 16
                begun = changed(
                    world, side, record, Message("offer", side, target, move, number), moving=move
                )
                targets = (*world.targets[:side], target, *world.targets[side + 1 :])
                yield structs.replace(begun, moves=world.moves + 1, targets=targets)
    if moving:
        give_up = Message("give-up", side, world.targets[side], moving, number)
        yield changed(world, side, record, give_up, moving=b"")  # cancelled
    if moving or record.state is State.COMMITTING:
        yield changed(world, side, lease.link_lost(record), moving=b"")  # cut off, or killed
    if record.state is State.UNKNOWN:
        target = record.peer[0]
        for kind in ("ask", "give-up", "commit"):
            yield changed(world, side, record, Message(kind, side, target, record.move, number))
    if record.state is State.PREPARING:
        done = lease.prepared(record, record.move, 1)
        yield changed(world, side, done, Message("prepared", side, record.peer[0], record.move))
    if record.state in (State.PREPARING, State.PREPARED):
        yield changed(world, side, lease.refused(record, record.move))  # its user throws it away


def delivered(world: World, message: Message) -> World:
    """A message arrives; it stays in the net, and may arrive again."""
    side, record = message.to, world.records[message.to]
    match message.kind:
        case "offer":
            try:
                record = lease.offered(record, PROFILE, message.move, message.number, peer(message.sender))
            except MigrationError:
                return world
            return changed(world, side, record)
        case "prepared":
            if record is None or world.moving[side] != message.move or record.state is not State.OWNER:
                return world
            record = lease.commit(record, message.move, peer(message.sender), 1)
            commit = Message("commit", side, message.sender, message.move, record.number)
            return changed(world, side, record, commit, moving=b"")
        case "answer":
            if record is None:
                return world
            return changed(world, side, lease.answered(record, message.move, message.outcome))
    if message.kind == "commit":
        record, outcome = lease.taken(record, message.move, message.number)
    else:
        give_up = message.kind == "give-up"
        record, outcome = lease.asked(record, message.move, message.number, give_up=give_up)
    answer = Message("answer", side, message.sender, message.move, outcome=outcome)
    return changed(world, side, record, answer)


def following(world: World, moves_max: int) -> Iterator[World]:
    for side in range(len(world.records)):
        yield from own_steps(world, side, moves_max)
    for message in world.sent:
        yield delivered(world, message)


def reconnected(world: World) -> World:
    """Everybody begins again, and who cannot know asks over a link that holds."""
    for side, record in enumerate(world.records):
        if record is not None:
            world = changed(world, side, lease.link_lost(record), moving=b"")
    for side in range(len(world.records)):
        for kind in ("ask", "commit"):
            record = world.records[side]
            if record is not None and record.state is State.UNKNOWN:
                ask = Message(kind, side, record.peer[0], record.move, record.number)
                before = world.sent
                world = delivered(structs.replace(world, sent=frozenset()), ask)
                (answer,) = world.sent
                world = delivered(structs.replace(world, sent=before), answer)
    return world


def explored(sides: int, moves_max: int, most: int) -> int:
    """All that can happen; how many worlds that is."""
    first = begun(sides)
    seen = {first}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        assert world.live() <= 1, world
        assert reconnected(world).live() == 1, world
        for after in following(world, moves_max):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
        assert len(seen) < most
    return len(seen)


@pytest.mark.parametrize(("sides", "moves"), [(2, 1), (2, 2), (3, 2)])
def test_never_two_run_whatever_is_lost_doubled_or_late(sides: int, moves: int) -> None:
    assert explored(sides, moves, most=100_000) > 50


@pytest.mark.long
def test_never_two_run_over_three_moves_to_and_fro() -> None:
    assert explored(sides=2, moves_max=3, most=1_000_000) > 100_000


CARELESS: dict[str, tuple[str, Any]] = {
    "a side that cannot know goes on": (
        "link_lost",
        lambda record: structs.replace(record, state=State.OWNER) if record.state in SENDING else record,
    ),
    "a side that cannot know gives up": (
        "link_lost",
        lambda record: structs.replace(record, state=State.GIVEN_UP) if record.state in SENDING else record,
    ),
    "a refused move is forgotten": (
        "refused",
        lambda record, move: (
            structs.replace(record, state=record.back_to)
            if record.state in (State.PREPARING, State.PREPARED) and record.move == move
            else record
        ),
    ),
    "an answer is given and not kept": (
        "asked",
        lambda record, move, number, give_up: (record, "not-taken"),
    ),
}


@pytest.mark.parametrize("name", CARELESS)
def test_the_model_finds_careless_leases(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, careless = CARELESS[name]
    monkeypatch.setattr(lease, function, careless)
    with pytest.raises(AssertionError, match="World"):
        explored(sides=2, moves_max=1, most=100_000)


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_longer_histories_among_three(random: Random) -> None:
    world = begun(3)
    for _ in range(60):
        world = random.choice(list(following(world, moves_max=8)) or [world])
        assert world.live() <= 1
        assert reconnected(world).live() == 1


def moved() -> tuple[Record, Record]:
    """Both sides where the link was cut: one cannot know, the other waits."""
    here = lease.link_lost(lease.commit(lease.owned(PROFILE, 4), MOVE, peer(1), 9))
    there = lease.prepared(lease.offered(None, PROFILE, MOVE, 4, peer(0)), MOVE, 9)
    return here, there


MOVE = b"m" * 16


def test_a_side_that_cannot_know_stands_still_and_says_so() -> None:
    here, there = moved()
    assert not lease.may_run(here)
    assert not lease.may_run(there)
    assert "whether it runs there cannot be known" in lease.why_not(here, "Work")
    assert "has not let it go" in lease.why_not(there, "Work")


def test_the_user_decides_for_the_side_that_cannot_know_and_the_other_is_refused_later() -> None:
    here, there = moved()
    here = lease.go_on_by_force(here)
    assert lease.may_run(here)
    assert here.forced
    taken, _ = lease.taken(there, MOVE, 4)  # the commit was on its way after all: the risk that was taken
    assert taken is not None
    assert lease.answered(here, MOVE, "taken") == here
    assert "that machine's own" in lease.refusal(here, peer(1), taken.number)
    assert "that machine's own" in lease.refusal(taken, peer(0), here.number)


def test_the_user_decides_for_the_side_that_waits() -> None:
    here, there = moved()
    there = lease.take_by_force(there)
    assert lease.may_run(there)
    _, outcome = lease.asked(there, MOVE, here.number, give_up=True)
    assert outcome == "taken"
    assert lease.answered(here, MOVE, outcome).state is State.GIVEN_UP


def test_a_copy_from_elsewhere_after_a_move_that_was_not_taken_is_the_users_to_decide() -> None:
    _, there = moved()
    there = lease.refused(there, MOVE)
    assert there.state is State.IDLE
    assert "was not taken" in lease.why_not(there, "Work")
    assert lease.may_run(lease.take_by_force(there))


def test_there_is_nothing_to_force_where_it_is_known_whose_it_is() -> None:
    with pytest.raises(MigrationError):
        lease.go_on_by_force(lease.owned(PROFILE))
    with pytest.raises(MigrationError):
        lease.take_by_force(lease.offered(None, PROFILE, MOVE, 0, peer(0)))


def test_an_older_copy_is_not_taken_back() -> None:
    here, _ = moved()
    given_up = lease.answered(here, MOVE, "taken")
    assert "older copy" in lease.refusal(given_up, peer(2), 4)
    assert not lease.refusal(given_up, peer(2), 5)


def test_a_phone_on_its_way_is_not_offered_by_somebody_else() -> None:
    _, there = moved()
    assert "from side 0" in lease.refusal(there, peer(2), 4)
    assert not lease.refusal(there, peer(0), 4)
