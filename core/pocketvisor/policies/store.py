"""What this user's machine remembers of governed profiles: outside their files, which can be replaced.

One file beside the ledger: each call is one transaction, durable when it returns, for any number of
processes. Left out: a store that is itself put back or deleted. What governs a profile is then
found in its file and its generations again, but not what they never got.
"""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from platformdirs import user_data_path

from pocketvisor.errors import PolicyError
from pocketvisor.policies.clock import SECOND, Clock, SeenTime, SystemClock, advanced
from pocketvisor.storage.small_database import WAIT, SmallDatabase

APPLICATION_ID: Final = 0x50564753  # "PVGS"
VERSION: Final = 1
STATE_MAX: Final = 80 << 10
PROFILES_MAX: Final = 20_000
KEEP_TIME: Final = 60 * SECOND
_FRESH_NS: Final = 50_000_000
"""A file that was written to so lately can be written to again without its time changing."""

SCHEMA = """
CREATE TABLE governed (profile BLOB PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE audit (
    profile BLOB PRIMARY KEY, first INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE time (one INTEGER PRIMARY KEY CHECK (one = 1), seen BLOB NOT NULL);
"""

Wipe = Literal["", "begun", "done"]


class StoreBusy(PolicyError):
    """Another program holds the store for longer than whoever asked can wait."""


class Kept(Struct, frozen=True, array_like=True, kw_only=True):
    """Of one profile. `carried` is as in its file (carried.py)."""

    carried: bytes
    serial: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    """The greatest of an order that was accepted here, or that a copy had."""
    wipe: Wipe = ""
    wipe_why: Annotated[str, Meta(max_length=400)] = ""


class AuditHead(Struct, frozen=True):
    """`first`: the oldest line that there has to be."""

    first: int
    number: int
    hash: bytes


class Stamp(Struct, frozen=True):
    """Whether the store was written to, without opening it."""

    file: int
    time_ns: int
    size: int


def settled(stamp: Stamp | None) -> Stamp | None:
    """To compare with a later one: None where the file may be written to again and look the same. Asked
    before what it holds is read: what is written between the two is then seen by the next look."""
    if stamp is None or abs(time.time_ns() - stamp.time_ns) < _FRESH_NS:
        return None
    return stamp


def store_path() -> Path:
    return user_data_path("pocketvisor") / "governance.sqlite"


class GovernanceStore:
    def __init__(self, path: Path | None = None, clock: Clock | None = None) -> None:
        self.path = path or store_path()
        self._database = SmallDatabase(
            self.path,
            application_id=APPLICATION_ID,
            version=VERSION,
            schema=SCHEMA,
            error=PolicyError,
            what="remembers what governs phones here",
            busy=StoreBusy,
        )
        self.clock = clock or SystemClock()

    # What governs profiles

    def kept(self, profile: bytes, wait: float = WAIT) -> Kept | None:
        """Raises StoreBusy where another program writes to it for as long."""
        with self._database.transaction("DEFERRED", wait) as connection:
            return self._kept(connection, profile)

    def profiles(self) -> list[bytes]:
        with self._database.transaction("DEFERRED") as connection:
            rows = connection.execute("SELECT profile FROM governed ORDER BY profile").fetchall()
        return [bytes(profile) for (profile,) in rows]

    def change(self, profile: bytes, change: Callable[[Kept | None], Kept | None]) -> Kept | None:
        """What `change` makes of what is kept, in one transaction; what is kept now. An error in it
        leaves all as it was."""
        with self._database.transaction() as connection:
            old = self._kept(connection, profile)
            new = change(old)
            if new is None or new == old:
                return old
            blob = msgspec.msgpack.encode(new)
            if len(profile) != 16 or len(blob) > STATE_MAX:
                raise PolicyError("What governs the profile is larger than it may be")
            if old is None:
                (count,) = connection.execute("SELECT count(*) FROM governed").fetchone()
                if count >= PROFILES_MAX:
                    raise PolicyError(f"{self.path} knows {count} governed profiles: no room for another")
            connection.execute("INSERT OR REPLACE INTO governed VALUES (?, ?)", (profile, blob))
            return new

    def _kept(self, connection: sqlite3.Connection, profile: bytes) -> Kept | None:
        row = connection.execute("SELECT state FROM governed WHERE profile = ?", (profile,)).fetchone()
        if row is None:
            return None
        try:
            return msgspec.msgpack.decode(row[0], type=Kept)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            raise PolicyError(f"{self.path}, which remembers what governs phones here, is damaged") from None

    # Time

    def now_ns(self) -> int:
        """Never less than ever before; written down once a minute."""
        with self._database.transaction("DEFERRED") as connection:
            seen = _seen(connection)
        new = advanced(seen, self.clock)
        if new.time_ns - seen.time_ns >= KEEP_TIME or new.boot != seen.boot:
            new = self.keep_time(new)
        return new.time_ns

    def keep_time(self, seen: SeenTime) -> SeenTime:
        """Writes down what time it is for one who saw this; the later of both is it."""
        with self._database.transaction() as connection:
            kept = _seen(connection)
            new = advanced(kept, self.clock)
            new = msgspec.structs.replace(new, time_ns=max(new.time_ns, seen.time_ns))
            if new.time_ns - kept.time_ns >= KEEP_TIME or new.boot != kept.boot:
                blob = msgspec.msgpack.encode(new)
                connection.execute("INSERT OR REPLACE INTO time VALUES (1, ?)", (blob,))
            return new

    # The newest line of each audit log

    def audit_head(self, profile: bytes) -> AuditHead | None:
        with self._database.transaction("DEFERRED") as connection:
            row = connection.execute(
                "SELECT first, number, hash FROM audit WHERE profile = ?", (profile,)
            ).fetchone()
        return AuditHead(int(row[0]), int(row[1]), bytes(row[2])) if row else None

    def set_audit_head(self, profile: bytes, head: AuditHead) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO audit VALUES (?, ?, ?, ?)",
                (profile, head.first, head.number, head.hash),
            )

    # The file

    def stamp(self) -> Stamp | None:
        """None where there is no store yet."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return Stamp(status.st_ino, status.st_mtime_ns, status.st_size)


def _seen(connection: sqlite3.Connection) -> SeenTime:
    row = connection.execute("SELECT seen FROM time").fetchone()
    if row is None:
        return SeenTime()
    try:
        return msgspec.msgpack.decode(row[0], type=SeenTime)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        raise PolicyError("The time that was seen last, which policies need, cannot be read") from None
