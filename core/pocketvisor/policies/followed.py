"""What the store says of one profile, kept up with: what time it is, which policy and orders are there now.

Whoever asks off an event loop waits for the disk and for other programs. On an event loop nobody does: time
is written down by a thread, and while another program is in the midst of writing, what was known holds on.
"""

import threading
import time
from typing import Final

import msgspec

from pocketvisor.errors import PolicyError
from pocketvisor.policies.carried import Governance
from pocketvisor.policies.clock import SeenTime, advanced
from pocketvisor.policies.keeping import absorbed, read_kept
from pocketvisor.policies.late import LATE, on_a_loop
from pocketvisor.policies.store import KEEP_TIME, GovernanceStore, Kept, Stamp, StoreBusy, settled
from pocketvisor.storage.small_database import WAIT

_LOOK_SECONDS: Final = 5.0
"""Everything is read again so often, whatever the file's time says."""


class Followed:
    """For any thread."""

    def __init__(
        self, profile: bytes, governance: Governance, kept: Kept, store: GovernanceStore, stamp: Stamp | None
    ) -> None:
        self.profile = profile
        self.store = store
        self._lock = threading.RLock()
        """Held for moments alone."""
        self._governance, self._kept, self._stamp = governance, kept, stamp
        self._looked = time.monotonic()
        self._seen = SeenTime()
        self._kept_time = 0
        self._keeping_time = False
        self._store_problem = ""

    def now_ns(self) -> int:
        """Never less than ever before."""
        with self._lock:
            self._seen = advanced(self._seen, self.store.clock)
            if self._seen.time_ns - self._kept_time < KEEP_TIME and self._kept_time:
                return self._seen.time_ns
            later = bool(self._kept_time) and on_a_loop()  # what was seen first of all has to be read
            if not later:
                self._keeping_time = True
            elif not self._keeping_time:
                self._keeping_time = True
                LATE.soon((self, "time"), self._keep_time)
        if not later:
            self._keep_time()
        return self._seen.time_ns

    def _keep_time(self) -> None:
        """Blocks."""
        try:
            seen = self.store.keep_time(self._seen)
            problem = ""
        except PolicyError as error:
            seen, problem = self._seen, str(error)
        with self._lock:
            if seen.time_ns >= self._seen.time_ns:
                self._seen = seen
            self._kept_time = self._seen.time_ns if not problem else self._kept_time or 1
            self._keeping_time = False
            self._store_problem = problem

    def changed(self) -> bool:
        """Whether another policy or order has come since the last look; cheap enough for every look.

        On an event loop it waits for nobody: while another program is in the midst of writing, what was
        known holds on, and a thread looks as soon as that is through."""
        with self._lock:
            stamp = self.store.stamp()
            same = stamp is not None and stamp == self._stamp
            if same and time.monotonic() - self._looked < _LOOK_SECONDS:
                return False
            self._looked = time.monotonic()
            self._stamp = settled(stamp)
        waits = not on_a_loop()
        try:
            if not waits and stamp is None:  # it has to be made anew
                raise StoreBusy
            return self._look(waits)
        except StoreBusy as error:
            with self._lock:
                self._stamp = None
            if waits:
                self._store_problem = str(error)
            else:
                LATE.soon((self, "look"), self._look_late)
        except PolicyError as error:  # what was known holds on
            self._store_problem = str(error)
        return False

    def _look_late(self) -> None:
        try:
            self._look(True)
        except PolicyError as error:
            self._store_problem = str(error)

    def _look(self, waits: bool) -> bool:
        """Raises PolicyError."""
        own = self._kept
        kept = self.store.kept(self.profile, WAIT if waits else 0.0)
        self._store_problem = ""
        if kept == own:
            return False
        # A store that was deleted or put back gets what is known here once more.

        def restored(old: Kept | None) -> Kept | None:
            return _not_undone(absorbed(old, [own.carried], self.profile).kept, own)

        new = restored(kept)
        if new != kept:
            if waits:
                new = self.store.change(self.profile, restored)
            else:
                LATE.soon((self, "look"), self._look_late)
        if new is None or new == own:
            return False
        governance = read_kept(new, self.profile)
        with self._lock:
            self._stamp = None
            if self._kept is not own:  # another thread has seen more meanwhile
                return False
            self._governance, self._kept = governance, new
        return True


def _not_undone(new: Kept | None, own: Kept) -> Kept | None:
    """A wipe that has begun goes on in a store that was put back to before it."""
    if new is None or not own.wipe or new.wipe or new.carried != own.carried:
        return new
    return msgspec.structs.replace(new, wipe=own.wipe, wipe_why=own.wipe_why)
