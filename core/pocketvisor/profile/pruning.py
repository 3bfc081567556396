"""Chunks that no generation needs any more, and the end of a profile."""

from collections.abc import Iterable
from typing import Final

from pocketvisor.errors import ProfileError
from pocketvisor.profile import rows
from pocketvisor.profile.database import Database
from pocketvisor.profile.generation import nearest
from pocketvisor.profile.rows import Header
from pocketvisor.profile.tree import SpaceReader, collect
from pocketvisor.profile.writing import shrink

_AT_ONCE: Final = 4000
DELETED_KEPT: Final = 200
_FREE: Final = 0.1
"""What may stay free of a file: the next generation needs room again, and moving pages costs more."""


def sweep(database: Database, needed: Iterable[SpaceReader]) -> int:
    """Deletes every chunk that none of them has, and gives the room back; how many chunks there were.

    Raises DamagedProfile before anything is deleted: what cannot be read could need any chunk."""
    keep: set[bytes] = set()
    nodes: set[bytes] = set()
    for reader in needed:
        collect(reader, keep, nodes)
    after = b""
    gone = 0
    while True:
        with database.read() as connection:  # the index alone, not the pages with the chunks
            some = connection.execute(
                "SELECT id FROM chunks WHERE id > ? ORDER BY id LIMIT ?", (after, _AT_ONCE)
            ).fetchall()
        if not some:
            break
        after = some[-1][0]
        away = [(own,) for (own,) in some if own not in keep]
        if away:
            with database.transaction() as connection:
                connection.executemany("DELETE FROM chunks WHERE id = ?", away)
            database.checkpoint(whole=False)
            gone += len(away)
    shrink(database, least=_FREE)
    return gone


def superfluous(
    deleted: dict[int, int], needed: set[int], there: set[int]
) -> tuple[list[int], dict[int, int]]:
    """Which deleted generations' rows can go, and what those that stay went on from where that goes.

    `deleted`: what each went on from; `needed`: what those that are there went on from. The newest stay, for
    the ledgers that know them; so many go at a time that it is worth it."""
    stay = needed | set(sorted(deleted)[-DELETED_KEPT:])
    gone = [number for number in deleted if number not in stay]
    if len(gone) < DELETED_KEPT:
        return [], {}
    pointers = {
        number: nearest(up, deleted, there)
        for number, up in deleted.items()
        if number in stay and up in deleted and up not in stay
    }
    return gone, pointers


def wipe(database: Database, header: Header) -> None:
    """Takes the keys out of the file, and of a profile that is not sealed everything.

    They are overwritten with zeros, first in the log and then, where they were, in the file; the log is cut
    to nothing. What the disk keeps of blocks that it has written elsewhere, nobody here can reach: that is
    why phones are sealed. Raises ProfileError."""
    with database.write("wiped") as writer:
        writer.execute("PRAGMA secure_delete=ON")
        with database.transaction(durable=True, doing="wiped") as connection:
            connection.execute("DELETE FROM key_slots")
            connection.execute("DELETE FROM records WHERE name = 'spare'")
            if not header.sealed:
                connection.execute("DELETE FROM generations")
                connection.execute("DELETE FROM chunks")
                rows.put_record(connection, "state", rows.State(0, 0, 0))
        emptied = database.checkpoint()
        if emptied and not header.sealed:
            writer.execute("PRAGMA incremental_vacuum").fetchall()
            emptied = database.checkpoint()
    database.renew()
    if not emptied:
        raise ProfileError(
            f"{database.path.name} is wiped, but another program has it open: until that closes it, bytes of"
            " the keys may be left"
        )
