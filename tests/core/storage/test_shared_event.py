"""An eventfd that a guest's process has as well never holds its handset up."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from pocketvisor.storage import shared_event

FULL = (1 << 64) - 2


@pytest.fixture
def event() -> Iterator[int]:
    """One whose other side wants to be waited for."""
    fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
    yield fd
    os.close(fd)


def comes_back(work: Callable[[], object], release: Callable[[], object]) -> bool:
    """`release` ends what did not."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    waits = thread.is_alive()
    if waits:
        release()
        thread.join()
    return not waits


def test_a_signal_that_was_taken_back_is_not_waited_for(event: int) -> None:
    assert comes_back(lambda: shared_event.take(event), lambda: os.eventfd_write(event, 1))
    os.eventfd_write(event, 3)
    assert shared_event.take(event)
    assert not shared_event.take(event)


def test_one_that_is_full_is_not_waited_for(event: int) -> None:
    os.eventfd_write(event, FULL)
    assert comes_back(lambda: shared_event.signal(event), lambda: os.eventfd_read(event))
    assert os.eventfd_read(event) == FULL
    shared_event.signal(event)
    assert os.eventfd_read(event) == 1
