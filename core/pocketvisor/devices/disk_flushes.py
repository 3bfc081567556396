"""A disk's flushes: one on its way at a time, and what waits for it or for the next one.

They are done on the devices' offloading thread, and nothing else waits for them: not a save, not a process
that takes the disk over. What is written without a flush of the driver's is made durable a little later.
"""

from collections.abc import Callable
from typing import Any, Final

from pocketvisor.devices.disk_requests import IO_ERROR, OK, Request
from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.storage.files import HandedOver, Store

_IDLE_SECONDS: Final = 5.0


class Flushes:
    """`done` is told of requests whose flush has ended, and with which status; `trouble` that one failed."""

    def __init__(
        self,
        store: Callable[[], Store | None],
        loop: Callable[[], DeviceLoop],
        done: Callable[[list[Request], int], None],
        trouble: Callable[[str, OSError], None],
    ) -> None:
        self._store, self._loop = store, loop
        self._done, self._trouble = done, trouble
        self._waiting: list[Request] = []  # for the next
        self._flushing: list[Request] | None = None  # what the one on its way is for
        self._dirty = False
        self._timer = False
        self._life = 0

    def add(self, request: Request) -> None:
        """It is answered after a flush that begins from now on."""
        self._waiting.append(request)

    @property
    def unanswered(self) -> list[Request]:
        return [*(self._flushing or ()), *self._waiting]

    def answered(self, head: int) -> None:
        """In a replay, which flushes nothing: the log has the answer."""
        self._waiting = [request for request in self._waiting if request.head != head]

    def forget(self) -> None:
        """The driver has reset the device: nobody waits any more."""
        self._life += 1
        self._waiting, self._flushing = [], None

    def start(self) -> None:
        """If somebody waits; what comes while one is on its way goes with the next."""
        store = self._store()
        if self._flushing is not None or not self._waiting or store is None:
            return
        waiting, self._waiting = self._waiting, []
        life = self._life
        self._flushing, self._dirty = waiting, False
        flush = store.flush() or _nothing
        self._loop().offload(flush, lambda result: self._ended(result, life, waiting))

    def changed(self) -> None:
        """Something is written."""
        self._dirty = True
        if not self._timer:
            self._timer = True
            self._loop().later(_IDLE_SECONDS, self._idle)

    def _ended(self, result: Any, life: int, waiting: list[Request]) -> None:
        status = self._judge(result)
        if life != self._life:
            return
        self._flushing = None
        if isinstance(result, HandedOver):  # and the disk was taken back
            self._waiting = [*waiting, *self._waiting]
        else:
            self._done(waiting, status)
        self.start()

    def _idle(self) -> None:
        self._timer = False
        store = self._store()
        if self._dirty and store is not None and (flush := store.flush()) is not None:
            self._dirty = False
            self._loop().offload(flush, self._idle_ended)

    def _idle_ended(self, result: Any) -> None:
        self._judge(result)
        if isinstance(result, HandedOver):
            self.changed()

    def _judge(self, result: Any) -> int:
        """The status that a flush's result gives."""
        if not isinstance(result, OSError) or isinstance(result, HandedOver):
            return OK
        self._trouble("lost", result)
        return IO_ERROR


def _nothing() -> None:
    pass
