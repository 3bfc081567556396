"""The SQLite side of a profile: opening a file that nobody vouches for, one writer, several readers.

Left out: what the rows mean. The connection that writes belongs to one thread at a time (`lock`).
"""

import contextlib
import os
import queue
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile.locking import FileLock
from pocketvisor.profile.siblings import check_siblings

APPLICATION: Final = 0x50567068
FORMAT: Final = 1
PAGE: Final = 65536
ROW_MAX: Final = 9 << 20
READERS: Final = 4
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

Row = tuple[Any, ...]


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
        f"file:{quote(str(path.absolute()))}?mode={mode}",
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


class Database:
    """`lock` guards the connection that write() gives; read() is for any thread."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        """Raises ProfileError."""
        self.path = path
        self.read_only = read_only
        self.lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(READERS)
        self._closed = False
        with told(path, "opened"):
            self._file_lock = FileLock.of(path)
        try:
            with told(path, "opened"):
                check_siblings(path)
                self._take()
                with self._borrowed() as connection:
                    check(connection, path)
        except BaseException:
            self._let_go()
            raise

    def _take(self) -> None:
        self._writing = not self.read_only and self._file_lock.take()
        if not self.read_only and not self._writing:
            raise ProfileError(f"{self.path.name} is in use already: only one program or guest writes to it")
        if not self._left_over():
            return
        if self._writing:
            self._recover()
        elif self._file_lock.take():  # nobody is writing
            try:
                with contextlib.suppress(sqlite3.Error, ProfileError):
                    self._recover()
            finally:
                self._file_lock.give_back()

    def _recover(self) -> None:
        """A save was interrupted: what was committed comes into the file, and what lies beside it goes."""
        with contextlib.closing(connect(self.path, "rw")) as connection:
            check(connection, self.path)
            connection.execute("PRAGMA synchronous=EXTRA")
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()
            if os.path.lexists(f"{self.path}-journal"):
                # One that never was whole: SQLite leaves it for the next transaction, and this is one.
                connection.execute(f"PRAGMA user_version={FORMAT}")

    def _left_over(self) -> bool:
        return any(os.path.lexists(f"{self.path}{suffix}") for suffix in ("-wal", "-journal"))

    # --- reading

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """For single statements: one that stays open keeps the log from being emptied."""
        with told(self.path), self._borrowed() as connection:
            yield connection

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        with self._slots:
            if self._closed:
                raise ProfileError(f"{self.path.name} is closed")
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                # A file whose log was left behind is recovered by the first who opens it, which takes 'rw'.
                connection = connect(self.path, "ro" if self.read_only else "rw")
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle.put(connection)

    # --- writing

    @contextlib.contextmanager
    def write(self, doing: str = "saved") -> Iterator[sqlite3.Connection]:
        """The connection that writes. After an error it is a new one, the transaction rolled back."""
        if self.read_only:
            raise ProfileError(f"{self.path.name} was opened for reading alone")
        with self.lock, told(self.path, doing):
            if self._closed:
                raise ProfileError(f"{self.path.name} is closed")
            if self._writer is None:
                self._writer = self._new_writer()
            try:
                yield self._writer
            except BaseException:
                writer, self._writer = self._writer, None
                if writer is not None:
                    writer.close()
                raise

    def _new_writer(self) -> sqlite3.Connection:
        writer = connect(self.path, "rw")
        try:
            check(writer, self.path)
            writer.execute("PRAGMA cache_size=-16384")
            # EXTRA: a journal that came back after a loss of power would undo what the log did since.
            writer.execute("PRAGMA synchronous=EXTRA")
            if writer.execute("PRAGMA journal_mode=WAL").fetchone() != (b"wal",):
                raise ProfileError(f"{self.path.name} cannot be written to: SQLite has no log for it here")
        except BaseException:
            writer.close()
            raise
        return writer

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False, doing: str = "saved") -> Iterator[sqlite3.Connection]:
        """All or nothing; `durable`: it survives a loss of power from the end on, with all before it."""
        with self.write(doing) as writer:
            writer.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            writer.execute("BEGIN IMMEDIATE")
            yield writer
            writer.execute("COMMIT")

    def checkpoint(self, *, whole: bool = True) -> bool:
        """Brings the log into the file. `whole`: and empties it, or False where another program reads."""
        with self.write() as writer:
            writer.execute(f"PRAGMA synchronous={'FULL' if whole else 'NORMAL'}")
            mode = "TRUNCATE" if whole else "PASSIVE"
            busy, *_ = writer.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            return not busy

    def renew(self) -> None:
        """The next one that write() gives is a new connection."""
        with self.lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    # --- the end

    def close(self) -> None:
        """One file, nothing beside it. Raises ProfileError where that cannot be; it is closed anyway."""
        if self._closed:
            return
        for _ in range(READERS):  # whoever reads now, comes to its end
            self._slots.acquire()
        self._closed = True
        for _ in range(READERS):
            self._slots.release()
        self._close_idle()
        with self.lock:
            try:
                with told(self.path, "closed"):
                    self._settle()
            finally:
                self._let_go()

    def _settle(self) -> None:
        if self.read_only or not (self._writer or self._left_over()):
            return
        writer = self._writer or connect(self.path, "rw")
        self._writer = None
        with contextlib.closing(writer):
            writer.execute("PRAGMA synchronous=EXTRA")
            writer.execute("PRAGMA busy_timeout=1000")
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            try:
                writer.execute("PRAGMA journal_mode=DELETE").fetchall()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise  # otherwise another program reads: the empty log goes with its last reader

    def _close_idle(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def _let_go(self) -> None:
        self._closed = True
        self._close_idle()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if getattr(self, "_writing", False):
            self._file_lock.give_back()
        self._file_lock.close()


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """A new file, whole or not at all; one of that name stays as it is. Raises ProfileError."""
    new = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}.new")
    with told(path, "made"):
        if os.path.lexists(path):
            raise ProfileError(f"{path.name} is there already")
        try:
            # Nobody else's from its first byte on: key slots are in it.
            os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with contextlib.closing(connect(new, "rw")) as connection:
                for pragma in (
                    # Straight into the file: a log or journal would be a copy of the key slots elsewhere.
                    "journal_mode=MEMORY",
                    f"page_size={PAGE}",
                    "auto_vacuum=INCREMENTAL",
                    "encoding='UTF-8'",
                    "secure_delete=ON",
                    f"application_id={APPLICATION}",
                    f"user_version={FORMAT}",
                ):
                    connection.execute(f"PRAGMA {pragma}").fetchall()
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("BEGIN IMMEDIATE")
                for sql in SCHEMA:
                    connection.execute(sql)
                fill(connection)
                connection.execute("COMMIT")
            appear(new, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(new)
        sync_folder(path.parent)


def appear(new: Path, path: Path) -> None:
    """A rename that replaces nothing. Raises OSError."""
    try:
        os.link(new, path)
        os.unlink(new)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.rename(new, path)


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
