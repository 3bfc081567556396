"""Overlays in files for tests, and a journal of what is done to one, to be replayed up to a crash."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


def base_store(content: bytes) -> FileStore:
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

    def crashed(self, before: bytes, at: int, survived: list[bool], torn: int) -> bytes:
        """The file after a crash in operation `at`: what was synced before is there, of the rest some is, in
        any order, and of the last that survived only the first `torn` bytes."""
        image = bytearray(before)
        synced = max((i + 1 for i, op in enumerate(self.ops[:at]) if op.data is None), default=0)
        late = [op for op in self.ops[synced : at + 1] if op.data is not None]
        chosen = [op for op, lives in zip(late, survived, strict=False) if lives]
        if chosen:
            last = chosen[-1]
            assert last.data is not None
            chosen[-1] = Op(last.offset, last.data[: torn % (len(last.data) + 1)])
        for op in [op for op in self.ops[:synced] if op.data is not None] + chosen:
            assert op.data is not None
            image[op.offset : op.offset + len(op.data)] = op.data
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
