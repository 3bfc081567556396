"""What this user's machine remembers of profiles it has seen: the newest generation of each, and leases.

A profile is a file, and a file can be replaced by an older copy of itself; nothing in the file can tell. So
the newest generation seen is kept outside: an older one is refused with its reason, and so is another one of
the same number (two copies of the profile that went on separately). The lease records belong to moving
between machines: small, not understood here, changed by compare-and-swap. Everything is durable when a call
returns, and any number of processes use the ledger at once.

Left out: profiles never seen on this machine (nothing is known of them), and a ledger that is itself put
back.
"""

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from pocketvisor.errors import ProfileError
from pocketvisor.profile.signing import ID_SIZE
from pocketvisor.storage.small_database import SmallDatabase

APPLICATION_ID = 0x50564C47  # "PVLG"
VERSION = 1
MAX_LEASE = 4096
MAX_DIGEST = 64
MAX_PROFILES = 20_000
SCHEMA = """
CREATE TABLE seen (
    profile BLOB PRIMARY KEY, generation INTEGER NOT NULL, digest BLOB NOT NULL, time INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE lease (profile BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
"""


class OlderProfile(ProfileError):
    """A profile is older than the one seen on this machine before, or went on apart from it."""


@dataclass(frozen=True, slots=True)
class Seen:
    generation: int
    digest: bytes


def ledger_path() -> Path:
    return user_data_path("pocketvisor") / "ledger.sqlite"


class Ledger:
    """Each call is one transaction: see storage/small_database.py."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or ledger_path()
        self._database = SmallDatabase(
            self.path,
            application_id=APPLICATION_ID,
            version=VERSION,
            schema=SCHEMA,
            error=ProfileError,
            what="remembers the profiles seen here",
        )

    def seen(self, profile: bytes) -> Seen | None:
        with self._database.transaction("DEFERRED") as connection:
            return _seen(connection, _valid(profile))

    def check(self, profile: bytes, generations: Mapping[int, bytes]) -> None:
        """Raise OlderProfile where a file with these generations (number: digest) is not a later state of
        what was seen here."""
        _refuse_older(self.seen(profile), generations)

    def record(self, profile: bytes, generations: Mapping[int, bytes], *, accept_older: bool = False) -> None:
        """Remember the newest of these generations. Checked first, in the same transaction, unless the user
        said that an older state is what they want."""
        newest = max(generations, default=0)
        digest = generations.get(newest, b"")
        if generations and not (0 <= newest < 1 << 63 and 0 < len(digest) <= MAX_DIGEST):
            raise ValueError("no generation")
        with self._database.transaction() as connection:
            if not accept_older:
                _refuse_older(_seen(connection, _valid(profile)), generations)
            connection.execute("DELETE FROM seen WHERE profile = ?", (profile,))
            if not generations:
                return
            connection.execute(
                "INSERT INTO seen VALUES (?, ?, ?, ?)", (profile, newest, digest, time.time_ns())
            )
            (count,) = connection.execute("SELECT count(*) FROM seen").fetchone()
            if count > MAX_PROFILES:  # a bound on the file: what was not used for longest goes, leases never
                connection.execute("DELETE FROM seen WHERE time = (SELECT min(time) FROM seen)")

    def lease(self, profile: bytes) -> bytes | None:
        with self._database.transaction("DEFERRED") as connection:
            return _lease(connection, _valid(profile))

    def swap_lease(self, profile: bytes, expected: bytes | None, new: bytes | None) -> bool:
        """Replace the record if it still is `expected`; None means that there is none. On the disk when it
        returns."""
        if new is not None and len(new) > MAX_LEASE:
            raise ValueError(f"a lease record has at most {MAX_LEASE} bytes")
        with self._database.transaction() as connection:
            if _lease(connection, _valid(profile)) != expected:
                return False
            if new is None:
                connection.execute("DELETE FROM lease WHERE profile = ?", (profile,))
                return True
            if expected is None:
                (count,) = connection.execute("SELECT count(*) FROM lease").fetchone()
                if count >= MAX_PROFILES:
                    raise ProfileError(f"{self.path} holds {count} leases already: no room for another")
            connection.execute("INSERT OR REPLACE INTO lease VALUES (?, ?)", (profile, new))
            return True

    def leases(self) -> dict[bytes, bytes]:
        """All lease records: what is to be settled after a crash."""
        with self._database.transaction("DEFERRED") as connection:
            rows = connection.execute("SELECT profile, record FROM lease").fetchall()
        return {bytes(profile): bytes(record) for profile, record in rows}


def _valid(profile: bytes) -> bytes:
    if len(profile) != ID_SIZE:
        raise ValueError("no profile id")
    return profile


def _seen(connection: sqlite3.Connection, profile: bytes) -> Seen | None:
    row = connection.execute("SELECT generation, digest FROM seen WHERE profile = ?", (profile,)).fetchone()
    return Seen(int(row[0]), bytes(row[1])) if row else None


def _lease(connection: sqlite3.Connection, profile: bytes) -> bytes | None:
    row = connection.execute("SELECT record FROM lease WHERE profile = ?", (profile,)).fetchone()
    return bytes(row[0]) if row else None


def _refuse_older(seen: Seen | None, generations: Mapping[int, bytes]) -> None:
    if seen is None:
        return
    newest = max(generations, default=0)
    if newest < seen.generation:
        raise OlderProfile(
            f"An older copy: it ends at generation {newest}, and generation {seen.generation} of the same"
            " profile was seen on this machine"
        )
    if generations.get(seen.generation, seen.digest) != seen.digest:
        raise OlderProfile(
            f"Its generation {seen.generation} is another one than was seen on this machine: two copies of"
            " the profile went on separately"
        )
