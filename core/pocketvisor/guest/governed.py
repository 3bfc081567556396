"""The half of a Guest that keeps to the policy of its profile. Every door to it asks here before it opens.

The wall is here, below every front end: the window, the command line, the API, a debugger and whoever comes
through a socket meet the same one. A guest whose profile nobody governs has none.

Left out: a program that runs with the user's rights and takes this process apart. What is on the user's own
computer in the clear is the user's; a policy binds those who use Pocketvisor.
"""

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from pocketvisor.errors import GuestError, PocketvisorError, Refused
from pocketvisor.guest.options import LIVE_STATES, GuestState
from pocketvisor.policies.act import Act
from pocketvisor.policies.document import Policy
from pocketvisor.policies.governed import Governed
from pocketvisor.policies.running import keep_alone, run_alone

if TYPE_CHECKING:
    from pocketvisor.guest.guest import Guest
    from pocketvisor.guest.origin import ProfileOrigin
    from pocketvisor.models import HandsetModel
    from pocketvisor.profile.file import ProfileFile
    from pocketvisor.profile.keys import Unlock

IDLE: Final = "idle"
ORDERED: Final = "ordered"
MISPLACED: Final = "misplaced"

_WHILE_LOCKED: Final = frozenset({Act.RUN, Act.SHARE_MEMORY, Act.NETWORK, Act.CALL_SERVICE})
"""What nobody does: it goes on by itself."""
_STANDS_STILL: Final = frozenset({ORDERED, MISPLACED})


class Lock(Struct, frozen=True):
    """Why nobody uses a guest now. `kind`: IDLE, where its user opens it again and it runs on meanwhile;
    ORDERED, where it stands still until whoever governs it lets it go on; MISPLACED, where it stands still
    because its policy wants another handset, and its user may move it to one."""

    kind: str
    why: str


class GuestGoverned:
    """`governed`: what governs its profile; None for a guest of its user's own."""

    governed: Governed | None = None
    lock: Lock | None = None
    used_at = 0.0
    """When somebody touched it or typed last, by uptime()."""
    _ran_when_locked = False
    _idled = False
    """Nobody used it for a while, and its user has not opened it since: also under another lock."""
    _looks = False
    _problem = ""
    _followed: Policy | None = None
    _keeping_order: "asyncio.Task[None] | None" = None
    _once_more: float | None = None
    """When it was asked to keep order while it was at it, by uptime()."""

    @property
    def _itself(self) -> "Guest":
        return cast("Guest", self)

    @property
    def locked(self) -> str:
        """Why nobody may use it now; empty where its user may."""
        return self.lock.why if self.lock is not None else ""

    def look_for_governor(self) -> None:
        """Policies have come to this computer: is there one for this guest? See keep_order()."""
        self._looks = True

    def govern(self, governed: Governed | None) -> None:
        """What governs it from now on, before anybody sees it."""
        self.governed = governed
        self._itself.set_shut(bool(self.allows(Act.CONSOLE)))
        self._follow()

    @property
    def policy_document(self) -> bytes:
        """As a generation carries it."""
        return self.governed.document if self.governed is not None else b""

    def allows(self, act: Act, **details: Any) -> str:
        """Empty, or the sentence why not: for what is greyed out. Nothing is written to the audit log."""
        if self.governed is None:
            return ""
        if self._locks(act):
            return self.locked
        return self.governed.allows(act, **details)

    def check(self, act: Act, **details: Any) -> None:
        """Raises Refused with the sentence, which is in the audit log then."""
        if self.governed is None:
            return
        if self._locks(act):
            self.governed.refused(act, self._itself.name, self.locked)
            raise Refused(self.locked)
        self.governed.check(act, self._itself.name, **details)

    def _locks(self, act: Act) -> bool:
        if self.lock is None or act in _WHILE_LOCKED:
            return False
        return not (act is Act.MOVE and self.lock.kind == MISPLACED)

    @property
    def stands_still(self) -> bool:
        """By order: also where its process says that it runs."""
        return self.lock is not None and self.lock.kind in _STANDS_STILL

    @property
    def would_run(self) -> bool:
        """It runs, or does so again when it is unlocked."""
        state = self._itself.state
        held = state is GuestState.PAUSED and self.stands_still and self._ran_when_locked
        return held or state is GuestState.RUNNING

    def check_orders(self) -> None:
        """Raises Refused, which is in the audit log then, where whoever governs it has it stand still."""
        if self.lock is not None and self.stands_still:
            if self.governed is not None:
                self.governed.refused(Act.RUN, self._itself.name, self.lock.why)
            raise Refused(self.lock.why)

    def used(self) -> bool:
        """Somebody touches it or types: whether that reaches it."""
        self.used_at = uptime()
        return self.lock is None

    # For its handset, twice a second

    def keep_order(self, now: float | None = None) -> None:
        """`now`: by uptime(). What its policy no longer allows ends; it is locked, let go on or wiped as
        its governor says, and as it says from now on: not as it did for a look that is under way."""
        if self.governed is None and self.lock is None and not self._looks:
            return
        now = uptime() if now is None else now
        if self._keeping_order is None or self._keeping_order.done():
            self._keeping_order = asyncio.create_task(self._keep_order(now))
        else:
            self._once_more = now

    async def _keep_order(self, now: float) -> None:
        again: float | None = now
        while again is not None:
            self._once_more = None
            await self._keep_order_once(again)
            again = self._once_more

    async def _keep_order_once(self, now: float) -> None:
        guest = self._itself
        try:
            await self._look()
            if self.governed is not None and guest.profile is not None:
                keep_alone(self.governed, guest.profile.file)
            self._follow()
            standing = self.governed.standing() if self.governed is not None else None
            if standing is not None and standing.locked and self.governed is not None and self.governed.wiped:
                await self._end_wiped(standing.why)
            elif standing is not None and standing.wipe_due:
                await self._wipe(standing.why)
            elif standing is not None and standing.locked:
                await self._set_lock(Lock(ORDERED, standing.why))
            elif misplaced := self._misplaced():
                await self._set_lock(misplaced)
            elif self.lock is None or self.stands_still:
                idle = Lock(IDLE, f"{guest.name} is locked: nobody used it for a while")
                await self._set_lock(idle if self._is_idle(now) or self._idled else None)
            guest.set_shut(bool(self.allows(Act.CONSOLE)))
            if guest.has_debugger and self.allows(Act.DEBUG):
                await guest.end_debugging()
            self._say(self.governed.problem if self.governed is not None else "")
        except PocketvisorError as error:
            self._say(str(error))

    def _say(self, problem: str) -> None:
        """Once: it is tried again twice a second."""
        if problem and problem != self._problem:
            self._itself.run_note(f"could not be kept in order: {problem}")
        self._problem = problem

    async def _look(self) -> None:
        profile = self._itself.profile
        looks, self._looks = self._looks, False  # what comes during this look is for the next one
        if self.governed is None and looks and profile is not None:
            try:
                governed = await asyncio.to_thread(Governed.of_file, profile.file)
            except BaseException:
                self._looks = True
                raise
            if self.governed is None and governed is not None:
                self.govern(governed)
                self._itself.run_note(f"is governed by {governed.organisation} from now on")
                self._itself.lock_changed()
        if self.governed is not None and self.governed.released:
            self._itself.run_note(f"was released by {self.governed.organisation}: nobody governs it any more")
            self.govern(None)
            self._itself.lock_changed()

    def _follow(self) -> None:
        """Whoever keeps to the policy by himself hears of another one."""
        policy = self.governed.policy if self.governed is not None else None
        if policy is not self._followed:
            self._followed = policy
            self._itself.policy_changed()

    def _is_idle(self, now: float) -> bool:
        policy = self.governed.policy if self.governed is not None else None
        minutes = policy.lock.idle_minutes if policy is not None else None
        if not minutes or not self.would_run:
            self.used_at = now
            return False
        if not self.used_at:
            self.used_at = now
        return bool(now - self.used_at >= minutes * 60)

    def _misplaced(self) -> Lock | None:
        """The policy may have come while it ran, or while it moved here."""
        handset = self._itself.handset
        why = self.governed.allows(Act.RUN, model=handset.model) if self.governed is not None else ""
        return Lock(MISPLACED, f"{why}. It stands still until it is moved to one that fits") if why else None

    async def _set_lock(self, lock: Lock | None) -> None:
        guest = self._itself
        before, self.lock = self.lock, lock
        if lock is not None and lock.kind == MISPLACED and lock != before and self.governed is not None:
            self.governed.refused(Act.RUN, guest.name, lock.why, {"model": guest.handset.model})
        if self.stands_still and guest.state is GuestState.RUNNING:
            self._ran_when_locked = True
            with suppress(GuestError):  # one that does not respond is held by its lock
                await guest.pause()
        if lock == before:
            return
        self._idled = self._idled or (lock is not None and lock.kind == IDLE)
        if self._ran_when_locked and not self.stands_still:
            self._ran_when_locked = False
            if guest.state is GuestState.PAUSED:
                await guest.resume()
        guest.run_note(lock.why if lock is not None else "is unlocked")
        guest.lock_changed()

    async def go_on(self) -> None:
        """After a pause that its user did not ask for: as resume(), or, where it was locked meanwhile, when
        whoever has locked it lets it. Raises GuestError."""
        guest = self._itself
        if guest.state is not GuestState.PAUSED:
            return
        if self.stands_still:
            self._ran_when_locked = True
        else:
            await guest.resume()

    async def _wipe(self, why: str) -> None:
        """Its process ends first: what it held in memory is gone before the keys are."""
        assert self.governed is not None
        profile = self._itself.profile
        if profile is not None:
            profile.cancel()
        await self._end_wiped(why)
        if profile is not None:
            await asyncio.to_thread(self.governed.wipe, profile.file, why)

    async def _end_wiped(self, why: str) -> None:
        guest = self._itself
        await self._set_lock(Lock(ORDERED, why))
        if guest.state in LIVE_STATES:
            await guest.kill()
            guest.run_note(f"was wiped: {why}")
        await guest.forget()

    async def unlock(self, unlock: "Unlock | None" = None) -> None:
        """By its user, after it was idle: with what opens its profile, where that is sealed. Raises
        LockedProfile, or Refused where whoever governs it has locked it."""
        if self.lock is None:
            return
        self.check_orders()
        profile = self._itself.profile
        if profile is not None:
            await asyncio.to_thread(profile.file.check_unlock, unlock)
        self.used_at, self._idled = uptime(), False
        self.check_orders()  # one may have come meanwhile
        await self._set_lock(None)


def uptime() -> float:
    """Seconds since this computer was started, its sleep included: who closes it has left his phones idle."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def governor_of(file: "ProfileFile", model: "HandsetModel", origin: "ProfileOrigin") -> Governed | None:
    """What governs a profile that is about to run on such a handset. Blocks. Raises Refused, PolicyError,
    ProfileError."""
    governed = Governed.of_file(file)
    if governed is None:
        return None
    check_start(governed, file.path.stem, model, origin)
    run_alone(governed, file, file.path.stem)
    return governed


def check_start(governed: Governed, who: str, model: "HandsetModel", origin: "ProfileOrigin") -> None:
    """Raises Refused where it may not run on such a handset, or not with what its board has."""
    governed.check(Act.RUN, who, model=model)
    if origin.record.board.semihosting is not None:  # its programs write files of this computer
        governed.check(Act.EXPORT, who)
    if origin.record.board.devices.user:  # they read its memory, and tell what they like
        governed.check(Act.DEBUG, who)
