"""A handset: an emulated phone with its guests, its RAM, its CPU's rate and its one panel's foreground.

It lives in a front end's asyncio loop and runs no guest code itself: each guest has a process of its own.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import structs

from pocketvisor.errors import GuestError, OutOfMemory
from pocketvisor.guest import nursery
from pocketvisor.guest.cloning import CloneOrigin
from pocketvisor.guest.governed import check_start, governor_of
from pocketvisor.guest.guest import Guest, Progress
from pocketvisor.guest.keeping import GuestProfile
from pocketvisor.guest.kept import on_its_own
from pocketvisor.guest.listeners import Callback, Listeners, Unsubscribe
from pocketvisor.guest.options import GuestState, RunOptions
from pocketvisor.guest.origin import ProfileOrigin, open_origin, options_of
from pocketvisor.guest.phone_clipboard import PhoneClipboard
from pocketvisor.handset_memory.memory import HandsetMemory
from pocketvisor.images.catalogue import GuestImage
from pocketvisor.models import HandsetModel
from pocketvisor.phone import Phone
from pocketvisor.policies.act import Act
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.late import LATE
from pocketvisor.policies.store import GovernanceStore, settled
from pocketvisor.power import Power
from pocketvisor.profile.keys import Unlock
from pocketvisor.scheduler import Scheduler
from pocketvisor.scheduler.host_bound import HostBound

_log = logging.getLogger(__name__)

_WATCH_SECONDS: Final = 0.5


class Handset:
    """Events: "guest-added" (guest), "guest-removed" (guest), "foreground" (guest or None), "message" (a
    sentence)."""

    def __init__(self, model: HandsetModel, name: str | None = None) -> None:
        self.model = model
        self.name = name or model.name
        self.phone = Phone(model)
        self.guests: list[Guest] = []
        self.foreground: Guest | None = None
        self.scheduler = Scheduler(model.mips * 1_000_000, lambda: self.guests, lambda: self.foreground)
        self.host_bound = HostBound(lambda: self.guests)
        self.power = Power(model, self.phone, lambda: self.guests, lambda: self.foreground)
        self.scheduler.background_mips = self.power.background_mips
        self.memory = HandsetMemory(self)
        self._listeners = Listeners("guest-added", "guest-removed", "foreground", "message")
        self.clipboard = PhoneClipboard()
        self._listeners.on("guest-removed", self.clipboard.left)
        self._watcher: asyncio.Task[None] | None = None
        self._going: dict[Guest, asyncio.Task[None]] = {}
        """Guests that are off the list, and have not ended yet."""
        self._closed = False
        self._store = GovernanceStore()
        self._stamp = settled(self._store.stamp())

    def on(self, event: str, callback: Callback) -> Unsubscribe:
        return self._listeners.on(event, callback)

    @property
    def ram_used_mib(self) -> int:
        """What its guests hold; one that is off or crashed holds none. A guest without a balloon cannot be
        asked to give some back, and counts with all of its RAM. See `memory` for more."""
        return -(-self.memory.pressure.used >> 20)

    @property
    def ram_free_mib(self) -> int:
        return self.model.ram_mib - self.ram_used_mib

    async def start(
        self,
        image: GuestImage,
        *,
        name: str | None = None,
        options: RunOptions | None = None,
        progress: Progress | None = None,
        on_guest: Callable[[Guest], None] | None = None,
    ) -> Guest:
        """A new guest, running (or paused, if the options say so). `on_guest` gets it before it has loaded.

        Raises OutOfMemory, ImageError, GuestError; nothing of the guest is left on the handset then. To
        cancel, cancel the task that waits here.
        """
        options = options or RunOptions()
        ram_mib = options.ram_of(image)
        if ram_mib < image.least_ram_mib:
            raise OutOfMemory(f"{image.name} needs at least {image.least_ram_mib} MiB of RAM, not {ram_mib}")
        nursery.warm()  # while the image is read
        return await self._put(image, self._free_name(name, image.name), options, progress, on_guest)

    async def open_profile(
        self,
        path: Path,
        *,
        generation: int | None = None,
        unlock: Unlock | None = None,
        name: str | None = None,
        paused: bool = False,
        accept_older: bool = False,
        arriving: bool = False,
        progress: Progress | None = None,
        on_guest: Callable[[Guest], None] | None = None,
    ) -> Guest:
        """The guest of a profile goes on from its head or another generation, and is saved there from now on.

        Where it was off then it is switched on. `accept_older`: also a file that is behind what this computer
        has seen of the profile. `arriving`: for pocketvisor.migration, a phone that is another machine's as
        yet; without it a phone that was moved elsewhere is refused. Raises ProfileError, OutOfMemory,
        GuestError; nothing is left of it then."""
        if progress is not None:
            progress(f"Opening {path.name}")
        nursery.warm()  # while the file is
        file, origin = await asyncio.to_thread(
            open_origin, path, generation, unlock, accept_older, arriving=arriving
        )
        try:
            options = options_of(origin, paused=paused)
            image = origin.image
            governed = await asyncio.to_thread(governor_of, file, self.model, origin)

            def take(guest: Guest) -> None:
                guest.govern(governed)
                guest.profile = GuestProfile(guest, file, origin.manifest.number)
                guest.profile.saved_ns = origin.manifest.created_ns
                if not origin.strange:  # or a file from anywhere could reserve all of the handset
                    guest.fit_qos(origin.record.qos)
                if on_guest is not None:
                    on_guest(guest)

            wanted = self._free_name(name, origin.record.name)
            guest = await self._put(image, wanted, options, progress, take)
        except BaseException:
            await asyncio.to_thread(origin.close)
            await asyncio.to_thread(file.close)
            raise
        if origin.record.running and guest.profile is not None:
            await guest.profile.begun(guest.run.boot)
        network = origin.record.network
        if origin.strange and network is not None and network.mode != "none":
            guest.run_note(
                "has its network cable out: this computer has not seen its profile before. "
                "Attach it where you trust it"
            )
        if (wished := origin.record.qos.reservation) > guest.qos.reservation:
            guest.run_note(f"has {guest.qos.reservation} MIPS reserved here, and had {wished} before")
        return guest

    async def start_from(
        self,
        origin: ProfileOrigin,
        *,
        name: str | None = None,
        rate: str | int | None = None,
        paused: bool = False,
        on_guest: Callable[[Guest], None] | None = None,
    ) -> Guest:
        """A guest that goes on from a generation and is kept nowhere: what the origin is read from stays as
        it is. Its opener closes it, after the guest. Raises ProfileError, OutOfMemory, GuestError."""
        options = options_of(origin, paused=paused)
        if rate is not None:
            options = structs.replace(options, rate=rate)
        wanted = self._free_name(name, origin.record.name)
        governed = await asyncio.to_thread(
            Governed.of, origin.manifest.profile, carried=origin.manifest.policy
        )
        if governed is not None:
            governed.check(Act.CLONE, wanted)
            check_start(governed, wanted, self.model, origin)

        def take(guest: Guest) -> None:
            guest.govern(governed)
            if on_guest is not None:
                on_guest(guest)

        return await self._put(origin.image, wanted, options, None, take)

    async def clone(
        self, guest: Guest, *, name: str | None = None, on_guest: Callable[[Guest], None] | None = None
    ) -> Guest:
        """Another guest that is what this one is now, and goes on beside it. They share memory until it is
        written. Its network cable is out. What governs the one governs the other. Raises GuestError,
        OutOfMemory, Refused."""
        guest.check(Act.CLONE)
        guest.check(Act.MOVE, model=self.model)
        self.check_room(guest.ram_mib, balloon=guest.has_balloon)
        async with guest.capturing:
            guest.check(Act.CLONE)  # the policy may have changed while a save was waited for
            origin = await CloneOrigin.of(guest)
            options = on_its_own(guest.options, origin, paused=guest.state is GuestState.PAUSED)
            try:
                wanted = self._free_name(name, guest.name)
                return await self._put(origin.image, wanted, options, None, _governed_as(guest, on_guest))
            except BaseException:
                origin.close()
                raise
            finally:
                origin.used_up()

    async def branch(
        self,
        past: Guest,
        guest: Guest,
        *,
        name: str | None = None,
        on_guest: Callable[[Guest], None] | None = None,
    ) -> Guest:
        """Another guest that goes on by itself from where this guest's past stands; see debug.timeline. Its
        network cable is out. Raises GuestError, OutOfMemory, Refused."""
        guest.check(Act.CLONE)
        self.check_room(guest.ram_mib, balloon=guest.has_balloon)
        async with past.capturing:
            guest.check(Act.CLONE)
            origin = await CloneOrigin.of(past, guest)
            options = on_its_own(guest.options, origin, paused=False)
            try:
                wanted = self._free_name(name, guest.name)
                return await self._put(origin.image, wanted, options, None, _governed_as(guest, on_guest))
            except BaseException:
                origin.close()
                raise
            finally:
                origin.used_up()

    async def _put(
        self,
        image: GuestImage,
        name: str,
        options: RunOptions,
        progress: Progress | None,
        on_guest: Callable[[Guest], None] | None,
    ) -> Guest:
        """Nothing is left of it where it does not start."""
        if self._closed:
            raise GuestError(f"{self.name} was closed")
        ram_mib, balloon = options.ram_of(image), options.parts_of(image).balloon is not None
        self.check_room(ram_mib, balloon=balloon)
        await self.memory.pressure.make_room(ram_mib << 20, balloon=balloon)
        if self._closed:
            raise GuestError(f"{self.name} was closed")
        self.check_room(ram_mib, balloon=balloon)  # another may have come meanwhile
        guest = Guest(self, image, name, options)
        self.guests.append(guest)
        self._watch_guests()
        self._listeners.emit("guest-added", guest)
        if self.foreground is None:
            self.set_foreground(guest)
        if on_guest is not None:
            on_guest(guest)
        try:
            await guest.boot(progress)
        except BaseException:
            await self.remove(guest)
            raise
        return guest

    async def remove(self, guest: Guest) -> None:
        """Ends the guest and takes it off the handset; comes back within 250 ms. Given up, it goes on by
        itself: close() waits for it."""
        if guest in self.guests:
            self.guests.remove(guest)
            if self.foreground is guest:
                self.set_foreground(self.guests[0] if self.guests else None)
            self._going[guest] = asyncio.create_task(self._end(guest))
        if guest in self._going:
            await asyncio.shield(self._going[guest])

    async def _end(self, guest: Guest) -> None:
        try:
            await guest.remove()
        finally:
            del self._going[guest]
        self._listeners.emit("guest-removed", guest)

    def gone(self, guest: Guest) -> None:
        """For pocketvisor.moving: the guest has left for another handset."""
        self.guests.remove(guest)
        if self.foreground is guest:
            self.set_foreground(self.guests[0] if self.guests else None)
        self._listeners.emit("guest-removed", guest)

    def arrived(self, guest: Guest) -> None:
        """For pocketvisor.moving: it is here now, and in the foreground."""
        guest.name = self._free_name(None, guest.name)
        self.guests.append(guest)
        self._watch_guests()
        guest.moved(self)
        if sentence := guest.fit_qos(guest.qos):
            self.say(sentence)
        self._listeners.emit("guest-added", guest)
        self.set_foreground(guest)

    def set_foreground(self, guest: Guest | None) -> None:
        """The foreground guest holds the phone's panel, touch and keys."""
        if guest is not None and guest not in self.guests:
            raise GuestError(f"{guest.name} is not on {self.name}")
        if guest is not self.foreground:
            self.foreground = guest
            self._listeners.emit("foreground", guest)

    def next_foreground(self) -> None:
        """The next guest in turn."""
        if self.guests:
            at = self.guests.index(self.foreground) if self.foreground is not None else -1
            self.set_foreground(self.guests[(at + 1) % len(self.guests)])

    @property
    def orientation(self) -> int:
        """Degrees that it is turned clockwise: 0, 90, 180 or 270."""
        return self.phone.orientation

    def rotate(self, degrees: int) -> None:
        """Holds it turned clockwise by so much. Raises PhoneError."""
        self.phone.rotate(degrees)

    def find(self, name: str) -> Guest:
        """By name or id, capitals or not. Raises GuestError."""
        for guest in self.guests:
            if guest.id == name or guest.name.casefold() == name.casefold():
                return guest
        raise GuestError(f"There is no guest '{name}' on {self.name}")

    def say(self, sentence: str) -> None:
        """For whoever looks at it."""
        self._listeners.emit("message", sentence)

    async def close(self) -> None:
        """Ends all guests."""
        self._closed = True
        self.phone.stop_walking()
        self.scheduler.stop()
        self.host_bound.stop()
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        await self.memory.stop()
        await asyncio.gather(*(self.remove(guest) for guest in (*self.guests, *self._going)))
        self.memory.close()
        if not LATE.idle:  # the last refusals are written down
            await asyncio.to_thread(LATE.flush)

    def check_room(self, ram_mib: int, besides: Guest | None = None, *, balloon: bool = False) -> None:
        """Raises OutOfMemory where a guest of that RAM does not fit even if the others give back what they
        can; `besides` gives its own back before. `balloon`: whether the new one has one."""
        self.memory.pressure.check(
            ram_mib << 20, balloon=balloon or (besides is not None and besides.has_balloon), besides=besides
        )

    def first_rate(self, guest: Guest) -> int:
        """The rate that a guest starts with: what it is entitled to, until the scheduler has looked at it."""
        return self.scheduler.first_rate(guest) if guest.options.rate == "model" else guest.fixed_rate

    def _free_name(self, wanted: str | None, default: str) -> str:
        taken = {guest.name.casefold() for guest in self.guests}
        if wanted is not None:
            if not wanted.strip() or len(wanted) > 64:
                raise GuestError("A guest's name has 1 to 64 characters")
            if wanted.casefold() in taken:
                raise GuestError(f"There is a guest '{wanted}' on {self.name} already")
            return wanted
        name, number = default, 2
        while name.casefold() in taken:
            name, number = f"{default} {number}", number + 1
        return name

    def _watch_guests(self) -> None:
        self.scheduler.start()
        self.host_bound.start()
        self.memory.start()
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            for guest in tuple(self.guests):
                _try(lambda guest=guest: guest.watch(time.monotonic()))  # type: ignore[misc]
                _try(guest.keep_order)
            _try(self._look_for_policies)
            _try(self.power.look)
            await asyncio.sleep(_WATCH_SECONDS)

    def _look_for_policies(self) -> None:
        """Another program may have brought some."""
        stamp = self._store.stamp()
        if stamp != self._stamp:
            self._stamp = settled(stamp)
            for guest in self.guests:
                guest.look_for_governor()


def _try(look: Callable[[], None]) -> None:
    """A mistake in one look ends none of the others: who is governed is kept in order by them."""
    try:
        look()
    except Exception:
        _log.exception("A look at a handset failed")


def _governed_as(origin: Guest, on_guest: Callable[[Guest], None] | None) -> Callable[[Guest], None]:
    """A guest made of another is bound as that is."""

    def take(guest: Guest) -> None:
        guest.govern(origin.governed)
        if on_guest is not None:
            on_guest(guest)

    return take


__all__ = ["Guest", "GuestState", "Handset", "RunOptions"]
