"""What an open workbench, or a run in a terminal, does when a guest of it is to move to another machine.

A move whose end is not known is asked about again for as long as the program runs: when the link is back
exactly one side goes on, without anybody's help.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pocketvisor.control import migration_calls as calls
from pocketvisor.control.migration_calls import MigrationReply, MigrationRequest
from pocketvisor.control.profile_calls import ProfileAbsent
from pocketvisor.errors import MigrationError, PocketvisorError
from pocketvisor.guest.guest import Guest
from pocketvisor.handset import Handset
from pocketvisor.migration.departure import Departure, MoveReport, MoveUnknown
from pocketvisor.migration.greeting import call
from pocketvisor.migration.guests import LeavingGuest
from pocketvisor.migration.identity import load_identity
from pocketvisor.migration.leases import Leases
from pocketvisor.migration.link import Link
from pocketvisor.migration.peers import TrustedPeers
from pocketvisor.migration.reception import Reception
from pocketvisor.migration.rounds import MoveProgress
from pocketvisor.profile.ledger import Ledger
from pocketvisor.profiles import free_profile
from pocketvisor.services.desk import Desk

AGAIN_SECONDS: Final = 5.0

Tell = Callable[[str, float | None], None]


class Migrations:
    """Of one program: the moves that are under way, and those whose end is not known."""

    def __init__(self) -> None:
        self._undecided: dict[bytes, Departure] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._receptions: dict[Handset, Reception] = {}
        self.changed: Callable[[], None] = lambda: None
        """Called when another handset waits, or no more, and when a move's end is unknown, or known again."""

    async def answer(
        self, desk: Desk, request: MigrationRequest, tell: Tell
    ) -> MigrationReply | ProfileAbsent:
        """Does it. Raises PocketvisorError. Cancelled, the guest goes on here if it still can."""
        match request:
            case calls.MigrateGuest():
                guest = desk.guest(request.guest, request.handset)
                return shown(guest.name, await self.migrate(guest, request.address, tell))
            case calls.MigrateProfile():
                found = guest_of(desk, Path(request.profile))
                if found is None:
                    return ProfileAbsent()
                return shown(found.name, await self.migrate(found, request.address, tell))
            case calls.ReceivePhones():
                return await self._receive(desk.handset(request.handset), request)
        found = guest_of(desk, Path(request.profile))
        if found is None:
            return ProfileAbsent()
        assert found.profile is not None
        departure = self._undecided.get(found.profile.file.id)
        if departure is None:
            raise MigrationError(f"{found.name} is this machine's: there is nothing to decide")
        return await self._settle(departure, request)

    async def migrate(
        self,
        guest: Guest,
        address: str,
        tell: Tell = lambda words, done: None,
        *,
        on_progress: Callable[[MoveProgress], None] = lambda _: None,
    ) -> MoveReport:
        """Raises MoveUnknown where it stands still here and is asked about on; see Departure.run()."""
        if guest.profile is None:
            tell(f"Making a profile of {guest.name}", None)
            path = await asyncio.to_thread(free_profile, guest.name)
            await guest.keep(path, progress=tell)

        def progress(each: MoveProgress) -> None:
            tell(words_of(each), each.fraction)
            on_progress(each)

        leaving = LeavingGuest(guest)
        departure = Departure(
            leaving, leaving.file, Leases(Ledger()), lambda: called(address), progress=progress
        )
        try:
            return await departure.run()
        except (MoveUnknown, asyncio.CancelledError):  # who cancels has to wait for that too
            if departure.outcome is None and departure.why:
                guest.run_note(departure.why)
                self._undecided[leaving.file.id] = departure
                self._ask_on(leaving.file.id, departure)
                self.changed()
            raise

    def undecided(self, guest: Guest) -> bool:
        """Whether it stands still since nobody knows whose it is."""
        return guest.profile is not None and guest.profile.file.id in self._undecided

    async def settle(self, guest: Guest, *, give_up: bool = False, force: bool = False) -> bool:
        """Whether it goes on here. Raises MigrationError."""
        assert guest.profile is not None
        request = calls.SettleMove(profile=str(guest.profile.path), give_up=give_up, force=force)
        return (await self._settle(self._undecided[guest.profile.file.id], request)).here

    async def receive(
        self, handset: Handset, host: str, port: int, told: Callable[[str], None] = lambda sentence: None
    ) -> Reception:
        """The handset waits for phones there. Raises MigrationError."""
        if handset in self._receptions:
            raise MigrationError(f"{handset.name} waits for phones already")

        def sentence(text: str) -> None:
            handset.say(text)
            told(text)

        def arrived(guest: Guest | None, path: Path) -> None:
            sentence(f"{guest.name if guest is not None else path.stem} has come from another machine")

        reception = Reception(handset, arrived=arrived, told=sentence)
        await reception.open(host, port)
        self._receptions[handset] = reception
        self.changed()
        return reception

    def reception(self, handset: Handset) -> Reception | None:
        """While the handset waits for phones."""
        return self._receptions.get(handset)

    async def receive_no_more(self, handset: Handset) -> None:
        reception = self._receptions.pop(handset, None)
        if reception is not None:
            self.changed()
            await reception.close()

    async def _receive(self, handset: Handset, request: calls.ReceivePhones) -> calls.WaitsForPhones:
        if request.stop:
            await self.receive_no_more(handset)
            return calls.WaitsForPhones(handset=handset.name)
        reception = self._receptions.get(handset)
        if reception is None:
            reception = await self.receive(handset, request.host, request.port)
        waiting = reception.waiting
        assert waiting is not None
        return calls.WaitsForPhones(
            handset=handset.name,
            address=waiting.address,
            name=waiting.name,
            fingerprint=waiting.fingerprint,
            code=reception.show_code().code if request.pair else "",
        )

    async def close(self) -> None:
        for handset in tuple(self._receptions):
            await self.receive_no_more(handset)
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _settle(self, departure: Departure, request: calls.SettleMove) -> calls.Settled:
        if request.force:
            await departure.force()
        else:
            if request.give_up:
                departure.cancel()
            with suppress(MigrationError):
                await departure.settle()
            if departure.outcome is None:
                raise MigrationError(departure.why)
        self._forget(departure)
        return calls.Settled(here=departure.outcome == "not-taken", peer=departure.peer_name)

    def _ask_on(self, profile: bytes, departure: Departure) -> None:
        task = asyncio.create_task(self._asked_on(profile, departure))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _asked_on(self, profile: bytes, departure: Departure) -> None:
        while self._undecided.get(profile) is departure:
            await asyncio.sleep(AGAIN_SECONDS)
            with suppress(PocketvisorError):
                await departure.settle()
            if departure.outcome is not None:
                self._forget(departure)

    def _forget(self, departure: Departure) -> None:
        for profile, known in tuple(self._undecided.items()):
            if known is departure:
                del self._undecided[profile]
                self.changed()


async def called(address: str, code: str | None = None) -> Link:
    """A link from this installation. Raises NotPaired, MigrationError, LinkLost."""
    identity = await asyncio.to_thread(load_identity)
    return await call(address, identity, TrustedPeers(), code=code)


def guest_of(desk: Desk, path: Path) -> Guest | None:
    """The guest that runs from this file, if one does."""
    guests: Iterable[Guest] = (guest for handset in desk.handsets() for guest in handset.guests)
    for guest in guests:
        if guest.profile is not None:
            with suppress(OSError):
                if guest.profile.path.samefile(path):
                    return guest
    return None


def words_of(progress: MoveProgress) -> str:
    """With what went over, and how fast."""
    if not progress.sent_bytes:
        return progress.words
    rate = f", {progress.rate / (1 << 20):.1f} MiB/s" if progress.rate else ""
    return f"{progress.words}: {progress.sent_bytes / (1 << 20):.1f} MiB{rate}"


def shown(guest: str, report: MoveReport) -> calls.Migrated:
    return calls.Migrated(
        guest=guest,
        peer=report.peer,
        address=report.address,
        seconds=round(report.seconds, 6),
        downtime_ms=round(report.downtime_ms, 3),
        rounds=report.rounds,
        sent_bytes=report.sent_bytes,
    )
