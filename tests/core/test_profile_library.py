"""The library of profiles: names to paths, whatever the names, and what is in the folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles_made import make_profile

from pocketvisor.errors import ProfileError
from pocketvisor.profiles import (
    checked_name,
    find_profile,
    free_profile,
    library,
    new_profile,
    profile_names,
    profiles_path,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "pocketvisor" / "profiles"


def test_a_name_is_a_file_of_the_library(folder: Path) -> None:
    path = new_profile("Phone")
    assert path == folder / "Phone.vphone" == profiles_path() / "Phone.vphone"
    make_profile(path, "first").close()
    assert find_profile("Phone") == find_profile("phone") == find_profile("Phone.vphone") == path
    assert folder.stat().st_mode & 0o077 == 0


def test_what_has_a_slash_is_a_path(tmp_path: Path) -> None:
    path = new_profile(f"{tmp_path}/my phone")
    assert path == tmp_path / "my phone.vphone"
    make_profile(path).close()
    assert find_profile(str(path)) == path
    (tmp_path / "link").symlink_to(path)
    assert find_profile(f"{tmp_path}/link") == path


def test_what_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"no profile 'Phone': 'pocketvisor profile create' makes one"):
        find_profile("Phone")
    make_profile(new_profile("Other")).close()
    with pytest.raises(ProfileError, match=r"no profile 'Phone'; there are Other"):
        find_profile("Phone")
    with pytest.raises(ProfileError, match="no such file"):
        find_profile("./Phone.vphone")
    with pytest.raises(ProfileError, match="no regular file"):
        find_profile(f"{tmp_path}/")
    with pytest.raises(ProfileError, match="no such folder"):
        new_profile("/nowhere/Phone")


def test_no_file_is_ever_taken_twice(folder: Path) -> None:
    make_profile(new_profile("Phone")).close()
    with pytest.raises(ProfileError, match="such a file already"):
        new_profile("Phone")
    assert free_profile("Phone") == folder / "Phone 2.vphone"
    (folder / "Phone 2.vphone").symlink_to("nowhere")
    assert free_profile("Phone") == folder / "Phone 3.vphone"


@pytest.mark.parametrize(
    "name",
    ["", "  ", ".", "..", ".hidden", "a/b", "a\0b", "a\nb", "-rf", "a:b", "a\\b", "x" * 101, " a", "a."],
)
def test_names_that_would_leave_the_folder_or_surprise_are_refused(name: str) -> None:
    with pytest.raises(ProfileError):
        checked_name(name)


@given(st.text(max_size=120))
def test_whatever_is_a_name_stays_in_the_folder(text: str) -> None:
    try:
        name = checked_name(text)
    except ProfileError:
        return
    path = profiles_path() / f"{name}.vphone"
    assert path.parent == profiles_path() and path.name == os.path.basename(path)
    assert len(path.name.encode()) < 256 and path.name.isprintable()


def test_what_cannot_be_read_is_listed_with_its_reason(folder: Path) -> None:
    make_profile(new_profile("good"), "first").close()
    (folder / "Bad.vphone").write_bytes(b"SQLite format 3\0" + bytes(200))
    (folder / "Empty.vphone").touch()
    (folder / "dir.vphone").mkdir()
    (folder / ".hidden.vphone").touch()
    (folder / "notes.txt").touch()
    assert profile_names() == ["Bad", "dir", "Empty", "good"]
    found = {each.name: each for each in library()}
    assert found["good"].info is not None and len(found["good"].info.generations) == 1
    for name in ("Bad", "Empty", "dir"):
        assert found[name].info is None and f"{name}.vphone" in found[name].problem
