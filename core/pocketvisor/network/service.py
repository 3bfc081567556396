"""A guest's network as front ends see it: `guest.network`. Nothing here waits for the guest, and what goes
wrong with a network is a sentence and a link that is down, for that guest alone.

Where a policy governs the guest, its network is what that allows, from the moment on that it says so
(wall.py). Left out: several cards.
"""

import asyncio
import os
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from pocketvisor.board.config import DevicesConfig, NetworkConfig
from pocketvisor.devices.virtio_net import Link
from pocketvisor.errors import NetworkError, Refused
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.record import network_of_record
from pocketvisor.network import messages
from pocketvisor.network.cable import DEVICE, Cable
from pocketvisor.network.capture import open_capture
from pocketvisor.network.messages import Counters
from pocketvisor.network.passt import Passt, UserAddress, check_free
from pocketvisor.network.radio import Radio, radio_named
from pocketvisor.network.spec import (
    CAPTURE_MOST,
    CardHead,
    Forward,
    Mode,
    NetworkSpec,
    derived_mac,
    parse_network,
    show_mac,
)
from pocketvisor.network.wall import Wall
from pocketvisor.policies.act import Act

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest

_RATE_OLD_SECONDS: Final = 1.5
_LAST_WORDS_SECONDS: Final = 5.0


class NetworkState(Struct, frozen=True, kw_only=True):
    """All there is to show. Rates are bits a second of the last half second, sent by the guest and received;
    `sentence` says what is wrong, and `reconnect()` may be offered while there is one."""

    mode: Mode
    switch: str
    link: bool
    sentence: str
    mac: str
    radio: Radio
    forwards: tuple[Forward, ...]
    address: UserAddress
    capture: Path | None
    counters: Counters
    sent_rate: float
    received_rate: float


class GuestNetwork:
    """Made by open_network(). Events: "state" (NetworkState), "event" (a sentence), "refused" (what a policy
    did not let pass, by destination)."""

    def __init__(self, guest: "Guest", spec: NetworkSpec, card: CardHead | None = None) -> None:
        self._guest = guest
        self._replayed = card is not None
        self._mode: Mode = spec.mode
        self._switch = spec.switch
        self._forwards = spec.forwards
        self._radio = spec.radio
        self._reach_host = spec.reach_host
        self._mtu = card.mtu if card is not None else spec.told_mtu
        self._first_link = card.link if card is not None else False
        self.mac = card.mac if card is not None else spec.mac or derived_mac(guest.handset.name, guest.name)
        self._listeners = Listeners("state", "event", "refused")
        self._lock = asyncio.Lock()
        self._cable = Cable(guest, self.mac, self)
        self._wall = Wall(guest, self._cable)
        self._passt: Passt | None = None
        self._address = UserAddress()
        self._serial = 0
        self._attached = False
        self._sentence = ""
        self._capture: Path | None = None
        self._counters = Counters()
        self._counted_at = 0.0
        self._rates = (0.0, 0.0)
        self._told_link: bool | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe: list[Unsubscribe] = []

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    @property
    def state(self) -> NetworkState:
        fresh = time.monotonic() - self._counted_at < _RATE_OLD_SECONDS
        sent, received = self._rates if fresh else (0.0, 0.0)
        return NetworkState(
            mode=self._mode,
            switch=self._switch,
            link=self.link,
            sentence=self._sentence,
            mac=show_mac(self.mac),
            radio=self._radio,
            forwards=self._forwards,
            address=self._address,
            capture=self._capture,
            counters=self._counters,
            sent_rate=sent,
            received_rate=received,
        )

    @property
    def link(self) -> bool:
        """Does the guest see its cable plugged in?"""
        return self._attached and self._radio.link

    # What a user does. All raise NetworkError with the sentence to show, or Refused.

    async def attach(self, mode: Mode, switch: str = "") -> None:
        """Pulls the cable and puts it in elsewhere; `switch` names one, which is made if need be."""
        self._check_live()
        if mode == "switch":
            parse_network(f"switch:{switch}")
        self._wall.check(mode)
        async with self._lock:
            self._mode, self._switch = mode, switch if mode == "switch" else ""
            await self._connect()

    async def reconnect(self) -> None:
        """The same again, where it has been lost: a new passt, a new network process."""
        self._check_live()
        self._wall.check(self._mode)
        async with self._lock:
            await self._connect()

    def set_radio(self, radio: Radio | str) -> None:
        """At once; what is on the air already arrives as it was to."""
        self._check_live()
        self._radio = radio_named(radio) if isinstance(radio, str) else radio
        self._cable.tell(messages.SetRadio(self._cable.port, self._radio))
        self._changed()

    async def forward(self, forwards: Sequence[Forward]) -> None:
        """This list in the place of the old one. A guest that is attached to `user` gets a new passt with it:
        its open connections end."""
        self._check_live()
        forwards = tuple(dict.fromkeys(forwards))
        self._wall.check("none", forwards=bool(forwards))
        async with self._lock:
            if self._mode == "user":  # what cannot be leaves all as it is
                check_free([forward for forward in forwards if forward not in self._forwards])
            before, self._forwards = self._forwards, forwards
            if self._mode == "user" and (before != forwards or self._passt is None):
                await self._connect()
                self._say("its forwarded ports have changed, and its open connections have ended")
            else:
                self._changed()

    async def capture(self, path: Path, most: int = CAPTURE_MOST) -> None:
        """All frames that the guest sends and receives from now on, up to `most` bytes of file."""
        self._check_live()
        self._guest.check(Act.RECORD)
        async with self._lock:
            await self._cable.lay(self._radio)
        self._guest.check(Act.RECORD)  # the policy may have changed meanwhile
        fd = await asyncio.to_thread(open_capture, path)
        try:
            self._guest.check(Act.RECORD)
            self._cable.tell(messages.StartCapture(self._cable.port, max(most, 4096)), fd)
        finally:
            os.close(fd)
        self._capture = path
        self._changed()

    def stop_capture(self) -> None:
        if self._capture is not None:
            self._capture = None
            self._cable.tell(messages.StopCapture(self._cable.port))
            self._changed()

    # A peripheral of the guest

    async def open(self, spec: NetworkSpec) -> None:
        """Raises NetworkError only for a capture that cannot be written, and where nothing works at all: a
        network that cannot be had is a sentence, and a guest without one."""
        if self._replayed:
            return
        self._unsubscribe = [
            self._guest.on("state", self._guest_changed),
            self._guest.on("policy", self._follow_policy),
        ]
        self._wall.put_up(self._address)
        if spec.mode == "none" and spec.capture is None:
            return  # a card with its cable out costs no process
        await self._cable.lay(self._radio)
        if spec.capture is not None:
            await self.capture(spec.capture)
        async with self._lock:
            with suppress(NetworkError, Refused):  # it is in the state, and was told
                await self._connect()

    def configure(self, devices: DevicesConfig) -> DevicesConfig:
        link, wire = self._first_link, -1
        if not self._replayed:
            link = self._told_link = self.link
            wire = self._cable.configure()
        card = NetworkConfig(wire=wire, mac=self.mac, mtu=self._mtu, link=link)
        return msgspec.structs.replace(devices, network=card)

    @property
    def descriptors(self) -> Sequence[int]:
        return self._cable.descriptors

    def ended(self) -> None:
        self._cable.ended()

    async def close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._attached = False
        for task in self._tasks:
            task.cancel()
        passt, self._passt = self._passt, None
        if passt is not None:
            await passt.stop()
        await self._cable.close()

    # From the network process

    def port_counted(self, counters: Counters) -> None:
        now = time.monotonic()
        passed = min(max(now - self._counted_at, 0.25), 1.0)
        before, self._counters, self._counted_at = self._counters, counters, now
        self._rates = (
            max(0, counters.sent_bytes - before.sent_bytes) * 8 / passed,
            max(0, counters.received_bytes - before.received_bytes) * 8 / passed,
        )
        self._listeners.emit("state", self.state)

    def port_user_ended(self, serial: int) -> None:
        passt = self._passt
        if passt is not None and serial == self._serial:
            self._do(self._user_closed(passt))

    def port_capture_ended(self, sentence: str) -> None:
        self._capture = None
        self._say(sentence)
        self._changed()

    def port_not_passed(self, what: dict[str, int]) -> None:
        self._wall.not_passed(what)
        self._listeners.emit("refused", what)

    def port_lost(self, sentence: str) -> None:
        self._cable.lost()
        self._capture = None
        self._lose(sentence)
        passt, self._passt = self._passt, None
        if passt is not None:
            self._do(passt.stop())

    # Within

    async def _connect(self) -> None:
        """As mode, switch and forwards say. The lock is held."""
        self._attached = False
        self._changed()  # the cable is out for a moment: a guest asks for an address anew
        self._sentence = ""
        passt, self._passt = self._passt, None
        if passt is not None:
            await passt.stop()
        self._address = UserAddress()
        self._wall.put_up(self._address)
        if why := self._wall.why_not(self._mode):
            self._cable.tell(messages.Detach(self._cable.port))
            self._lose(why)
            raise Refused(why)
        if self._forwards and self._wall.stands:
            self._forwards = ()
            self._say("its policy lets nobody reach it: no port is forwarded to it any more")
        try:
            await self._cable.lay(self._radio)
            if self._mode == "switch":
                self._cable.tell(messages.AttachSwitch(self._cable.port, self._switch))
            elif self._mode == "user":
                await self._use_passt()
            else:
                self._cable.tell(messages.Detach(self._cable.port))
        except NetworkError as error:
            self._cable.tell(messages.Detach(self._cable.port))
            self._lose(str(error))
            raise
        self._attached = self._mode != "none"
        self._changed()

    async def _use_passt(self) -> None:
        self._passt, end = await Passt.start(
            self._forwards,
            reach_host=self._reach_host and not self._wall.stands,
            on_end=self._passt_ended,
        )
        self._serial += 1
        self._address = self._passt.address
        self._wall.put_up(self._address)
        with end:
            self._cable.tell(messages.AttachUser(self._cable.port, self._serial), end.fileno())

    def _follow_policy(self) -> None:
        """Another policy is in force. What it forbids passes no more from here on; connections from before
        end with their passt."""
        if self._capture is not None and self._guest.allows(Act.RECORD):
            self.stop_capture()
        if self._wall.changed():
            self._wall.put_up(self._address)
            self._do(self._follow())

    async def _follow(self) -> None:
        async with self._lock:
            with suppress(NetworkError, Refused):  # it is in the state, and was told
                await self._connect()

    def _passt_ended(self, passt: Passt, sentence: str) -> None:
        if passt is self._passt:
            self._passt = None
            self._lose(sentence)

    async def _user_closed(self, passt: Passt) -> None:
        """The stream is closed; passt's own last words say more, if it has some: it is about to end then."""
        await passt.ended(_LAST_WORDS_SECONDS)
        if passt is self._passt:
            self._passt = None
            self._lose("passt closed its end of the guest's network")
            await passt.stop()

    def _lose(self, sentence: str) -> None:
        self._attached = False
        self._sentence = sentence
        self._say(f"its network is gone: {sentence}")
        self._changed()

    def _check_live(self) -> None:
        if self._replayed:
            raise NetworkError(f"{self._guest.name} is replayed: all that enters it is in its recording")

    def _changed(self) -> None:
        link = self.link
        if link != self._told_link:
            self._told_link = link
            self._guest.tell(DEVICE, Link(link))
        self._listeners.emit("state", self.state)

    def _guest_changed(self) -> None:
        """A guest that has begun may have missed what was told while it did not run."""
        self._cable.guest_changed()
        self._guest.tell(DEVICE, Link(self.link))

    def _say(self, sentence: str) -> None:
        self._listeners.emit("event", sentence)
        self._guest.run_note(sentence)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def open_network(guest: "Guest", progress: object) -> GuestNetwork | None:
    """The opener of a guest's network; None where it has no card."""
    replay = guest.options.replay
    if replay is not None:
        card = replay.head.network
        guest.network = GuestNetwork(guest, NetworkSpec(), card) if card is not None else None
        return guest.network
    origin = guest.options.origin
    spec = (
        guest.options.network_of(guest.image)
        if origin is None
        else network_of_record(origin.record, attached=not origin.strange)
    )
    if spec is None:
        return None
    network = GuestNetwork(guest, spec)
    try:
        await network.open(spec)
    except BaseException:
        await network.close()
        raise
    guest.network = network
    return network
