"""What is left of a damaged profile, as a new one: every generation of which all is there and genuine.

It reads the rows by itself (carving.py) and not through SQLite: a damaged tree, header or index of the
database costs nothing but itself. Rows that were deleted and not yet overwritten may come back.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile import manifest as manifests
from pocketvisor.profile import rows
from pocketvisor.profile.carving import Carver, Place, Value
from pocketvisor.profile.connection import PAGE, told
from pocketvisor.profile.database import Database
from pocketvisor.profile.exporting import new_file
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import KeySlot, Unlock
from pocketvisor.profile.locking import FileLock
from pocketvisor.profile.packing import unpack
from pocketvisor.profile.rows import GenerationRow, Header
from pocketvisor.profile.saving import Progress
from pocketvisor.profile.sealing import Sealer, unlocked
from pocketvisor.profile.transfer import RawHeader, RawManifest
from pocketvisor.profile.tree import CHUNK_MAX, ID_SIZE, SpaceReader, collect
from pocketvisor.profile.verify import Damage

_OVERLAP: Final = 16
"""So many times what the file holds is read of its rows: in pages that were free lie parts of former ones."""
_RECORD_MAX: Final = rows.RECORD_MAX + 64


class Salvaged(msgspec.Struct, frozen=True):
    kept: tuple[int, ...]
    lost: tuple[Damage, ...]


def salvage(
    source: Path, target: Path, unlock: Unlock | None = None, progress: Progress | None = None
) -> Salvaged:
    """Raises ProfileError where nothing can be had, and then makes no file; LockedProfile as opening does."""
    with contextlib.suppress(ProfileError):  # a log that was left behind comes into the file
        Database(source, read_only=True).close()
    with _carver(source) as carver:
        found = _Found(source, carver, progress)
        header = found.raw_header()
        found.sealer = unlocked(
            header.slots, unlock or Unlock(), header.header.public, sealed=header.header.sealed
        )
        kept: list[int] = []
        lost: list[Damage] = []
        if found.crowded:
            lost.append(Damage("Its rows say that they hold far more than the file: some were left out"))
        with new_file(target, header) as file:
            file.take_sealer(found.sealer)
            for number, row in sorted(found.generations(header.header, lost).items()):
                if progress is not None:
                    progress(f"Looking through generation {number}", None)
                try:
                    row = _with_whole_label(header.header, row, lost)
                    _copy(found, file, row)
                    kept.append(number)
                except DamagedProfile as error:
                    file.abandon_received()
                    lost.append(Damage(f"Generation {number} is damaged: {error}", (number,)))
            if not kept:
                raise DamagedProfile(f"{source.name} is damaged: no generation in it is whole")
    return Salvaged(tuple(kept), tuple(lost))


def _with_whole_label(header: Header, row: GenerationRow, lost: list[Damage]) -> GenerationRow:
    try:
        if row.label:
            rows.check_label(header, row.number, row.label)
        return row
    except DamagedProfile:
        lost.append(Damage(f"The name of generation {row.number} is damaged: it has its first one again"))
        return msgspec.structs.replace(row, label=b"")


def _copy(found: "_Found", file: ProfileFile, row: GenerationRow) -> None:
    """Raises DamagedProfile, without a name."""
    manifest = manifests.decode(row.manifest, file.id, row.number, found.sealer)
    ids: set[bytes] = set()
    for space in manifest.spaces:
        collect(SpaceReader(space, found.fetch), ids)
    for own in ids - file.has(ids):
        file.store_raw(own, found.chunk(own))
    file.adopt(RawManifest(*msgspec.structs.astuple(row)))


class _Found:
    """What the leaf pages have: small rows themselves, of chunks the place."""

    sealer: Sealer

    def __init__(self, path: Path, carver: Carver, progress: Progress | None) -> None:
        self._path = path
        self._carver = carver
        self._records: dict[bytes, list[bytes]] = {}
        self._slots: dict[int, tuple[bytes, bytes]] = {}
        self._rows: list[GenerationRow] = []
        self._chunks: dict[bytes, list[Place]] = {}
        self._numbers: dict[int, list[Place]] = {}
        self._index: dict[bytes, list[int]] = {}
        self.crowded = False
        """Its rows say that they hold far more than the file could: not all were read."""
        room = _OVERLAP * carver.pages * PAGE
        for page in range(carver.pages):
            if progress is not None and page % 64 == 0:
                progress("Looking through the file", page / carver.pages)
            for place in carver.places(page):
                if place.local < place.size:
                    if place.size > room:
                        self.crowded = True
                        continue
                    room -= place.size
                columns = carver.row(place)
                if columns is not None:
                    self._sort(place, columns)

    def _sort(self, place: Place, columns: tuple[Value, ...]) -> None:
        match columns:
            case (None, bytes() as own, bytes()) if len(own) == ID_SIZE:
                self._chunks.setdefault(own, []).append(place)
                self._numbers.setdefault(place.rowid, []).append(place)
            case (bytes() as own, int() as number) if len(own) == ID_SIZE:
                self._index.setdefault(own, []).append(number)
            case (None, (b"open" | b"passphrase" | b"age") as kind, bytes() as body):
                self._slots[place.rowid] = (kind, body)
            case (bytes() as name, bytes() as body) if len(body) <= _RECORD_MAX:
                self._records.setdefault(name, []).append(body)
            case (None, _, _, _, _, _, _, _):
                with contextlib.suppress(DamagedProfile):
                    self._rows.append(rows.as_row((place.rowid, *columns[1:])))

    def raw_header(self) -> RawHeader:
        """Raises DamagedProfile."""
        slots: tuple[KeySlot, ...] = ()
        with contextlib.suppress(msgspec.ValidationError):
            slots = tuple(
                msgspec.convert((kind.decode(), body), KeySlot)
                for _, (kind, body) in sorted(self._slots.items())
            )
        for body in self._records.get(b"spare", ()):
            with contextlib.suppress(DamagedProfile):
                spare = rows.record_content("spare", body, rows.Spare)
                return RawHeader(spare.header, spare.slots)
        for body in self._records.get(b"header", ()):
            with contextlib.suppress(DamagedProfile):
                return RawHeader(rows.record_content("header", body, Header), slots)
        raise DamagedProfile(f"{self._path.name} is damaged: neither its header nor the copy of it is there")

    def generations(self, header: Header, lost: list[Damage]) -> dict[int, GenerationRow]:
        """The genuine ones."""
        genuine: dict[int, GenerationRow] = {}
        others: dict[int, str] = {}
        for row in self._rows:
            try:
                rows.check_row(header, row)
            except DamagedProfile as error:
                others[row.number] = str(error)
                continue
            known = genuine.get(row.number)
            if known is None or row.deleted or not known.deleted:
                genuine[row.number] = row
        for number in sorted(others.keys() - genuine.keys()):
            lost.append(Damage(f"Generation {number} is damaged: {others[number]}", (number,)))
        return {number: row for number, row in genuine.items() if not row.deleted}

    def chunk(self, own: bytes) -> bytes:
        """As it was in the file. Raises DamagedProfile where no place has it whole."""
        places = list(self._chunks.get(own, ()))
        for number in self._index.get(own, ()):  # the id is in the row and in the index: one may be damaged
            places += self._numbers.get(number, ())
        for place in places:
            columns = self._carver.row(place)
            if columns is not None and len(columns) == 3 and isinstance(columns[2], bytes):
                with contextlib.suppress(DamagedProfile):
                    plain = unpack(self.sealer.open(columns[2], b"chunk\0" + own), CHUNK_MAX)
                    if self.sealer.chunk_id(plain) == own:
                        return columns[2]
        raise DamagedProfile("it is missing")

    def fetch(self, own: bytes, size: int) -> bytes:
        plain = unpack(self.sealer.open(self.chunk(own), b"chunk\0" + own), CHUNK_MAX)
        if len(plain) != size:
            raise DamagedProfile("it has a wrong size")
        return plain


@contextlib.contextmanager
def _carver(path: Path) -> Iterator[Carver]:
    """Read, not mapped: a file that gets shorter meanwhile must not end the program."""
    with told(path):
        lock = FileLock.of(path)
    try:
        with told(path):
            if not lock.take():
                raise ProfileError(f"{path.name} is in use by another program")
            try:
                yield Carver(lambda offset, size: os.pread(lock.fd, size, offset), os.fstat(lock.fd).st_size)
            finally:
                lock.give_back()
    finally:
        lock.close()
