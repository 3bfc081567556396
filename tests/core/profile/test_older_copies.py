"""A profile's file that was put back is found out by what this machine remembers, a whole one never is."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from vault_kit import Phone

from pocketvisor.profile import rows
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.ledger import Ledger, OlderProfile


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    made = Phone(tmp_path / "a.vphone")
    yield made
    made.file.close()


def test_an_older_copy_of_the_file_is_refused(phone: Phone, ledger: Ledger, tmp_path: Path) -> None:
    phone.save([1])
    shutil.copy(tmp_path / "a.vphone", tmp_path / "older.vphone")
    phone.save([2])
    ledger.record(phone.file.id, phone.file.digests())
    with ProfileFile.open(tmp_path / "older.vphone") as older:
        with pytest.raises(OlderProfile, match="ends at generation 2, and generation 3"):
            ledger.check(older.id, older.digests())
        ledger.record(older.id, older.digests(), accept_older=True)
        ledger.check(older.id, older.digests())
    ledger.check(phone.file.id, phone.file.digests())


def test_two_copies_that_went_on_separately_are_told_apart(
    phone: Phone, ledger: Ledger, tmp_path: Path
) -> None:
    shutil.copy(tmp_path / "a.vphone", tmp_path / "other.vphone")
    phone.save([1])
    ledger.record(phone.file.id, phone.file.digests())
    with ProfileFile.open(tmp_path / "other.vphone") as other:
        space = other.manifest(1).space("ram")
        assert space is not None
        with other.begin(1) as saving:
            saving.commit(kind="autosave", spaces=[space])
        with pytest.raises(OlderProfile, match="two copies"):
            ledger.check(other.id, other.digests())


def test_going_back_and_deleting_what_was_newest_is_no_older_copy(phone: Phone, ledger: Ledger) -> None:
    phone.save([1])
    phone.save([2])
    ledger.record(phone.file.id, phone.file.digests())
    phone.file.set_head(1)
    ledger.check(phone.file.id, phone.file.digests())
    phone.file.delete(3)
    phone.file.prune()
    assert [each.number for each in phone.file.generations()] == [1, 2]
    ledger.check(phone.file.id, phone.file.digests())
    phone.save([3])
    ledger.record(phone.file.id, phone.file.digests())


def test_only_what_is_compared_is_looked_at(phone: Phone) -> None:
    for index in range(3):
        phone.save([index])
    phone.file.delete(2)
    assert list(phone.file.digests()) == [1, 2, 3, 4]
    assert list(phone.file.digests(since=3)) == [3, 4]
    assert list(phone.file.digests(since=9)) == [4]


def test_a_row_that_is_not_genuine_does_not_make_a_file_newer(
    phone: Phone, ledger: Ledger, tmp_path: Path
) -> None:
    """Who puts an older copy back could add a row with a high number: without the key, not a signed one."""
    shutil.copy(tmp_path / "a.vphone", tmp_path / "older.vphone")
    phone.save([1])
    ledger.record(phone.file.id, phone.file.digests())

    connection = sqlite3.connect(tmp_path / "older.vphone")
    connection.execute(
        "INSERT INTO generations SELECT 9, parent, created, added, content, signature, manifest, label"
        " FROM generations WHERE number = 1"
    )
    rows.put_record(connection, "state", rows.State(9, 9, 2))
    connection.commit()
    connection.close()
    with ProfileFile.open(tmp_path / "older.vphone", read_only=True) as older:
        assert list(older.digests()) == [1]
        for since in (0, 1, 2, 9):
            with pytest.raises(OlderProfile):
                ledger.check(older.id, older.digests(since=since))
