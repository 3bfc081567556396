"""The nursery: `python -m pocketvisor.guest.nursery_process REQUESTS PARENT`. Its forks run the guests.

It has loaded all that a guest's process needs, the engine and its overrides among it, and has tried the
engine once; a fork has all that at once and shares its memory until it is written. The nursery itself runs no
guest, reads no descriptor of one, and stays with a single thread, as whatever forks must.

A request is one packet with the end of a line (line.py), which goes to a fork that waits for it (newborn.py).
The nursery ends with its handset's process, and its
children with it.

Left out: a layout of memory of each guest's own. Forks share their parent's, so that a guest that has read
addresses of its own process knows those of its neighbours.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import sys
from typing import Final

from pocketvisor.guest import newborn
from pocketvisor.guest.line import Born, Ended, Unborn, receive, tell

MODULES: Final = (
    "pocketvisor.board.board",
    "pocketvisor.board.disks",
    "pocketvisor.board.paravirtual",
    "pocketvisor.board.phone",
    "pocketvisor.board.programs",
    "pocketvisor.devices.virtio_gpu",
    "pocketvisor.devices.virtio_net",
    "pocketvisor.guest.process",
    "pocketvisor.guest.sandbox",
    "pocketvisor.guest.saver",
    "pocketvisor.guest.script",
    "pocketvisor.guest.vcpu_thread",
)
"""What a guest's process would import sooner or later. What is missing here is imported by each of them."""

_IDLE_MS: Final = 10  # after a birth: who was born shall have the processor first


class _Child:
    """One fork: in its cradle at first, then with a line."""

    def __init__(self, pid: int, pidfd: int, cradle: socket.socket) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.cradle = cradle
        self.line: socket.socket | None = None


class Nursery:
    """Made in the nursery's process, from the socket of its requests and its parent's pidfd."""

    def __init__(self, requests: socket.socket, parent: int) -> None:
        self._requests = requests
        self._parent = parent
        self._pid = os.getpid()
        self._children: dict[int, _Child] = {}  # by pidfd
        self._lines: dict[int, _Child] = {}
        self._spare: _Child | None = None  # forked ahead, which is most of what a birth takes
        self._wants_spare = True
        self._poll = select.poll()  # no descriptor of its own: forks have nothing of it
        self._poll.register(requests, select.POLLIN)
        self._poll.register(parent, select.POLLIN)

    def serve(self) -> None:
        """Until the handset's process has gone, or wants no more guests."""
        requests = self._requests.fileno()
        while True:
            ready = {fd for fd, _ in self._poll.poll(_IDLE_MS if self._wants_spare else None)}
            if not ready:
                self._wants_spare = False
                with contextlib.suppress(OSError):  # the next request says why it cannot be
                    self._spare = self._fork()
            if self._parent in ready:
                return
            for fd in ready - {requests}:
                if fd in self._children:
                    self._bury(self._children[fd])
                elif fd in self._lines:
                    self._kill(self._lines[fd])
            # Last, since a new child's descriptors may have the numbers of those that were closed just now.
            if requests in ready and not self._take_request():
                return

    def _take_request(self) -> bool:
        """False where there will be no more."""
        try:
            data, fds = receive(self._requests, 16, 1)
        except OSError:
            return False
        if fds:
            line = socket.socket(fileno=fds[0])
            try:
                self._bear(line)
            except OSError as error:
                with line, contextlib.suppress(OSError):
                    tell(line, Unborn(error.errno or 0))
        return bool(data)

    def _bear(self, line: socket.socket) -> None:
        """Raises OSError where there is no child."""
        child, self._spare, self._wants_spare = self._spare or self._fork(), None, True
        try:
            newborn.hand_over(child.cradle, line)
        except OSError:  # it was killed while it waited
            child = self._fork()
            newborn.hand_over(child.cradle, line)
        child.cradle.close()
        child.line = line
        self._lines[line.fileno()] = child
        self._poll.register(line, 0)  # its hangup alone
        try:
            tell(line, Born(child.pid, child.pidfd))
        except OSError:
            self._kill(child)

    def _fork(self) -> _Child:
        """Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                raise
            if pid == 0:
                lines = (child.line for child in self._lines.values() if child.line is not None)
                cradles = (child.cradle for child in self._children.values())
                newborn.live(theirs, self._pid, [self._requests, ours, *lines, *cradles])
        try:
            child = _Child(pid, os.pidfd_open(pid), ours)
        except OSError:
            ours.close()
            os.waitpid(pid, 0)  # it ends without its cradle
            raise
        self._children[child.pidfd] = child
        self._poll.register(child.pidfd, select.POLLIN)
        return child

    def _kill(self, child: _Child) -> None:
        """Nobody holds the other end of its line."""
        self._forget_line(child)
        os.kill(child.pid, signal.SIGKILL)

    def _bury(self, child: _Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        if self._spare is child:
            self._spare = None
        self._poll.unregister(child.pidfd)
        del self._children[child.pidfd]
        os.close(child.pidfd)
        child.cradle.close()
        if child.line is not None:
            self._forget_line(child)
            with child.line, contextlib.suppress(OSError):
                tell(child.line, Ended(status))

    def _forget_line(self, child: _Child) -> None:
        assert child.line is not None
        if self._lines.pop(child.line.fileno(), None) is not None:
            self._poll.unregister(child.line)


def _warm_up() -> None:
    """Where the engine cannot be loaded or used, each guest's process says so itself."""
    gc.disable()  # in a fork, a collection would write to what is shared
    for module in MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    with contextlib.suppress(ImportError):
        from pocketvisor import _native
        from pocketvisor.devices.user_device import preload

        preload()
        # Runs a few instructions in an engine; libunicorn starts no thread for that, and what it finds is the
        # same in a fork.
        if _native.overrides_problem() is None:
            from pocketvisor.guest.rehearsal import rehearse

            rehearse()
            _native.prepare()
    gc.collect()
    with contextlib.suppress(AttributeError):  # a C library that has no such thing
        ctypes.CDLL(None).malloc_trim(0)  # a fork's first write to what is free then copies nothing
    gc.freeze()


def main(arguments: list[str]) -> int:
    requests, parent = (int(argument) for argument in arguments)
    # PR_SET_PDEATHSIG would mean the parent's thread: that of a loop may well end before its process.
    try:
        pidfd = os.pidfd_open(parent)
    except ProcessLookupError:
        return 0
    if os.getppid() != parent:
        return 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all of a terminal: the handset's alone
    newborn.name_process("nursery")
    # A guest's threads are few and mostly outside Python: who wants in is not to wait 5 ms.
    sys.setswitchinterval(0.0005)
    _warm_up()
    Nursery(socket.socket(fileno=requests), pidfd).serve()
    return 0


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
