"""The loader of absent blocks: what is touched comes first, whole or not at all; nobody waits for ever."""

import os
import random
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvisor.errors import DamagedProfile, StorageError
from pocketvisor.storage.lazy import ABSENT, BLOCK, FAILED, PRESENT, LazyMap, Loader, block_count, map_size

SECONDS = 60
COUNT = 40
SIZE = (COUNT - 1) * BLOCK + 4096 + 512


def content(index: int) -> bytes:
    """A block's; every fifth is zeros."""
    size = min(BLOCK, SIZE - index * BLOCK)
    return b"" if index % 5 == 0 else bytes([index]) * size


WHOLE = b"".join(content(index) or bytes(BLOCK) for index in range(COUNT))


class Site:
    """A map, a target and the eventfds, with everything absent."""

    def __init__(self, absent: Any = range(COUNT), size: int = SIZE) -> None:
        self.map_fd = os.memfd_create("map")
        os.ftruncate(self.map_fd, map_size(size))
        self.target = os.memfd_create("target")
        os.ftruncate(self.target, size)
        self.wanted = os.eventfd(0, os.EFD_NONBLOCK)
        self.loaded = os.eventfd(0, os.EFD_NONBLOCK)
        self.map = LazyMap(self.map_fd, block_count(size))
        self.map.mark_absent(absent)
        self.order: list[int] = []
        self.size = size

    def loader(self, fill: Callable[[int], bytes] = content, **options: Any) -> Loader:
        def noting(index: int) -> bytes:
            self.order.append(index)
            return fill(index)

        return Loader(self.map_fd, self.wanted, self.loaded, self.target, self.size, noting, **options)

    def want(self, index: int) -> int:
        """As a guest's side does; the block's state afterwards."""
        while self.map.states[index] == ABSENT:
            self.map.wanted = index
            if self.map.states[index] == ABSENT:
                os.eventfd_write(self.wanted, 1)
                assert select.select([self.loaded], [], [], SECONDS)[0], "the loader did not answer"
                os.eventfd_read(self.loaded)
        return self.map.states[index]

    def read(self, index: int) -> bytes:
        return os.pread(self.target, BLOCK, index * BLOCK)

    def close(self) -> None:
        self.map.close()
        for fd in (self.map_fd, self.target, self.wanted, self.loaded):
            os.close(fd)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def test_everything_comes_in_the_background(site: Site) -> None:
    told: list[tuple[int, int]] = []
    ended = threading.Event()
    loader = site.loader(on_progress=lambda *at: told.append(at), on_end=ended.set)
    assert (loader.total, loader.complete) == (COUNT, False)
    loader.start()
    assert loader.wait(SECONDS)
    assert ended.wait(SECONDS)
    assert os.pread(site.target, SIZE, 0) == WHOLE[:SIZE]
    assert site.map.states[:COUNT].tobytes() == bytes([PRESENT]) * COUNT
    assert told[-1] == (COUNT, COUNT)
    loader.stop()


def test_only_what_is_absent_is_loaded() -> None:
    site = Site(absent=[3, 7])
    site.map.states[5] = 2  # a layer of RAM
    loader = site.loader()
    loader.start()
    assert loader.wait(SECONDS)
    loader.stop()
    assert site.order == [3, 7]
    assert site.map.states[:8].tobytes() == bytes([0, 0, 0, 0, 0, 2, 0, 0])
    site.close()


def test_what_is_touched_comes_first_and_what_follows_it_next(site: Site) -> None:
    begun, go = threading.Event(), threading.Event()

    def held(index: int) -> bytes:
        begun.set()
        assert go.wait(SECONDS)
        return content(index)

    loader = site.loader(held, first=[11, 12])
    loader.start()
    assert begun.wait(SECONDS)
    site.map.wanted = 20
    go.set()
    assert loader.wait(SECONDS)
    loader.stop()
    assert site.order[:18] == [11, *range(20, 37)]
    assert site.order[18:20] == [12, 0]
    assert sorted(site.order) == list(range(COUNT))


def test_in_the_background_nothing_comes_before_it_is_time(site: Site) -> None:
    loader = site.loader()
    loader.start(background=False)
    assert site.want(9) == PRESENT
    assert site.read(9) == content(9)
    assert site.order == [9]
    loader.load_rest()
    assert loader.wait(SECONDS)
    loader.stop()


def test_gently_it_rests_as_long_as_it_works_but_for_what_is_wanted(site: Site) -> None:
    rests: list[float] = []
    worked: list[float] = []

    def slow(index: int) -> bytes:
        began = time.monotonic()
        threading.Event().wait(0.002)
        worked.append(1000 * (time.monotonic() - began))
        return content(index)

    class Poll:
        def register(self, *_: object) -> None: ...
        def poll(self, patience: float) -> list[tuple[int, int]]:
            rests.append(patience)
            return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(select, "poll", Poll)
        loader = site.loader(slow, gently=True)
        site.map.wanted = 2
        loader.start()
        assert loader.wait(SECONDS)
        loader.stop()
    unasked = worked[17:-1]  # 2 was wanted, and 16 follow it; after the last there is no rest
    assert len(rests) == len(unasked) == COUNT - 1 - 17
    assert all(rest >= work > 0 for rest, work in zip(rests, unasked, strict=True))


def test_the_handset_can_wait_for_a_block_too(site: Site) -> None:
    loader = site.loader()
    loader.start(background=False)
    loader.ensure(33)
    loader.ensure(33)
    assert site.order == [33]
    assert site.read(33) == content(33)
    loader.stop()
    with pytest.raises(StorageError, match="its guest has ended"):
        loader.ensure(34)


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (DamagedProfile("Chunk 5 is not what was saved"), "Chunk 5 is not what was saved"),
        (OSError(28, "No space left on device"), "this computer's disk is full"),
        (OSError(5, "Input/output error"), "could not be loaded: Input/output error"),
        (KeyError("x"), "was not loaded: KeyError"),
        (b"short", "has 5 bytes where 65536 belong"),
    ],
)
def test_what_fails_is_told_once_and_harms_nothing_else(
    site: Site, mistake: Exception | bytes, sentence: str
) -> None:
    def failing(index: int) -> bytes:
        if index != 7:
            return content(index)
        if isinstance(mistake, bytes):
            return mistake
        raise mistake

    told: list[tuple[int, str]] = []
    loader = site.loader(
        failing, mark_failed=True, on_failure=lambda index, error: told.append((index, str(error)))
    )
    loader.start(background=False)
    assert site.want(7) == FAILED
    assert site.want(8) == PRESENT
    with pytest.raises(Exception, match=sentence):
        loader.ensure(7)
    loader.load_rest()
    assert not loader.wait(SECONDS)
    loader.stop()
    [(index, why)] = told
    assert index == 7
    assert sentence in why
    assert site.order.count(7) == 1
    assert site.read(7) == bytes(BLOCK)


def test_ram_that_fails_is_never_shown_as_there(site: Site) -> None:
    loader = site.loader(lambda index: b"x")
    loader.start()
    assert not loader.wait(SECONDS)
    loader.stop()
    assert site.map.states[1] == ABSENT


def test_it_stops_though_a_fill_does_not_come_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pocketvisor.storage.lazy._STOP_SECONDS", 0.01)
    begun, go = threading.Event(), threading.Event()

    def stuck(index: int) -> bytes:
        begun.set()
        go.wait(SECONDS)
        return content(index)

    loader = site.loader(stuck)

    def wait() -> None:
        with pytest.raises(StorageError):
            loader.ensure(30)

    waiter = threading.Thread(target=wait)
    waiter.start()
    loader.start()
    assert begun.wait(SECONDS)
    loader.stop()
    waiter.join(SECONDS)
    assert not waiter.is_alive()
    assert not loader.complete
    go.set()
    assert loader._thread is not None
    loader._thread.join(SECONDS)
    assert site.map.wanted == -1


def test_a_loader_that_never_began_is_stopped(site: Site) -> None:
    loader = site.loader()
    loader.stop()
    loader.stop()
    assert not loader.wait(SECONDS)


@pytest.mark.parametrize("wanted", [COUNT, COUNT + 5000, 0xFFFFFFFE, -1])
def test_a_guest_that_wants_what_is_not_there_changes_nothing(site: Site, wanted: int) -> None:
    site.map.wanted = wanted
    os.eventfd_write(site.wanted, 5)
    loader = site.loader()
    loader.start()
    assert loader.wait(SECONDS)
    loader.stop()
    assert os.pread(site.target, SIZE, 0) == WHOLE[:SIZE]


def test_a_guest_cannot_have_a_block_loaded_twice(site: Site) -> None:
    """It would write over what the guest has written since."""
    loader = site.loader()
    loader.start(background=False)
    site.want(4)
    os.pwrite(site.target, b"mine", 4 * BLOCK)
    site.map.states[4] = ABSENT
    site.map.wanted = 4
    os.eventfd_write(site.wanted, 1)
    loader.load_rest()
    assert loader.wait(SECONDS)
    loader.stop()
    assert site.read(4)[:4] == b"mine"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, COUNT - 1), max_size=30), st.booleans())
def test_whoever_sees_a_block_sees_all_of_it(wanted: list[int], background: bool) -> None:
    site = Site()
    loader = site.loader()
    loader.start(background=background)
    for index in wanted:
        assert site.want(index) == PRESENT
        assert site.read(index) == (content(index) or bytes(BLOCK))[: SIZE - index * BLOCK]
    loader.load_rest()
    assert loader.wait(SECONDS)
    loader.stop()
    assert os.pread(site.target, SIZE, 0) == WHOLE[:SIZE]
    assert len(site.order) == len(set(site.order)) == COUNT
    site.close()


def test_several_wait_at_once() -> None:
    """Two readers share the one word: each asks again until its block is there."""
    size = 400 * BLOCK
    site = Site(range(400), size)
    loader = site.loader(lambda index: random.Random(index).randbytes(BLOCK))
    wrong: list[int] = []

    def reader(seed: int) -> None:
        for index in random.Random(seed).sample(range(400), 60):
            while site.map.states[index] == ABSENT:
                site.map.wanted = index
                os.eventfd_write(site.wanted, 1)
                select.select([site.loaded], [], [], 0.001)
            if site.read(index) != random.Random(index).randbytes(BLOCK):
                wrong.append(index)

    readers = [threading.Thread(target=reader, args=(seed,)) for seed in (1, 2)]
    loader.start()
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join(SECONDS)
    assert loader.wait(SECONDS)
    assert not wrong
    loader.stop()
    site.close()
