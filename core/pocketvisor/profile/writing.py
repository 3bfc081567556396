"""Chunks on their way into the file: collected, each once, in transactions that the record `pending` covers.

One at a time for a file. What was written and not finished is deleted, at the latest at the next opening.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pocketvisor.errors import ProfileError
from pocketvisor.profile.database import Database
from pocketvisor.profile.rows import Pending, get_record, put_record

TRANSACTION: Final = 8 << 20
"""Bytes; a transaction writes every index page that it touches once, so larger ones write less."""
LOG_MAX: Final = 32 << 20
"""Bytes that stand in the log before they are brought into the file."""
LOG_SMALL: Final = 2 << 20
_AT_ONCE: Final = 500


class ChunkWriter:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[bytes, bytes] = {}
        self._waiting_bytes = 0
        self._log_bytes = 0
        self._first = 0
        self._next = 0
        self.added = 0
        """Bytes of chunks that were not in the file before."""

    def add(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """(id, body) each; one that is there already costs nothing. Raises ProfileError."""
        for own, body in rows:
            if own not in self._waiting:
                self._waiting[own] = body
                self._waiting_bytes += len(body)
        if self._waiting_bytes >= TRANSACTION:
            self.flush()

    def waits(self, own: bytes) -> bytes | None:
        """The body of one that is not in the file yet."""
        return self._waiting.get(own)

    def flush(self) -> None:
        if not self._waiting:
            return
        marked = self._first
        try:
            self._write_waiting()
        except BaseException:
            self._first = marked  # the mark was rolled back as well: the next flush makes it again
            raise
        if self._log_bytes >= LOG_MAX:
            self._database.checkpoint(whole=False)
            self._log_bytes = 0

    def _write_waiting(self) -> None:
        with self._database.transaction() as connection:
            self._mark(connection)
            for own in known(connection, self._waiting):
                self._waiting_bytes -= len(self._waiting.pop(own))
            numbered = [
                (number, own, body) for number, (own, body) in enumerate(self._waiting.items(), self._next)
            ]
            connection.executemany("INSERT INTO chunks(number, id, body) VALUES(?, ?, ?)", numbered)
        self._next += len(numbered)
        self.added += self._waiting_bytes
        self._log_bytes += self._waiting_bytes
        self._waiting.clear()
        self._waiting_bytes = 0

    def _mark(self, connection: sqlite3.Connection) -> None:
        if self._first:
            return
        pending = get_record(connection, "pending", Pending)
        if pending is None:
            highest = connection.execute("SELECT max(number) FROM chunks").fetchone()[0] or 0
            pending = Pending(highest + 1)
            put_record(connection, "pending", pending)
            self._next = pending.first
        else:  # chunks that were received and kept go on
            self._next = (connection.execute("SELECT max(number) FROM chunks").fetchone()[0] or 0) + 1
        self._first = pending.first

    def finish(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        """Everything, and what `fill` does, is durable and in the file itself when this returns."""
        self.flush()
        if self._log_bytes > LOG_SMALL:  # a full disk is found before the generation is there
            self._database.checkpoint(whole=False)
        with self._database.transaction(durable=True) as connection:
            fill(connection)
            connection.execute("DELETE FROM records WHERE name = 'pending'")
        self._first = 0
        try:
            self._database.checkpoint()
        except ProfileError as error:
            name = self._database.path.name
            raise ProfileError(f"{name} is saved, but in its log beside the file alone: {error}") from error

    def abandon(self) -> None:
        """Where even that fails (a full disk), the next opening does it."""
        self._waiting.clear()
        with contextlib.suppress(ProfileError):
            if self._first:
                clear_pending(self._database)
        self._first = 0


def clear_pending(database: Database) -> None:
    """Deletes the chunks of a save that came to no end."""
    with database.transaction(durable=True) as connection:
        pending = get_record(connection, "pending", Pending)
        if pending is not None:
            connection.execute("DELETE FROM chunks WHERE number >= ?", (pending.first,))
            connection.execute("DELETE FROM records WHERE name = 'pending'")
    shrink(database)


def shrink(database: Database, least: float = 0.0) -> None:
    """Gives free pages back to the file system, some at a time: readers and the disk get their turns.

    Nothing happens where they are less than this part of the file."""
    free, whole = _pages(database)
    while free > whole * least:
        with database.transaction() as connection:
            connection.execute("PRAGMA incremental_vacuum(512)").fetchall()
        database.checkpoint(whole=False)
        (free, whole), before = _pages(database), free
        if free >= before:
            break
    database.checkpoint()


def _pages(database: Database) -> tuple[int, int]:
    """Those that are free, and all."""
    with database.write() as connection:
        free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
        whole: int = connection.execute("PRAGMA page_count").fetchone()[0]
        return free, whole


def known(connection: sqlite3.Connection, ids: Iterable[bytes]) -> Iterator[bytes]:
    """Those of them that the file has."""
    ids = list(ids)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        yield from (
            own
            for (own,) in connection.execute(f"SELECT id FROM chunks WHERE id IN ({marks})", some).fetchall()
        )
