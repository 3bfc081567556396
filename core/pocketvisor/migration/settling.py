"""What became of a move whose end is not known: the other machine is asked, over a new link.

For a guest that still stands still here, and for a phone whose program was killed meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from pocketvisor.errors import MigrationError
from pocketvisor.migration import lease, messages
from pocketvisor.migration.lease import Outcome, Record, State
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import Link
from pocketvisor.to_the_end import in_thread

AGAIN_SECONDS: Final = 0.5

Call = Callable[[], Awaitable[Link]]


async def settle(leases: Leases, profile: bytes, call: Call, *, give_up: bool = False) -> Outcome | None:
    """Asks once; where the other side still waits, it may take the phone now, or with `give_up` may not.

    The answer is not in the record yet: see settled(). None: this machine knows whose it is. Raises LinkLost
    where nobody answers, MigrationError where somebody else does."""
    record = await in_thread(leases.change, profile, lambda record: record and lease.link_lost(record))
    if record is None or record.state is not State.UNKNOWN:
        return None
    link = await call()
    try:
        if link.peer.fingerprint != record.peer:
            raise MigrationError(
                f"{link.peer.name} answers, and the phone was on its way to {record.peer_name}"
            )
        outcome = await _answer(
            link, messages.Ask(profile, record.move, record.number, give_up=give_up), record
        )
        if outcome == "waiting":
            outcome = await _answer(link, messages.Commit(profile, record.move, record.number), record)
        return outcome
    finally:
        link.abort()


async def settled(leases: Leases, profile: bytes, call: Call, *, give_up: bool = False) -> Record:
    """As settle(), for a phone that does not run here: its record, with what is known then."""
    outcome = await settle(leases, profile, call, give_up=give_up)

    def step(record: Record | None) -> Record:
        known = current(record)
        return lease.answered(known, known.move, outcome) if outcome is not None else known

    record = await in_thread(leases.change, profile, step)
    assert record is not None
    return record


async def ask_again(
    leases: Leases, profile: bytes, call: Call, given_up: Callable[[], bool], patience: float
) -> Outcome | None:
    """Asks until somebody answers; None where nobody did in that many seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return await settle(leases, profile, call, give_up=given_up())
        except MigrationError:
            if time.monotonic() + AGAIN_SECONDS > deadline:
                return None
        await asyncio.sleep(AGAIN_SECONDS)


async def _answer(link: Link, question: messages.Ask | messages.Commit, record: Record) -> Outcome:
    link.send(question)
    answer = await link.receive(messages.Answer)
    if answer.move != record.move:
        raise MigrationError("The other machine speaks of another move")
    return answer.outcome


def current(record: Record | None) -> Record:
    """Of a phone that is being moved: there is one."""
    if record is None:
        raise MigrationError("The record of whose the phone is has gone")
    return record


def by_force(record: Record | None) -> Record:
    """The user's decision, on whichever side this is: at the risk that two run."""
    known = current(record)
    if known.state in (State.PREPARED, State.IDLE):
        return lease.take_by_force(known)
    return lease.go_on_by_force(known)
