"""What the rows of a profile mean: records with their checksums, generations with their digests."""

import sqlite3
from collections.abc import Iterable
from typing import Annotated, Final, TypeVar

import msgspec
from blake3 import blake3

from pocketvisor.errors import DamagedProfile
from pocketvisor.profile import signing
from pocketvisor.profile.keys import MAX_SLOT, MAX_SLOTS, KeySlot
from pocketvisor.profile.manifest import NAME_MAX, POLICY_MAX, Number
from pocketvisor.profile.packing import pack, unpack
from pocketvisor.profile.sealing import Sealer

RECORD_MAX: Final = 1 << 20
GENERATIONS_MAX: Final = 1_000_000
_CHECKSUM: Final = 32
_LABEL_MAX: Final = 4 * NAME_MAX

Content = TypeVar("Content", bound=msgspec.Struct)
Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Header(msgspec.Struct, frozen=True, array_like=True):
    public: Bytes32
    created_ns: Count
    sealed: bool
    program: Annotated[str, msgspec.Meta(max_length=64)]

    @property
    def profile(self) -> bytes:
        return signing.profile_id(self.public)


class Spare(msgspec.Struct, frozen=True, array_like=True):
    """Header and key slots once more."""

    header: Header
    slots: Annotated[tuple[KeySlot, ...], msgspec.Meta(max_length=MAX_SLOTS)]


class State(msgspec.Struct, frozen=True, array_like=True):
    last: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
    head: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
    rows: Count
    signature: Annotated[bytes, msgspec.Meta(max_length=256)] = b""


class Governing(msgspec.Struct, frozen=True, array_like=True):
    """What governs the profile, for pocketvisor.policies."""

    content: Annotated[bytes, msgspec.Meta(max_length=POLICY_MAX)]


class Pending(msgspec.Struct, frozen=True, array_like=True):
    first: Count


class GenerationRow(msgspec.Struct, frozen=True, array_like=True):
    """As in the table, column for column."""

    number: Number
    parent: Count
    created: Count
    added: Count
    content: Bytes32
    signature: Annotated[bytes, msgspec.Meta(max_length=256)]
    manifest: bytes
    label: bytes

    @property
    def deleted(self) -> bool:
        return not self.manifest


COLUMNS: Final = "number, parent, created, added, content, signature, manifest, label"


def content_hash(manifest: bytes) -> bytes:
    return blake3(manifest).digest()


def digest(profile: bytes, row: GenerationRow) -> bytes:
    fields = (profile, row.number, row.parent, row.created, row.added, row.content)
    return blake3(msgspec.msgpack.encode(fields)).digest()


def signed(profile: bytes, row: GenerationRow, sealer: Sealer) -> GenerationRow:
    signature = sealer.sign(b"generation\0" + digest(profile, row))
    return msgspec.structs.replace(row, signature=signature)


def check_row(header: Header, row: GenerationRow, known: set[bytes] | None = None) -> bytes:
    """Its digest. Raises DamagedProfile where the row is not what the profile's key has signed.

    `known`: digests with signatures that were found right before, and are not calculated again."""
    own = digest(header.profile, row)
    if known is None or own + row.signature not in known:
        signing.check(header.public, b"generation\0" + own, row.signature)
        if known is not None:
            known.add(own + row.signature)
    if not row.deleted and content_hash(row.manifest) != row.content:
        raise DamagedProfile("its manifest is damaged")
    return own


def as_row(values: tuple[object, ...]) -> GenerationRow:
    """Raises DamagedProfile: a column can hold a value of any type, whatever the schema says."""
    try:
        return msgspec.convert(values, GenerationRow)
    except msgspec.ValidationError as error:
        raise DamagedProfile(f"its row is malformed ({error})") from error


def head_message(profile: bytes, last: int, head: int) -> bytes:
    return b"head\0" + profile + last.to_bytes(8, "big") + head.to_bytes(8, "big")


# --- labels


def _label_context(profile: bytes, number: int) -> bytes:
    return b"label\0" + profile + number.to_bytes(8, "big")


def make_label(profile: bytes, number: int, name: str, sealer: Sealer) -> bytes:
    context = _label_context(profile, number)
    sealed = sealer.seal(pack(name.encode()), context)
    return msgspec.msgpack.encode((sealed, sealer.sign(context + sealed)))


def check_label(header: Header, number: int, label: bytes) -> bytes:
    """What is sealed of it. Raises DamagedProfile."""
    try:
        sealed, signature = msgspec.msgpack.decode(label, type=tuple[bytes, bytes])
        signing.check(header.public, _label_context(header.profile, number) + sealed, signature)
        return sealed
    except (msgspec.DecodeError, DamagedProfile) as error:
        raise DamagedProfile("its name is damaged") from error


def read_label(header: Header, number: int, label: bytes, sealer: Sealer) -> str:
    """Raises DamagedProfile."""
    sealed = check_label(header, number, label)
    try:
        return unpack(sealer.open(sealed, _label_context(header.profile, number)), _LABEL_MAX).decode()
    except (UnicodeDecodeError, DamagedProfile) as error:
        raise DamagedProfile("its name is damaged") from error


# --- deleted generations


def _ancestor_message(profile: bytes, number: int, ancestor: int) -> bytes:
    return b"ancestor\0" + profile + number.to_bytes(8, "big") + ancestor.to_bytes(8, "big")


def make_ancestor(profile: bytes, number: int, ancestor: int, sealer: Sealer) -> bytes:
    """The label of a deleted generation between which and `ancestor` rows are gone."""
    return msgspec.msgpack.encode((ancestor, sealer.sign(_ancestor_message(profile, number, ancestor))))


def ancestor(header: Header, row: GenerationRow) -> int:
    """What a deleted generation went on from. Raises DamagedProfile."""
    if not row.label:
        return row.parent
    try:
        number, signature = msgspec.msgpack.decode(row.label, type=tuple[int, bytes])
        if not 0 <= number < row.number:
            raise DamagedProfile("no generation goes on from a later one")
        signing.check(header.public, _ancestor_message(header.profile, row.number, number), signature)
        return number
    except (msgspec.DecodeError, UnicodeDecodeError, DamagedProfile) as error:
        raise DamagedProfile("what it went on from is damaged") from error


# --- records


def put_record(connection: sqlite3.Connection, name: str, content: msgspec.Struct) -> None:
    body = msgspec.msgpack.encode(content)
    whole = _checksum(name, body) + body
    connection.execute(
        "INSERT INTO records(name, body) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET body = excluded.body",
        (name, whole),
    )


def record_content(name: str, body: object, kind: type[Content]) -> Content:
    """Raises DamagedProfile."""
    if isinstance(body, bytes) and len(body) <= RECORD_MAX:
        content = body[_CHECKSUM:]
        if _checksum(name, content) == body[:_CHECKSUM]:
            try:
                return msgspec.msgpack.decode(content, type=kind)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
    raise DamagedProfile(f"the record '{name}' is damaged")


def get_record(connection: sqlite3.Connection, name: str, kind: type[Content]) -> Content | None:
    """None where there is none. Raises DamagedProfile."""
    row = connection.execute("SELECT body FROM records WHERE name = ?", (name,)).fetchone()
    return None if row is None else record_content(name, row[0], kind)


def _checksum(name: str, content: bytes) -> bytes:
    return blake3(name.encode() + b"\0" + content).digest()


# --- key slots


def get_slots(connection: sqlite3.Connection) -> tuple[KeySlot, ...]:
    """Raises DamagedProfile."""
    rows = connection.execute(
        f"SELECT kind, body FROM key_slots ORDER BY number LIMIT {MAX_SLOTS + 1}"
    ).fetchall()
    try:
        if len(rows) > MAX_SLOTS:
            raise ValueError("there are too many")
        return tuple(
            msgspec.convert((kind.decode() if isinstance(kind, bytes) else kind, body), KeySlot)
            for kind, body in rows
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise DamagedProfile("its key slots are damaged") from error


def put_slots(connection: sqlite3.Connection, header: Header, slots: Iterable[KeySlot]) -> None:
    """In place of those that are there, in the spare record too. For secure_delete the caller cares."""
    slots = tuple(slots)
    assert len(slots) <= MAX_SLOTS and all(len(slot.wrapped) <= MAX_SLOT for slot in slots)
    connection.execute("DELETE FROM key_slots")
    connection.executemany(
        "INSERT INTO key_slots(kind, body) VALUES(?, ?)", [(slot.kind, slot.wrapped) for slot in slots]
    )
    put_record(connection, "spare", Spare(header, slots))
