"""What governs one profile on this machine: the wall that every door to a governed phone asks.

It is the newest of what this machine's store knows and of what the profile's file and its generations carry;
whatever is found newer anywhere is kept in the store, so an older copy of the file undoes nothing. Policies
and orders come in through applying.py.

Left out: a program of the user's own that takes this one apart, or edits both the store and a file that is
not sealed. A policy binds those who use Pocketvisor.
"""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec

from pocketvisor.errors import PolicyError, ProfileError, Refused
from pocketvisor.policies.act import Act
from pocketvisor.policies.audit import AuditLine, AuditLog
from pocketvisor.policies.carried import Governance
from pocketvisor.policies.clock import SECOND, Clock, SeenTime, advanced
from pocketvisor.policies.decisions import Effect, effects, refusal
from pocketvisor.policies.document import Policy
from pocketvisor.policies.keeping import absorbed, read_kept
from pocketvisor.policies.standing import FREE, Standing, standing
from pocketvisor.policies.store import KEEP_TIME, GovernanceStore, Kept, Stamp
from pocketvisor.profile.file import ProfileFile

__all__ = ["Effect", "Governed", "Standing", "effects"]

_GO_ON: Final = frozenset({Act.NETWORK, Act.SHARE_MEMORY, Act.CAMERA, Act.LOCATION})
"""What nobody does, and what is there while a phone is locked: what the policy says of them, holds."""

_LOOK_SECONDS: Final = 5.0
"""Everything is read again so often, whatever the file's time says."""
_FRESH_NS: Final = 50_000_000
"""A file that was written to so lately can be written to again without its time changing."""


class Governed:
    """For any thread. One for each profile that is open; made by of()."""

    def __init__(
        self, profile: bytes, governance: Governance, kept: Kept, store: GovernanceStore, stamp: Stamp | None
    ) -> None:
        self.profile = profile
        self.problem = ""
        """Why the store or the audit log could not be used the last time; what was known holds on."""
        self.audit = AuditLog(profile, store)
        self.store = store
        self._lock = threading.RLock()
        self._governance, self._kept, self._stamp = governance, kept, stamp
        self._looked = time.monotonic()
        self._seen = SeenTime()
        self._kept_time = 0
        self._asked: tuple[Kept, int] | None = None
        self._standing = FREE

    @classmethod
    def of(
        cls,
        profile: bytes,
        *,
        carried: bytes | Iterable[bytes] = (),
        store: GovernanceStore | None = None,
        clock: Clock | None = None,
    ) -> "Governed | None":
        """None where nobody governs it. `carried`: what its file, or some of its generations, say of it.

        Raises PolicyError where that is damaged and this machine knows nothing better: then nobody can say
        what would be allowed."""
        store = store or GovernanceStore(clock=clock)
        blobs = [carried] if isinstance(carried, bytes) else list(carried)
        blobs = [blob for blob in blobs if blob]
        stamp = store.stamp()
        kept = store.kept(profile) if stamp is not None else None
        new = absorbed(kept, blobs, profile)
        if new.kept is not None and new.kept != kept:
            stamp = None
            kept = store.change(profile, lambda old: absorbed(old, blobs, profile).kept)
        if kept is None:
            return None
        made = cls(profile, read_kept(kept, profile), kept, store, stamp)
        for problem in new.problems:
            made._append("conflict", "this computer", problem)
        return None if made.released else made

    @classmethod
    def of_file(
        cls,
        file: ProfileFile,
        *,
        carried: bytes = b"",
        store: GovernanceStore | None = None,
        clock: Clock | None = None,
    ) -> "Governed | None":
        """Of a profile's file: its record, the newest generations if it is unlocked, and what another one
        carries. The record is brought in line where it is behind, and a wipe that was interrupted is
        finished. Raises PolicyError, ProfileError."""
        governed = cls.of(file.id, carried=[*carried_by(file), carried], store=store, clock=clock)
        if governed is not None:
            governed.bring_in_line(file)
            if governed.standing().wipe_due and not file.read_only:
                governed.wipe(file)
        return governed

    # What it is

    @property
    def policy(self) -> Policy:
        return self._governance.policy.policy

    @property
    def governance(self) -> Governance:
        return self._governance

    @property
    def authority(self) -> bytes:
        """The public half of the key that governs it."""
        return self._governance.carried.authority

    @property
    def organisation(self) -> str:
        """To show: never empty."""
        return self.policy.organisation or f"key {self.authority.hex()[:8]}"

    @property
    def released(self) -> bool:
        return self.policy.release and not self._kept.wipe

    @property
    def wiped(self) -> bool:
        return self._kept.wipe == "done"

    @property
    def serial(self) -> int:
        """The greatest of an order so far: the next one's is greater."""
        return self._kept.serial

    @property
    def document(self) -> bytes:
        """What a generation, a record, another machine is to carry of it."""
        return self._kept.carried

    # Doors

    def allows(self, act: Act, **details: Any) -> str:
        """Empty, or the sentence why not. Nothing is written to the audit log."""
        self.changed()
        if act not in _GO_ON and (why := self.standing().why):
            return why
        return "" if self.released else refusal(self.policy, act, details)

    def check(self, act: Act, who: str = "", **details: Any) -> None:
        """Raises Refused with the sentence, which is in the audit log then."""
        if sentence := self.allows(act, **details):
            self.refused(act, who, sentence, details)
            raise Refused(sentence)

    def refused(self, act: Act, who: str, sentence: str, details: dict[str, Any] | None = None) -> None:
        """Writes it down, for a door that has decided already."""
        more = {key: getattr(value, "id", value) for key, value in (details or {}).items()}
        self._append(f"refused: {act}", who, sentence, more)

    def effects(self) -> list[Effect]:
        """What each side may do, line by line."""
        return effects(self.policy)

    # Time and orders

    def now_ns(self) -> int:
        """Never less than ever before."""
        with self._lock:
            self._seen = advanced(self._seen, self.store.clock)
            if self._seen.time_ns - self._kept_time >= KEEP_TIME or not self._kept_time:
                try:
                    before = self.store.stamp()
                    seen = self.store.keep_time(self._seen)
                    if self._stamp is not None and before == self._stamp:
                        self._stamp = self.store.stamp()
                    self._seen, self._kept_time = seen, seen.time_ns
                except PolicyError as error:
                    self.problem = str(error)
                    self._kept_time = self._kept_time or 1
            return self._seen.time_ns

    def standing(self) -> Standing:
        """Whether it may be used now. What another program has brought counts at once."""
        self.changed()
        with self._lock:
            governance, kept = self._governance, self._kept
            if self.released:
                return FREE
            now = self.now_ns()
            asked = (kept, now // SECOND)
            if asked != self._asked:  # hours of a time zone cost half a millisecond
                self._standing = standing(governance, kept.wipe, kept.wipe_why, now)
                self._asked = asked
            return self._standing

    def changed(self) -> bool:
        """Whether another policy or order has come since the last look; cheap enough for every look."""
        with self._lock:
            stamp = self.store.stamp()
            same = stamp is not None and stamp == self._stamp
            if same and time.monotonic() - self._looked < _LOOK_SECONDS:
                return False
            self._looked = time.monotonic()
            self._stamp = self._trusted(stamp)
            try:
                return self._look()
            except PolicyError as error:  # what was known holds on
                self.problem = str(error)
                return False

    def _trusted(self, stamp: Stamp | None) -> Stamp | None:
        """None where the file may be written to again and look the same."""
        if stamp is None or abs(time.time_ns() - stamp.time_ns) < _FRESH_NS:
            return None
        return stamp

    def _look(self) -> bool:
        kept = self.store.kept(self.profile)
        if kept == self._kept:
            return False
        own = self._kept
        # A store that was deleted or put back gets what is known here once more.

        def restored(old: Kept | None) -> Kept | None:
            return _not_undone(absorbed(old, [own.carried], self.profile).kept, own)

        new = restored(kept)
        if new != kept:
            new = self.store.change(self.profile, restored)
        if new is None or new == own:
            return False
        self._governance, self._kept = read_kept(new, self.profile), new
        self._stamp = None
        return True

    # The profile's file

    def bring_in_line(self, file: ProfileFile) -> None:
        """The file's record says what the store says. Raises ProfileError."""
        self.changed()
        if not file.read_only and file.carried != self.document:
            file.carry(self.document)

    def wipe(self, file: ProfileFile, why: str = "") -> None:
        """Its keys go, and the content of one that is not sealed. Interrupted anywhere, the next call goes
        on. Raises ProfileError, PolicyError."""
        why = why or self.standing().why

        def begin(kept: Kept | None) -> Kept | None:
            if kept is None or kept.wipe:
                return kept
            return msgspec.structs.replace(kept, wipe="begun", wipe_why=why[:400])

        def end(kept: Kept | None) -> Kept | None:
            if kept is None or kept.wipe != "begun":
                return kept  # let go on meanwhile, or through already
            return msgspec.structs.replace(kept, wipe="done")

        self.store.change(self.profile, begin)
        self._append("wipe begun", "this computer", why)
        file.wipe()
        self.store.change(self.profile, end)
        self._append("wiped", "this computer", why)
        with self._lock:
            self._stamp = None
        self.changed()

    # The audit log

    def _append(self, what: str, who: str, said: str, more: dict[str, Any] | None = None) -> None:
        try:
            self.audit.append(what, who, said, more)
        except PolicyError as error:  # a log that is full keeps no door open, and no lock shut
            self.problem = str(error)

    def log(self, after: int = 0, limit: int = 1000) -> list[AuditLine]:
        """Raises PolicyError."""
        return self.audit.lines(after, limit)


def carried_by(file: ProfileFile) -> list[bytes]:
    """What a profile's file says of what governs it, and its newest generations where it is unlocked."""
    found = [file.carried]
    with suppress(ProfileError):  # locked, or a generation is damaged: the record has the newest in any case
        for number in {file.last, file.head} - {0}:
            with suppress(ProfileError):
                found.append(file.manifest(number).policy)
    return [blob for blob in dict.fromkeys(found) if blob]


def _not_undone(new: Kept | None, own: Kept) -> Kept | None:
    """A wipe that has begun goes on in a store that was put back to before it."""
    if new is None or not own.wipe or new.wipe or new.carried != own.carried:
        return new
    return msgspec.structs.replace(new, wipe=own.wipe, wipe_why=own.wipe_why)
