"""A base that is still being filled: what is absent is asked for, and nothing of it is shown before."""

import os
import select
from collections.abc import Callable
from functools import partial

import pytest
from overlay_files import file_of, read
from test_lazy import BLOCK, SIZE, WHOLE, Site

from pocketvisor.storage import overlay
from pocketvisor.storage.files import FileStore, NotLoaded
from pocketvisor.storage.lazy import FAILED, Loader
from pocketvisor.storage.lazy_store import LazyStore, LostChunk
from pocketvisor.storage.overlay import OverlayStore

SECTOR = 512


def lazy(site: Site) -> LazyStore:
    return LazyStore(FileStore(site.target, SIZE, read_only=True), site.map_fd, site.wanted, site.loaded)


def patiently(work: Callable[[], None]) -> None:
    """As a device does it, with its loader at work."""
    while True:
        try:
            return work()
        except NotLoaded as missing:
            while not missing.look():
                assert select.select([missing.fd], [], [], 60)[0]
                os.eventfd_read(missing.fd)


def loading(site: Site) -> Loader:
    loader = site.loader()
    loader.start(background=False)
    return loader


def test_what_is_absent_is_asked_for_and_read_when_it_has_come() -> None:
    site = Site()
    store = lazy(site)
    view = memoryview(bytearray(2 * SECTOR))
    with pytest.raises(NotLoaded) as missing:
        store.read(3 * BLOCK - SECTOR, view)
    assert not missing.value.look()
    assert site.map.wanted == 2
    assert os.eventfd_read(site.wanted) == 1
    loader = loading(site)
    patiently(lambda: store.read(3 * BLOCK - SECTOR, view))
    assert view == WHOLE[3 * BLOCK - SECTOR : 3 * BLOCK + SECTOR]
    assert site.order == [2, 3]
    loader.stop()
    site.close()


def test_an_overlay_over_it_waits_for_what_it_copies_up_and_for_nothing_else() -> None:
    site = Site()
    fd = file_of(b"")
    overlay.create(fd, SIZE)
    store = OverlayStore(fd, lazy(site), SIZE)
    store.write(BLOCK, (b"x" * 4096,), 4096)
    assert read(store, BLOCK, 4096) == b"x" * 4096
    loader = loading(site)
    for offset, size in ((2 * BLOCK + SECTOR, SECTOR), (3 * BLOCK - SECTOR, 2 * BLOCK), (5 * BLOCK, SECTOR)):
        patiently(partial(store.write, offset, (b"y" * size,), size))
    patiently(lambda: store.write_zeroes(7 * BLOCK + SECTOR, BLOCK, True))
    assert site.order == [2, 4, 5, 7, 8]
    expected = bytearray(WHOLE[:SIZE])
    expected[BLOCK : BLOCK + 4096] = b"x" * 4096
    for offset, size in ((2 * BLOCK + SECTOR, SECTOR), (3 * BLOCK - SECTOR, 2 * BLOCK), (5 * BLOCK, SECTOR)):
        expected[offset : offset + size] = b"y" * size
    expected[7 * BLOCK + SECTOR : 8 * BLOCK + SECTOR] = bytes(BLOCK)
    loader.load_rest()
    assert loader.wait(60)
    assert read(store) == expected
    loader.stop()
    site.close()


def test_what_cannot_be_had_is_an_error() -> None:
    site = Site()
    site.map.states[4] = FAILED
    store = lazy(site)
    with pytest.raises(LostChunk, match="could not be loaded"):
        store.read(4 * BLOCK, memoryview(bytearray(SECTOR)))
    site.close()


def test_it_is_only_read() -> None:
    site = Site()
    store = lazy(site)
    assert store.read_only
    assert store.flush() is None
    for change in (
        lambda: store.write(0, (b"x",), 1),
        lambda: store.discard(0, 512),
        lambda: store.write_zeroes(0, 512, True),
    ):
        with pytest.raises(OSError, match="Read-only"):
            change()
    site.close()
