"""The network process: `python -m pocketvisor.network.process CONTROL PARENT`. There is one a front end.

All that it works on is handed in over CONTROL, a SOCK_SEQPACKET socket: it opens nothing, and cannot once it
has begun. It ends with its front end.
"""

import os
import socket
import sys
from collections import deque
from typing import Final

import msgspec

from pocketvisor.guest import sandbox
from pocketvisor.guest.confine import confine
from pocketvisor.network import messages
from pocketvisor.network.poller import Poller
from pocketvisor.network.relay import Relay

_FULL: Final = (11, 105)
_UNSENT_MAX: Final = 4096


class Control:
    """The process's end of the control socket."""

    def __init__(self, end: socket.socket, poller: Poller) -> None:
        self._end = end
        self._poller = poller
        self._unsent: deque[bytes] = deque()
        self._relay = Relay(poller, self.tell)
        self._greeted = False
        self.open = True
        end.setblocking(False)
        poller.add(end, self._readable, self._flush)
        self.tell(messages.Hello(messages.PROTOCOL))

    def run(self) -> None:
        while self.open:
            self._relay.turn()

    def tell(self, message: messages.FromProcess) -> None:
        """Never waits: a front end that does not read loses the oldest."""
        if len(self._unsent) >= _UNSENT_MAX:
            self._unsent.popleft()
        self._unsent.append(messages.encode(message))
        self._flush()

    def _flush(self) -> None:
        while self._unsent:
            try:
                self._end.send(self._unsent[0])
            except OSError as error:
                if error.errno not in _FULL:
                    self.open = False
                break
            self._unsent.popleft()
        if self.open:
            self._poller.want(self._end, read=True, write=bool(self._unsent))

    def _readable(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._end, messages.DATAGRAM_MAX, 4)
        except OSError as error:
            self.open = error.errno in _FULL
            return
        if not data:
            self.open = False
            return
        fd = fds.pop(0) if fds else None
        for extra in fds:
            os.close(extra)
        try:
            self._handle(messages.decode_to_process(data), fd)
        except (ValueError, OSError, msgspec.MsgspecError) as error:
            self.tell(messages.Refused(str(error)[:2000]))
            self.open = False

    def _handle(self, message: messages.ToProcess, fd: int | None) -> None:
        if isinstance(message, messages.Hello):
            if message.protocol != messages.PROTOCOL:
                raise ValueError(f"the front end speaks version {message.protocol} of the protocol")
            self._greeted = True
            return
        if not self._greeted:
            raise ValueError("the front end does not greet")
        if (fd is not None) != isinstance(message, messages.WITH_DESCRIPTOR):
            raise ValueError("a descriptor came too much, or too few")
        self._relay.handle(message, fd)


def main(arguments: list[str]) -> int:
    control, parent = (int(argument) for argument in arguments)
    confine(parent)
    control_socket = socket.socket(fileno=control)
    poller = Poller()
    sandbox.enter()
    Control(control_socket, poller).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
