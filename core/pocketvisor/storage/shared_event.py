"""The handset's end of an eventfd that it shares with a guest's process.

O_NONBLOCK is the open file's, and so the other side's to take away: whoever reads one in the usual way then
waits for as long as the other side likes. So whether to wait is said with each call.
"""

import os
from contextlib import suppress
from select import POLLOUT, poll


def take(fd: int) -> bool:
    """Takes the signal, if there is one. Never waits."""
    try:
        return os.preadv(fd, [bytearray(8)], -1, os.RWF_NOWAIT) == 8
    except BlockingIOError:
        return False


def signal(fd: int) -> None:
    """Never waits for one who does not fill it up on purpose; for such a one take() from another thread
    ends the wait. One that is full is a signal as it is."""
    room = poll()
    room.register(fd, POLLOUT)
    if room.poll(0):
        with suppress(BlockingIOError):
            os.eventfd_write(fd, 1)
