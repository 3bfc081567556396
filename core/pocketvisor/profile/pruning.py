"""Chunks that no generation needs any more, and the end of a profile."""

from collections.abc import Iterable
from typing import Final

from pocketvisor.errors import ProfileError
from pocketvisor.profile import rows
from pocketvisor.profile.database import Database
from pocketvisor.profile.rows import Header
from pocketvisor.profile.tree import SpaceReader, collect
from pocketvisor.profile.writing import shrink

_AT_ONCE: Final = 4000
_SCAN: Final = 1 << 20


def sweep(database: Database, needed: Iterable[SpaceReader]) -> int:
    """Deletes every chunk that none of them has, and gives the room back; how many chunks there were.

    Raises DamagedProfile before anything is deleted: what cannot be read could need any chunk."""
    keep: set[bytes] = set()
    for reader in needed:
        collect(reader, keep)
    start = gone = 0
    while True:
        with database.read() as connection:
            some = connection.execute(
                "SELECT number, id FROM chunks WHERE number >= ? ORDER BY number LIMIT ?", (start, _AT_ONCE)
            ).fetchall()
        if not some:
            break
        start = some[-1][0] + 1
        away = [(number,) for number, own in some if own not in keep]
        if away:
            with database.transaction() as connection:
                connection.executemany("DELETE FROM chunks WHERE number = ?", away)
            database.checkpoint(whole=False)
            gone += len(away)
    shrink(database)
    return gone


def wipe(database: Database, header: Header) -> None:
    """Takes the keys out of the file, and of a profile that is not sealed everything.

    Straight in the file, overwritten with zeros: a log or journal would be one more copy. What the disk
    keeps of blocks that it has written elsewhere, nobody here can reach: that is why phones are sealed."""
    with database.write("wiped") as writer:
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        writer.execute("PRAGMA secure_delete=ON")
        if writer.execute("PRAGMA journal_mode=MEMORY").fetchone() != (b"memory",):
            raise ProfileError(f"{database.path.name} cannot be wiped: another program has it open.")
        writer.execute("PRAGMA synchronous=FULL")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM key_slots")
        writer.execute("DELETE FROM records WHERE name = 'spare'")
        if not header.sealed:
            writer.execute("DELETE FROM generations")
            writer.execute("DELETE FROM chunks")
            rows.put_record(writer, "state", rows.State(0, 0, 0))
        writer.execute("COMMIT")
        writer.execute("PRAGMA incremental_vacuum").fetchall()
    database.renew()
