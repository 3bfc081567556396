"""A small database of this user's machine: each transaction opens the file and closes it again, is durable
when it is through, and any number of processes use it at once: nothing stays locked or half done.

It is never thrown away and begun anew where it cannot be read: what it remembers is what nobody may lose.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pocketvisor.errors import PocketvisorError

WAIT: Final = 20.0
"""Seconds to wait for another process; each holds the file for some milliseconds."""


class SmallDatabase:
    """`what`: what the file remembers, as a sentence goes on with it; `error`: what is raised where it cannot
    be used, and `busy` where another process holds it for longer than one waits. `schema`: statements that
    make a new one, separated by semicolons."""

    def __init__(
        self,
        path: Path,
        *,
        application_id: int,
        version: int,
        schema: str,
        error: type[PocketvisorError],
        what: str,
        busy: type[PocketvisorError] | None = None,
    ) -> None:
        self.path = path
        self._application_id, self._version, self._schema = application_id, version, schema
        self._error, self._what, self._busy = error, what, busy or error

    @contextlib.contextmanager
    def transaction(self, kind: str = "IMMEDIATE", wait: float = WAIT) -> Iterator[sqlite3.Connection]:
        """Committed when the block is through, rolled back where it raises. Blocks; `wait`: for others."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=wait, isolation_level=None)
            ) as connection:
                # A rollback journal rather than WAL: no second file at rest; EXTRA also syncs its removal.
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("PRAGMA trusted_schema = OFF")
                self._prepare(connection)
                connection.execute(f"BEGIN {kind}")
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # a full disk may have ended it already
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except (sqlite3.Error, OverflowError) as error:
            raised = self._busy if _is_busy(error) else self._error
            raise raised(f"{self.path}, which {self._what}, cannot be used: {error}") from None
        except OSError as error:
            raise self._error(f"{self.path} cannot be written: {error.strerror}") from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == self._version:
            return
        if version > self._version:
            raise self._error(f"{self.path} is of a newer version of this program")
        self.path.chmod(0o600)
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != self._version:  # else another process was faster
            for statement in self._schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self._application_id}")
            connection.execute(f"PRAGMA user_version = {self._version}")
        connection.execute("COMMIT")


def _is_busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # an extended one: its low byte is the kind
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY
