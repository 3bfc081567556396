"""What a guest writes to its flash is kept in its file: whole, once, and by nobody else meanwhile."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketvisor.board.config import DevicesConfig
from pocketvisor.board.map import FLASH_BANK_SIZE
from pocketvisor.errors import StorageError
from pocketvisor.guest.flash import PIECE, Flash, FlashFile, FlashPieces
from pocketvisor.guest.memory import create_memfd, is_zero


@pytest.fixture
def memory() -> Iterator[int]:
    fd = create_memfd("flash", FLASH_BANK_SIZE)
    yield fd
    os.close(fd)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "variables.fd"


def test_what_was_written_is_there_again(path: Path, memory: int) -> None:
    os.pwrite(memory, b"first", 0)
    os.pwrite(memory, b"last", FLASH_BANK_SIZE - 4)
    file = FlashFile(path)
    file.save(memory)
    file.close()
    assert path.stat().st_size == FLASH_BANK_SIZE  # as QEMU wants it,
    assert path.stat().st_blocks * 512 < 1 << 20  # but with holes
    other = create_memfd("flash", FLASH_BANK_SIZE)
    again = FlashFile(path)
    again.load(other)
    assert os.pread(other, 5, 0) == b"first"
    assert os.pread(other, 4, FLASH_BANK_SIZE - 4) == b"last"
    again.close()
    os.close(other)


def test_a_new_or_short_file_is_filled_up_with_zeros(path: Path, memory: int) -> None:
    file = FlashFile(path)
    file.load(memory)
    assert is_zero(memory)
    file.close()
    path.write_bytes(b"short")
    file = FlashFile(path)
    file.load(memory)
    assert os.pread(memory, 7, 0) == b"short\0\0"
    file.close()


def test_the_old_content_stays_where_the_new_cannot_be_written(
    path: Path, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"old")
    file = FlashFile(path)
    os.pwrite(memory, b"new", 0)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        file.save(memory)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]
    monkeypatch.undo()
    file.save(memory)
    assert path.read_bytes()[:3] == b"new"
    file.close()


def test_two_guests_cannot_have_one_file(path: Path, memory: int) -> None:
    file = FlashFile(path)
    for _ in range(2):  # before and after a new file took its place
        with pytest.raises(StorageError, match="another guest's"):
            FlashFile(path)
        file.save(memory)
    file.close()
    FlashFile(path).close()


@pytest.mark.parametrize(
    "kind, cause", [("folder", "cannot be opened"), ("fifo", "no regular"), ("large", "larger")]
)
def test_what_is_no_flash_is_named(path: Path, kind: str, cause: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.touch()
        os.truncate(path, FLASH_BANK_SIZE + 1)
    with pytest.raises(StorageError, match=cause):
        FlashFile(path)


def test_it_is_kept_when_asked_and_at_the_end_of_a_run(path: Path) -> None:
    async def life() -> None:
        flash = Flash(lambda sentence: pytest.fail(sentence), FlashFile(path))
        flash.load()
        assert flash.configure(DevicesConfig()).flash == flash.fd
        assert flash.descriptors == [flash.fd]
        os.pwrite(flash.fd, b"one", 0)
        flash.keep()
        os.pwrite(flash.fd, b"two", 8)
        flash.ended()
        os.pwrite(flash.fd, b"six", 16)
        await flash.close()

    asyncio.run(life())
    content = path.read_bytes()
    assert (content[:3], content[8:11], content[16:19]) == (b"one", b"two", b"six")


def test_nothing_is_written_where_nothing_changed(path: Path) -> None:
    async def life() -> None:
        flash = Flash(lambda sentence: pytest.fail(sentence), FlashFile(path))
        flash.load()
        flash.ended()
        await flash.close()

    path.write_bytes(b"mine")
    before = path.stat()
    asyncio.run(life())
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_failure_is_told_and_ends_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    async def life() -> None:
        flash = Flash(notes.append, FlashFile(path))
        os.pwrite(flash.fd, b"one", 0)
        monkeypatch.setattr(os, "fsync", full)
        flash.ended()
        await flash.close()

    asyncio.run(life())
    assert notes
    assert "No space left" in notes[0]


def test_only_pieces_that_have_changed_are_saved_again(memory: int) -> None:
    pieces = FlashPieces()
    os.pwrite(memory, b"a", 3 * PIECE + 5000)
    os.pwrite(memory, b"b", 3 * PIECE + 60000)
    assert pieces.changed(memory) is None
    assert pieces.changed(memory) is None, "nothing was committed"
    pieces.committed()
    assert pieces.changed(memory) == []
    os.pwrite(memory, b"c", 3 * PIECE)
    os.pwrite(memory, b"d", FLASH_BANK_SIZE - 1)
    last = FLASH_BANK_SIZE // PIECE - 1
    assert pieces.changed(memory) == [3, last]
    assert pieces.changed(memory) == [3, last]
    pieces.committed()
    os.pwrite(memory, bytes(PIECE), 3 * PIECE)
    assert pieces.changed(memory) == [3]
    assert pieces.read(memory, 3) == b""
    assert pieces.read(memory, last)[-1:] == b"d"
