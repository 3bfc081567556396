"""Profiles that are carried: a copy is whole or not there, and nothing is lost by taking one in."""

import threading
from pathlib import Path

import pytest
from profiles_made import PASSPHRASE, add_generation, make_profile

from pocketvisor import profile_copies
from pocketvisor.errors import ProfileError
from pocketvisor.guest import record
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.keys import NewKeys, Unlock
from pocketvisor.profiles import find_profile, new_profile, profile_names


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def silent(words: str, done: float | None) -> None:
    pass


def content(path: Path, passphrase: str | None = None) -> dict[int, bytes]:
    """The RAM of every generation."""
    with ProfileFile.open(path, read_only=True) as file:
        if passphrase is not None:
            file.unlock(Unlock(passphrase=passphrase))
        assert file.verify() == []
        found = {}
        for generation in file.generations():
            space = file.manifest(generation.number).space("ram")
            assert space is not None
            found[generation.number] = file.reader(space).read(0, space.size)
        return found


def test_an_export_is_the_whole_profile(tmp_path: Path) -> None:
    make_profile(new_profile("Phone"), "one", "two", passphrase=PASSPHRASE).close()
    source = find_profile("Phone")
    (tmp_path / "stick").mkdir()
    made = profile_copies.export(source, tmp_path / "stick", silent)
    assert made == tmp_path / "stick" / "Phone.vphone"
    assert content(made, PASSPHRASE) == content(source, PASSPHRASE)
    assert [path.name for path in made.parent.iterdir()] == ["Phone.vphone"]
    with pytest.raises(ProfileError, match="such a file already"):
        profile_copies.export(source, tmp_path / "stick", silent)


def test_a_profile_is_exported_while_it_is_saved_to(tmp_path: Path) -> None:
    with make_profile(new_profile("Phone"), "one", chunks=200) as file:
        made: list[Path] = []

        def meanwhile(words: str, done: float | None) -> None:
            if len(file.generations()) < 3:
                add_generation(file, "meanwhile", chunks=200)

        made.append(profile_copies.export(file.path, tmp_path / "copy.vphone", meanwhile))
        assert len(file.generations()) == 3
    assert list(content(made[0])) == [1]  # of the moment when it began


def test_a_cancelled_copy_leaves_nothing(tmp_path: Path) -> None:
    make_profile(new_profile("Phone"), "one", chunks=200).close()
    stop = threading.Event()
    (tmp_path / "stick").mkdir()
    with pytest.raises(profile_copies.Cancelled):
        profile_copies.export(find_profile("Phone"), tmp_path / "stick", lambda words, done: stop.set(), stop)
    assert list((tmp_path / "stick").iterdir()) == []
    make_profile(tmp_path / "Other.vphone", "one").close()
    with pytest.raises(profile_copies.Cancelled):
        profile_copies.take_in(tmp_path / "Other.vphone", silent, stop=stop)
    assert [path.name for path in find_profile("Phone").parent.iterdir()] == ["Phone.vphone"]


def test_a_profile_comes_into_the_library_under_a_free_name(tmp_path: Path) -> None:
    make_profile(new_profile("Phone"), "one").close()
    make_profile(tmp_path / "Phone.vphone", "another").close()
    made = profile_copies.take_in(tmp_path / "Phone.vphone", silent)
    assert made.stem == "Phone 2" and profile_names() == ["Phone", "Phone 2"]
    make_profile(tmp_path / "..weird:name", "third").close()
    assert profile_copies.take_in(tmp_path / "..weird:name", silent).stem == "weirdname"
    make_profile(tmp_path / "fourth.vphone").close()
    assert profile_copies.take_in(tmp_path / "fourth.vphone", silent, name="My own").stem == "My own"


def test_the_same_profile_is_not_there_twice_and_nothing_newer_is_lost(tmp_path: Path) -> None:
    with make_profile(new_profile("Phone"), "one", "two") as file:
        older = profile_copies.export(file.path, tmp_path / "older.vphone", silent)
        add_generation(file, "three")
        newer = profile_copies.export(file.path, tmp_path / "newer.vphone", silent)
    home = find_profile("Phone")
    with pytest.raises(ProfileError, match="is the same profile as 'Phone'"):
        profile_copies.take_in(newer, silent)
    with pytest.raises(ProfileError, match=r"has a generation 3 that older\.vphone has not"):
        profile_copies.take_in(older, silent, replace=True)
    assert list(content(home)) == [1, 2, 3]
    with ProfileFile.open(newer) as file:
        add_generation(file, "four")
    assert profile_copies.take_in(newer, silent, replace=True) == home
    assert list(content(home)) == [1, 2, 3, 4] and profile_names() == ["Phone"]


def test_two_copies_that_went_on_separately_are_not_taken_for_one_another(tmp_path: Path) -> None:
    with make_profile(new_profile("Phone"), "one") as file:
        copy = profile_copies.export(file.path, tmp_path / "copy.vphone", silent)
        add_generation(file, "here")
    with ProfileFile.open(copy) as file:
        add_generation(file, "there")
        add_generation(file, "and further")
    with pytest.raises(ProfileError, match=r"has a generation 2 that copy\.vphone has not"):
        profile_copies.take_in(copy, silent, replace=True)


def test_a_clone_is_another_profile_with_keys_of_its_own(tmp_path: Path) -> None:
    with make_profile(new_profile("Phone"), "one", "two", passphrase=PASSPHRASE) as file:
        target = new_profile("Second phone")
        profile_copies.duplicate(file, target, 1, NewKeys(passphrase="other"), silent)
        origin = file.id
    assert content(target, "other")[1] == content(find_profile("Phone"), PASSPHRASE)[1]
    with ProfileFile.open(target, read_only=True) as clone:
        assert clone.id != origin and clone.sealed
        clone.unlock(Unlock(passphrase="other"))
        assert record.decode(clone.manifest(1).guest).name == "Second phone"
        assert clone.manifest(1).name == "one"


def test_a_failed_clone_leaves_nothing(tmp_path: Path) -> None:
    with make_profile(new_profile("Phone"), "one") as file:

        def fails(words: str, done: float | None) -> None:
            raise ProfileError("the disk is full")

        target = new_profile("Clone")
        with pytest.raises(ProfileError, match="full"):
            profile_copies.duplicate(file, target, 1, None, fails)
        assert add_generation(file, "goes on") == 2
    assert [path.name for path in target.parent.iterdir()] == ["Phone.vphone"]


def test_what_is_no_profile_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "note.vphone").write_text("hello")
    for action in (
        lambda: profile_copies.take_in(tmp_path / "note.vphone", silent),
        lambda: profile_copies.export(tmp_path / "note.vphone", tmp_path / "x.vphone", silent),
    ):
        with pytest.raises(ProfileError, match=r"note\.vphone"):
            action()
    assert profile_names() == [] and not (tmp_path / "x.vphone").exists()
