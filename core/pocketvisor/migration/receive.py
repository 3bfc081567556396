"""The side that a phone goes to: takes rounds into a profile of its own, makes the guest ready, and takes the
phone over when it may.

What arrives is durable round by round. A link that is cut leaves what is here: the next connection goes on
with what is missing. A guest that stands ready waits for its word over a later connection as well.

Left out: what runs the guest, which is handed in as a Landing.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from pocketvisor.errors import MigrationError, PocketvisorError, ProfileError
from pocketvisor.migration import lease, messages
from pocketvisor.migration.arriving import Arriving, Receiving
from pocketvisor.migration.lease import Peer, Record, State
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import Link, LinkLost
from pocketvisor.migration.shelf import Shelf
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import Unlock
from pocketvisor.profile.transfer import RawHeader
from pocketvisor.to_the_end import in_thread, to_the_end

IDLE_SECONDS: Final = 120.0
COMMIT_SECONDS: Final = 60.0


class Arrival(Protocol):
    """A guest that stands ready, and has not run yet."""

    async def go_on(self) -> None:
        """It is this machine's now. What goes wrong is its own to tell: it cannot go back."""

    async def end(self) -> None:
        """It will not be this machine's."""


class Landing(Protocol):
    """Where phones are to run."""

    async def check(self, name: str, ram_mib: int) -> None:
        """Raises PocketvisorError where such a phone could not run."""

    async def prepare(self, path: Path, generation: int, key: str | None, runs: bool) -> Arrival:
        """The guest of a profile's generation, which stands still; `runs`: it runs when it goes on. Raises
        PocketvisorError."""


class _Waiting(Struct):
    """Of a profile: a guest that stands ready for a move."""

    move: bytes
    arrival: Arrival


class Receiver:
    """`session` is for a Listener. `told` gets sentences, `progress` where a phone is on its way."""

    def __init__(
        self,
        leases: Leases,
        landing: Landing,
        shelf: Shelf | None = None,
        *,
        told: Callable[[str], None] = lambda _: None,
        progress: Callable[[Receiving], None] = lambda _: None,
    ) -> None:
        self._leases = leases
        self._landing = landing
        self.shelf = shelf or Shelf()
        self._told = told
        self._progress = progress
        self._waiting: dict[bytes, _Waiting] = {}
        self._keys: dict[bytes, str] = {}
        self._running: set[bytes] = set()
        self._locks: dict[bytes, asyncio.Lock] = {}
        self._links: dict[bytes, Link] = {}

    async def close(self) -> None:
        """What stands ready is ended; its record says that it waits."""
        for profile in tuple(self._waiting):
            await self._drop(profile)

    async def session(self, link: Link) -> None:
        """Of one connection, to its end."""
        try:
            while True:
                message = await link.receive(
                    messages.Ask, messages.Commit, messages.Offer, seconds=IDLE_SECONDS
                )
                if isinstance(message, messages.Offer):
                    await self._offered(link, message)
                else:
                    link.send(await link.working(asyncio.ensure_future(self._answer(message))))
        except LinkLost:
            pass  # what is here stays; the other side knows what it knows
        finally:
            await link.close()

    # --- a phone on its way here

    async def _offered(self, link: Link, offer: messages.Offer) -> None:
        before = self._links.get(offer.profile)
        if before is not None and before.peer.fingerprint != link.peer.fingerprint:
            link.send(messages.Refused(f"It is on its way there already, from {before.peer.name}"))
            raise LinkLost("refused")
        if before is not None:
            before.abort()  # the same machine again: its other connection is dead, whether it knows or not
        async with self._locks.setdefault(offer.profile, asyncio.Lock()):
            self._links[offer.profile] = link
            try:
                async with link.heard_out():
                    await self._take_in(link, offer)
            except LinkLost:
                raise
            except PocketvisorError as error:
                await in_thread(self._refuse, offer.profile, offer.move)
                await self._drop(offer.profile, offer.move)
                self._told(f"{offer.name} from {link.peer.name} was not taken: {error}")
                link.send(messages.Refused(str(error)[:2000]))
                raise LinkLost("refused") from error
            finally:
                if self._links.get(offer.profile) is link:
                    del self._links[offer.profile]

    async def _take_in(self, link: Link, offer: messages.Offer) -> None:
        await self._landing.check(offer.name, offer.ram_mib)
        path = await in_thread(self._begin, offer, link.peer)
        await self._drop(offer.profile)
        self._running.discard(offer.profile)
        file = await in_thread(self._open, offer, path)
        try:
            here = await in_thread(file.generations)
            link.send(messages.Accepted([generation.number for generation in here][-messages.KNOWN_MAX :]))
            last = await Arriving(link, file, offer, self._shelf_room, self._progress).run()
        except BaseException:
            with suppress(ProfileError):
                await in_thread(file.keep_received)  # the next connection goes on from there
            raise
        finally:
            await in_thread(file.close)
        key = offer.key or None
        if key is not None:
            self._keys[offer.profile] = key
        arrival = await link.working(
            asyncio.ensure_future(self._landing.prepare(file.path, last.number, key, last.runs))
        )
        self._waiting[offer.profile] = _Waiting(offer.move, arrival)
        await in_thread(
            self._leases.change, offer.profile, lambda record: _ready(record, offer.move, last.number)
        )
        link.send(messages.Prepared(offer.move))
        word = await link.receive(messages.Commit, messages.Ask, seconds=COMMIT_SECONDS)
        link.send(await link.working(asyncio.ensure_future(self._answer(word))))

    def _shelf_room(self) -> None:
        self.shelf.check_room()

    def _begin(self, offer: messages.Offer, peer: Peer) -> Path:
        """The lease's record, and where the file is or will be."""
        path = self.shelf.find(offer.profile)
        copied = path is not None and _holds_something(path)

        def step(record: Record | None) -> Record:
            if record is None and path is not None:  # a copy that somebody made: it may be running here
                record = lease.owned(offer.profile)
            elif record is not None and copied:  # put there since: it stays, whatever comes of the move
                record = lease.copied(record)
            return lease.offered(record, offer.profile, offer.move, offer.number, peer)

        self._leases.change(offer.profile, step)
        return path or self.shelf.new(offer.name)

    def _open(self, offer: messages.Offer, path: Path) -> ProfileFile:
        try:
            header = msgspec.msgpack.decode(offer.header, type=RawHeader)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MigrationError(f"The phone's header makes no sense: {error}") from error
        if header.header.profile != offer.profile:
            raise MigrationError("The phone's header is of another phone")
        self.shelf.check_room()
        if path.exists():
            file = ProfileFile.open(path, keep_received=True)
        else:
            file = ProfileFile.create_from_header(path, header)
        try:
            if file.locked:
                if not offer.key:
                    raise MigrationError("The phone is sealed, and its key did not come with it")
                file.unlock(Unlock(key=offer.key))
            return file
        except BaseException:
            file.close()
            raise

    def _refuse(self, profile: bytes, move: bytes) -> None:
        before: Record | None = None

        def step(record: Record | None) -> Record | None:
            nonlocal before
            before = record
            return record and lease.refused(record, move)

        after = self._leases.change(profile, step)
        self._clear(profile, before, after)

    def _clear(self, profile: bytes, before: Record | None, after: Record | None) -> None:
        """What came of a move goes when it is given up, where nothing was here before it; at no other time:
        then it is a copy that the user put there."""
        if lease.came_to_nothing(before, after):
            path = self.shelf.find(profile)
            if path is not None:
                with suppress(OSError):
                    path.unlink()

    # --- whose it is

    async def _answer(self, message: messages.Ask | messages.Commit) -> messages.Answer:
        """Durable before it is said."""
        return await to_the_end(asyncio.ensure_future(self._decide(message)))

    async def _decide(self, message: messages.Ask | messages.Commit) -> messages.Answer:
        profile, move, number = message.profile, message.move, message.number
        outcome: lease.Outcome = "not-taken"
        before: Record | None = None

        def step(record: Record | None) -> Record | None:
            nonlocal outcome, before
            before = record
            if isinstance(message, messages.Commit):
                record, outcome = lease.taken(record, move, number)
            else:
                record, outcome = lease.asked(record, move, number, give_up=message.give_up)
            return record

        record = await in_thread(self._leases.change, profile, step)
        if outcome == "not-taken":
            await self._drop(profile, move)
            await in_thread(self._clear, profile, before, record)
        elif outcome == "taken" and record is not None and record.move == move:
            await self._run(profile, record)
        return messages.Answer(move, outcome)

    async def _run(self, profile: bytes, record: Record) -> None:
        """What was taken runs, once: also where this program was killed between taking and running it."""
        if record.state is not State.OWNER or profile in self._running:
            return
        self._running.add(profile)
        waiting = self._waiting.pop(profile, None)
        try:
            if waiting is None:
                path = await in_thread(self.shelf.find, profile)
                if path is None or not await in_thread(_as_it_came, path, record.generation):
                    return
                arrival = await self._landing.prepare(path, record.generation, self._keys.get(profile), True)
            else:
                arrival = waiting.arrival
            await arrival.go_on()
        except PocketvisorError as error:
            self._told(f"A phone from {record.peer_name} is here, and cannot run: {error}")

    async def _drop(self, profile: bytes, move: bytes | None = None) -> None:
        """What stands ready for a move (or any) is ended."""
        waiting = self._waiting.get(profile)
        if waiting is not None and move in (None, waiting.move):
            del self._waiting[profile]
            await waiting.arrival.end()


def _ready(record: Record | None, move: bytes, generation: int) -> Record:
    if record is None:
        raise MigrationError("This move was given up")
    return lease.prepared(record, move, generation)


def _holds_something(path: Path) -> bool:
    """More than the beginnings of a move that was cut."""
    try:
        file = ProfileFile.open(path, read_only=True)
        try:
            return bool(file.generations())
        finally:
            file.close()
    except ProfileError:
        return True  # whatever it is, it is not for another machine to take away


def _as_it_came(path: Path, generation: int) -> bool:
    """Nobody has run it here since."""
    file = ProfileFile.open(path, read_only=True)
    try:
        return file.head == generation
    finally:
        file.close()
