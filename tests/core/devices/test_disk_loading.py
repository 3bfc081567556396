"""A disk whose content is on its way: requests wait for what they need, and hold up nothing else."""

import os
import threading
import weakref
from functools import partial
from typing import Any

from disk_bench import CONTENT, DONE, FAILED, Drive
from queue_bench import Bench

from pocketvisor.devices import virtio_blk as blk
from pocketvisor.devices.disk_requests import IN, OUT
from pocketvisor.devices.virtio_blk import VirtioBlock
from pocketvisor.storage.files import FileStore, NotLoaded
from pocketvisor.storage.lazy_store import LostChunk


class Arriving:
    """A store whose content comes when it is said."""

    size = len(CONTENT)
    read_only = False

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        weakref.finalize(self, os.close, self.fd)
        self.here: set[int] = set()
        self.asked: list[int] = []

    def _need(self, offset: int, length: int) -> None:
        for part in range(offset >> 16, -(-(offset + length) // 65536)):
            if part not in self.here:
                raise NotLoaded(self.fd, partial(self._look, part))

    def _look(self, part: int) -> bool:
        self.asked.append(part)
        return part in self.here

    def read(self, offset: int, view: memoryview) -> None:
        self._need(offset, len(view))
        view[:] = (CONTENT * 2)[offset : offset + len(view)]

    def write(self, offset: int, pieces: Any, length: int) -> None:
        self._need(offset, length)

    def flush(self) -> None:
        return None

    def come(self, bench: Bench, *parts: int) -> None:
        self.here.update(parts)
        os.eventfd_write(self.fd, 1)
        bench.readable(self.fd)


def arriving() -> tuple[Drive, Arriving]:
    drive = Drive()
    store = Arriving()
    drive.device._store = store  # type: ignore[assignment]
    return drive, store


def test_what_is_not_loaded_yet_is_taken_up_when_it_has_come() -> None:
    drive, store = arriving()
    store.here.add(0)
    drive.give(IN, 0, room=512)
    drive.give(IN, 127, room=1024)  # the end of one part and the beginning of the next
    drive.give(OUT, 256, b"x" * 512)
    drive.bench.kick(0)
    assert drive.statuses == [DONE]
    drive.bench.kick(0)
    store.come(drive.bench, 5)
    assert drive.statuses == [DONE]
    store.come(drive.bench, 1)
    assert drive.statuses == [DONE, DONE]
    assert drive.bench.used[0][1][2][16:-1] == CONTENT[127 * 512 : 129 * 512]
    assert list(drive.bench.loop.watched) == [store.fd]
    store.come(drive.bench, 2)
    assert drive.statuses == [DONE] * 3
    assert drive.bench.loop.watched == {}


def test_a_large_request_goes_on_where_it_waited() -> None:
    drive, store = arriving()
    store.here.update(range(16))
    store.size = 3 << 20
    size = blk.STEP + 512
    drive.give(IN, 0, room=size)
    drive.bench.kick(0)
    assert drive.statuses == []
    store.come(drive.bench, 16)
    [(length, content)] = [(length, content) for _, length, content in drive.bench.used[0]]
    assert length == size + 1
    assert content[16 : 16 + blk.STEP] == CONTENT[: blk.STEP]


def test_a_driver_that_resets_does_not_wait_for_what_was_loading() -> None:
    drive, store = arriving()
    drive.give(IN, 0, room=512)
    drive.bench.kick(0)
    drive.bench.reset()
    assert drive.bench.loop.watched == {}
    drive.bench.start()
    store.here.add(0)
    assert drive.ask(IN, room=512)[2] == DONE


def test_it_is_saved_while_something_is_loading() -> None:
    drive, store = arriving()
    drive.give(IN, 0, room=512)
    drive.bench.kick(0)
    state = drive.bench.save()
    store.here.add(0)
    device = VirtioBlock(FileStore(drive.fd, len(CONTENT), read_only=False))
    drive.bench.restore(device, state)
    assert drive.statuses == [DONE]


def test_a_run_that_must_come_out_the_same_waits() -> None:
    drive, store = arriving()
    drive.bench.loop.inline = True
    reader = threading.Timer(0.01, lambda: (store.here.add(0), os.eventfd_write(store.fd, 1)))
    reader.start()
    drive.give(IN, 0, room=512)
    drive.bench.kick(0)
    drive.bench.pass_time()
    assert drive.statuses == [DONE]
    reader.join()


def test_a_part_that_is_lost_is_an_error_and_a_note() -> None:
    drive, store = arriving()

    def lost(*_: object) -> None:
        raise LostChunk

    store.read = lost  # type: ignore[method-assign]
    assert drive.ask(IN, room=512)[2] == FAILED
    assert [report.kind for report in drive.bench.reports] == ["unloaded"]
