"""What the network process waits for: descriptors and times, each with a callback, and a clock."""

import select
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

Callback = Callable[[], object]


class _Entry(NamedTuple):
    end: socket.socket
    readable: Callback
    writable: Callback


class Poller:
    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._epoll = select.epoll()
        self._entries: dict[int, _Entry] = {}
        self.now = clock
        self.wall = wall

    def add(self, end: socket.socket, readable: Callback, writable: Callback) -> None:
        """Reading is wanted at first."""
        self._entries[end.fileno()] = _Entry(end, readable, writable)
        self._epoll.register(end.fileno(), select.EPOLLIN)

    def want(self, end: socket.socket, *, read: bool, write: bool) -> None:
        self._epoll.modify(end.fileno(), (select.EPOLLIN if read else 0) | (select.EPOLLOUT if write else 0))

    def remove(self, end: socket.socket) -> None:
        """Before it is closed."""
        if self._entries.pop(end.fileno(), None) is not None:
            self._epoll.unregister(end.fileno())

    def poll(self, patience: float | None) -> bool:
        """Waits, and calls back. Whether there was anything."""
        ready = self._epoll.poll(patience)
        for fd, events in ready:
            entry = self._entries.get(fd)
            if entry is None:
                continue
            if events & select.EPOLLOUT:
                entry.writable()
            # A hang-up is read, or an end that nobody wants to read from would spin.
            if events & ~select.EPOLLOUT and self._entries.get(fd) is entry:
                entry.readable()
        return bool(ready)
