"""What governs one profile on this machine: the wall that every door to a governed phone asks.

It is the newest of what this machine's store knows and of what the profile's file and its generations carry;
whatever is found newer anywhere is kept in the store, so an older copy of the file undoes nothing. Policies
and orders come in through applying.py.

Left out: a program of the user's own that takes this one apart, or edits both the store and a file that is
not sealed. A policy binds those who use Pocketvisor.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import msgspec

from pocketvisor.errors import PolicyError, ProfileError, Refused
from pocketvisor.policies.act import Act
from pocketvisor.policies.audit import AuditLine, AuditLog
from pocketvisor.policies.carried import Governance
from pocketvisor.policies.clock import SECOND, Clock
from pocketvisor.policies.decisions import Effect, effects, refusal
from pocketvisor.policies.document import Policy
from pocketvisor.policies.followed import Followed
from pocketvisor.policies.keeping import absorbed, read_kept
from pocketvisor.policies.late import on_a_loop
from pocketvisor.policies.late_lines import Entry
from pocketvisor.policies.standing import FREE, Standing, standing
from pocketvisor.policies.store import GovernanceStore, Kept, Stamp, settled
from pocketvisor.profile.file import ProfileFile

__all__ = ["Effect", "Governed", "Standing", "effects"]

_GO_ON: Final = frozenset({Act.NETWORK, Act.SHARE_MEMORY, Act.CAMERA, Act.LOCATION})
"""What nobody does, and what is there while a phone is locked: what the policy says of them, holds."""


class Governed(Followed):
    """For any thread. One for each profile that is open; made by of()."""

    def __init__(
        self, profile: bytes, governance: Governance, kept: Kept, store: GovernanceStore, stamp: Stamp | None
    ) -> None:
        super().__init__(profile, governance, kept, store, stamp)
        self.audit = AuditLog(profile, store)
        self._asked: tuple[Kept, int] | None = None
        self._standing = FREE
        self._log_problem = ""

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
        there = store.stamp()
        stamp = settled(there)
        kept = store.kept(profile) if there is not None else None
        new = absorbed(kept, blobs, profile)
        if new.kept is not None and new.kept != kept:
            stamp = None
            kept = store.change(profile, lambda old: absorbed(old, blobs, profile).kept)
        if kept is None:
            return None
        made = cls(profile, read_kept(kept, profile), kept, store, stamp)
        made.now_ns()  # what was seen before: whoever asks on an event loop does not wait for that
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
    def problem(self) -> str:
        """Why the store or the audit log cannot be used; what was known holds on."""
        return self._store_problem or self._log_problem

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
        """Writes it down, for a door that has decided already: at once, or for who asks on an event loop
        within moments. It is refused whether that can be written or not."""
        more = {key: getattr(value, "id", value) for key, value in (details or {}).items()}
        if on_a_loop():
            self.audit.soon(Entry(f"refused: {act}", who, sentence, more, self.now_ns()), self._log_told)
        else:
            self._append(f"refused: {act}", who, sentence, more)

    def effects(self) -> list[Effect]:
        """What each side may do, line by line."""
        return effects(self.policy)

    # Time and orders

    def standing(self) -> Standing:
        """Whether it may be used now. What another program has brought counts at once."""
        self.changed()
        with self._lock:
            governance, kept = self._governance, self._kept
            if self.released:
                return FREE
        now = self.now_ns()
        with self._lock:
            asked = (kept, now // SECOND)
            if asked != self._asked:  # hours of a time zone cost half a millisecond
                self._standing = standing(governance, kept.wipe, kept.wipe_why, now)
                self._asked = asked
            return self._standing

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
            self._log_told("")
        except PolicyError as error:  # a log that is full keeps no door open, and no lock shut
            self._log_told(str(error))

    def _log_told(self, problem: str) -> None:
        self._log_problem = problem

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
