"""A profile file: what is on a phone, with its history. FORMAT.md has the format.

Every call blocks and belongs into a thread; one at a time saves. Left out: whether the whole file is an
older copy of itself (ledger.py), and what can be saved of a file that is damaged (salvage.py).
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pocketvisor import __version__
from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile import keys as profile_keys
from pocketvisor.profile import manifest as manifests
from pocketvisor.profile import pruning, rows
from pocketvisor.profile.creating import create
from pocketvisor.profile.database import Database
from pocketvisor.profile.keys import KeySlot, NewKeys, ProfileKey
from pocketvisor.profile.manifest import NAME_MAX, Kind, Lease, Manifest
from pocketvisor.profile.reading import Generation, ProfileInfo
from pocketvisor.profile.rows import GenerationRow, Header, State
from pocketvisor.profile.saving import Progress, Saving, SavingCancelled
from pocketvisor.profile.sealing import sealer_of
from pocketvisor.profile.transfer import RawHeader, RawManifest, RawTransfer
from pocketvisor.profile.tree import Space, SpaceReader
from pocketvisor.profile.verify import Damage, verify
from pocketvisor.profile.writing import ChunkWriter, clear_pending, known

__all__ = [
    "Damage",
    "Generation",
    "ProfileFile",
    "ProfileInfo",
    "RawHeader",
    "RawManifest",
    "Saving",
    "SavingCancelled",
]


class ProfileFile(RawTransfer):
    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._closing: list[Callable[[], None]] = []

    # --- opening and closing

    @classmethod
    def create(cls, path: Path, keys: NewKeys | None = None) -> Self:
        """A new file without a generation, unlocked. Raises ProfileError."""
        key = ProfileKey.new()
        header = Header(key.public, time.time_ns(), keys is not None, __version__)
        _make(path, RawHeader(header, tuple(profile_keys.new_slots(key, keys))))
        made = cls.open(path)
        made._sealer = sealer_of(key, sealed=header.sealed)
        return made

    @classmethod
    def create_from_header(cls, path: Path, raw: RawHeader) -> Self:
        """An empty copy of a profile that is elsewhere. Raises ProfileError."""
        profile_keys.check_slots(raw.slots)
        _make(path, raw)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, keep_received: bool = False) -> Self:
        """Raises ProfileError. `keep_received`: chunks that a transfer brought before it was cut stay."""
        database = Database(path, read_only=read_only)
        try:
            file = cls(database)
            if not file.sealed:
                file._unlock_open()
            if not read_only and not keep_received and file._record("pending", rows.Pending):
                clear_pending(database)
            return file
        except BaseException:
            with contextlib.suppress(ProfileError):
                database.close()
            raise

    def close(self) -> None:
        """One file is left, nothing beside it. Raises ProfileError where that cannot be had."""
        try:
            self._database.close()
        finally:
            while self._closing:
                self._closing.pop()()

    def when_closed(self, call: Callable[[], None]) -> None:
        """Once."""
        self._closing.append(call)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            with contextlib.suppress(ProfileError):
                self.close()

    # --- saving

    def begin(self, parent: int) -> Saving:
        """A new generation that goes on from `parent`, 0 for none. Raises ProfileError where one is being
        saved already."""
        state = self._state()
        if parent:
            self.manifest(parent)
        _ = self.sealer
        writer = self._claim()
        return Saving(self, parent, state.last + 1, writer)

    def _commit(
        self,
        saving: Saving,
        writer: ChunkWriter,
        *,
        name: str,
        kind: Kind,
        guest: bytes,
        policy: bytes,
        spaces: tuple[Space, ...],
        thumbnail: bytes,
        board: int,
        lease: Lease,
        created_ns: int,
    ) -> Generation:
        writer.flush()
        self._check_spaces(spaces)
        state = self._state()
        manifest = Manifest(
            profile=self.id,
            number=saving.number,
            parent=saving.parent,
            parent_digest=self.digest(saving.parent) if saving.parent else b"",
            created_ns=created_ns,
            name=name[:NAME_MAX],
            kind=kind,
            board=board,
            guest=guest,
            policy=policy,
            spaces=spaces,
            thumbnail=thumbnail,
            lease=lease,
        )
        blob = manifests.encode(manifest, self.sealer)
        row = GenerationRow(
            number=saving.number,
            parent=saving.parent,
            created=created_ns,
            added=writer.added + len(blob),
            content=rows.content_hash(blob),
            signature=b"",
            manifest=blob,
            label=b"",
        )
        row = rows.signed(self.id, row, self.sealer)
        self._insert(writer, row, State(saving.number, saving.number, state.rows + 1))
        return self._listed(row)

    def _check_spaces(self, spaces: Iterable[Space]) -> None:
        """Spaces of another file, or of a generation that was pruned, would be lost in silence."""
        nodes = {own for space in spaces for own in space.nodes if any(own)}
        with self._database.read() as connection:
            if nodes - set(known(connection, nodes)):
                raise ProfileError(f"The generation cannot be saved: its spaces are not of {self.path.name}")

    # --- keys

    def replace_slots(self, slots: Iterable[KeySlot]) -> bool:
        """The old ones are overwritten, and so are the copies of them. False where bytes of them may be left
        until another program, which has it open, closes it. Raises ProfileError."""
        slots = tuple(slots)
        profile_keys.check_slots(slots)
        with self._alone(), self._database.write() as writer:
            writer.execute("PRAGMA secure_delete=ON")
            with self._change() as connection:
                rows.put_slots(connection, self.header, slots)
            writer.execute("PRAGMA secure_delete=OFF")
            return self._database.checkpoint()

    def wipe(self) -> None:
        """Deletes the key slots: nobody opens it again. Of a profile that is not sealed, everything goes.

        Raises ProfileError."""
        with self._alone():
            pruning.wipe(self._database, self.header)
            self._sealer = None
            self._manifests.clear()

    # --- what governs it

    @property
    def carried(self) -> bytes:
        """The record "policy", which pocketvisor.policies understands; empty where there is none, or it is
        damaged. Needs no key."""
        try:
            record = self._record("policy", rows.Governing)
        except DamagedProfile:
            return b""
        return record.content if record is not None else b""

    def carry(self, content: bytes) -> None:
        """Needs no key: the content proves itself. Raises ProfileError."""
        with self._change() as connection:
            rows.put_record(connection, "policy", rows.Governing(content))

    # --- the list of generations

    def set_head(self, number: int) -> None:
        """The generation that goes on at the next opening. Raises ProfileError."""
        self.manifest(number)
        with self._change() as connection:
            state = self._state()
            rows.put_record(connection, "state", self._new_state(state, state.last, number, state.rows))

    def rename(self, number: int, name: str) -> None:
        """Raises ProfileError."""
        self.manifest(number)
        if len(name) > NAME_MAX:
            raise ProfileError(f"A name has at most {NAME_MAX} characters")
        label = rows.make_label(self.id, number, name, self.sealer)
        with self._change() as connection:
            connection.execute("UPDATE generations SET label = ? WHERE number = ?", (label, number))

    def delete(self, number: int) -> None:
        """Its content goes at the next prune(), but for what others share. Raises ProfileError."""
        if number == self.head:
            raise ProfileError("The generation that goes on cannot be deleted: choose another one first")
        if number not in self._numbers():
            raise ProfileError(f"{self.path.name} has no generation {number}")
        with self._change() as connection:
            connection.execute(
                "UPDATE generations SET manifest = x'', label = x'' WHERE number = ?", (number,)
            )

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._database.transaction(durable=True) as connection:
            yield connection
        self._database.checkpoint()

    def prune(self) -> int:
        """Deletes the chunks that no generation needs, and gives the room back; how many bytes.

        Raises ProfileError, and does nothing, where a generation cannot be read: delete that first."""
        before = self.path.stat().st_size
        with self._alone():
            kept = [each.number for each in self.generations()]
            spaces = [space for number in kept for space in self.manifest(number).spaces]
            with self._guard:
                spaces += [reader.space for reader in self._readers]
            pruning.sweep(self._database, [SpaceReader(space, self.fetch) for space in spaces])
            self._thin_deleted()
        return before - self.path.stat().st_size

    def _thin_deleted(self) -> None:
        """A phone that saves itself for months would have more rows of deleted generations than chunks."""
        with self._database.read() as connection:
            count = "SELECT count(*) FROM generations WHERE length(manifest) = 0"
            if connection.execute(count).fetchone()[0] < 2 * pruning.DELETED_KEPT:
                return
        deleted: dict[int, int] = {}
        needed: set[int] = set()
        there: set[int] = set()
        for number in self._numbers():
            row = self._row(number)
            if row.deleted:
                deleted[number] = rows.ancestor(self.header, row)
            else:
                there.add(number)
                needed.add(row.parent)
        gone, pointers = pruning.superfluous(deleted, needed, there)
        if not gone:
            return
        labels = [(rows.make_ancestor(self.id, own, up, self.sealer), own) for own, up in pointers.items()]
        with self._change() as connection:
            state = self._state()
            connection.executemany("UPDATE generations SET label = ? WHERE number = ?", labels)
            connection.executemany("DELETE FROM generations WHERE number = ?", [(own,) for own in gone])
            state = msgspec.structs.replace(state, rows=state.rows - len(gone))
            rows.put_record(connection, "state", state)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Neither a save nor a transfer goes on meanwhile."""
        claimed = self._claim()
        try:
            yield
        finally:
            self._release(claimed)

    def verify(self, progress: Progress | None = None) -> list[Damage]:
        """Reads everything; nothing is found where everything is as it was saved. Raises ProfileError."""
        return verify(self, progress)


def _make(path: Path, raw: RawHeader) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        rows.put_record(connection, "header", raw.header)
        rows.put_record(connection, "state", State(0, 0, 0))
        rows.put_slots(connection, raw.header, raw.slots)

    create(path, fill)
