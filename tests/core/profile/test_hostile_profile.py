"""Files that somebody made to do harm: refused with their reason, in bounded time and memory."""

import os
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
from backports import zstd
from profile_files import content_of, make

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile import manifest as manifests
from pocketvisor.profile import rows
from pocketvisor.profile.connection import SCHEMA
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import ProfileKey
from pocketvisor.profile.manifest import Manifest
from pocketvisor.profile.packing import ZSTD, pack, unpack
from pocketvisor.profile.salvage import salvage
from pocketvisor.profile.sealing import PlainSealer
from pocketvisor.profile.tree import FANOUT, HOLE, Space

Sql = sqlite3.Connection


@contextmanager
def changed(path: Path) -> Iterator[Sql]:
    """The file as SQLite's own tools would change it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def key_of(connection: Sql) -> PlainSealer:
    """An open profile's key is in it: whoever has the file can sign."""
    return PlainSealer(ProfileKey(connection.execute("SELECT body FROM key_slots").fetchone()[0]))


def refused(
    path: Path, match: str, use: Callable[[ProfileFile], object] = lambda file: file.manifest(3)
) -> None:
    """By its use, by verify, and salvage makes no wrong file of it."""
    with pytest.raises(ProfileError, match=match) as caught, ProfileFile.open(path, read_only=True) as file:
        assert file.verify() != []
        use(file)
    assert "\n" not in str(caught.value)
    target = path.with_name("salvaged.vphone")
    target.unlink(missing_ok=True)
    try:
        salvage(path, target)
    except ProfileError:
        assert not target.exists()
    else:
        with ProfileFile.open(target) as file:
            assert file.verify() == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make(tmp_path / "a.vphone")
    return tmp_path / "a.vphone"


# --- what is no profile at all


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "a.vphone"
    with pytest.raises(ProfileError, match=r"a\.vphone cannot be opened: No such file"):
        ProfileFile.open(path)
    for content in (b"", b"hello", b"SQLite format 3\0" + bytes(84), os.urandom(200_000)):
        path.write_bytes(content)
        with pytest.raises(ProfileError, match=r"a\.vphone is no profile"):
            ProfileFile.open(path)
        with pytest.raises(ProfileError, match=r"a\.vphone is damaged"):
            salvage(path, tmp_path / "b.vphone")
    path.unlink()
    with changed(path) as connection:
        connection.execute("CREATE TABLE mine(a)")
        connection.execute("INSERT INTO mine VALUES(1)")
    before = path.read_bytes()
    with pytest.raises(ProfileError, match=r"a\.vphone is no profile"):
        ProfileFile.open(path)
    assert path.read_bytes() == before


def test_what_is_no_regular_file(tmp_path: Path, path: Path) -> None:
    (tmp_path / "link.vphone").symlink_to(path)
    with pytest.raises(ProfileError, match=r"link\.vphone is a symbolic link"):
        ProfileFile.open(tmp_path / "link.vphone")
    with pytest.raises(ProfileError, match=r"link\.vphone is a symbolic link"):
        salvage(tmp_path / "link.vphone", tmp_path / "b.vphone")
    os.mkfifo(tmp_path / "fifo.vphone")
    for name in ("fifo.vphone", ""):
        with pytest.raises(ProfileError, match="is no regular file"):
            ProfileFile.open(tmp_path / name)
    with pytest.raises(ProfileError, match="is there already"):
        ProfileFile.create(tmp_path / "link.vphone")


def test_a_newer_format_is_refused_by_name(path: Path) -> None:
    with changed(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(ProfileError, match=r"a\.vphone has the format 2, and this .* knows those up to 1"):
        ProfileFile.open(path)


# --- the schema


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON chunks BEGIN DELETE FROM generations; END",
        "CREATE VIEW v AS SELECT * FROM chunks",
        "CREATE INDEX i ON chunks(hex(body))",
        "CREATE TABLE more(a)",
        "ALTER TABLE generations ADD COLUMN more BLOB",
        "ALTER TABLE chunks ADD COLUMN more AS (hex(body))",
        "DROP TABLE key_slots",
        "ALTER TABLE records RENAME TO recordz",
        "CREATE VIRTUAL TABLE f USING fts5(a)",
        "ANALYZE",
    ],
)
def test_another_schema_is_refused(path: Path, sql: str) -> None:
    with changed(path) as connection:
        connection.execute(sql)
    with pytest.raises(DamagedProfile, match=r"a\.vphone is damaged: its tables are not a profile's"):
        ProfileFile.open(path)


def test_a_view_in_a_tables_place_is_never_asked(path: Path) -> None:
    bomb = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i, i FROM n"
    with changed(path) as connection:
        connection.execute("DROP TABLE chunks")
        connection.execute(f"CREATE VIEW chunks(number, id, body) AS {bomb}")
    with pytest.raises(DamagedProfile, match="its tables are not a profile's"):
        ProfileFile.open(path)


def test_a_schema_of_the_right_text_with_another_meaning(path: Path) -> None:
    """Two tables exchange their pages: every row is of the wrong kind."""
    with changed(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        pages = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema").fetchall())
        for name, other in (("generations", "chunks"), ("chunks", "generations")):
            connection.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = ?", (pages[other], name))
    refused(path, r"a\.vphone")


# --- rows of any type and size


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE generations SET manifest = 'text'",
        "UPDATE generations SET manifest = 12",
        "UPDATE generations SET content = 1.5",
        "UPDATE generations SET parent = 'x'",
        "UPDATE generations SET parent = -1",
        "UPDATE generations SET created = 9e99",
        "UPDATE generations SET signature = zeroblob(64)",
        "UPDATE generations SET signature = zeroblob(5000)",
        "UPDATE generations SET added = added + 1",
        "UPDATE generations SET number = -number",
        "UPDATE generations SET number = number + 9223372036854775800",
        "UPDATE generations SET manifest = zeroblob(10000000)",
        "UPDATE chunks SET body = zeroblob(10000000) WHERE number IN (SELECT max(number) FROM chunks)",
        "UPDATE chunks SET body = 7",
        "UPDATE chunks SET body = x''",
        "UPDATE chunks SET id = number",
        "DELETE FROM chunks",
        "DELETE FROM generations WHERE number = 3",
    ],
)
def test_rows_that_no_program_writes(path: Path, sql: str) -> None:
    with changed(path) as connection:
        connection.execute(sql)
    refused(path, r"a\.vphone", lambda file: content_of(file, file.head or 3))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE records SET body = zeroblob(10000000)",
        "UPDATE records SET body = 'text'",
        "UPDATE records SET body = 3 WHERE name = 'state'",
        "DELETE FROM records",
        "DELETE FROM records WHERE name = 'state'",
        "UPDATE records SET body = (SELECT body FROM records WHERE name = 'header') WHERE name = 'state'",
    ],
)
def test_records_that_no_program_writes(path: Path, sql: str) -> None:
    with changed(path) as connection:
        connection.execute(sql)
    refused(path, r"a\.vphone", lambda file: file.head)


def test_more_key_slots_than_there_can_be(path: Path) -> None:
    with changed(path) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
            "INSERT INTO key_slots SELECT i, 'passphrase', zeroblob(8000) FROM n"
        )
    with ProfileFile.open(path) as file:
        assert file.info.damaged
        with pytest.raises(DamagedProfile, match="its key slots are damaged"):
            file.key_slots()


# --- generations


def test_a_manifest_of_an_older_generation_is_refused(path: Path) -> None:
    with changed(path) as connection:
        columns = "content, signature, manifest, created, added, parent"
        old = connection.execute(f"SELECT {columns} FROM generations WHERE number = 2").fetchone()
        connection.execute(f"UPDATE generations SET ({columns}) = (?,?,?,?,?,?) WHERE number = 3", old)
    refused(path, r"a\.vphone, generation 3 is damaged: A signature in it is not of the profile's own key")


def test_an_older_manifest_that_is_signed_again_is_refused(path: Path) -> None:
    """By one who has the key, as of an open profile anybody has."""
    with changed(path) as connection:
        sealer = key_of(connection)
        old = fetch(connection, 2)
        with ProfileFile.open(path, read_only=True) as file:
            profile = file.id
        put(connection, profile, msgspec.structs.replace(old, number=3, parent=2), sealer)
    refused(path, r"generation 3 is damaged: it belongs to another generation")


def test_a_history_cannot_be_exchanged_under_a_generation(path: Path) -> None:
    with changed(path) as connection:
        sealer = key_of(connection)
        with ProfileFile.open(path, read_only=True) as file:
            profile, manifest = file.id, file.manifest(2)
        forged = msgspec.structs.replace(manifest, name="another")
        put(connection, profile, row_of(forged, fetch(connection, 2), sealer), sealer)
    refused(path, r"generation 3 is damaged: it does not go on from the generation 2 that is here")


def fetch(connection: Sql, number: int) -> rows.GenerationRow:
    sql = f"SELECT {rows.COLUMNS} FROM generations WHERE number = ?"
    return rows.as_row(connection.execute(sql, (number,)).fetchone())


def row_of(manifest: Manifest, row: rows.GenerationRow, sealer: PlainSealer) -> rows.GenerationRow:
    """Without a look at what is in it."""
    blob = sealer.seal(pack(msgspec.msgpack.encode(manifest)), b"")
    return msgspec.structs.replace(row, manifest=blob, content=rows.content_hash(blob))


def put(connection: Sql, profile: bytes, row: rows.GenerationRow, sealer: PlainSealer) -> None:
    row = rows.signed(profile, row, sealer)
    marks = ",".join("?" * len(msgspec.structs.astuple(row)))
    connection.execute(f"REPLACE INTO generations VALUES({marks})", msgspec.structs.astuple(row))


def forge(path: Path, change: Callable[[Manifest], Manifest]) -> None:
    """Generation 3, genuinely signed."""
    with ProfileFile.open(path, read_only=True) as file:
        profile, manifest = file.id, file.manifest(3)
    with changed(path) as connection:
        sealer = key_of(connection)
        put(connection, profile, row_of(change(manifest), fetch(connection, 3), sealer), sealer)


def with_space(space: Space) -> Callable[[Manifest], Manifest]:
    return lambda manifest: msgspec.structs.replace(manifest, spaces=(space,))


@pytest.mark.parametrize(
    ("space", "match"),
    [
        (Space("ram", 16384, 16384, (HOLE, HOLE)), "its size 16384 and its 2 nodes do not fit"),
        (Space("ram", 1 << 30, 16384, ()), "do not fit"),
        (Space("ram", 12288, 12288, (HOLE,)), "no power of two"),
        (Space("ram", 1 << 60, 16384, (HOLE,)), "malformed"),
        (Space("ram", -1, 16384, ()), "malformed"),
        (Space("ram", 16384, 0, (HOLE,)), "malformed"),
        (Space("ram", 16384, 1 << 40, (HOLE,)), "malformed"),
        (Space("", 16384, 16384, (HOLE,)), "malformed"),
        (Space("r" * 65, 16384, 16384, (HOLE,)), "malformed"),
        (Space("ram", 16384, 16384, (b"short",)), "malformed"),
        (Space("ram", FANOUT * 4096 * 65537, 4096, (HOLE,) * 65537), "malformed"),
    ],
)
def test_spaces_that_do_not_add_up(path: Path, space: Space, match: str) -> None:
    forge(path, with_space(space))
    refused(path, rf"a\.vphone, generation 3 is damaged: .*{match}")


def test_fields_that_are_too_large(path: Path) -> None:
    for field, size in (("guest", 1 << 20), ("policy", 64 << 10), ("thumbnail", 256 << 10)):
        too_large = {field: bytes(size + 1)}
        forge(path, partial(msgspec.structs.replace, **too_large))
        refused(path, "generation 3 is damaged: it is malformed")
        with (
            ProfileFile.open(path) as file,
            file.begin(2) as saving,
            pytest.raises(ProfileError, match="cannot be saved"),
        ):
            saving.commit(kind="off", spaces=[], **too_large)  # type: ignore[arg-type]
        path.unlink()
        make(path)


def test_two_spaces_of_one_name(path: Path) -> None:
    space = Space("ram", 0, 16384, ())
    forge(path, lambda manifest: msgspec.structs.replace(manifest, spaces=(space, space)))
    refused(path, "two of its spaces have one name")


def test_a_node_in_a_chunks_place_and_the_other_way_round(path: Path) -> None:
    """Nothing can loop: the depth is fixed, whatever an id leads to."""
    with ProfileFile.open(path, read_only=True) as file:
        ram = file.manifest(3).spaces[0]
        chunk = next(own for own in map(file.reader(ram).id, range(ram.chunks)) if own != HOLE)
    forge(path, with_space(Space("ram", ram.size, ram.chunk_size, (chunk,))))
    refused(path, r"a\.vphone is damaged: ram, node 0: it ", lambda file: content_of(file, 3))


def test_a_decompression_bomb(path: Path) -> None:
    bomb = ZSTD + zstd.compress(bytes(1 << 30), 1)
    assert len(bomb) < 100_000
    with changed(path) as connection:
        connection.execute("UPDATE chunks SET body = ?", (bomb,))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "ram, node 0: it decompresses to more than it may", lambda file: content_of(file, 3))
    with changed(path) as connection:
        sealer = key_of(connection)
        with ProfileFile.open(path, read_only=True) as file:
            profile = file.id
        row = msgspec.structs.replace(fetch(connection, 3), manifest=bomb, content=rows.content_hash(bomb))
        put(connection, profile, row, sealer)
    refused(path, "generation 3 is damaged: it decompresses to more than it may")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"", "unknown way"),
        (b"\2abc", "unknown way"),
        (b"\0" + bytes(101), "larger than it may"),
        (ZSTD, "to an end"),
        (ZSTD + b"junk", "does not decompress"),
        (ZSTD + zstd.compress(bytes(50))[:-1], "to an end"),
        (ZSTD + zstd.compress(bytes(50)) + b"x", "to an end"),
        (ZSTD + zstd.compress(bytes(50)) * 2, "to an end"),
        (ZSTD + zstd.compress(bytes(101)), "to more than it may"),
        (ZSTD + b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", "does not decompress"),  # a window of 128 MiB
    ],
)
def test_packed_bytes_that_no_program_writes(packed: bytes, reason: str) -> None:
    with pytest.raises(DamagedProfile, match=reason):
        unpack(packed, 100)


def test_a_manifest_nested_without_end() -> None:
    for plain in (
        b"\x91" * 100_000,
        b"\x81\xa1a" * 100_000,
        b"\xdf\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\0",
        b"",
    ):
        with pytest.raises(DamagedProfile, match="malformed"):
            manifests.decode(pack(plain), bytes(16), 1, PlainSealer(ProfileKey(bytes(32))))


def test_a_tree_of_pages_that_leads_back_to_itself(path: Path) -> None:
    """An inner page whose children are itself: SQLite's depth is bounded, ours is its."""
    with changed(path) as connection:
        root = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema").fetchall())["chunks"]
    whole = bytearray(path.read_bytes())
    start = (root - 1) * 65536
    page = bytearray(65536)
    page[0] = 5
    cells = 200
    page[3:5] = cells.to_bytes(2, "big")
    page[5:7] = (65536 - 5 * cells).to_bytes(2, "big")
    page[8:12] = root.to_bytes(4, "big")
    for cell in range(cells):
        place = 65536 - 5 * (cell + 1)
        page[12 + 2 * cell : 14 + 2 * cell] = place.to_bytes(2, "big")
        page[place : place + 5] = root.to_bytes(4, "big") + bytes([cell & 0x7F])
    whole[start : start + 65536] = page
    path.write_bytes(whole)
    began = time.monotonic()
    refused(path, r"a\.vphone", lambda file: content_of(file, 3))
    assert time.monotonic() - began < 20


def test_the_format_document_has_the_schema() -> None:
    document = (Path(rows.__file__).parent / "FORMAT.md").read_text()
    assert all(sql in document for sql in SCHEMA)
