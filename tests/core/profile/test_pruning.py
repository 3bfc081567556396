"""What nobody needs goes, and nothing else: chunks, and the rows of generations that were deleted."""

import random
from pathlib import Path

import pytest
from profile_files import content_of, make, save

from pocketvisor.errors import DamagedProfile, ProfileError
from pocketvisor.profile import pruning
from pocketvisor.profile.file import ProfileFile


def test_a_phone_that_saves_itself_for_long_has_no_endless_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "DELETED_KEPT", 10)
    with ProfileFile.create(tmp_path / "a.vphone") as file:
        for number in range(80):
            save(file, {"ram": b"%d" % number}, number)
        for number in set(range(1, 80)) - {1, 30}:
            file.delete(number)
        file.prune()
        assert [(each.number, each.parent) for each in file.generations()] == [(1, 0), (30, 1), (80, 30)]
        rows = count(file)
        assert rows <= 3 + 2 + 10
    with ProfileFile.open(tmp_path / "a.vphone") as file:
        assert count(file) == rows and file.verify() == [] and file.last == 80


def count(file: ProfileFile) -> int:
    with file._database.read() as connection:
        rows: int = connection.execute("SELECT count(*) FROM generations").fetchone()[0]
        return rows


@pytest.mark.parametrize("seed", range(4))
def test_the_tree_of_those_that_are_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whatever is deleted between them, in whatever turn, with rows that go in between."""
    monkeypatch.setattr(pruning, "DELETED_KEPT", 3)
    chance = random.Random(seed)
    parents: dict[int, int] = {}
    there: set[int] = set()

    def expected(number: int) -> int:
        number = parents[number]
        while number and number not in there:
            number = parents[number]
        return number

    with ProfileFile.create(tmp_path / "a.vphone") as file:
        for number in range(1, 60):
            parent = number - 1 if chance.random() < 0.7 else chance.choice([0, *there])
            if parent not in there:
                parent = 0
            save(file, {"ram": b"%d" % number}, parent)
            parents[number] = parent
            there.add(number)
            for old in list(there - {number}):
                if chance.random() < 0.2:
                    file.delete(old)
                    there.remove(old)
            if chance.random() < 0.3:
                file.prune()
                assert {each.number: each.parent for each in file.generations()} == {
                    each: expected(each) for each in there
                }
        file.prune()
        assert count(file) <= 2 * len(there) + 9
        assert file.verify() == []
        assert all(content_of(file, each) == {"ram": b"%d" % each} for each in there)


def test_a_pointer_that_was_changed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "DELETED_KEPT", 2)
    with ProfileFile.create(tmp_path / "a.vphone") as file:
        for number in range(12):
            save(file, {"ram": b"%d" % number}, number)
        for number in range(3, 12):
            file.delete(number)
        file.prune()
        assert [(each.number, each.parent) for each in file.generations()] == [(1, 0), (2, 1), (12, 2)]
        with file._database.transaction() as connection:
            labels = connection.execute("SELECT number, label FROM generations WHERE label <> x''").fetchall()
            assert labels
            for number, label in labels:
                forged = label[:1] + bytes([1]) + label[2:]
                assert forged != label
                connection.execute("UPDATE generations SET label = ? WHERE number = ?", (forged, number))
        assert any("what it went on from is damaged" in each.what for each in file.verify())


def test_a_damaged_generation_keeps_everything(tmp_path: Path) -> None:
    """It could need any chunk: what is not known is not deleted."""
    contents = make(tmp_path / "a.vphone")
    with ProfileFile.open(tmp_path / "a.vphone") as file:
        with file._database.transaction() as connection:
            connection.execute("UPDATE generations SET manifest = x'00' WHERE number = 2")
        file.delete(1)
        size = file.path.stat().st_size
        with pytest.raises(DamagedProfile, match="generation 2 is damaged"):
            file.prune()
        assert file.path.stat().st_size >= size
        file.delete(2)
        file.prune()
        assert content_of(file, 3) == contents[3] and file.verify() == []


def test_nothing_is_pruned_under_a_save(tmp_path: Path) -> None:
    make(tmp_path / "a.vphone")
    with ProfileFile.open(tmp_path / "a.vphone") as file, file.begin(3):
        with pytest.raises(ProfileError, match="is being saved already"):
            file.prune()
        with pytest.raises(ProfileError, match="is being saved already"):
            file.wipe()
