"""The devices' loop calls back with the lock held, what is offloaded without it; closed it is over."""

import threading
from collections.abc import Iterator

import pytest
from open_descriptors import none_left_open

from pocketvisor.devices.loop import DeviceLoop

SECONDS = 60


@pytest.fixture
def loop() -> Iterator[DeviceLoop]:
    made = DeviceLoop(threading.Lock())
    yield made
    made.close()


def _threads() -> list[str]:
    return sorted(one.name for one in threading.enumerate() if one.name in ("devices", "offloaded"))


def test_a_callback_has_the_lock_and_what_is_offloaded_has_not(loop: DeviceLoop) -> None:
    heard: list[object] = []
    through = threading.Event()

    def work() -> bool:
        free = loop._lock.acquire(timeout=SECONDS)  # by nobody who waits for this work
        if free:
            loop._lock.release()
        return free

    def done(result: object) -> None:
        heard.extend((result, loop._lock.acquire(blocking=False)))
        through.set()

    loop.start()
    with loop._lock:
        loop.later(0.0, lambda: loop.offload(work, done))
    assert through.wait(SECONDS)
    assert heard == [True, False]


def test_closed_it_has_no_threads_and_no_descriptors_left() -> None:
    before = _threads()
    with none_left_open():
        loop = DeviceLoop(threading.Lock())
        loop.start()
        loop.begin_offloading()
        assert _threads() == sorted([*before, "devices", "offloaded"])
        loop.close()
    assert _threads() == before
    loop.close()  # once more is nothing


@pytest.mark.parametrize("prepared", [False, True])
def test_one_that_never_started_is_closed_as_well(prepared: bool) -> None:
    before = _threads()
    loop = DeviceLoop(threading.Lock())
    if prepared:
        loop.prepare()
    loop.close()
    assert _threads() == before


def test_work_under_way_is_done_to_its_end_and_nobody_is_called_back() -> None:
    """What waited behind it is not begun."""
    loop = DeviceLoop(threading.Lock())
    called: list[str] = []
    working, go_on = threading.Event(), threading.Event()

    def work() -> None:
        working.set()
        assert go_on.wait(SECONDS)
        called.append("work")

    loop.start()
    with loop._lock:
        loop.offload(work, lambda _: called.append("its end"))
        loop.offload(lambda: called.append("the next work"), lambda _: called.append("its end"))
    assert working.wait(SECONDS)
    devices = loop._thread
    assert devices is not None
    closing = threading.Thread(target=loop.close)
    closing.start()
    devices.join(SECONDS)  # it is closed when its thread has ended
    assert closing.is_alive() and not devices.is_alive()
    go_on.set()
    closing.join(SECONDS)
    assert not closing.is_alive()
    assert called == ["work"]
