"""A disk on a bench, with a driver that asks for one thing at a time."""

import os
import struct
import tempfile
import weakref
from typing import Any

from queue_bench import Bench

from pocketvisor.devices.virtio_blk import VirtioBlock
from pocketvisor.storage.files import FileStore

SECTOR = 512
SECTORS = 2048
CONTENT = bytes(range(256)) * (SECTORS * SECTOR // 256)
DONE, FAILED, UNKNOWN = b"\0", b"\1", b"\2"


def new_file(content: bytes = CONTENT) -> int:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())


class Drive:
    """A disk on a bench, its file, and a driver that asks for one thing at a time."""

    def __init__(self, *, read_only: bool = False, features: int | None = None, size: int = 16) -> None:
        self.fd = new_file()
        weakref.finalize(self, os.close, self.fd)
        store = FileStore(self.fd, len(CONTENT), read_only=read_only)
        self.device = VirtioBlock(store, "serial-1")
        self.bench = Bench(self.device, features, size)
        self.bench.start()

    def ask(self, kind: int, sector: int = 0, data: bytes = b"", room: int = 0) -> tuple[int, bytes, bytes]:
        """(length, data, status)"""
        self.give(kind, sector, data, room)
        self.bench.kick(0)
        [(length, content)] = [(length, content) for _, length, content in self.bench.used[0]]
        self.bench.used[0].clear()
        content = content[16 + len(data) :]
        return length, content[:-1], content[-1:]

    def give(self, kind: int, sector: int = 0, data: bytes = b"", room: int = 0) -> None:
        readable = [struct.pack("<IIQ", kind, 0, sector), *([data] if data else [])]
        self.bench.give(0, readable, [*([room] if room else []), 1])

    def content(self) -> bytes:
        return os.pread(self.fd, len(CONTENT), 0)

    @property
    def statuses(self) -> list[bytes]:
        return [content[-1:] for _, _, content in self.bench.used[0]]


class Held:
    """Flushes that end when it is said."""

    def __init__(self, drive: Drive) -> None:
        self.waiting: list[tuple[Any, Any]] = []
        drive.bench.loop.offload = lambda work, done: self.waiting.append((work, done))  # type: ignore[method-assign]

    def end(self, result: Any = None) -> None:
        work, done = self.waiting.pop(0)
        done(work() if result is None else result)
