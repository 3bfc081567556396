"""The SQLite side of a profile: one writer, several readers, and one file when it is closed.

Left out: what the rows mean. The connection that writes belongs to one thread at a time (`lock`).
"""

import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pocketvisor.errors import ProfileError
from pocketvisor.profile.connection import FORMAT, check, connect, told
from pocketvisor.profile.locking import FileLock
from pocketvisor.profile.siblings import check_siblings

READERS: Final = 4


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
        self._ending = threading.Lock()
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
            # From now on others can only keep the log from being emptied, which is not worth a long wait.
            writer.execute("PRAGMA busy_timeout=1000").fetchall()
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
        """One file, nothing beside it. Raises ProfileError where that cannot be; it is closed anyway. Of two
        that close it at once, one does, and the other waits for that."""
        with self._ending:
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
