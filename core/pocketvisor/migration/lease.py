"""Whose a phone is: one may run it, and never two.

A lease goes with a profile. Each machine keeps a durable record of its own of what it knows of it, and every
function here makes the next record from the last one and from what has happened; nothing else changes it.
The rule that all rests on: **a record is durable before anything is said or run because of it.**

    the side that has the phone             the side that it goes to
    OWNER        runs; rounds go over       IDLE or GIVEN_UP
                                            PREPARING   some of it is here
                                            PREPARED    all of it is here, ready to run, and stands still
    COMMITTING   stands still, and has
                 said that it may be taken
    UNKNOWN      the same, and the link
                 is gone: it cannot know
                                            OWNER       the decision: it has taken it, runs
    GIVEN_UP     it has heard so

The one decision is the other side's record of OWNER. Up to it that side can always say no, and does so for
good: a move that was refused is never taken later, whatever still arrives. The side that had the phone cannot
know between its COMMITTING and the answer: it stands still, and asks again when there is a link. Messages may
be lost, cut, late, doubled or in another order, and both sides may be killed at any moment.

`force` is the user's own decision, at the risk of two that run. The numbers tell when they meet again.

Left out: how a record becomes durable (leases.py), and what goes over the link (messages.py).
"""

import enum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, structs

from pocketvisor.errors import MigrationError

Id16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Fingerprint = Annotated[bytes, Meta(max_length=32)]
Number = Annotated[int, Meta(ge=0, le=1 << 48)]

REFUSED_MAX: Final = 16
"""How many of the last refused moves are remembered. What goes over TLS cannot come back later: the few are
for what other connections of the same move still hold."""

Outcome = Literal["taken", "waiting", "not-taken"]


class State(enum.Enum):
    IDLE = "idle"
    OWNER = "owner"
    PREPARING = "preparing"
    PREPARED = "prepared"
    COMMITTING = "committing"
    UNKNOWN = "unknown"
    GIVEN_UP = "given-up"


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one machine knows of one phone. Without a record it has a phone that has never moved, or none."""

    profile: Id16
    state: State
    number: Number = 0
    """Of the lease, one more with each move: the owner's own, else the highest known of another."""
    move: Annotated[bytes, Meta(max_length=16)] = b""
    peer: Fingerprint = b""
    peer_name: Annotated[str, Meta(max_length=64)] = ""
    address: Annotated[str, Meta(max_length=300)] = ""
    generation: Number = 0
    back_to: State = State.IDLE
    """What a side becomes again that refuses what is on its way to it."""
    refused: Annotated[tuple[Id16, ...], Meta(max_length=REFUSED_MAX)] = ()
    forced: bool = False


class Peer(Struct, frozen=True):
    """Where a phone goes to or comes from."""

    fingerprint: bytes
    name: str = ""
    address: str = ""


def owned(profile: bytes, number: int = 0) -> Record:
    """For a phone that is here and was never told otherwise; the number is its last generation's."""
    return Record(profile=profile, state=State.OWNER, number=number)


def may_run(record: Record | None) -> bool:
    """Whether it may be live here."""
    return record is None or record.state is State.OWNER


def why_not(record: Record | None, name: str) -> str:
    """The sentence for somebody who wants to run it; empty where it may be."""
    if record is None or record.state is State.OWNER:
        return ""
    where = record.peer_name or record.address or "another machine"
    match record.state:
        case State.GIVEN_UP:
            return f"{name} was moved to {where}: it is that machine's now"
        case State.PREPARING:
            return f"{name} is on its way here from {where}, and not here yet"
        case State.PREPARED:
            return (
                f"{name} is here, but {where} has not let it go, and may be running it: connect again, or "
                "take it at the risk that two of it run"
            )
        case State.COMMITTING | State.UNKNOWN:
            return (
                f"{name} was being moved to {where} when the link was lost: whether it runs there cannot be "
                "known from here. Connect again, or go on here at the risk that two of it run"
            )
    return f"{name} was on its way here from {where}, and was not taken: what is here is not all of it"


def in_short(record: Record | None) -> str:
    """The same for a table: empty where it is this machine's."""
    if record is None or record.state is State.OWNER:
        return ""
    where = record.peer_name or record.address or "elsewhere"
    return {
        State.GIVEN_UP: f"moved to {where}",
        State.PREPARING: f"on its way from {where}",
        State.PREPARED: f"waiting for {where}",
        State.COMMITTING: f"cut off on its way to {where}",
        State.UNKNOWN: f"cut off on its way to {where}",
    }.get(record.state, f"not taken from {where}")


# The side that has the phone


def commit(record: Record, move: bytes, peer: Peer, generation: int) -> Record:
    """It stands still, all of it is over there: once this is durable the other side may take it."""
    if record.state is not State.OWNER:
        raise MigrationError("The phone is not this machine's to give away")
    return structs.replace(
        record,
        state=State.COMMITTING,
        move=move,
        peer=peer.fingerprint,
        peer_name=peer.name[:64],
        address=peer.address[:300],
        generation=generation,
        forced=False,
    )


def link_lost(record: Record) -> Record:
    """While it was committing it is not known any more. Also for a side that begins again."""
    if record.state is State.COMMITTING:
        return structs.replace(record, state=State.UNKNOWN)
    return record


def answered(record: Record, move: bytes, outcome: Outcome) -> Record:
    """What the other side says of a move. Of an old move it changes nothing."""
    if record.state not in (State.COMMITTING, State.UNKNOWN) or record.move != move:
        return record
    if outcome == "taken":
        return structs.replace(record, state=State.GIVEN_UP, number=record.number + 1)
    if outcome == "not-taken":
        return structs.replace(record, state=State.OWNER, move=b"")
    return record


def go_on_by_force(record: Record) -> Record:
    """The user's decision for a side that cannot know. The number is beyond what the other side can have."""
    if record.state not in (State.COMMITTING, State.UNKNOWN, State.GIVEN_UP):
        raise MigrationError("There is nothing to decide: it is known whose the phone is")
    return structs.replace(record, state=State.OWNER, number=record.number + 2, forced=True)


# The side that it goes to


def refusal(record: Record | None, peer: Peer, number: int) -> str:
    """Why a phone that is offered is not taken; empty where it is."""
    if record is None:
        return ""
    if record.state is State.OWNER:
        return "It is on that machine already, and that machine's own"
    if record.state in (State.IDLE, State.GIVEN_UP, State.PREPARING, State.PREPARED):
        if number < record.number:
            return "It has been on another machine since: this one is an older copy"
        if record.state in (State.PREPARING, State.PREPARED) and record.peer != peer.fingerprint:
            return f"It is on its way there already, from {record.peer_name or 'another machine'}"
        return ""
    return "That machine is moving it elsewhere itself, and does not know yet how that ended"


def offered(record: Record | None, profile: bytes, move: bytes, number: int, peer: Peer) -> Record:
    """A phone is on its way here. Raises MigrationError with the sentence for the other side."""
    if sentence := refusal(record, peer, number):
        raise MigrationError(sentence)
    before = record or Record(profile=profile, state=State.IDLE)
    if move in before.refused:
        raise MigrationError("This move was given up")
    if before.state in (State.PREPARING, State.PREPARED) and before.move != move:
        before = refused(before, before.move)
    back_to = before.back_to if before.state in (State.PREPARING, State.PREPARED) else before.state
    return structs.replace(
        before,
        state=State.PREPARING,
        number=number,
        move=move,
        peer=peer.fingerprint,
        peer_name=peer.name[:64],
        address=peer.address[:300],
        generation=0,
        back_to=back_to,
    )


def copied(record: Record) -> Record:
    """There is a copy of it here that no move brought. As after one that was given away, it is not to run,
    and stays."""
    return structs.replace(record, state=State.GIVEN_UP) if record.state is State.IDLE else record


def came_to_nothing(before: Record | None, after: Record | None) -> bool:
    """Whether what is here of it is a move's that was given up just now, and nothing was here before that."""
    moving = before is not None and before.state in (State.PREPARING, State.PREPARED)
    return moving and after is not None and after.state is State.IDLE


def prepared(record: Record, move: bytes, generation: int) -> Record:
    """All of it is here, durable, and ready to run."""
    if record.state is not State.PREPARING or record.move != move:
        raise MigrationError("This move was given up")
    return structs.replace(record, state=State.PREPARED, generation=generation)


def taken(record: Record | None, move: bytes, number: int) -> tuple[Record | None, Outcome]:
    """The other side lets go: this is the moment at which the phone changes hands, once it is durable.
    Anything else than the move that waits for it is answered, and never taken."""
    if record is not None and record.state is State.PREPARED and record.move == move:
        return structs.replace(record, state=State.OWNER, number=record.number + 1, forced=False), "taken"
    return asked(record, move, number, give_up=True)


def asked(record: Record | None, move: bytes, number: int, *, give_up: bool) -> tuple[Record | None, Outcome]:
    """What became of a move that the other side made when the lease had this number; with `give_up` it wants
    the phone back where that can be. An answer of not-taken is for good."""
    if record is None:
        return None, "not-taken"
    if record.number > number:
        return record, "taken"
    if record.state is State.PREPARED and record.move == move and not give_up:
        return record, "waiting"
    return refused(record, move), "not-taken"


def refused(record: Record, move: bytes) -> Record:
    """A move is not taken, now or later: cancelled, given up, or asked about before all of it was here."""
    refused = (*(other for other in record.refused if other != move), move)[-REFUSED_MAX:]
    if record.state in (State.PREPARING, State.PREPARED) and record.move == move:
        return structs.replace(record, state=record.back_to, move=b"", refused=refused)
    return structs.replace(record, refused=refused)


def take_by_force(record: Record) -> Record:
    """The user's decision for a side that has all of it but was not told that it may, or that did not take
    it and has a copy from elsewhere now."""
    if record.state not in (State.PREPARED, State.IDLE):
        raise MigrationError("There is nothing to take: not all of the phone is here")
    return structs.replace(record, state=State.OWNER, number=record.number + 1, forced=True)
