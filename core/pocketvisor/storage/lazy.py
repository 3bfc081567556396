"""Content that comes when it is touched: blocks of a guest's RAM or disk are absent until they are loaded.

THE MAP, a memfd that a guest's process and its handset share: 4096 bytes, of which the first four are the
number of the wanted block plus one (u32, native), then a byte for each block: 0, present; 255, absent; 254,
absent for ever, since it could not be loaded. RAM has further values, which mean: present. So a map of zeros
is that of memory where nothing is absent.

The guest's side writes what it wants, looks at the block's byte once more, signals `wanted` and waits for
`loaded`, which comes after every block; who shares the map with others writes it again at each. The
loader, a thread in the handset's process, puts the content into the target and only then sets the byte. What
is wanted comes first, what follows it next, then the rest. What is to be loaded is decided once, at the
beginning: whatever a guest's process does to the map, nothing of it is written over later.

Left out: several threads for one target; throwing out what was loaded.
"""

import errno
import mmap
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from pocketvisor.errors import PocketvisorError, StorageError
from pocketvisor.storage import shared_event
from pocketvisor.storage.files import write_all

BLOCK: Final = 64 << 10
HEADER_SIZE: Final = 4096
PRESENT: Final = 0
FAILED: Final = 254
ABSENT: Final = 255

_FOLLOWING: Final = 16
_PROGRESS_EVERY: Final = 64
_STOP_SECONDS: Final = 2.0

Fill = Callable[[int], bytes | bytearray | memoryview]


def block_count(size: int, block: int = BLOCK) -> int:
    return -(-size // block)


def map_size(size: int, block: int = BLOCK) -> int:
    """Of the map for so many bytes of content, in whole pages."""
    return HEADER_SIZE + -(-block_count(size, block) // 4096) * 4096


class LazyMap:
    """A map, for either side."""

    def __init__(self, fd: int, count: int) -> None:
        self._memory = mmap.mmap(fd, HEADER_SIZE + count, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self._wanted = memoryview(self._memory)[:4].cast("I")
        self.states = memoryview(self._memory)[HEADER_SIZE:]
        self.count = count

    @property
    def wanted(self) -> int:
        """-1 where none is; any number where the other side has lost its senses."""
        return self._wanted[0] - 1

    @wanted.setter
    def wanted(self, index: int) -> None:
        self._wanted[0] = index + 1

    def mark_absent(self, indices: Iterable[int]) -> None:
        """Before any guest sees it."""
        for index in indices:
            self.states[index] = ABSENT

    def close(self) -> None:
        self._wanted.release()
        self.states.release()
        self._memory.close()


class Loader:
    """Fills the absent blocks of one target. All of its callbacks come on its thread.

    `fill(index)` gives a block's content, at most up to the target's end, b"" for zeros. What it raises is
    that block's failure: `on_failure` is told, and no byte of it is in the target. `mark_failed`: readers of
    the block get an error (a disk); else they wait on, for a guest that is about to be ended (RAM).
    `first`: blocks to begin with, as those that were in use when the content was saved. `gently`: what nobody
    wants yet takes half of a core at most.
    `on_progress(loaded, total)` now and then; `on_end()` when all is loaded or has failed.

    The descriptors stay the caller's."""

    def __init__(
        self,
        map_fd: int,
        wanted_fd: int,
        loaded_fd: int,
        target_fd: int,
        size: int,
        fill: Fill,
        *,
        block: int = BLOCK,
        first: Iterable[int] = (),
        mark_failed: bool = False,
        gently: bool = False,
        on_progress: Callable[[int, int], None] = lambda loaded, total: None,
        on_failure: Callable[[int, Exception], None] = lambda index, error: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        count = block_count(size, block)
        self._map = LazyMap(map_fd, count)
        # Of its own: a fill that takes long may go on when the caller has closed everything.
        self._wanted_fd, self._loaded_fd, self._target_fd = map(os.dup, (wanted_fd, loaded_fd, target_fd))
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._size, self._block, self._fill = size, block, fill
        self._mark_failed, self._gently = mark_failed, gently
        self._on_progress, self._on_failure, self._on_end = on_progress, on_failure, on_end
        self._absent = bytearray(self._map.states[:count].tobytes().translate(_ONLY_ABSENT))
        self._left = self.total = self._absent.count(1)
        self._first = iter([index for index in first if 0 <= index < count])
        self._rest = 0  # before it nothing is absent
        self._next, self._next_end = 0, 0  # what follows the last one that was wanted
        self._asked: deque[int] = deque()
        self._failures: dict[int, Exception] = {}
        self._changed = threading.Condition()
        self._background = False
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self, *, background: bool = True) -> None:
        """Without `background` only what is wanted is loaded, until load_rest()."""
        self._background = background
        self._thread = threading.Thread(target=self._main, name="loader", daemon=True)
        self._thread.start()

    def load_rest(self) -> None:
        self._background = True
        with self._changed:
            self._wake()

    def hurry(self) -> None:
        """Somebody waits for all of it."""
        self._gently = False

    @property
    def left(self) -> int:
        """Blocks that are still absent, the failed ones not counted."""
        return self._left

    @property
    def complete(self) -> bool:
        """Everything is in the target."""
        return not self._left and not self._failures

    def ensure(self, index: int) -> None:
        """Load this block soon, and wait for it; for any thread. Raises why it cannot be had."""
        with self._changed:
            if self._absent[index]:
                self._asked.append(index)
                self._wake()
            while self._absent[index] and index not in self._failures:
                if self._stopped:
                    raise StorageError("What is wanted of a disk is not loaded any more: its guest has ended")
                self._changed.wait()
            if index in self._failures:
                raise self._failures[index]

    def wait(self, timeout: float | None = None) -> bool:
        """Blocks until all is loaded, or has failed, or stop(). Whether everything is in the target."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._left, timeout)
        return self.complete

    def stop(self) -> None:
        """Comes back soon, even where a fill does not; what is absent stays so."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            if self._thread is None:
                self._close()
                return
            self._wake()
            if self._wake_fd >= 0:  # a guest's process may have filled it, to be waited for
                shared_event.take(self._loaded_fd)
        self._thread.join(_STOP_SECONDS)

    def _wake(self) -> None:
        if self._wake_fd >= 0:
            os.eventfd_write(self._wake_fd, 1)

    def _main(self) -> None:
        try:
            poll = select.poll()
            poll.register(self._wanted_fd, select.POLLIN)
            poll.register(self._wake_fd, select.POLLIN)
            rest_ms: float | None = 0
            while self._left and not self._stopped:
                for fd, _ in poll.poll(rest_ms) if rest_ms != 0 else ():
                    shared_event.take(fd)
                began = time.monotonic()
                index, wanted = self._choose()
                rest_ms = 0
                if index is None:
                    rest_ms = None
                    continue
                self._load(index)
                if self._gently and not wanted:
                    rest_ms = 1000 * (time.monotonic() - began)
            if not self._stopped:
                self._on_end()
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
                self._close()

    def _close(self) -> None:
        if self._wake_fd >= 0:
            for fd in (self._wanted_fd, self._loaded_fd, self._target_fd, self._wake_fd):
                os.close(fd)
            self._wake_fd = -1
            self._map.close()

    def _choose(self) -> tuple[int | None, bool]:
        """The next block to load, and whether it is waited for; None where nobody wants one now."""
        absent = self._absent
        while self._asked:
            index = self._asked.popleft()
            if absent[index]:
                return index, True
        wanted = self._map.wanted
        if 0 <= wanted < len(absent) and absent[wanted]:
            self._next, self._next_end = wanted + 1, min(wanted + 1 + _FOLLOWING, len(absent))
            return wanted, True
        if not self._background:
            return None, False
        index = absent.find(1, self._next, self._next_end)
        if index >= 0:
            self._next = index + 1
            return index, True  # who reads on is about to want it
        for index in self._first:
            if absent[index]:
                return index, False
        self._rest = absent.find(1, self._rest)
        return self._rest, False

    def _load(self, index: int) -> None:
        failure: Exception | None = None
        try:
            self._put(index, self._fill(index))
        except OSError as error:
            full = error.errno == errno.ENOSPC
            why = "this computer's disk is full" if full else error.strerror or "the host gave no reason"
            failure = StorageError(f"A part of what was saved could not be loaded: {why}")
        except Exception as error:  # a fill's mistake: whoever waits for the block has to hear of it as well
            known = isinstance(error, PocketvisorError)
            failure = error if known else StorageError(f"A part of what was saved was not loaded: {error!r}")
        if self._stopped:
            return
        # The byte comes after the content: write() has put it there, and x86 keeps stores in their order.
        if failure is None:
            self._map.states[index] = PRESENT
        elif self._mark_failed:
            self._map.states[index] = FAILED
        shared_event.signal(self._loaded_fd)
        with self._changed:
            self._absent[index] = 0
            self._left -= 1
            if failure is not None:
                self._failures[index] = failure
            self._changed.notify_all()
        if failure is not None:
            self._on_failure(index, failure)
        if self._left % _PROGRESS_EVERY == 0:
            self._on_progress(self.total - self._left, self.total)

    def _put(self, index: int, content: bytes | bytearray | memoryview) -> None:
        at = index * self._block
        size = min(self._block, self._size - at)
        if len(content) not in (0, size):
            raise StorageError(f"A part of what was saved has {len(content)} bytes where {size} belong")
        if len(content):
            write_all(self._target_fd, (content,), size, at)


_ONLY_ABSENT: Final = bytes(state == ABSENT for state in range(256))
