"""Generations from file to file as they are: sealed chunks and manifests, whoever carries them.

What arrives is checked as far as it can be: signatures always, content where the profile is unlocked.
"""

import sqlite3
from collections.abc import Iterable
from typing import Annotated

import msgspec

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile import rows, signing
from pocketvisor.profile.keys import MAX_SLOTS, KeySlot
from pocketvisor.profile.manifest import MANIFEST_MAX, Number
from pocketvisor.profile.reading import Generation, ProfileReader
from pocketvisor.profile.rows import Bytes32, Count, GenerationRow, Header, State
from pocketvisor.profile.sealing import Sealer
from pocketvisor.profile.tree import CHUNK_MAX, HOLE, SpaceReader, collect
from pocketvisor.profile.writing import ChunkWriter, known

BODY_MAX = CHUNK_MAX + (CHUNK_MAX >> 4) + 4096
"""A chunk's, sealed."""


class RawHeader(msgspec.Struct, frozen=True, array_like=True):
    """What makes an empty copy of a profile."""

    header: Header
    slots: Annotated[tuple[KeySlot, ...], msgspec.Meta(max_length=MAX_SLOTS)]


class RawManifest(msgspec.Struct, frozen=True, array_like=True):
    """A generation's row."""

    number: Number
    parent: Count
    created: Count
    added: Count
    content: Bytes32
    signature: Annotated[bytes, msgspec.Meta(max_length=256)]
    manifest: Annotated[bytes, msgspec.Meta(max_length=MANIFEST_MAX + (MANIFEST_MAX >> 4))]
    label: Annotated[bytes, msgspec.Meta(max_length=4096)]


class RawTransfer(ProfileReader):
    """And the one place where the file takes chunks: one save or one transfer at a time."""

    _claimed: ChunkWriter | None = None
    _receiving: ChunkWriter | None = None

    # --- one writer

    def _claim(self) -> ChunkWriter:
        """Raises ProfileError where a save is going on."""
        if self.read_only:
            raise ProfileError(f"{self.path.name} was opened for reading alone")
        with self._guard:
            if self._claimed is not None:
                raise ProfileError(f"{self.path.name} is being saved already")
            self._claimed = ChunkWriter(self._database)
            return self._claimed

    def _release(self, writer: ChunkWriter) -> None:
        with self._guard:
            if self._claimed is writer:
                self._claimed = None

    def _insert(self, writer: ChunkWriter, row: GenerationRow, state: State) -> None:
        """A generation, with the chunks that were written for it."""

        def fill(connection: sqlite3.Connection) -> None:
            marks = ", ".join("?" * len(msgspec.structs.fields(GenerationRow)))
            connection.execute(
                f"INSERT INTO generations({rows.COLUMNS}) VALUES({marks})", msgspec.structs.astuple(row)
            )
            rows.put_record(connection, "state", state)

        writer.finish(fill)

    def _new_state(self, before: State, last: int, head: int, count: int) -> State:
        if head == last:
            return State(last, head, count)
        if (last, head) == (before.last, before.head):
            return State(last, head, count, before.signature)
        return State(last, head, count, self.sealer.sign(rows.head_message(self.id, last, head)))

    def take_sealer(self, sealer: Sealer) -> None:
        """Unlocks it with what has unlocked another file of this profile."""
        probe = b"unlocks\0" + self.id
        signing.check(self.header.public, probe, sealer.sign(probe))
        self._sealer = sealer

    # --- out

    def raw_header(self) -> RawHeader:
        return RawHeader(self.header, self.key_slots())

    def raw_manifest(self, number: int) -> RawManifest:
        """Raises ProfileError."""
        row = self._row(number)
        if row.deleted:
            raise ProfileError(f"{self.path.name} has no generation {number}: it was deleted")
        if row.label:
            with self._named(f"generation {number}"):
                rows.check_label(self.header, number, row.label)
        return RawManifest(*msgspec.structs.astuple(row))

    def chunk_ids(self, number: int) -> set[bytes]:
        """All that a generation needs, nodes included. Raises ProfileError."""
        ids: set[bytes] = set()
        for space in self.manifest(number).spaces:
            with self._named(f"generation {number}"):
                collect(SpaceReader(space, self.fetch), ids)
        return ids

    def raw_chunk(self, own: bytes) -> bytes:
        """As it is in the file. Raises DamagedProfile."""
        with self._database.read() as connection:
            row = connection.execute("SELECT body FROM chunks WHERE id = ?", (own,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise DamagedProfile(f"{self.path.name} is damaged: the chunk {own.hex()[:12]} is missing")
        return row[0]

    # --- in

    def has(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of them that are here."""
        ids = list(ids)
        writer = self._receiving
        waiting = {own for own in ids if writer is not None and writer.waits(own) is not None}
        with self._database.read() as connection:
            return waiting | set(known(connection, ids))

    def store_raw(self, own: bytes, body: bytes) -> None:
        """Raises DamagedProfile for one that is not what its id says, as far as that can be told."""
        if len(own) != len(HOLE) or own == HOLE or not 1 <= len(body) <= BODY_MAX:
            raise DamagedProfile("A chunk that arrived has a wrong size")
        if not self.locked:
            try:
                self._plain(own, body, CHUNK_MAX, exactly=False)
            except DamagedProfile as error:
                raise DamagedProfile(f"A chunk that arrived is damaged: {error}") from error
        if self._receiving is None:
            self._receiving = self._claim()
        self._receiving.add([(own, body)])

    def adopt(self, raw: RawManifest) -> Generation:
        """Makes a generation of what was received; it is durable when this returns, and the head if it is
        the newest. Once more does nothing. Raises ProfileError."""
        row = GenerationRow(*msgspec.structs.astuple(raw))
        try:
            own = rows.check_row(self.header, row)
            if row.deleted:
                raise DamagedProfile("it has no manifest")
            if row.label:
                rows.check_label(self.header, row.number, row.label)
        except DamagedProfile as error:
            raise DamagedProfile(f"The generation {row.number} that arrived is damaged: {error}") from error
        state = self._state()
        if row.number in self._numbers():
            if self.digest(row.number) != own:
                raise ProfileError(
                    f"{self.path.name} has another generation {row.number} already: "
                    "the two copies of this profile have gone on separately"
                )
            if self._row(row.number).deleted:
                raise ProfileError(f"Generation {row.number} was deleted from {self.path.name}")
            return self._listed(row)
        if self._receiving is None:
            self._receiving = self._claim()
        writer = self._receiving
        writer.flush()
        if not self.locked:
            self._check_arrived(row)
        last = max(state.last, row.number)
        head = row.number if row.number == last else state.head
        self._insert(writer, row, self._new_state(state, last, head, state.rows + 1))
        self._receiving = None
        self._release(writer)
        return self._listed(row)

    def _check_arrived(self, row: GenerationRow) -> None:
        """That it can be read, and all its chunks are here."""
        try:
            found = self._decoded(row)
            ids: set[bytes] = set()
            for space in found.spaces:
                collect(SpaceReader(space, self.fetch), ids)
            if missing := len(ids - self.has(ids)):
                raise DamagedProfile(f"{missing} of its chunks are missing")
        except DamagedProfile as error:
            raise DamagedProfile(f"The generation {row.number} that arrived is damaged: {error}") from error

    def keep_received(self) -> None:
        """What arrived is in the file, for open(keep_received=True); it belongs to no generation yet."""
        if self._receiving is not None:
            self._receiving.flush()

    def abandon_received(self) -> None:
        """What arrived and belongs to no generation goes."""
        writer, self._receiving = self._receiving, None
        if writer is not None:
            writer.abandon()
            self._release(writer)
