"""A profile as it is read: header, keys, the list of generations, their manifests and spaces.

What a file cannot show to be genuine is refused with the name of the part.
"""

import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Iterator

import msgspec

from pocketvisor.errors import DamagedProfile, LockedProfile, ProfileError
from pocketvisor.profile import manifest as manifests
from pocketvisor.profile import rows
from pocketvisor.profile.connection import FORMAT
from pocketvisor.profile.database import Database
from pocketvisor.profile.generation import Generation, ProfileInfo, nearest
from pocketvisor.profile.keys import KeySlot, Unlock
from pocketvisor.profile.manifest import Manifest
from pocketvisor.profile.packing import unpack
from pocketvisor.profile.rows import GenerationRow, Header, State
from pocketvisor.profile.sealing import Sealer, unlocked
from pocketvisor.profile.tree import Space, SpaceReader

__all__ = ["Generation", "ProfileInfo", "ProfileReader"]

_CACHED = 64


class ProfileReader:
    """Every call is for any thread, and blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path
        self.read_only = database.read_only
        self._sealer: Sealer | None = None
        self._readers: weakref.WeakSet[SpaceReader] = weakref.WeakSet()
        self._manifests: dict[int, tuple[bytes, Manifest]] = {}
        self._genuine: set[bytes] = set()
        self._guard = threading.Lock()
        self.header = self._read_header()

    def _read_header(self) -> Header:
        with contextlib.suppress(DamagedProfile):
            if (header := self._record("header", Header)) is not None:
                return header
        if (spare := self._record("spare", rows.Spare)) is not None:
            return spare.header
        raise DamagedProfile(f"{self.path.name} is damaged: its header is missing")

    def _record(self, name: str, kind: type[rows.Content]) -> rows.Content | None:
        with self._named(""), self._database.read() as connection:
            return rows.get_record(connection, name, kind)

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Makes the sentence of a DamagedProfile that has only its cause."""
        try:
            yield
        except DamagedProfile as error:
            text = str(error)
            if text.startswith(self.path.name):
                raise
            where = f"{self.path.name}, {what}" if what else self.path.name
            raise DamagedProfile(f"{where} is damaged: {text}") from error

    # --- keys

    @property
    def id(self) -> bytes:
        """16 bytes by which the profile is known, wherever a copy of it is."""
        return self.header.profile

    @property
    def sealed(self) -> bool:
        return self.header.sealed

    @property
    def locked(self) -> bool:
        return self._sealer is None

    def key_slots(self) -> tuple[KeySlot, ...]:
        """Raises DamagedProfile."""
        with self._named(""), self._database.read() as connection:
            return rows.get_slots(connection)

    def _unlock_open(self) -> None:
        """One that is not sealed; nothing happens where it was wiped: info is for that one as well."""
        with contextlib.suppress(ProfileError):
            self.unlock(Unlock())
            return
        with contextlib.suppress(ProfileError):
            if self.key_slots() and (spare := self._record("spare", rows.Spare)) is not None:
                self._sealer = unlocked(spare.slots, Unlock(), self.header.public, sealed=False)

    def unlock(self, unlock: Unlock) -> None:
        """Raises LockedProfile, DamagedProfile."""
        if self._sealer is None:
            with self._named(""):
                self._sealer = unlocked(self.key_slots(), unlock, self.header.public, sealed=self.sealed)

    def check_unlock(self, unlock: Unlock | None) -> None:
        """That these means open it, whoever has opened it before. Anything opens one that is not sealed.
        Raises LockedProfile, DamagedProfile."""
        if self.sealed:
            with self._named(""):
                unlocked(self.key_slots(), unlock or Unlock(), self.header.public, sealed=True)

    @property
    def sealer(self) -> Sealer:
        """Raises LockedProfile."""
        if self._sealer is None:
            name = self.path.name
            if not self.key_slots():
                raise LockedProfile(f"{name} was wiped: its key slots are gone, and nothing opens it again")
            raise LockedProfile(f"{name} is locked: it opens with a passphrase or an age identity")
        return self._sealer

    # --- generations

    def _row(self, number: int) -> GenerationRow:
        """Genuine. Raises ProfileError."""
        with self._database.read() as connection:
            values = connection.execute(
                f"SELECT {rows.COLUMNS} FROM generations WHERE number = ?", (number,)
            ).fetchone()
        if values is None:
            raise ProfileError(f"{self.path.name} has no generation {number}")
        with self._named(f"generation {number}"):
            row = rows.as_row(values)
            rows.check_row(self.header, row, self._genuine)
            return row

    def _numbers(self) -> list[int]:
        with self._database.read() as connection:
            return self._numbers_in(connection)

    def _numbers_in(self, connection: sqlite3.Connection) -> list[int]:
        found = connection.execute(
            f"SELECT number FROM generations ORDER BY number LIMIT {rows.GENERATIONS_MAX + 1}"
        ).fetchall()
        if len(found) > rows.GENERATIONS_MAX:
            raise DamagedProfile(f"{self.path.name} is damaged: it has too many generations")
        return [number for (number,) in found]

    def digest(self, number: int) -> bytes:
        """What the ledger knows a generation by; of a deleted one as well. Raises ProfileError."""
        return rows.digest(self.id, self._row(number))

    def digests(self, since: int = 0) -> dict[int, bytes]:
        """Of the genuine generations from `since` on, or the last one, deleted ones as well: what a ledger
        compares. Raises DamagedProfile."""
        found = {}
        since = min(since, self.last)
        for number in self._numbers():
            if number >= since:
                with contextlib.suppress(DamagedProfile):
                    found[number] = self.digest(number)
        return found

    def manifest(self, number: int) -> Manifest:
        """Raises ProfileError; DamagedProfile names the generation and what is wrong with it."""
        _ = self.sealer
        row = self._row(number)
        if row.deleted:
            raise ProfileError(f"{self.path.name} has no generation {number}: it was deleted")
        with self._guard:
            content, cached = self._manifests.get(number, (b"", None))
        if cached is not None and content == row.content:
            return cached
        with self._named(f"generation {number}"):
            found = self._decoded(row)
        with self._guard:
            if len(self._manifests) >= _CACHED:
                self._manifests.pop(next(iter(self._manifests)))
            self._manifests[number] = (row.content, found)
        return found

    def _decoded(self, row: GenerationRow) -> Manifest:
        """Raises DamagedProfile, without a name."""
        found = manifests.decode(row.manifest, self.id, row.number, self.sealer)
        if (found.parent, found.created_ns) != (row.parent, row.created):
            raise DamagedProfile("its manifest is of another generation")
        if found.parent:
            here = found.parent_digest
            with contextlib.suppress(ProfileError):  # not here, as in a copy of the newest alone, or damaged
                here = self.digest(found.parent)
            if here != found.parent_digest:
                raise DamagedProfile(f"it does not go on from the generation {found.parent} that is here")
        return found

    def generations(self) -> list[Generation]:
        """Those that are there, in turn, damaged ones with the reason. Raises DamagedProfile."""
        parents: dict[int, int] = {}
        kept: list[Generation] = []
        for number in self._numbers():
            try:
                row = self._row(number)
                if row.deleted:
                    with self._named(f"generation {number}"):
                        parents[number] = rows.ancestor(self.header, row)
            except DamagedProfile as error:
                kept.append(
                    Generation(number=number, parent=0, created_ns=0, added=0, digest=b"", damaged=str(error))
                )
                continue
            if not row.deleted:
                kept.append(self._listed(row))
        there = {each.number for each in kept}
        return [msgspec.structs.replace(each, parent=nearest(each.parent, parents, there)) for each in kept]

    def _listed(self, row: GenerationRow) -> Generation:
        listed = Generation(
            number=row.number,
            parent=row.parent,
            created_ns=row.created,
            added=row.added,
            digest=rows.digest(self.id, row),
        )
        if self._sealer is None:
            return listed
        try:
            found = self.manifest(row.number)
            name = self._name(row, found)
        except DamagedProfile as error:
            return msgspec.structs.replace(listed, damaged=str(error))
        return msgspec.structs.replace(listed, name=name, kind=found.kind, board=found.board)

    def _name(self, row: GenerationRow, found: Manifest) -> str:
        if not row.label:
            return found.name
        with self._named(f"generation {row.number}"):
            return rows.read_label(self.header, row.number, row.label, self.sealer)

    def _state(self) -> State:
        """Raises DamagedProfile where the list of generations is not whole."""
        with self._named(""), self._database.read() as connection:
            connection.execute("BEGIN")  # both of one moment: another program may save between them
            state = rows.get_record(connection, "state", State)
            numbers = self._numbers_in(connection)
            connection.execute("COMMIT")
        if state is None:
            raise DamagedProfile(f"{self.path.name} is damaged: the record 'state' is missing")
        if len(numbers) != state.rows or max(numbers, default=0) != state.last:
            raise DamagedProfile(f"{self.path.name} is damaged: a generation is missing from the list")
        return state

    @property
    def last(self) -> int:
        """The highest number of a generation, whether it is still there or not. Raises DamagedProfile."""
        return self._state().last

    @property
    def head(self) -> int:
        """The generation that goes on when the profile is opened, 0 where there is none.

        Raises DamagedProfile where it cannot be told, rather than giving an older one."""
        state = self._state()
        if state.head != state.last:
            with self._named("the choice of its generation"):
                self.sealer.check(rows.head_message(self.id, state.last, state.head), state.signature)
        return state.head

    @property
    def info(self) -> ProfileInfo:
        """Needs no key. Raises ProfileError where the file cannot be read at all."""
        damaged = []
        slots: tuple[KeySlot, ...] = ()
        generations: list[Generation] = []
        head = 0
        try:
            slots = self.key_slots()
        except DamagedProfile as error:
            damaged.append(str(error))
        try:
            generations = self.generations()
            head = self._state().head
        except DamagedProfile as error:
            damaged.append(str(error))
        return ProfileInfo(
            id=self.id,
            format=FORMAT,
            program=self.header.program,
            created_ns=self.header.created_ns,
            sealed=self.sealed,
            wiped=not slots and not damaged,
            slots=tuple(slot.kind for slot in slots),
            generations=tuple(generations),
            head=head,
            size=self.path.stat().st_size,
            damaged=tuple(damaged),
        )

    # --- content

    def reader(self, space: Space) -> SpaceReader:
        """Its chunks stay, whatever is pruned, while somebody has it."""
        reader = SpaceReader(space, self.fetch, self.path.name)
        with self._guard:
            self._readers.add(reader)
        return reader

    def fetch(self, own: bytes, size: int) -> bytes:
        """A chunk's plain bytes. Raises DamagedProfile, without a name: the caller knows what it is."""
        try:
            with self._database.read() as connection:
                row = connection.execute("SELECT body FROM chunks WHERE id = ?", (own,)).fetchone()
        except DamagedProfile as error:
            raise DamagedProfile("it is where the database is damaged") from error
        if row is None:
            raise DamagedProfile("it is missing")
        return self._plain(own, row[0], size, exactly=True)

    def _plain(self, own: bytes, body: object, most: int, *, exactly: bool) -> bytes:
        sealer = self.sealer
        if not isinstance(body, bytes):
            raise DamagedProfile("it is no row of bytes")
        plain = unpack(sealer.open(body, b"chunk\0" + own), most)
        if exactly and len(plain) != most:
            raise DamagedProfile("it has a wrong size")
        if sealer.chunk_id(plain) != own:
            raise DamagedProfile("it has other content")
        return plain
