"""A machine that is traced, and the memory that its trace is read from."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pocketvisor import _native
from pocketvisor.debug.trace import ring


@contextmanager
def tracing(machine: _native.Machine, kinds: ring.Kinds, period: int = 1000) -> Iterator[ring.TraceMemory]:
    fd = os.memfd_create("trace")
    try:
        os.ftruncate(fd, ring.SIZE)
        machine.start_trace(fd, int(kinds), period)
        memory = ring.TraceMemory(fd)
    finally:
        os.close(fd)
    try:
        yield memory
    finally:
        machine.stop_trace()
        memory.close()
