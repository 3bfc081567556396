"""The device's end of vsock's wire to the handset. It never waits: what does not fit is kept, in order, and
the device sees that it is full, and sends no more of what it can keep back."""

import socket
from collections import deque
from collections.abc import Callable
from typing import Final

from pocketvisor.devices.loop import DeviceLoop
from pocketvisor.devices.vsock_wire import MESSAGE_MAX, Message, pack, unpack
from pocketvisor.devices.wires import FULL

_RETRY_SECONDS: Final = 0.005
_MESSAGES: Final = 64


class VsockChannel:
    """Without a socket there is nobody at the other end."""

    def __init__(self, wire: socket.socket | None) -> None:
        self._socket = wire
        if wire is not None:
            wire.setblocking(False)
        self._kept: deque[bytes] = deque()
        self._loop: DeviceLoop | None = None
        self._receive: Callable[[Message], None] = lambda _: None
        self._has_room: Callable[[], None] = lambda: None
        self._waits = False

    def attach(
        self, loop: DeviceLoop, receive: Callable[[Message], None], has_room: Callable[[], None]
    ) -> None:
        self._loop, self._receive, self._has_room = loop, receive, has_room
        if self._socket is not None:
            loop.watch(self._socket.fileno(), self._readable)

    def detach(self) -> None:
        if self._loop is not None and self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
        self._loop = None

    @property
    def full(self) -> bool:
        return bool(self._kept)

    def send(self, message: Message) -> None:
        if self._socket is None:
            return
        self._kept.append(pack(message))
        self._flush()

    def _flush(self) -> None:
        assert self._socket is not None
        while self._kept:
            try:
                self._socket.send(self._kept[0])
            except OSError as error:
                if error.errno in FULL:
                    self._wait()
                else:  # nobody is there any more
                    self._kept.clear()
                return
            self._kept.popleft()

    def _wait(self) -> None:
        if not self._waits and self._loop is not None:
            self._waits = True
            self._loop.later(_RETRY_SECONDS, self._again)

    def _again(self) -> None:
        self._waits = False
        if self._loop is None:
            return
        self._flush()
        if not self._kept:
            self._has_room()

    def _readable(self) -> None:
        assert self._socket is not None
        for _ in range(_MESSAGES):
            if self._loop is None:
                return
            try:
                packet = self._socket.recv(MESSAGE_MAX + 1)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self.detach()
                return
            message = unpack(packet)
            if message is not None:
                self._receive(message)
