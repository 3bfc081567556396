"""What a guest keeps is one guest's at a time, and stays within its folder."""

import os
from pathlib import Path

import pytest

from pocketvisor.errors import StorageError
from pocketvisor.storage.keep import folder_name, keep, nothing_kept, storage_path, unnamed_file


def test_a_folder_is_one_guests_at_a_time() -> None:
    first = keep("debian", "1", "Debian")
    fd, new = first.file("flash")
    assert new
    os.write(fd, b"variables")
    os.close(fd)
    second = keep("debian", "2", "Debian 2")
    assert second.path is None
    assert "not kept this time" in second.sentence
    fd, new = second.file("flash")
    assert new
    os.close(fd)
    second.close()
    first.close()
    third = keep("debian", "2", "Debian 2")
    assert (third.path, third.sentence) == (storage_path() / "debian", "")
    fd, new = third.file("flash")
    assert not new
    assert os.pread(fd, 100, 0) == b"variables"
    os.close(fd)
    third.close()


def test_a_guests_parts_share_its_folder() -> None:
    flash, disks = keep("debian", "1", "Debian"), keep("debian", "1", "Debian")
    assert flash.path == disks.path
    flash.close()
    assert keep("debian", "2", "Debian 2").path is None
    disks.close()
    keep("debian", "2", "Debian 2").close()


def test_without_a_folder_nothing_stays(tmp_path: Path) -> None:
    fd, new = nothing_kept().file("flash")
    assert new
    os.write(fd, b"x")
    assert os.fstat(fd).st_nlink == 0
    os.close(fd)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("debian", "debian"),
        ("../../etc", "_.._etc"),
        ("a/b", "a_b"),
        ("", "guest"),
        ("...", "guest"),
        ("ä", "_"),
    ],
)
def test_an_id_stays_within_its_folder(image: str, name: str) -> None:
    assert folder_name(image) == name


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = keep("debian", "1", "Debian")
    assert folder.path is not None
    (folder.path / "flash").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="flash: cannot be opened"):
        folder.file("flash")
    folder.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be used to keep what Debian writes"):
        keep("debian", "1", "Debian")


def test_without_a_cache_folder_memory_is_used(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    fd = unnamed_file("overlay")
    os.pwrite(fd, b"x", 1 << 30)
    os.close(fd)
