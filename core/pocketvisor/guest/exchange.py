"""Calls between the guests of one handset: a guest connects to port P of its host (CID 2), and has a stream
to the guest that offers a service there.

The way is narrow. Only ports that are offered are there; what goes through are whole messages of a bounded
size at a bounded rate (call_wire.py), on a bounded number of streams; the policies of both guests are asked
for every message; and the service hears from the handset who calls. Neither guest sees anything else of the
other. A call ends with either guest's process, and when either leaves the handset.

Left out: services for guests of another handset, and of more than one guest at one port: the one that came
first has it.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from pocketvisor.errors import GuestError, Refused
from pocketvisor.guest.call_wire import (
    KNOWN_PROFILE,
    PROGRAM,
    Allowance,
    Messages,
    framed,
    guest_account,
    introduction,
)
from pocketvisor.guest.options import LIVE_STATES, GuestState
from pocketvisor.guest.vsock_link import Stream, VsockLink
from pocketvisor.images.offers import Offer, check_offers
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.handset import Handset

CALLS_OF_ONE: Final = 4
"""That a guest makes at a time."""
CALLS_MAX: Final = 16
"""That a guest answers at a time."""
CALLS_A_SECOND: Final = 50
MESSAGES_A_SECOND: Final = 1000
BYTES_A_SECOND: Final = 4 << 20

_CALL_PATIENCE: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
_REST_SECONDS: Final = 5.0  # for the caller to take what a service said before it hung up
_SAY_AGAIN_SECONDS: Final = 60.0
_SAID_MAX: Final = 64
_NO_ACCOUNT: Final = bytes(16)


class ServiceNow(Struct, frozen=True, kw_only=True):
    """A service on a handset. `problem`: why nobody can call it now, or nothing."""

    name: str
    port: int
    guest: str
    problem: str = ""
    calling: tuple[str, ...] = ()
    """Who does, by guest's name."""
    calls: int = 0
    refused: int = 0
    messages: int = 0
    bytes: int = 0


class Counts:
    """Of one service since its guest came."""

    def __init__(self) -> None:
        self.calling: list[Guest] = []
        self.calls = self.refused = self.messages = self.bytes = 0


class GuestCalls:
    """One guest's calls: what it offers, and which it makes."""

    link: VsockLink

    def __init__(self, guest: "Guest", offers: Sequence[Offer], *, withheld: bool = False) -> None:
        """`withheld`: nobody can call it until the user says what it offers."""
        self.guest = guest
        self.offers = tuple(offers)
        self.withheld = withheld
        self._handset = guest.handset
        self._counts: dict[str, Counts] = {}
        self._making = 0
        self._connecting = Allowance(CALLS_A_SECOND, time.monotonic)
        self._messages = Allowance(MESSAGES_A_SECOND, time.monotonic)
        self._bytes = Allowance(BYTES_A_SECOND, time.monotonic)
        self._said: dict[str, float] = {}
        self._forget = guest.on("state", self._state_changed)

    def close(self) -> None:
        self._forget()

    def set_offers(self, offers: Sequence[Offer]) -> None:
        """From now on these; calls to others that it offered end. Raises GuestError."""
        check_offers(offers, self.guest.name)
        if set(self.offers) - set(offers):
            self.link.hang_up()
        self.offers = tuple(offers)
        self.withheld = False

    def counts(self, offer: Offer) -> Counts:
        return self._counts.setdefault(offer.name, Counts())

    @property
    def answering(self) -> int:
        return sum(len(counts.calling) for counts in self._counts.values())

    def introduce_program(self, stream: Stream, port: int) -> None:
        """A program of the user's calls: a service that hears nobody else is not to take it for a guest."""
        if any(offer.port == port for offer in self.offers):
            self.link.give(stream, framed(introduction(port, "", _NO_ACCOUNT, PROGRAM)))

    async def call(self, stream: Stream, port: int) -> None:
        """The guest connects to a port: up to the end of the call, or until it is refused."""
        wait = self._connecting.take_within(1, _CALL_PATIENCE)
        if wait is None:
            self._say(f"calls other guests more than {CALLS_A_SECOND} times a second: some calls are refused")
            return
        await asyncio.sleep(wait)
        if stream.gone:
            return
        found = service_at(self.guest.handset, port)
        if found is None or found[0] is self:
            self._say(
                f"calls port {port}, and no other guest on {self.guest.handset.name} offers a service there"
            )
            return
        service, offer = found
        counts = service.counts(offer)
        why = self._why_not(service, offer)
        answer = service.link.new_stream() if not why else None
        if answer is None:
            counts.refused += 1
            self._say(why or f"cannot call {offer.name}: {service.guest.name} is {service.guest.state.value}")
            return
        self._making += 1
        counts.calling.append(self.guest)
        try:
            if not await service.link.connect(answer, port, _ANSWER_SECONDS) or stream.gone:
                counts.refused += 1
                return
            counts.calls += 1
            self.link.accept(stream)
            service.link.give(answer, framed(self._introduction(port)))
            await self._talk(stream, service, answer, offer)
        except TimeoutError:
            counts.refused += 1
            self._say(f"calls {offer.name}, and {service.guest.name} does not answer")
        except (GuestError, Refused) as error:
            self._say(f"was cut off from {offer.name}: {error}")
        finally:
            self._making -= 1
            counts.calling.remove(self.guest)
            service.link.drop(answer)
            self.link.drop(stream)

    async def _talk(self, stream: Stream, service: "GuestCalls", answer: Stream, offer: Offer) -> None:
        """Until either side has gone or both have said all."""
        counts = service.counts(offer)

        async def allowed(message: bytes) -> None:
            wait = max(self._messages.take(1), self._bytes.take(len(message)))
            if wait:
                await asyncio.sleep(wait)
            self._check(service, offer)
            counts.messages += 1
            counts.bytes += len(message)

        async def answered(message: bytes) -> None:
            self._check(service, offer)
            counts.bytes += len(message)

        first = asyncio.FIRST_COMPLETED
        asking = asyncio.create_task(_pass(self.link, stream, service.link, answer, allowed))
        answering = asyncio.create_task(_pass(service.link, answer, self.link, stream, answered))
        left, hung_up = (asyncio.create_task(_wait(end)) for end in (stream.ended, answer.ended))
        both: asyncio.Future[Any] = asyncio.gather(asking, answering)
        ends: list[asyncio.Future[Any]] = [both, left, hung_up]
        try:
            await asyncio.wait(ends, return_when=first)
            if not stream.gone and not both.done():
                await asyncio.wait([answering, left], timeout=_REST_SECONDS, return_when=first)
            if both.done():
                both.result()
        finally:
            for task in (asking, answering, left, hung_up):
                task.cancel()
            await asyncio.gather(both, left, hung_up, return_exceptions=True)

    def _why_not(self, service: "GuestCalls", offer: Offer) -> str:
        """Before a call."""
        try:
            self._check(service, offer)
        except Refused as error:
            return str(error)
        if self._making >= CALLS_OF_ONE:
            return f"makes {CALLS_OF_ONE} calls already, and that is all at a time"
        if service.answering >= CALLS_MAX:
            return f"cannot call {offer.name}: {service.guest.name} is answering {CALLS_MAX} calls already"
        return ""

    def _check(self, service: "GuestCalls", offer: Offer) -> None:
        """Raises Refused; that is audited once a minute, however often the guest tries."""
        for guest in (self.guest, service.guest):
            why = guest.allows(Act.CALL_SERVICE, service=offer.name)
            if not why:
                continue
            if self._is_news(f"{offer.name} {why}"):
                guest.check(Act.CALL_SERVICE, service=offer.name)
            raise Refused(why)

    def _introduction(self, port: int) -> bytes:
        guest = self.guest
        profile = guest.profile
        if profile is None:
            return introduction(port, guest.name, guest_account(guest.id))
        return introduction(port, guest.name, profile.file.id, KNOWN_PROFILE)

    def _say(self, sentence: str) -> None:
        if self._is_news(sentence):
            self.guest.run_note(sentence)

    def _is_news(self, sentence: str) -> bool:
        """A guest may try a thousand times a second."""
        now = time.monotonic()
        self._said = {said: at for said, at in self._said.items() if now - at < _SAY_AGAIN_SECONDS}
        if sentence in self._said or len(self._said) >= _SAID_MAX:
            return False
        self._said[sentence] = now
        return True

    def _state_changed(self) -> None:
        """Nothing of the phone that it was on goes on with it, and nothing with a process that is gone."""
        if self.guest.handset is not self._handset or self.guest.state not in LIVE_STATES:
            self._handset = self.guest.handset
            self.link.hang_up()


async def _pass(source: VsockLink, incoming: Stream, sink: VsockLink, outgoing: Stream, gate: Any) -> None:
    """Whole messages from one guest to the other, until it says no more. Raises GuestError."""
    messages = Messages()
    while (data := await incoming.queue.get()) is not None:
        for message in messages.feed(data):
            await gate(message)
            if not await sink.send(outgoing, message):
                return
        source.passed_on(incoming, data)
    if not incoming.gone:
        sink.shut(outgoing)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def service_at(handset: "Handset", port: int) -> tuple[GuestCalls, Offer] | None:
    """The one that is called there."""
    for guest in handset.guests:
        calls = guest.calls
        if calls is None or calls.withheld or guest.state not in (GuestState.RUNNING, GuestState.PAUSED):
            continue
        for offer in calls.offers:
            if offer.port == port:
                return calls, offer
    return None


def services_of(handset: "Handset") -> list[ServiceNow]:
    """All that its guests offer, in their order."""
    found: list[ServiceNow] = []
    for guest in handset.guests:
        calls = guest.calls
        for offer in guest.offers:
            counts = calls.counts(offer) if calls is not None else Counts()
            found.append(
                ServiceNow(
                    name=offer.name,
                    port=offer.port,
                    guest=guest.name,
                    problem=_problem(guest, offer),
                    calling=tuple(caller.name for caller in counts.calling),
                    calls=counts.calls,
                    refused=counts.refused,
                    messages=counts.messages,
                    bytes=counts.bytes,
                )
            )
    return found


def _problem(guest: "Guest", offer: Offer) -> str:
    if guest.state is not GuestState.RUNNING:
        return f"{guest.name} is {guest.state.value}"
    if guest.calls is not None and guest.calls.withheld:
        return f"this computer has not seen {guest.name}'s profile before: say that it offers it"
    first = service_at(guest.handset, offer.port)
    if first is not None and first[0].guest is not guest:
        return f"{first[0].guest.name} offers port {offer.port} too, and came first"
    return guest.allows(Act.CALL_SERVICE, service=offer.name)
