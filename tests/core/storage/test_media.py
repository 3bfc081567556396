"""Files and folders become a disk that holds them, and nothing else."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from open_descriptors import none_left_open
from pycdlib import PyCdlib

from pocketvisor.errors import StorageError
from pocketvisor.storage import media
from pocketvisor.storage.media import make_media


class Disk:
    """A made medium, read by the library that knows the format."""

    def __init__(self, *paths: Path) -> None:
        self.made = make_media(paths)
        assert os.fstat(self.made.fd).st_size == self.made.size
        assert self.made.size % 2048 == 0
        with os.fdopen(self.made.fd, "rb") as file:
            self.iso = PyCdlib()
            file.seek(0)
            self.iso.open_fp(BytesIO(file.read()))

    def names(self, kind: str = "rr_path") -> set[str]:
        names = set()
        for folder, folders, files in self.iso.walk(**{kind: "/"}):
            names |= {f"{folder.rstrip('/')}/{name}" for name in (*folders, *files)}
        return names

    def content(self, path: str, kind: str = "rr_path") -> bytes:
        out = BytesIO()
        self.iso.get_file_from_iso_fp(out, **{kind: path})
        return out.getvalue()


def test_files_and_folders_with_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "Holiday in Brno"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "Žluťoučký kůň.txt").write_text("neigh")
    (folder / "deep" / "er" / "empty").touch()
    (tmp_path / "single.bin").write_bytes(b"x" * 5000)
    disk = Disk(folder, tmp_path / "single.bin")
    names = {
        "/Holiday in Brno",
        "/Holiday in Brno/Žluťoučký kůň.txt",
        "/Holiday in Brno/deep",
        "/Holiday in Brno/deep/er",
        "/Holiday in Brno/deep/er/empty",
        "/single.bin",
    }
    for kind in ("rr_path", "joliet_path"):
        assert disk.names(kind) == names
        assert disk.content("/single.bin", kind) == b"x" * 5000
    assert disk.content("/Holiday in Brno/Žluťoučký kůň.txt") == b"neigh"


def test_links_stay_inside(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "file").write_text("file")
    (folder / "good").symlink_to("file")
    (folder / "out").symlink_to("../secret")
    (folder / "absolute").symlink_to("/etc/passwd")
    (folder / "folder-out").symlink_to("/etc")
    os.mkfifo(folder / "fifo")
    disk = Disk(folder)
    assert disk.names() == {"/folder", "/folder/file", "/folder/good"}
    assert "Left out" in disk.made.sentence
    assert "and others" in disk.made.sentence


def test_a_link_that_is_pointed_at_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("content")
    (tmp_path / "link").symlink_to("real")
    assert Disk(tmp_path / "link").content("/link") == b"content"


def test_names_that_are_too_long_or_alike_stay_apart(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    for end in ("1", "2"):
        (folder / ("n" * 90 + end + ".txt")).write_text(end)
    (folder / "Same").write_text("1")
    (folder / "same").write_text("2")
    disk = Disk(folder)
    files = disk.names("joliet_path") - {"/f"}
    assert len(files) == 4
    assert all(len(name) <= 64 + 3 for name in files)
    assert {disk.content(name, "joliet_path") for name in files} == {b"1", b"2"}
    assert files == disk.names() - {"/f"}


def test_two_of_one_name_stay_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.txt").write_text(name)
    disk = Disk(tmp_path / "a" / "same.txt", tmp_path / "b" / "same.txt")
    assert disk.names() == {"/same.txt", "/same-2.txt"}


def test_bounds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    with pytest.raises(StorageError, match="too deep"):
        make_media([tmp_path / "a"])
    with (tmp_path / "large").open("wb") as file:
        file.truncate(4 << 30)
    with pytest.raises(StorageError, match="4 GiB or larger"):
        make_media([tmp_path / "large"])
    monkeypatch.setattr(media, "SIZE_MAX", 100)
    (tmp_path / "small").write_bytes(b"x" * 60)
    with pytest.raises(StorageError, match="more than"):
        make_media([tmp_path / "small", tmp_path / "small"])
    monkeypatch.setattr(media, "ENTRIES_MAX", 1)
    with pytest.raises(StorageError, match="more than 1 files"):
        make_media([tmp_path / "a"])


def test_nothing_is_no_disk(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nothing to put"):
        make_media([])
    with pytest.raises(StorageError, match="cannot be read"):
        make_media([tmp_path / "missing"])


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "log"
    file.write_text("one")
    gathered = media._gathered

    def and_then_it_grows(*arguments: object) -> object:
        entries = gathered(*arguments)  # type: ignore[arg-type]
        file.write_text("more than one")
        return entries

    monkeypatch.setattr(media, "_gathered", and_then_it_grows)
    with none_left_open(), pytest.raises(StorageError, match="has changed"):
        make_media([file])


def test_it_can_be_given_up_and_tells_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    said: list[str] = []
    os.close(make_media([tmp_path / "file"], progress=said.append).fd)
    assert said[-1].endswith("100 %")
    with pytest.raises(StorageError, match="given up"):
        make_media([tmp_path / "file"], cancelled=lambda: True)


def test_thousands_of_files_need_one_descriptor(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(2000):
        (folder / f"file {number}").write_text(str(number))
    disk = Disk(folder)
    assert len(disk.names()) == 2001
    assert disk.content("/many/file 1999") == b"1999"
