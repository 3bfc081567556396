"""Overlays: a disk over a base, what survives a crash at any byte, and which files are refused."""

import os
import random
import time

import pytest
from captured_files import memfd
from hypothesis import given, settings
from hypothesis import strategies as st
from overlay_files import CLUSTER, base_store, file_of, flush, journal, new_overlay, read, whole

from pocketvisor.errors import StorageError
from pocketvisor.storage import overlay
from pocketvisor.storage.files import SECTOR
from pocketvisor.storage.overlay import OverlayStore
from pocketvisor.storage.shared_map import SharedMap, shared_changed_size, shared_map_size

BASE = random.Random(1).randbytes(10 * CLUSTER + 1000)
SIZE = 16 * CLUSTER + 3 * SECTOR
SECTORS = SIZE // SECTOR

Change = tuple[str, int, int]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    kind = draw(st.sampled_from(("write", "write", "write", "discard", "zeroes", "flush", "late flush")))
    first = draw(st.integers(0, SECTORS - 1))
    return kind, first, draw(st.integers(1, min(40, SECTORS - first)))


class Model:
    """What the disk holds, as bytes."""

    def __init__(self) -> None:
        self.now = bytearray(BASE[:SIZE].ljust(SIZE, b"\0"))
        self._stamp = 0

    def apply(self, store: OverlayStore, change: Change) -> range:
        """Does it to both; answers the bytes that it touched."""
        kind, first, count = change
        begin, end = first * SECTOR, (first + count) * SECTOR
        if kind == "write":
            self._stamp += 1
            data = bytes([self._stamp % 255 + 1]) * (end - begin)
            half = len(data) // 2
            store.write(begin, (data[:half], data[half:]), len(data))
            self.now[begin:end] = data
        elif kind == "zeroes":
            store.write_zeroes(begin, end - begin, bool(first & 1))
            self.now[begin:end] = bytes(end - begin)
        else:
            store.discard(begin, end - begin)
            begin = -(-begin // CLUSTER) * CLUSTER
            end = end if end == SIZE else end // CLUSTER * CLUSTER
            if begin < end:
                self.now[begin:end] = bytes(end - begin)
        return range(begin, max(begin, end))


@settings(deadline=None)
@given(st.lists(changes(), max_size=25))
def test_a_disk_over_a_base_reads_what_was_written(plan: list[Change]) -> None:
    fd, store = new_overlay(BASE, SIZE)
    model = Model()
    assert read(store) == model.now
    for change in plan:
        if "flush" in change[0]:
            flush(store)
        else:
            model.apply(store, change)
    assert read(store) == model.now
    flush(store)
    assert read(OverlayStore(fd, base_store(BASE), SIZE)) == model.now
    os.close(fd)


@settings(deadline=None, max_examples=300)
@given(st.lists(changes(), min_size=1, max_size=15), st.booleans(), st.data())
def test_what_was_flushed_survives_a_crash_at_any_byte(
    plan: list[Change], shared: bool, data: st.DataObject
) -> None:
    """`shared`: by one process after another, which take over without a flush between two changes."""
    fd, store = new_overlay(BASE, SIZE)
    fds = (memfd(shared_map_size(SIZE)), memfd(shared_changed_size(SIZE))) if shared else ()
    memory = SharedMap(*fds, SIZE) if fds else None
    before = whole(fd)
    model = Model()
    touched: list[tuple[int, range]] = []  # operations of the file before it, bytes of the disk
    flushes = [(0, 0, bytes(model.now))]  # operations up to it, changes it promises, what it promises
    with journal() as notes:
        for change in plan:
            if memory is not None:
                store.hand_over()
                store = OverlayStore(fd, base_store(BASE), SIZE, shared=memory)
            if "flush" not in change[0]:
                touched.append((len(notes.ops), model.apply(store, change)))
                continue
            work, promised, known = store.flush(), bytes(model.now), len(touched)
            assert work is not None
            if change[0] == "late flush":  # the guest writes on meanwhile, and nobody promised that
                touched.append((len(notes.ops), model.apply(store, ("write", change[1], change[2]))))
            work()
            flushes.append((len(notes.ops), known, promised))
    # Anywhere, but more often where most is on the way: right before a sync.
    syncs = [number for number, op in enumerate(notes.ops) if op.data is None]
    places = st.integers(0, len(notes.ops))
    at = data.draw(places | st.sampled_from(syncs) if syncs else places, "operations before the crash")
    begun_writes = notes.on_the_way(at)
    lost = data.draw(st.sets(st.sampled_from(begun_writes)) if begun_writes else st.just(set()), "lost")
    image = notes.crashed(before, at, lost, data.draw(st.none() | st.integers(0, 1 << 16), "torn"))
    os.pwrite(fd, image, 0)
    _, known, promised = [flush for flush in flushes if flush[0] <= at][-1]
    late = {byte for begun, part in touched[known:] if begun <= at for byte in part}
    found = read(OverlayStore(fd, base_store(BASE), SIZE))
    assert all(found[byte] == promised[byte] for byte in range(SIZE) if byte not in late)
    for each in (fd, *fds):
        os.close(each)


def test_a_write_copies_the_rest_of_its_cluster_and_leaves_the_base() -> None:
    fd, store = new_overlay(BASE, SIZE)
    store.write(SECTOR, (b"x" * SECTOR,), SECTOR)
    flush(store)
    assert whole(fd)[overlay.data_offset(SIZE) :][:CLUSTER] == (
        BASE[:SECTOR] + b"x" * SECTOR + BASE[2 * SECTOR : CLUSTER]
    )
    assert read(store, 0, CLUSTER)[2 * SECTOR :] == BASE[2 * SECTOR : CLUSTER]


def test_a_failed_write_is_not_in_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    _, store = new_overlay(BASE, SIZE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(overlay, "write_all", full)
        with pytest.raises(OSError, match="No space"):
            store.write(0, (b"x" * CLUSTER,), CLUSTER)
    assert read(store, 0, CLUSTER) == BASE[:CLUSTER]


def test_after_a_failed_flush_no_other_promises_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    _, store = new_overlay(BASE, SIZE)
    store.write(0, (b"x" * SECTOR,), SECTOR)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(overlay.os, "fdatasync", broken)
        with pytest.raises(OSError, match="Input/output"):
            flush(store)
    with pytest.raises(OSError, match="could not be kept"):
        flush(store)


def test_a_discarded_disk_takes_no_room() -> None:
    fd, store = new_overlay(b"", 64 << 20)
    store.write(0, (b"x" * (8 << 20),), 8 << 20)
    used = os.fstat(fd).st_blocks
    store.discard(0, 64 << 20)
    assert os.fstat(fd).st_blocks < used / 10
    assert read(store, 0, 8 << 20) == bytes(8 << 20)


def header_of(fd: int) -> bytes:
    return os.pread(fd, overlay.HEADER_SIZE, 0)


def test_the_header_is_what_was_made() -> None:
    fd = file_of(b"")
    base = overlay.base_of(file_of(BASE))
    overlay.create(fd, SIZE, base)
    assert overlay.read_header(fd) == (SIZE, base)
    assert header_of(fd)[:8] == b"PVOVRLAY"


@pytest.mark.parametrize("at", [0, 7, 8, 12, 16, 24, 40, 71, 72, 103])
def test_a_torn_or_damaged_header_is_refused(at: int) -> None:
    fd = file_of(b"")
    overlay.create(fd, SIZE, overlay.base_of(file_of(BASE)))
    header = header_of(fd)
    os.pwrite(fd, header[:at] + bytes([header[at] ^ 0x40]), 0)
    with pytest.raises(StorageError):
        overlay.read_header(fd)
    os.pwrite(fd, header[:at] + bytes(len(header) - at), 0)
    with pytest.raises(StorageError):
        overlay.read_header(fd)


def test_a_newer_version_is_refused_by_name() -> None:
    fd = file_of(b"")
    overlay.create(fd, SIZE)
    os.pwrite(fd, (2).to_bytes(4, "little"), 8)
    with pytest.raises(StorageError, match="version 2, newer than this program's 1"):
        overlay.read_header(fd)


def test_a_file_that_ends_before_its_disk_is_refused() -> None:
    fd = file_of(b"")
    overlay.create(fd, SIZE)
    os.ftruncate(fd, overlay.data_offset(SIZE) + SIZE - 1)
    with pytest.raises(StorageError, match="ends before"):
        overlay.read_header(fd)


def test_a_map_with_bits_behind_the_disk_is_refused() -> None:
    fd, _ = new_overlay(BASE, SIZE)
    os.pwrite(fd, b"\x80", overlay.HEADER_SIZE + 2)
    with pytest.raises(StorageError, match="behind the disk's end"):
        OverlayStore(fd, base_store(BASE), SIZE)


@pytest.mark.parametrize("size", [0, 511, overlay.DISK_MAX + 512, -512])
def test_impossible_sizes(size: int) -> None:
    with pytest.raises(StorageError):
        overlay.create(file_of(b""), size)


def test_a_base_is_known_by_its_content_where_its_time_has_changed() -> None:
    fd = file_of(BASE)
    os.utime(fd, (3, 3))
    base = overlay.base_of(fd)
    assert base.modified_ns == 3_000_000_000
    os.utime(fd, (1, 1))
    assert overlay.is_base(fd, base)
    os.pwrite(fd, b"changed", 5000)
    os.utime(fd, (2, 2))
    assert not overlay.is_base(fd, base)
    assert not overlay.is_base(file_of(BASE[:-1]), base)


def test_a_base_of_an_hour_ago_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fd = file_of(BASE)
    before = time.time_ns() - 3_600_000_000_001
    os.utime(fd, ns=(before, before))
    base = overlay.base_of(fd)
    monkeypatch.setattr(overlay, "content_digest", None)
    assert overlay.is_base(fd, base)


@pytest.mark.parametrize("part_of_a_second", [0, 4_000_000], ids=["of seconds", "of ticks"])
def test_a_base_that_is_written_to_twice_at_one_time_of_its_file_system_is_another(
    part_of_a_second: int,
) -> None:
    """Most file systems' clocks go on every 4 ms, others' every second. Here it is in the future, so that the
    two writes are surely not told apart."""
    at = (time.time_ns() // 1_000_000_000 + 3600) * 1_000_000_000 + part_of_a_second
    fd = file_of(BASE)
    os.utime(fd, ns=(at, at))
    base = overlay.base_of(fd)
    os.pwrite(fd, b"changed", 5000)
    os.utime(fd, ns=(at, at))
    assert not overlay.is_base(fd, base)
    os.pwrite(fd, BASE[5000:5007], 5000)
    os.utime(fd, ns=(at, at))
    assert overlay.is_base(fd, base)


def test_holes_count_as_zeros() -> None:
    sparse, full = file_of(b"x"), file_of(b"x".ljust(5 << 20, b"\0") + b"y")
    os.pwrite(sparse, b"y", 5 << 20)
    size = (5 << 20) + 1
    assert overlay.content_digest(sparse, size) == overlay.content_digest(full, size)
