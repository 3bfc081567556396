"""Rows read without SQLite: all that is in a whole file is found, however it lies in the file's pages."""

import os
import random
import tracemalloc
from pathlib import Path

import pytest
from profile_files import PASSPHRASE, alone, content_of, make, save

from pocketvisor.errors import LockedProfile, ProfileError
from pocketvisor.profile.carving import Carver
from pocketvisor.profile.connection import PAGE
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.profile.salvage import salvage


def test_rows_larger_than_pages(tmp_path: Path) -> None:
    """Chunks of every size that do not compress, and a manifest of more than a page."""
    sizes = {"a": 4096, "b": 32768, "c": 65536, "d": 131072, "e": 1 << 20}
    contents = {name: os.urandom(3 * size + 77) for name, size in sizes.items()}
    with ProfileFile.create(tmp_path / "a.vphone") as file:
        save(file, contents, chunk_sizes=sizes)
        with file.begin(1) as saving:
            kept = file.manifest(1).spaces
            saving.commit(kind="off", spaces=kept, thumbnail=os.urandom(200_000), guest=os.urandom(900_000))
        manifest = file.manifest(2)
    found = salvage(tmp_path / "a.vphone", tmp_path / "b.vphone")
    assert (found.kept, found.lost) == ((1, 2), ())
    with ProfileFile.open(tmp_path / "b.vphone") as file:
        assert content_of(file, 2) == content_of(file, 1) == contents
        assert file.manifest(2) == manifest and file.verify() == []
    alone(tmp_path / "b.vphone")


def test_without_what_leads_to_the_rows(tmp_path: Path) -> None:
    """All inner pages, and the first one, are overwritten: SQLite finds nothing any more."""
    contents = {"ram": random.Random(1).randbytes(6 << 20)}
    path = tmp_path / "a.vphone"
    with ProfileFile.create(path) as file:
        save(file, contents)
    whole = bytearray(path.read_bytes())
    inner = [start for start in range(PAGE, len(whole), PAGE) if whole[start] in (2, 5)]
    assert inner
    for start in (0, *inner):
        whole[start : start + PAGE] = os.urandom(PAGE)
    path.write_bytes(whole)
    with pytest.raises(ProfileError):
        ProfileFile.open(path)
    assert salvage(path, tmp_path / "b.vphone").kept == (1,)
    with ProfileFile.open(tmp_path / "b.vphone") as file:
        assert content_of(file, 1) == contents


def test_a_sealed_one_needs_its_key(tmp_path: Path) -> None:
    contents = make(tmp_path / "a.vphone", NewKeys(passphrase=PASSPHRASE))
    for unlock in (None, Unlock(passphrase="wrong")):
        with pytest.raises(LockedProfile):
            salvage(tmp_path / "a.vphone", tmp_path / "b.vphone", unlock)
    assert not (tmp_path / "b.vphone").exists()
    salvage(tmp_path / "a.vphone", tmp_path / "b.vphone", Unlock(passphrase=PASSPHRASE))
    with ProfileFile.open(tmp_path / "b.vphone") as file:
        assert file.locked
        file.unlock(Unlock(passphrase=PASSPHRASE))
        assert {number: content_of(file, number) for number in contents} == contents


def test_deleted_generations_stay_deleted(tmp_path: Path) -> None:
    make(tmp_path / "a.vphone")
    with ProfileFile.open(tmp_path / "a.vphone") as file:
        file.delete(2)
    assert salvage(tmp_path / "a.vphone", tmp_path / "b.vphone").kept == (1, 3)


def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    make(tmp_path / "a.vphone")
    with (
        ProfileFile.open(tmp_path / "a.vphone"),
        pytest.raises(ProfileError, match=r"a\.vphone is in use by another program"),
    ):
        salvage(tmp_path / "a.vphone", tmp_path / "b.vphone")


def test_a_save_that_was_interrupted_is_no_loss(tmp_path: Path) -> None:
    """What only the log has, beside the file, comes in first."""
    contents = make(tmp_path / "made.vphone")
    path = tmp_path / "a.vphone"
    with ProfileFile.open(tmp_path / "made.vphone") as file:
        save(file, contents[1], 3)
        with file._database.transaction(durable=True) as connection:
            connection.execute("UPDATE generations SET label = x'' WHERE number = 1")
        for suffix in ("", "-wal"):
            (tmp_path / f"a.vphone{suffix}").write_bytes((tmp_path / f"made.vphone{suffix}").read_bytes())
    assert salvage(path, tmp_path / "b.vphone").kept == (1, 2, 3, 4)
    alone(path)


def varint(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


@pytest.mark.parametrize(("pages", "size"), [(2, 8 << 20), (64, 60 * (PAGE - 4))], ids=["ring", "chain"])
def test_rows_that_lie_in_each_other_are_not_read_again_and_again(
    tmp_path: Path, pages: int, size: int
) -> None:
    """One row, said to be there 16,000 times, with its content in overflow pages: of a small file gibibytes
    were read and kept."""
    columns = varint(13 + 2 * len(b"spare")) + varint(12 + 2 * (size - 40))
    row = varint(1 + len(columns)) + columns + b"spare"
    local = 8199 + (size - 8199) % (PAGE - 4)
    local = local if local <= PAGE - 35 else 8199
    cell = varint(size) + varint(7) + row.ljust(local, b"\0") + (3).to_bytes(4, "big")
    leaf = (
        b"\x0d\0\0" + (16_000).to_bytes(2, "big") + bytes(3) + (PAGE - len(cell)).to_bytes(2, "big") * 16_000
    )
    following = [3 + (number + 1) % pages for number in range(pages)]
    overflow = b"".join(number.to_bytes(4, "big") + bytes(PAGE - 4) for number in following)
    path = tmp_path / "a.vphone"
    path.write_bytes(bytes(PAGE) + leaf.ljust(PAGE - len(cell), b"\0") + cell + overflow)
    carver = Carver(lambda offset, size: path.read_bytes()[offset : offset + size], path.stat().st_size)
    assert len(carver.row(next(carver.places(1))) or ()) == (0 if pages == 2 else 2)
    tracemalloc.start()
    try:
        with pytest.raises(ProfileError, match="neither its header nor the copy"):
            salvage(path, tmp_path / "b.vphone")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
