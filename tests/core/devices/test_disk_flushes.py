"""A disk's flushes: nothing is promised before it is so, and nobody but who asked waits for one."""

import errno
import os

import msgspec
import pytest
from disk_bench import CONTENT, DONE, FAILED, Drive, Held

from pocketvisor.devices.disk_requests import FLUSH, IN, OUT
from pocketvisor.devices.virtio_blk import DiskTrouble, VirtioBlock
from pocketvisor.storage.files import FileStore, HandedOver


def test_a_flush_is_answered_when_it_is_done_and_others_meanwhile() -> None:
    drive = Drive()
    held = Held(drive)
    drive.give(OUT, 0, b"a" * 512)
    drive.give(FLUSH)
    drive.give(IN, 0, room=512)
    drive.give(FLUSH)
    drive.bench.kick(0)
    assert len(drive.statuses) == 2
    drive.give(FLUSH)
    drive.bench.kick(0)
    assert len(held.waiting) == 1
    held.end()
    assert len(drive.statuses) == 4
    held.end()
    assert drive.statuses == [DONE] * 5


def test_a_failed_flush_is_told() -> None:
    drive = Drive()
    held = Held(drive)
    drive.give(FLUSH)
    drive.bench.kick(0)
    held.end(OSError(errno.EIO, "Input/output error"))
    assert drive.statuses == [FAILED]
    assert drive.bench.reports == [DiskTrouble("lost", "Input/output error")]


def test_a_driver_without_flushes_has_its_writes_made_durable() -> None:
    drive = Drive(features=0)
    held = Held(drive)
    drive.give(OUT, 0, b"a" * 512)
    drive.give(IN, 0, room=512)
    drive.bench.kick(0)
    assert [content[16:-1] for _, _, content in drive.bench.used[0]] == [b"a" * 512]
    held.end()
    assert drive.statuses == [DONE, DONE]


def test_a_flush_of_before_a_reset_is_not_answered() -> None:
    drive = Drive()
    held = Held(drive)
    drive.give(FLUSH)
    drive.bench.kick(0)
    drive.bench.reset()
    drive.bench.start()
    held.end()
    assert drive.statuses == []
    drive.give(FLUSH)
    drive.bench.kick(0)
    held.end()
    assert drive.statuses == [DONE]


def test_what_is_written_is_kept_a_little_later_without_a_flush() -> None:
    drive = Drive()
    held = Held(drive)
    drive.ask(OUT, 0, b"a" * 512)
    drive.ask(OUT, 1, b"a" * 512)
    assert drive.bench.pass_time() == [5.0]
    assert len(held.waiting) == 1
    held.end()
    assert drive.bench.pass_time() == []


def test_saving_makes_nothing_durable_and_waits_for_no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest stands still meanwhile. Who goes on does the flushes again that the guest waits for."""
    drive = Drive()
    Held(drive)
    drive.give(OUT, 0, b"a" * 512)
    drive.give(FLUSH)
    drive.bench.kick(0)
    drive.give(FLUSH)  # this one waits for its turn
    drive.bench.kick(0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", None)
        patch.setattr(os, "fsync", None)
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(drive.bench.save()))
    assert drive.statuses == [DONE]
    drive.bench.restore(VirtioBlock(FileStore(drive.fd, len(CONTENT), read_only=False)), state)
    assert drive.statuses == [DONE] * 3


def test_who_goes_on_makes_durable_what_was_written_before() -> None:
    drive = Drive()
    drive.ask(OUT, 0, b"a" * 512)
    state = drive.bench.save()
    drive.bench.restore(VirtioBlock(FileStore(drive.fd, len(CONTENT), read_only=False)), state)
    assert 5.0 in [seconds for seconds, _ in drive.bench.loop.timers]


def test_a_flush_that_another_process_would_have_done_is_done_again() -> None:
    drive = Drive()
    held = Held(drive)
    drive.give(FLUSH)
    drive.bench.kick(0)
    held.end(HandedOver())
    assert drive.statuses == []
    held.end()
    assert drive.statuses == [DONE]
    assert drive.bench.reports == []
