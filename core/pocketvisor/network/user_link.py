"""A port's link to passt: frames over a stream socket, each behind its length (u32, big endian).

Nobody else shares it, so that it waits rather than drops: the guest is not read while passt is behind, and
passt is not read while the guest is.
"""

import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

from pocketvisor.devices.net_frame import ETHERNET, FRAME_MAX, GOOD, completed, segments
from pocketvisor.network.poller import Poller
from pocketvisor.network.port import FULL, Port

_LENGTH: Final = struct.Struct(">I")
_READ_SIZE: Final = 256 << 10
_CONGESTED: Final = 512 << 10
_MOST: Final = 4 << 20
_PASST_MAX: Final = 65535
"""A frame of more bytes is none to passt,"""
_HALF: Final = 32768
"""and is cut into packets of this size."""


class UserLink:
    leads_out = True

    def __init__(self, poller: Poller, port: Port, end: socket.socket, ended: Callable[[], None]) -> None:
        """`ended` is called when passt closes it, or says what makes no sense."""
        self._poller = poller
        self._port = port
        self._end: socket.socket | None = end
        self._ended = ended
        self._incoming = bytearray()
        self._unread = False
        self._queue: deque[bytes] = deque()
        self._queued = 0
        end.setblocking(False)
        poller.add(end, self._readable, self._flush)

    def send(self, port: Port, message: bytes) -> bool:
        if self._end is None or self._queued > _MOST:
            return False
        frame = completed(message)
        for part in [frame] if len(frame) <= _PASST_MAX else segments(message, _HALF):
            self._write(_LENGTH.pack(len(part)) + part)
        return True

    @property
    def congested(self) -> bool:
        return self._queued > _CONGESTED

    def room(self) -> None:
        if self._unread and self._end is not None:
            self._unread = False
            self._deliver()
            self._want()

    def leave(self, port: Port) -> None:
        if self._end is not None:
            self._poller.remove(self._end)
            self._end.close()
            self._end = None

    def _write(self, data: bytes) -> None:
        """Frame by frame, as passt takes it amiss if it finds pieces of several."""
        if self._end is None:
            return
        if not self._queue:
            try:
                sent = self._end.send(data)
            except OSError as error:
                if error.errno not in FULL:
                    self._close()
                    return
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        self._queue.append(data)
        self._queued += len(data)
        if len(self._queue) == 1:
            self._want()

    def _flush(self) -> None:
        while self._queue and self._end is not None:
            data = self._queue[0]
            try:
                sent = self._end.send(data)
            except OSError as error:
                if error.errno not in FULL:
                    self._close()
                    return
                break
            self._queued -= sent
            if sent < len(data):
                self._queue[0] = data[sent:]
                break
            self._queue.popleft()
        self._want()
        if not self.congested:
            self._port.resume()

    def _readable(self) -> None:
        assert self._end is not None
        try:
            data = self._end.recv(_READ_SIZE)
        except OSError as error:
            if error.errno not in FULL:
                self._close()
            return
        if not data:
            self._close()
            return
        self._incoming += data
        self._deliver()
        self._want()

    def _deliver(self) -> None:
        """All whole frames, as long as the guest takes them."""
        incoming, at = self._incoming, 0
        with memoryview(incoming) as view:
            while len(view) - at >= _LENGTH.size:
                (size,) = _LENGTH.unpack_from(view, at)
                if size > FRAME_MAX:
                    self._close()
                    return
                end = at + _LENGTH.size + size
                if end > len(view):
                    break
                if self._port.full:
                    self._unread = True
                    break
                if size >= ETHERNET:
                    self._port.deliver(b"".join((GOOD, view[at + _LENGTH.size : end])))
                at = end
        del incoming[:at]

    def _want(self) -> None:
        if self._end is not None:
            self._poller.want(self._end, read=not self._unread, write=bool(self._queue))

    def _close(self) -> None:
        if self._end is not None:
            self.leave(self._port)
            self._ended()
