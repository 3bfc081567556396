"""The devices' thread of a guest's process: queues, descriptors and times of all virtio devices.

Every callback runs on this thread with the board's lock held, so a device needs no lock of its own and must
not wait: what may take long, as a disk's flush, is given to offload(). Nothing here enters the guest; a
device posts what does.

`inline`, for runs that must come out the same each time: what is offloaded is done at once by the caller, who
holds the lock already.
"""

import contextlib
import heapq
import itertools
import os
import select
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

Callback = Callable[[], object]


class DeviceLoop:
    """watch(), later() and offload() are for any thread that holds the lock, before start() too."""

    def __init__(self, lock: "threading.Lock | threading.RLock", *, inline: bool = False) -> None:
        self._lock = lock
        self.inline = inline
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        self._watched: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Callback]] = []
        self._numbers = itertools.count()
        self._done: deque[Callback] = deque()
        self._work: SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None] = SimpleQueue()
        self._worker: threading.Thread | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._closed = False

    def prepare(self) -> None:
        """Have the thread ready, so that start() takes no time."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, name="devices", daemon=True)
            self._thread.start()

    def start(self) -> None:
        self.prepare()
        self._started.set()

    def close(self) -> None:
        """For whoever goes on without it: not with the lock held, and not from its own threads. What is being
        done is done; nothing is called back after this, and nothing may be given to it any more."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._started.set()
        os.eventfd_write(self._wake_fd, 1)
        if self._thread is not None:
            self._thread.join()
        if self._worker is not None:
            self._work.put(None)
            self._worker.join()
        self._epoll.close()
        os.close(self._wake_fd)
        self._watched, self._timers = {}, []
        self._done.clear()

    def watch(self, fd: int, callback: Callback) -> None:
        """Call back while `fd` can be read (or has failed)."""
        known = fd in self._watched
        self._watched[fd] = callback
        if not known:
            self._epoll.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(fd)

    def later(self, seconds: float, callback: Callback) -> None:
        """Once, after a time of the host's clock."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), callback))
        if threading.current_thread() is not self._thread:
            os.eventfd_write(self._wake_fd, 1)

    def offload(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """`work` on a thread that holds no lock, in the order given; then `done` with what it returned, or
        with the OSError that it raised. Nothing waits for it: who saves a device says what is on its way."""
        if self.inline:
            done(_result(work))
            return
        self.begin_offloading()
        self._work.put((work, done))

    def begin_offloading(self) -> None:
        """Have the thread ready, for a process that may begin none any more."""
        if self._worker is None:
            self._worker = threading.Thread(target=self._work_off, name="offloaded", daemon=True)
            self._worker.start()

    def _work_off(self) -> None:
        while (one := self._work.get()) is not None and not self._closed:
            work, done = one
            result = _result(work)
            self._done.append(lambda done=done, result=result: done(result))  # type: ignore[misc]
            os.eventfd_write(self._wake_fd, 1)

    def _main(self) -> None:
        self._started.wait()
        try:
            while True:
                ready = self._epoll.poll(self._patience())
                with self._lock:
                    if self._closed:
                        return
                    self._serve([fd for fd, _ in ready])
        except BaseException:  # a device's mistake: better no guest than one whose devices stand still
            traceback.print_exc()
            os._exit(70)

    def _patience(self) -> float | None:
        timers = self._timers
        return max(0.0, timers[0][0] - time.monotonic()) if timers else None

    def _serve(self, ready: list[int]) -> None:
        for fd in ready:
            if fd == self._wake_fd:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(fd)
                continue
            callback = self._watched.get(fd)
            if callback is not None:
                callback()
        while self._done:
            self._done.popleft()()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()


def _result(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except OSError as error:
        return error
