"""A save: what it is given is read again; it can be watched and stopped; what fails leaves nothing."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profile_files import content_of, make, reading, save

from pocketvisor.errors import ProfileError
from pocketvisor.profile.file import ProfileFile, SavingCancelled
from pocketvisor.profile.tree import FANOUT, HOLE, Space

CHUNK = 4096


@pytest.fixture
def file(tmp_path: Path) -> Iterator[ProfileFile]:
    made = ProfileFile.create(tmp_path / "a.vphone")
    yield made
    made.close()


def test_it_can_be_watched(file: ProfileFile) -> None:
    told: list[tuple[str, float | None]] = []
    with file.begin(0) as saving:
        saving.progress = lambda words, part: told.append((words, part))
        content = os.urandom(8 << 20)
        space = saving.space("ram", len(content), 16384, None, None, reading(content, 16384))
        assert saving.added > 7 << 20 or saving.added == 0  # what waits for its transaction is not counted
        saving.commit(kind="off", spaces=[space])
    parts = [part for words, part in told if words == "Saving ram"]
    assert len(parts) >= 8 and parts == sorted(parts) and parts[-1] == 1.0
    assert told[-1] == ("Finishing", None)


def test_it_can_be_cancelled_from_another_thread(file: ProfileFile) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def read(index: int) -> bytes:
        if index == 100:
            begun.set()
            cancelled.wait(60)
        return os.urandom(16384)

    with pytest.raises(SavingCancelled), file.begin(0) as saving:

        def cancel() -> None:
            begun.wait(60)
            saving.cancel()
            cancelled.set()

        thread = threading.Thread(target=cancel)
        thread.start()
        try:
            saving.space("ram", 1 << 30, 16384, None, None, read)
        finally:
            thread.join()
    assert file.generations() == [] and file.verify() == []
    assert save(file, {"ram": b"abc"}).number == 1
    with pytest.raises(ProfileError, match="This save is over"):
        saving.commit(kind="off", spaces=[])


def test_what_reading_raises_comes_out(file: ProfileFile) -> None:
    def read(index: int) -> bytes:
        if index == 700:
            raise OSError("the guest's memory is gone")
        return os.urandom(CHUNK)

    with pytest.raises(OSError, match="memory is gone"), file.begin(0) as saving:
        saving.space("ram", 8 << 20, CHUNK, None, None, read)
    assert file.generations() == [] and save(file, {"ram": b"abc"}).number == 1


def test_chunks_of_a_wrong_size_are_an_error_of_the_program(file: ProfileFile) -> None:
    with file.begin(0) as saving:
        for size in (CHUNK - 1, CHUNK + 1):
            with pytest.raises(ValueError, match=rf"ram, chunk 0 has {size} bytes"):
                saving.space("ram", 2 * CHUNK, CHUNK, None, None, lambda index, size=size: bytes(size))
        for chunk_size in (0, 2048, 5000, 2 << 20):
            with pytest.raises(ValueError, match="is no size for chunks"):
                saving.space("ram", 2 * CHUNK, chunk_size, None, None, bytes)
        space = saving.space("ram", 2 * CHUNK, CHUNK, None, None, lambda index: b"")
        for changed in ([2], [-1]):
            with pytest.raises(ValueError, match="has 2 chunks"):
                saving.space("ram", 2 * CHUNK, CHUNK, space, changed, lambda index: b"")


def test_the_same_bytes_are_written_once(file: ProfileFile) -> None:
    page = os.urandom(CHUNK)
    with file.begin(0) as saving:
        space = saving.space("ram", 500 * CHUNK, CHUNK, None, None, lambda index: page)
        other = saving.space("disk0", 300 * CHUNK, CHUNK, None, None, lambda index: page)
        assert saving.commit(kind="off", spaces=[space, other]).added < 3 * CHUNK


def test_memory_that_changes_meanwhile_is_saved_as_one_of_its_states(file: ProfileFile) -> None:
    """What is hashed and what is written are the same bytes, or the chunk would be damaged for ever."""
    memory = bytearray(64 * 16384)
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for place in range(0, len(memory), 4096):
                memory[place : place + 8] = os.urandom(8)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for parent in range(10):
            with memoryview(memory) as view, file.begin(parent) as saving:
                space = saving.space("ram", len(memory), 16384, None, None, reading(view, 16384))
                saving.commit(kind="autosave", spaces=[space])
    finally:
        over.set()
        thread.join()
    assert file.verify() == []


def test_spaces_of_another_file_are_refused(file: ProfileFile, tmp_path: Path) -> None:
    make(tmp_path / "b.vphone")
    with ProfileFile.open(tmp_path / "b.vphone") as other:
        foreign = other.manifest(3).spaces
    with pytest.raises(ProfileError, match=r"its spaces are not of a\.vphone"), file.begin(0) as saving:
        saving.commit(kind="off", spaces=foreign)
    assert file.generations() == []


def test_a_parent_that_is_not_there(file: ProfileFile) -> None:
    with pytest.raises(ProfileError, match="has no generation 5"):
        file.begin(5)


def test_a_space_can_grow_and_shrink(file: ProfileFile) -> None:
    content = os.urandom(3 * FANOUT * CHUNK)
    for number, size in enumerate((CHUNK, FANOUT * CHUNK + 1, len(content), 100, 0)):
        save(file, {"ram": content[:size]}, number)
        assert content_of(file, number + 1) == {"ram": content[:size]}
    assert file.verify() == []


def test_many_nodes(file: ProfileFile) -> None:
    """A disk of a terabyte, a few chunks of which are something."""
    size, chunk = 1 << 40, 65536
    places = {0: b"first", 5_000_000: b"middle", size // chunk - 1: b"last"}
    with file.begin(0) as saving:
        blank = Space("disk0", size, chunk, (HOLE,) * (size // chunk // FANOUT))
        space = saving.space("disk0", size, chunk, blank, places, lambda index: places[index].ljust(chunk))
        saving.commit(kind="off", spaces=[space])
    reader = file.reader(file.manifest(1).spaces[0])
    assert list(reader.present()) == list(places)
    assert reader.read(5_000_000 * chunk - 2, 10) == b"\0\0middle  "
    assert reader.read(size - 3, 3) == b"   "
    with pytest.raises(IndexError):
        reader.read(size - 3, 4)
    with pytest.raises(IndexError):
        reader.chunk(size // chunk)
    assert file.verify() == []


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(0, 70_000),
    changes=st.lists(st.tuples(st.integers(0, 69_999), st.binary(min_size=1, max_size=9000)), max_size=4),
    reads=st.lists(st.tuples(st.integers(0, 70_000), st.integers(0, 20_000)), max_size=6),
)
def test_any_history_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    changes: list[tuple[int, bytes]],
    reads: list[tuple[int, int]],
) -> None:
    history = [bytes(size)]
    for place, new in changes:
        content = bytearray(history[-1])
        content[place : place + len(new)] = new[: max(0, size - place)]
        history.append(bytes(content[:size]))
    with ProfileFile.create(tmp_path_factory.mktemp("any") / "a.vphone") as file:
        for number, content in enumerate(history):
            save(file, {"ram": content}, number)
        for number, content in enumerate(history, 1):
            reader = file.reader(file.manifest(number).spaces[0])
            assert reader.read(0, size) == content
            for place, length in reads:
                if place + length <= size:
                    assert reader.read(place, length) == content[place : place + length]
        assert file.verify() == []
