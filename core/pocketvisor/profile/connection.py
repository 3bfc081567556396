"""A connection to a file that nobody vouches for, and a sentence for whatever SQLite says of it."""

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pocketvisor.errors import DamagedProfile, ProfileError

APPLICATION: Final = 0x50567068
FORMAT: Final = 1
PAGE: Final = 65536
ROW_MAX: Final = 9 << 20
BUSY_SECONDS: Final = 10.0

SCHEMA: Final = (
    "CREATE TABLE records(name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE key_slots(number INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE generations(number INTEGER PRIMARY KEY, parent INTEGER NOT NULL, created INTEGER NOT NULL, "
    "added INTEGER NOT NULL, content BLOB NOT NULL, signature BLOB NOT NULL, manifest BLOB NOT NULL, "
    "label BLOB NOT NULL)",
    "CREATE TABLE chunks(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, body BLOB NOT NULL)",
)
_AUTOMATIC_INDEX: Final = (b"index", b"sqlite_autoindex_chunks_1", b"chunks", None)


@contextlib.contextmanager
def told(path: Path, doing: str = "read") -> Iterator[None]:
    """Makes a sentence of what SQLite or the system says."""
    try:
        yield
    except UnicodeDecodeError as error:  # what SQLite would say of it is damaged as well
        raise DamagedProfile(f"{path.name} is damaged: its tables are not a profile's") from error
    except (sqlite3.DataError, OverflowError) as error:
        raise DamagedProfile(f"{path.name} is damaged: a part of it is larger than it may be") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise ProfileError(f"{path.name} is in use by another program") from error
        if code == sqlite3.SQLITE_FULL:
            raise ProfileError(f"{path.name} cannot be {doing}: the disk is full") from error
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise ProfileError(f"{path.name} cannot be {doing}: {error}") from error
        if code == sqlite3.SQLITE_NOTADB:
            raise DamagedProfile(f"{path.name} is no profile, or its beginning is damaged") from error
        raise DamagedProfile(f"{path.name} is damaged: {error}") from error
    except OSError as error:
        raise ProfileError(f"{path.name} cannot be {doing}: {error.strerror}") from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """One that trusts nothing in the file. `mode`: ro, rw, rwc."""
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_SECONDS,
    )
    try:
        _distrust(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _distrust(connection: sqlite3.Connection) -> None:
    connection.text_factory = bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_MAX)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    for pragma in (
        "trusted_schema=OFF",
        "cell_size_check=ON",
        "mmap_size=0",
        "temp_store=MEMORY",
        "secure_delete=OFF",
        "foreign_keys=OFF",
        "wal_autocheckpoint=0",
        "synchronous=NORMAL",
        "cache_size=-4096",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def check(connection: sqlite3.Connection, path: Path) -> None:
    """That it is a profile of a format that this program knows, and nothing besides."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION:
        raise DamagedProfile(f"{path.name} is no profile")
    if version > FORMAT:
        raise ProfileError(
            f"{path.name} has the format {version}, and this Pocketvisor knows those up to {FORMAT}: "
            "a newer version opens it"
        )
    expected = {(b"table", _name(sql), _name(sql), sql.encode()) for sql in SCHEMA} | {_AUTOMATIC_INDEX}
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT 20").fetchall()
    if version != FORMAT or len(rows) != len(expected) or set(rows) != expected:
        raise DamagedProfile(f"{path.name} is damaged: its tables are not a profile's")


def _name(sql: str) -> bytes:
    return sql.split("(")[0].split()[-1].encode()
