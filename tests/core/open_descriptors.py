"""What a piece of work leaves open, whatever the garbage of earlier tests would have closed meanwhile."""

import contextlib
import gc
import os
from collections.abc import Iterator


def open_descriptors() -> dict[int, str]:
    """Of this process, with what each leads to."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found[int(number)] = os.readlink(f"/proc/self/fd/{number}")
    return found


@contextlib.contextmanager
def none_left_open() -> Iterator[None]:
    """The collector of garbage rests: what it closes was left by others, and it comes when it likes."""
    collects = gc.isenabled()
    gc.disable()
    try:
        before = open_descriptors()
        yield
        assert open_descriptors() == before
    finally:
        if collects:
            gc.enable()
