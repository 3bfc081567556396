"""A disk is captured as it was at one moment, whatever its guest writes on, and from process to process."""

import os
import random
import threading
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import pytest
from captured_files import Disk, memfd
from hypothesis import given, settings
from hypothesis import strategies as st
from overlay_files import CLUSTER, base_store, file_of, flush, read

from pocketvisor.errors import StorageError
from pocketvisor.storage import capture, overlay
from pocketvisor.storage.capture import CHUNK, Shadow
from pocketvisor.storage.captured import DiskCapture
from pocketvisor.storage.files import SECTOR
from pocketvisor.storage.overlay import OverlayStore
from pocketvisor.storage.shared_map import SharedMap

SECONDS = 60
BASE = random.Random(1).randbytes(2 * CHUNK + 9 * CLUSTER + 1000)
SIZE = 5 * CHUNK + 3 * CLUSTER + 3 * SECTOR
SECTORS = SIZE // SECTOR

KINDS = ("write", "write", "write", "discard", "zeroes", "flush", "process", "begin", "read", "end")
Step = tuple[str, int, int]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    first = draw(st.integers(0, SECTORS - 1))
    longest = draw(st.sampled_from((1, 9, 40, 300)))
    return draw(st.sampled_from(KINDS)), first, draw(st.integers(1, min(longest, SECTORS - first)))


def change(store: OverlayStore, model: bytearray, step: Step, stamp: int) -> None:
    kind, first, count = step
    begin, end = first * SECTOR, (first + count) * SECTOR
    if kind == "write":
        data = bytes([stamp % 255 + 1]) * (end - begin)
        store.write(begin, (data,), len(data))
        model[begin:end] = data
    elif kind == "zeroes":
        store.write_zeroes(begin, end - begin, bool(first & 1))
        model[begin:end] = bytes(end - begin)
    elif kind == "discard":
        store.discard(begin, end - begin)
        begin, end = -(-begin // CLUSTER) * CLUSTER, end if end == SIZE else end // CLUSTER * CLUSTER
        if begin < end:
            model[begin:end] = bytes(end - begin)


@settings(deadline=None, max_examples=150)
@given(st.lists(steps(), max_size=40), st.booleans())
def test_generation_after_generation_is_the_disk_as_it_was(plan: list[Step], everything: bool) -> None:
    disk = Disk(BASE, SIZE)
    now = bytearray(BASE.ljust(SIZE, b"\0"))
    then = b""
    captured: DiskCapture | None = None
    early: set[int] = set()  # chunks that the saving has read already

    def end() -> None:
        assert captured is not None
        chunks = set(captured.changed_chunks() if disk.saved else captured.data_chunks())
        assert disk.save(captured, chunks - early) == then
        disk.saved = True
        disk.store.end_capture()

    for stamp, step in enumerate(plan):
        kind = step[0]
        if kind == "flush":
            flush(disk.store)
        elif kind == "process" and captured is None:
            disk.change_process()
        elif kind == "begin" and captured is None:
            captured, then, early = disk.capture(everything=everything or not disk.saved), bytes(now), set()
        elif kind == "read" and captured is not None:
            chunks = captured.changed_chunks() if disk.saved else captured.data_chunks()
            if chunks:
                chunk = chunks[step[1] % len(chunks)]
                early.add(chunk)
                disk.save(captured, [chunk])
        elif kind == "end" and captured is not None:
            end()
            captured = None
        else:
            change(disk.store, now, step, stamp)
    if captured is None:
        captured, then, early = disk.capture(everything=not disk.saved), bytes(now), set()
    end()
    assert read(disk.store) == now
    flush(disk.store)
    assert read(OverlayStore(disk.fd, base_store(BASE), SIZE)) == now
    disk.close()


def write_on(disk: Disk, seed: int, count: int) -> None:
    """In a process of its own: fills random clusters, each with one value."""
    randomly = random.Random(seed)
    for _ in range(count):
        first = randomly.randrange(SIZE // CLUSTER)
        kind = randomly.randrange(8)
        if kind == 0:
            disk.store.discard(first * CLUSTER, CLUSTER)
        elif kind == 1:
            disk.store.write_zeroes(first * CLUSTER, CLUSTER, True)
        else:
            disk.store.write(first * CLUSTER, (bytes([randomly.randrange(1, 256)]) * CLUSTER,), CLUSTER)


def test_a_reader_races_with_a_guest_that_writes() -> None:
    """The guest is another process, which goes on writing from the moment of the capture on."""
    fork = get_context("fork")
    disk = Disk(BASE, SIZE)
    write_on(disk, 0, 500)
    for turn in range(12):
        then = read(disk.store)
        captured = disk.capture(everything=not disk.saved)
        writer = fork.Process(target=write_on, args=(disk, turn, 1500))
        writer.start()
        saves = 0
        while saves < 2 or (writer.is_alive() and saves < 500):
            assert disk.save(captured) == then
            saves += 1
        disk.saved = True
        writer.join(SECONDS)
        assert writer.exitcode == 0
        disk.store.end_capture()
    disk.close()


class Steps:
    """Does something before the step of a number, of those that a reader or a writer takes."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int, then: Callable[[], None]) -> None:
        self.taken = 0
        self._patch, self._at, self._then = patch, at, then
        self._inside = False

    def watch(self, owner: object, name: str) -> None:
        original = getattr(owner, name)

        def step(*arguments: Any) -> Any:
            if not self._inside:
                self._inside = True
                if self._at in (self.taken, -1):
                    self._then()
                self.taken += 1
                self._inside = False
            return original(*arguments)

        self._patch.setattr(owner, name, step)


def new_and_old() -> tuple[Disk, bytes]:
    """A disk with a chunk that is in the overlay, one that is not, and one that is in part."""
    disk = Disk(BASE, SIZE)
    disk.store.write(0, (b"old" * CHUNK,), CHUNK)
    disk.store.write(2 * CHUNK, (b"old" * 3 * CLUSTER,), 3 * CLUSTER)
    return disk, read(disk.store)


@pytest.mark.parametrize("kind", ["write", "discard", "zeroes"])
@pytest.mark.parametrize("at", range(24))
def test_a_writer_between_any_two_steps_of_the_reader(
    at: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, then = new_and_old()
    captured = disk.capture(everything=True)

    def overtake() -> None:
        change(disk.store, bytearray(SIZE), (kind, 0, SECTORS), 7)

    with monkeypatch.context() as patch:
        steps = Steps(patch, at, overtake)
        steps.watch(capture.Shadow, "_bits")
        steps.watch(capture, "read_exactly")
        steps.watch(capture.os, "pread")
        assert disk.save(captured) == then
    assert steps.taken > 12
    assert disk.save(captured) == then
    disk.close()


@pytest.mark.parametrize("kind", ["write", "discard", "zeroes"])
def test_a_reader_between_any_two_steps_of_the_writer(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, then = new_and_old()
    captured = disk.capture(everything=True)

    def look() -> None:
        assert disk.save(captured) == then

    with monkeypatch.context() as patch:
        steps = Steps(patch, -1, look)
        steps.watch(capture, "read_exactly")
        for owner in (capture, overlay):
            steps.watch(owner, "write_all")
        for name in ("punch", "zero"):
            steps.watch(overlay, name)
        steps.watch(OverlayStore, "_set")
        for first in range(0, SECTORS, 200):
            change(disk.store, bytearray(SIZE), (kind, first, min(200, SECTORS - first)), 7)
    assert steps.taken > 12
    look()
    disk.close()


def test_only_what_will_be_read_is_kept() -> None:
    disk = Disk(b"", SIZE)
    disk.store.write(0, (b"a" * SIZE,), SIZE)
    disk.save(disk.capture(everything=True))
    disk.saved = True
    disk.store.write(0, (b"b" * SECTOR,), SECTOR)
    captured = disk.capture()

    def kept() -> list[bool]:
        """Of each chunk, whether the shadow has something of it."""
        places, shadow = capture.layout(SIZE), disk._shadows[-1]
        count = -(-SIZE // CHUNK)
        marks = os.pread(shadow, count * capture.PER_CHUNK, places.marks)
        data = os.pread(shadow, count * CHUNK, places.data)
        return [
            any(marks[at * capture.PER_CHUNK :][: capture.PER_CHUNK]) or any(data[at * CHUNK :][:CHUNK])
            for at in range(count)
        ]

    disk.store.write(CHUNK, (b"c" * CHUNK * 2,), CHUNK * 2)
    assert not any(kept())
    disk.store.write(0, (b"c" * CHUNK,), CHUNK)
    assert kept() == [True, False, False, False, False, False]
    assert captured.changed_chunks() == [0]
    assert disk.save(captured) == b"b" * SECTOR + b"a" * (SIZE - SECTOR)
    disk.close()


def test_what_came_to_nothing_counts_as_changed_again() -> None:
    disk = Disk(BASE, SIZE)
    disk.save(disk.capture(everything=True))
    disk.saved = True
    disk.store.write(0, (b"b" * SECTOR,), SECTOR)
    failed = disk.capture()
    disk.store.write(CHUNK, (b"c" * SECTOR,), SECTOR)
    assert failed._shadow is not None
    disk.shared.mark_again(failed._shadow.half)
    captured = disk.capture()
    assert captured.changed_chunks() == [0, 1]
    assert disk.save(captured) == read(disk.store)
    disk.close()


def test_a_shadow_without_room_fails_the_capture_and_not_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(BASE, SIZE)
    disk.store.write(0, (b"a" * CHUNK,), CHUNK)
    captured = disk.capture(everything=True)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(capture, "write_all", full)
        disk.store.write(0, (b"b" * CHUNK,), CHUNK)
    disk.store.write(0, (b"c" * CHUNK,), CHUNK)
    assert read(disk.store, 0, CHUNK) == b"c" * CHUNK
    with pytest.raises(StorageError, match="no room to keep what a disk was"):
        captured.chunk(0)
    disk.store.end_capture()
    assert disk.save(disk.capture(everything=True)) == read(disk.store)
    disk.close()


@pytest.mark.parametrize("at", [0, 8, 20, -1])
def test_what_is_no_new_shadow_is_refused(at: int) -> None:
    disk = Disk(BASE, SIZE)
    shadow = file_of(b"")
    capture.create(shadow, SIZE, everything=True)
    if at < 0:
        os.ftruncate(shadow, capture.layout(SIZE).size - 1)
    else:
        os.pwrite(shadow, b"\x11", at)
    with pytest.raises(ValueError):
        disk.store.begin_capture(shadow)
    disk.store.write(0, (b"a" * SECTOR,), SECTOR)
    disk.close()


def test_a_disk_without_a_shared_map_is_not_captured() -> None:
    fd = file_of(b"")
    overlay.create(fd, SIZE)
    with pytest.raises(ValueError, match="not shared"):
        OverlayStore(fd, None, SIZE).begin_capture(memfd(10))


def test_a_shadow_that_has_not_begun_says_nothing() -> None:
    disk = Disk(BASE, SIZE)
    shadow = file_of(b"")
    capture.create(shadow, SIZE, everything=True)
    with pytest.raises(StorageError, match="has not begun"):
        Shadow(shadow, disk.fd, overlay.data_offset(SIZE), disk.shared)
    disk.close()


@pytest.mark.parametrize("cut", ["overlay", "shadow", "base"])
def test_files_that_have_become_shorter_are_told(cut: str) -> None:
    """A process that lost its senses could do that."""
    disk = Disk(BASE, SIZE)
    disk.store.write(0, (b"a" * (CHUNK - CLUSTER),), CHUNK - CLUSTER)
    captured = disk.capture(everything=True)
    disk.store.write(0, (b"b" * CLUSTER,), CLUSTER)
    os.ftruncate({"overlay": disk.fd, "shadow": disk._shadows[-1], "base": disk.base_fd}[cut], 9000)
    with pytest.raises(StorageError, match="could not be read to be saved"):
        captured.chunk(0)
    disk.close()


def test_another_process_goes_on_without_a_flush() -> None:
    """And what the first has flushed, or has not, is in the file after the second one's flush."""
    disk = Disk(BASE, SIZE)
    disk.store.write(0, (b"a" * SECTOR,), SECTOR)
    flush(disk.store)
    disk.store.write(CHUNK, (b"b" * SECTOR,), SECTOR)
    before = read(disk.store)
    disk.change_process()
    assert read(disk.store) == before
    assert read(OverlayStore(disk.fd, base_store(BASE), SIZE)) != before
    flush(disk.store)
    assert read(OverlayStore(disk.fd, base_store(BASE), SIZE)) == before
    disk.close()


def test_a_flush_of_the_process_before_writes_nothing_late() -> None:
    """Its part of the map is older than what the second has promised since."""
    disk = Disk(BASE, SIZE)
    disk.store.write(0, (b"a" * SECTOR,), SECTOR)
    late = disk.store.flush()
    assert late is not None
    old = disk.change_process()
    disk.store.write(CHUNK, (b"b" * SECTOR,), SECTOR)
    flush(disk.store)
    with pytest.raises(OSError, match="another process has it now"):
        late()
    assert read(OverlayStore(disk.fd, base_store(BASE), SIZE)) == read(disk.store)
    old.take_back()
    flush(old)
    disk.close()


def test_after_a_failed_flush_no_other_process_promises_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(BASE, SIZE)
    disk.store.write(0, (b"a" * SECTOR,), SECTOR)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(overlay.os, "fdatasync", broken)
        with pytest.raises(OSError, match="Input/output"):
            flush(disk.store)
    disk.change_process()
    with pytest.raises(OSError, match="could not be kept"):
        flush(disk.store)
    disk.close()


def test_several_threads_read() -> None:
    disk = Disk(BASE, SIZE)
    disk.store.write(100 * SECTOR, (b"w" * CHUNK,), CHUNK)
    expected = read(disk.store)
    captured = disk.capture(everything=True)
    found: list[bytes] = []

    def work() -> None:
        parts = [captured.chunk(chunk) or bytes(min(CHUNK, SIZE - chunk * CHUNK)) for chunk in range(6)]
        found.append(b"".join(bytes(part) for part in parts))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    disk.store.write(0, (b"later" * SECTOR,), 5 * SECTOR)
    for thread in threads:
        thread.join(SECONDS)
    assert found == [expected] * 3
    disk.close()


def test_the_shared_map_is_what_the_file_says_at_first() -> None:
    disk = Disk(BASE, SIZE)
    disk.store.write(0, (b"a" * SECTOR,), SECTOR)
    flush(disk.store)
    other = SharedMap(memfd(8192), memfd(8192), SIZE)
    other.load(disk.fd, overlay.HEADER_SIZE)
    assert other.map == disk.shared.map
    other.close()
    disk.shared.close()
    disk.close()
