"""A fork of the nursery until it is a guest's process: it waits in its cradle until a guest is wanted.

The cradle is a socket through which the nursery hands it one line (line.py), with its descriptors inside.
"""

import contextlib
import ctypes
import gc
import os
import socket
import sys
import traceback
from collections.abc import Iterable
from typing import NoReturn

from pocketvisor.guest.confine import confine
from pocketvisor.guest.line import place, receive, send, take_descriptors

_PR_SET_NAME = 15


def hand_over(cradle: socket.socket, line: socket.socket) -> None:
    """From the nursery, which keeps its own copy of the line. Raises OSError."""
    send(cradle, b"line", [line.fileno()])


def live(cradle: socket.socket, nursery: int, held: Iterable[socket.socket]) -> NoReturn:
    """In the fork. Never comes back, whatever happens. `nursery`: its process; `held`: sockets of its."""
    code = 1
    try:
        confine(nursery)
        name_process("guest")
        for other in held:
            other.detach()  # its number is about to stand for something else: no object may close that
        here = 3
        place([(cradle.detach(), here)])
        gc.enable()
        end = socket.socket(fileno=here)
        _, fds = receive(end, 16, 1)
        end.detach()
        if not fds:
            os._exit(0)  # the nursery wants no more
        line = socket.socket(fileno=fds[0])
        wanted = take_descriptors(line)
        line.detach()
        place(wanted)
        from pocketvisor.guest import process

        code = process.main(wanted[0][1])
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(code)


def name_process(name: str) -> None:
    """As tools show it beside the process's number."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
