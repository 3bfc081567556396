"""A descriptor is closed once, whoever says so again."""

import fcntl
import os

from pocketvisor.storage.descriptors import let_go


def test_what_is_let_go_is_nobodys_any_more() -> None:
    """At high numbers, which nobody else is given meanwhile."""
    readable, writable = os.pipe()
    held = [fcntl.fcntl(readable, fcntl.F_DUPFD_CLOEXEC, 700) for _ in range(2)]
    first, second = held
    assert let_go([first, -1, second]) == -1
    again = [fcntl.fcntl(writable, fcntl.F_DUPFD_CLOEXEC, 700) for _ in range(2)]
    assert again == held, "the numbers are somebody else's"
    assert let_go([-1, -1]) == -1 and let_go([]) == -1
    for fd in (*again, readable, writable):
        os.close(fd)
