"""A disk's base as a profile reads it: as it is, when it is there, and with the page cache left as it was."""

import mmap
import os
import random
from pathlib import Path
from typing import Any

import pytest
from overlay_files import CLUSTER, file_of

from pocketvisor.storage.capture import CHUNK
from pocketvisor.storage.captured import BaseReader, DiskCapture
from pocketvisor.storage.files import SECTOR

IMAGE = random.Random(1).randbytes(3 * SECTOR)


def test_a_disk_that_is_only_read_is_its_image() -> None:
    image = IMAGE[: 3 * SECTOR].ljust(3 * CHUNK, b"\0") + b"end"
    fd = file_of(b"")
    os.ftruncate(fd, len(image))
    os.pwrite(fd, image[:CLUSTER], 0)
    os.pwrite(fd, b"end", 3 * CHUNK)
    base = BaseReader(fd, len(image))
    captured = DiskCapture(3 * CHUNK + SECTOR, base, None)
    assert captured.data_chunks() == [0, 3]
    assert captured.changed_chunks() == []
    assert captured.chunk(0) == image[:CHUNK]
    assert captured.chunk(1) == b""
    assert captured.chunk(3) == b"end".ljust(SECTOR, b"\0")
    base.close()


def test_a_base_that_is_being_filled_is_waited_for() -> None:
    fd = file_of(bytes(3 * CHUNK))
    asked: list[int] = []

    def ensure(chunk: int) -> None:
        asked.append(chunk)
        os.pwrite(fd, b"x" * CHUNK, chunk * CHUNK)

    base = BaseReader(fd, 3 * CHUNK, ensure, bytearray(b"\0\1\0"))
    captured = DiskCapture(3 * CHUNK, base, None)
    assert captured.data_chunks() == [1]
    assert captured.chunk(1) == b"x" * CHUNK
    assert captured.chunk(2) == b""
    assert asked == [1]
    base.close()


def cached(fd: int, chunk: int) -> bool:
    try:
        return os.preadv(fd, [bytearray(CHUNK)], chunk * CHUNK, os.RWF_NOWAIT) == CHUNK
    except BlockingIOError:
        return False


def test_reading_an_image_for_a_profile_leaves_the_page_cache_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in memory is as the kernel told the reader itself: looking begins to read as well, which may be
    through before the look is, and memory that is short is taken from files first."""
    path = tmp_path / "large.img"
    path.write_bytes(random.Random(2).randbytes(64 * CHUNK))
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        if cached(fd, 3):
            pytest.skip("this file system keeps its files in memory")
    except OSError:
        pytest.skip("this file system cannot say what is in memory")
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)  # no reading ahead by this test itself
    os.pread(fd, 8 * CHUNK, 3 * CHUNK)  # to the end of what that look has begun to read
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    found, dropped = set(), set()
    preadv, advise = os.preadv, os.posix_fadvise

    def read_and_tell(of: int, views: Any, offset: int, flags: int = 0) -> int:
        count = preadv(of, views, offset, flags)
        if flags == os.RWF_NOWAIT and count == CHUNK:
            found.add(offset // CHUNK)
        return count

    def advise_and_tell(of: int, offset: int, length: int, advice: int) -> None:
        advise(of, offset, length, advice)
        if advice == os.POSIX_FADV_DONTNEED:
            dropped.update(range(offset // CHUNK, -(-(offset + length) // CHUNK)))

    base = BaseReader(fd, 64 * CHUNK)
    captured = DiskCapture(64 * CHUNK, base, None)
    memory = mmap.mmap(fd, CHUNK, prot=mmap.PROT_READ, offset=5 * CHUNK)
    memory.madvise(mmap.MADV_RANDOM)
    with monkeypatch.context() as patch:
        patch.setattr(os, "preadv", read_and_tell)
        patch.setattr(os, "posix_fadvise", advise_and_tell)
        for chunk in range(64):
            if chunk == 5:
                assert memory[:]
            assert captured.chunk(chunk)
    assert 5 in found
    assert dropped == set(range(64)) - found
    memory.close()
    assert {chunk for chunk in range(64) if cached(fd, chunk)} <= found
    base.close()
    os.close(fd)
