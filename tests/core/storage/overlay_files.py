"""Overlays in files for tests, and a journal of what is done to one, to be replayed up to a crash."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import pytest

from pocketvisor.storage import overlay
from pocketvisor.storage.files import FileStore, Views
from pocketvisor.storage.overlay import OverlayStore

CLUSTER = overlay.CLUSTER


def file_of(content: bytes) -> int:
    """A descriptor of an unlinked file."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())


def whole(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


@cache
def base_store(content: bytes) -> FileStore:
    """One for each content: it is only read."""
    return FileStore(file_of(content), len(content), read_only=True)


def read(store: Any, offset: int = 0, size: int | None = None) -> bytes:
    view = memoryview(bytearray(store.size - offset if size is None else size))
    store.read(offset, view)
    return bytes(view)


def flush(store: Any) -> None:
    work = store.flush()
    assert work is not None
    work()


class Op(NamedTuple):
    """A write (or a hole, as zeros) to the file, or a sync, where `data` is None."""

    offset: int = 0
    data: bytes | None = None


class Journal:
    """Does what is asked and notes it."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def write_all(self, fd: int, pieces: Views, length: int, offset: int) -> None:
        data = b"".join(bytes(piece) for piece in pieces)
        assert len(data) == length
        self.ops.append(Op(offset, data))
        os.pwrite(fd, data, offset)

    def punch(self, fd: int, offset: int, length: int) -> bool:
        self.write_all(fd, (bytes(length),), length, offset)
        return True

    def zero(self, fd: int, offset: int, length: int, unmap: bool) -> None:
        self.punch(fd, offset, length)

    def fdatasync(self, fd: int) -> None:
        self.ops.append(Op())

    def on_the_way(self, at: int) -> list[int]:
        """The writes before operation `at` that no sync has made durable by then."""
        syncs = [number for number in range(at) if self.ops[number].data is None]
        first = syncs[-1] + 1 if syncs else 0
        return list(range(first, at))

    def crashed(self, before: bytes, at: int, lost: set[int], torn: int | None) -> bytes:
        """The file after a crash before operation `at`, without the writes in `lost` (a disk writes in any
        order), and with only the first `torn` bytes of the last one that was on the way."""
        image = bytearray(before)
        alive = [number for number in self.on_the_way(at) if number not in lost]
        for number, (offset, data) in enumerate(self.ops[:at]):
            if data is not None and number not in lost:
                if torn is not None and alive and number == alive[-1]:
                    data = data[: torn % (len(data) + 1)]
                image[offset : offset + len(data)] = data
        return bytes(image)


@contextmanager
def journal() -> Iterator[Journal]:
    """Everything that overlays do to their files is noted."""
    notes = Journal()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("write_all", "punch", "zero"):
            patch.setattr(overlay, name, getattr(notes, name))
        patch.setattr(overlay.os, "fdatasync", notes.fdatasync)
        yield notes


def new_overlay(content: bytes, size: int) -> tuple[int, OverlayStore]:
    """An overlay over such a base, and its file."""
    fd = file_of(b"")
    overlay.create(fd, size)
    return fd, OverlayStore(fd, base_store(content), size)
