"""A profile that came with files beside it cannot make SQLite write to or delete others."""

import os
import struct
from pathlib import Path

import pytest

from pocketvisor.errors import ProfileError
from pocketvisor.profile.connection import PAGE
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profile.siblings import LEFT_OVER

MAGIC = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ProfileFile.create(tmp_path / "a.vphone").close()
    return tmp_path / "a.vphone"


def journal(path: Path, name: bytes) -> bytes:
    """One that SQLite plays back: the first page as it is; `name` is a file to be deleted then."""
    content = path.read_bytes()
    page, nonce = content[:PAGE], 123
    total = nonce + sum(page[at] for at in range(PAGE - 200, 0, -200))
    head = MAGIC + struct.pack(">5I", 1, nonce, len(content) // PAGE, 512, PAGE)
    whole = head.ljust(512, b"\0") + struct.pack(">I", 1) + page + struct.pack(">I", total & 0xFFFFFFFF)
    if name:
        whole += struct.pack(">I", 0x40000000 // PAGE + 1) + name
        whole += struct.pack(">II", len(name), sum(name)) + MAGIC
    return whole


@pytest.mark.parametrize("read_only", [True, False])
def test_a_journal_deletes_no_other_file(path: Path, tmp_path: Path, read_only: bool) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("a thesis")
    beside = path.with_name("a.vphone-journal")
    beside.write_bytes(journal(path, str(precious).encode()))
    with pytest.raises(ProfileError, match=r"a\.vphone-journal beside it was not made by Pocketvisor"):
        ProfileFile.open(path, read_only=read_only)
    assert precious.read_text() == "a thesis"
    beside.unlink()
    ProfileFile.open(path).close()


def test_a_journal_that_was_left_behind_is_played_back(path: Path) -> None:
    path.with_name("a.vphone-journal").write_bytes(journal(path, b""))
    ProfileFile.open(path).close()
    assert os.listdir(path.parent) == ["a.vphone"]


@pytest.mark.parametrize("suffix", LEFT_OVER)
@pytest.mark.parametrize("read_only", [True, False])
def test_links_pipes_and_folders_are_refused(
    path: Path, tmp_path: Path, suffix: str, read_only: bool
) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("a thesis")
    beside = path.with_name(path.name + suffix)
    for make in (
        lambda: beside.symlink_to(precious),
        lambda: beside.symlink_to(tmp_path / "missing"),
        lambda: beside.hardlink_to(precious),
        lambda: os.mkfifo(beside),
        lambda: beside.mkdir(),
    ):
        make()
        with pytest.raises(ProfileError, match=rf"a\.vphone{suffix} beside it"):
            ProfileFile.open(path, read_only=read_only)
        beside.rmdir() if beside.is_dir() else beside.unlink()
    assert precious.read_text() == "a thesis"
    assert not (tmp_path / "missing").exists()
