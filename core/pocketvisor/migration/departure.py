"""The side that has a phone: rounds while it runs on, a last one while it stands still, and then it is the
other machine's.

Up to the moment at which the other side may take it, whatever goes wrong and whoever cancels, the guest goes
on here. From then on it stands still until the answer is known: the link is tried again, and if that does not
help within the time it is said that it cannot be known, and the guest waits for settle() or force().

Left out: how a guest makes a generation of itself, which is handed in as a MovingGuest.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from pocketvisor.errors import MigrationError, PocketvisorError
from pocketvisor.migration import lease, messages
from pocketvisor.migration.lease import Outcome, Peer, Record
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import Link
from pocketvisor.migration.rounds import MoveProgress, Sender
from pocketvisor.migration.settling import ask_again, current, settle
from pocketvisor.profile.file import ProfileFile
from pocketvisor.to_the_end import in_thread, to_the_end

ROUNDS_MAX: Final = 8
SMALL: Final = 4 << 20
"""Bytes: with a round that is no larger the guest may stand still for the next one."""
SHRINKS: Final = 0.7
"""A round that is not at least so much smaller than the one before: further ones would not help."""
PATIENCE_SECONDS: Final = 20.0

Call = Callable[[], Awaitable[Link]]


class MovingGuest(Protocol):
    """What a move needs of a guest. One that is off has nothing to take: its head is its last generation."""

    name: str
    ram_mib: int
    """0 where it is off."""
    key: str
    """Opens its profile; empty for one without keys."""
    runs: bool
    """Whether it is to run on there: known with the last generation."""

    def may_leave(self, peer: Peer) -> None:
        """Blocks. Raises Refused where whoever governs it does not let it go there."""

    async def take_generation(self) -> int | None:
        """Saves it while it runs on; the generation's number, None where it does not run."""

    async def last_generation_paused(self) -> int:
        """Lets it stand still and saves it."""

    async def go_on(self) -> None:
        """After last_generation_paused(): it runs on here."""

    async def end(self) -> None:
        """It is the other machine's now."""

    def unknown(self, sentence: str) -> None:
        """It stands still until settle() or force(), for that reason."""


class MoveReport(Struct, kw_only=True):
    peer: str
    address: str
    seconds: float
    downtime_ms: float
    """How long it stood still, as seen from here: until the other side said that it runs there."""
    rounds: int
    sent_bytes: int


class MoveCancelled(MigrationError):
    """It goes on here, as was wanted."""


class MoveUnknown(MigrationError):
    """Whether the other side has taken the phone cannot be known: it stands still here."""


class Departure:
    """One move. `call` makes a link to the other machine, each time anew."""

    def __init__(
        self,
        guest: MovingGuest,
        file: ProfileFile,
        leases: Leases,
        call: Call,
        *,
        history: bool = True,
        progress: Callable[[MoveProgress], None] = lambda _: None,
    ) -> None:
        self.guest = guest
        self.outcome: Outcome | None = None
        """What became of it; None while it is under way, and where it cannot be known."""
        self.why = ""
        """After MoveUnknown: why it stands still."""
        self.peer_name = ""
        self.patience = PATIENCE_SECONDS
        self._settling = asyncio.Lock()
        self._file = file
        self._leases = leases
        self._call = call
        self._history = history
        self._progress = progress
        self._move = secrets.token_bytes(16)
        self._link: Link | None = None
        self._sender: Sender | None = None
        self._travelling: asyncio.Task[int] | None = None
        self._number = 0
        self._paused_at: float | None = None
        self._committing = False
        self._given_up = False

    async def run(self) -> MoveReport:
        """Raises MoveUnknown where it stands still here; after any other error it goes on here. While it
        changes hands a cancelled task waits for the answer: see `outcome` then."""
        began = time.monotonic()
        self._travelling = asyncio.ensure_future(self._travel())
        try:
            generation = await self._travelling
            if self._given_up:
                raise MoveCancelled("")
        except BaseException as error:
            await to_the_end(asyncio.ensure_future(self._stay()))
            if self._given_up:
                raise MoveCancelled(f"{self.guest.name} was not moved: it goes on here") from error
            raise
        self._committing = True
        try:
            return await to_the_end(asyncio.ensure_future(self._hand_over(generation, began)))
        finally:
            assert self._link is not None
            self._link.abort()

    def cancel(self) -> bool:
        """It goes on here: for certain, or (False) unless the other side has taken it already."""
        self._given_up = True
        if self._committing:
            return False
        if self._travelling is not None:
            self._travelling.cancel()
        return True

    async def settle(self) -> None:
        """After MoveUnknown: asks once more. It runs here then, or there. Raises MoveUnknown, LinkLost."""
        async with self._settling:
            if self.outcome is None:
                outcome = await settle(self._leases, self._file.id, self._call, give_up=self._given_up)
                await to_the_end(asyncio.ensure_future(self._settled(outcome)))

    async def force(self) -> None:
        """After MoveUnknown: the user wants it to go on here, at the risk that it runs there too."""
        async with self._settling:
            if self.outcome is None:
                await in_thread(
                    self._leases.change, self._file.id, lambda record: lease.go_on_by_force(current(record))
                )
                self.outcome = "not-taken"
                await self.guest.go_on()

    # --- while it is certainly here

    async def _travel(self) -> int:
        """Everything is over there and ready when it comes back: the last generation's number."""
        number = await in_thread(_lease_number, self._file)
        record = await in_thread(self._leases.owner, self._file.id, number)
        self._number = record.number
        self._tell("Connecting")
        self._link = link = await self._call()
        self.peer_name = link.peer.name
        async with link.heard_out():
            return await self._all_over(link)

    async def _all_over(self, link: Link) -> int:
        await in_thread(self.guest.may_leave, link.peer)
        header = msgspec.msgpack.encode(await in_thread(self._file.raw_header))
        guest = self.guest
        offer = messages.Offer(
            self._file.id, self._move, self._number, guest.name[:64], header, guest.ram_mib, guest.key
        )
        link.send(offer)
        known = set((await link.receive(messages.Accepted)).known)
        self._sender = sender = Sender(link, self._file, self._progress)
        if self._history:
            for generation in await in_thread(_worth_keeping, self._file):
                if generation not in known:
                    await sender.send(generation, "Its history")
        await self._rounds(link, sender)
        self._paused_at = time.monotonic()
        self._tell("Standing still")
        last = await link.working(asyncio.ensure_future(guest.last_generation_paused()))
        await sender.send(last, "Standing still", last=True, runs=guest.runs)
        if (await link.receive(messages.Prepared)).move != self._move:
            raise MigrationError("The other machine is ready for another move")
        return last

    async def _rounds(self, link: Link, sender: Sender) -> None:
        before: int | None = None
        for count in range(1, ROUNDS_MAX + 1):
            number = await link.working(asyncio.ensure_future(self.guest.take_generation()))
            if number is None:
                return
            size = await sender.send(number, f"Round {count}")
            if size <= SMALL or (before is not None and size > before * SHRINKS):
                return
            before = size

    async def _stay(self) -> None:
        """It goes on here first, and then the other side is told."""
        if self._paused_at is not None:
            await self.guest.go_on()
        self.outcome = "not-taken"
        if self._link is not None:
            await self._link.cancel()

    # --- while it may be taken

    async def _hand_over(self, generation: int, began: float) -> MoveReport:
        assert self._link is not None and self._sender is not None
        link, profile = self._link, self._file.id
        try:
            await in_thread(
                self._leases.change,
                profile,
                lambda record: lease.commit(current(record), self._move, link.peer, generation),
            )
        except PocketvisorError:
            # The other side was not told yet, so it is certain: it stays, even if the record says otherwise.
            with suppress(PocketvisorError):
                await in_thread(self._leases.change, profile, self._not_taken)
            await self._stay()
            raise
        outcome: Outcome | None = None
        with suppress(MigrationError):
            link.send(messages.Commit(profile, self._move, self._number))
            answer = await link.receive(messages.Answer)
            outcome = answer.outcome if answer.move == self._move else None
        if outcome in (None, "waiting"):
            self._tell("The link is gone; asking again")
            link.abort()
            await in_thread(self._leases.change, profile, lambda record: lease.link_lost(current(record)))
            outcome = await ask_again(
                self._leases, profile, self._call, lambda: self._given_up, self.patience
            )
        downtime = time.monotonic() - (self._paused_at or time.monotonic())
        await self._settled(outcome)
        return MoveReport(
            peer=link.peer.name,
            address=link.peer.address,
            seconds=time.monotonic() - began,
            downtime_ms=downtime * 1000,
            rounds=self._sender.rounds,
            sent_bytes=self._sender.meter.bytes,
        )

    async def _settled(self, outcome: Outcome | None) -> None:
        """What is known is durable, and done."""
        name, profile = self.guest.name, self._file.id
        if outcome in (None, "waiting"):
            record = await in_thread(self._leases.get, profile)
            self.why = lease.why_not(record, name)
            self.guest.unknown(self.why)
            raise MoveUnknown(self.why)
        record = await in_thread(
            self._leases.change,
            profile,
            lambda record: lease.answered(current(record), self._move, outcome),
        )
        self.outcome = outcome
        if outcome == "taken":
            await self.guest.end()
            return
        await self.guest.go_on()
        if self._given_up:
            raise MoveCancelled(f"{name} was not moved: it goes on here")
        raise MigrationError(f"{current(record).peer_name} did not take {name}: it goes on here")

    def _not_taken(self, record: Record | None) -> Record:
        return lease.answered(current(record), self._move, "not-taken")

    def _tell(self, words: str) -> None:
        self._progress(MoveProgress(words=words))


def _lease_number(file: ProfileFile) -> int:
    return file.manifest(file.head).lease.number if file.head else 0


def _worth_keeping(file: ProfileFile) -> list[int]:
    """What people would look for in the history; the others were steps on the way."""
    kinds = ("snapshot", "suspend", "off")
    return [each.number for each in file.generations() if each.kind in kinds and not each.damaged]
