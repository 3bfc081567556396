"""Probes that take all there is: memory, descriptors, objects of the kernel's, room in files."""

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Final

from pocketvisor.attack.probes.tally import LIBC, NOWHERE, REFUSALS, Tally, close_if_open, open_descriptors

GIB: Final = 1 << 30


def memory(tally: Tally) -> None:
    """Address space, GiB by GiB, private and shared, and none of it touched; 32 GiB would be enough."""
    for flags in (0x4022, 0x4021):  # private or shared, anonymous, without reserve
        taken: list[int] = []
        LIBC.mmap.restype = ctypes.c_void_p
        LIBC.mmap.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 5]
        for _ in range(32):
            tally.attempts += 1
            at = LIBC.mmap(None, GIB, 3, flags, 0xFFFFFFFFFFFFFFFF, 0)
            if at == ctypes.c_void_p(-1).value:
                tally.stopped[errno.errorcode.get(ctypes.get_errno(), "ENOMEM")] += 1
            else:
                taken.append(at)
        for at in taken:
            LIBC.munmap(ctypes.c_void_p(at), ctypes.c_size_t(GIB))
        if len(taken) == 32:
            tally.got("32 GiB of memory were given")
        elif taken:
            tally.stopped["within its bound"] += len(taken)


def descriptors(tally: Tally) -> None:
    """Copies of one, up to 4096."""
    taken: list[int] = []
    for _ in range(4096):
        tally.attempts += 1
        fd = int(LIBC.syscall(ctypes.c_long(32), ctypes.c_long(2)))
        if fd < 0:
            tally.stopped[errno.errorcode.get(ctypes.get_errno(), "EMFILE")] += 1
        else:
            taken.append(fd)
    for fd in taken:
        os.close(fd)
    if len(taken) == 4096:
        tally.got("4096 descriptors were given")
    else:
        tally.stopped["within its bound"] += len(taken)


def new_objects(tally: Tally) -> None:
    """Memory and queues of the kernel's that no bound counts."""
    pair = (ctypes.c_int * 2)()
    for _ in range(16):
        close_if_open(tally.call("memfd_create", 319, b"attack", 1))
        if tally.call("pipe2", 293, pair, 0) == 0:
            close_if_open(pair[0])
            close_if_open(pair[1])
        key = tally.call("shmget", 29, 0, 4096, 0o1600)
        if key >= 0:
            LIBC.syscall(31, key, 0, 0)
        tally.call("msgget", 68, 0, 0)
        tally.call("semget", 64, 0, 0, 0)
        close_if_open(tally.call("mq_open", 240, b"attack", 0, 0, 0))
        close_if_open(tally.call("timerfd_create", 283, 1, 0))
        close_if_open(tally.call("signalfd4", 289, -1, bytes(8), 8, 0))
        close_if_open(tally.call("inotify_init1", 294, 0))
        close_if_open(tally.call("fanotify_init", 300, 0, 0))
        tally.call("mlock", 149, NOWHERE, 4096)
        tally.call("mlockall", 151, 0)
        tally.call("timer_create", 222, 1, NOWHERE, NOWHERE)


def file_sizes(tally: Tally) -> None:
    """What it was handed, shrunk under its handset's hands, or grown without bound."""
    far = 1 << 44
    held = {*REFUSALS, errno.EFBIG}
    for fd in open_descriptors():
        mode = os.fstat(fd).st_mode
        if (mode & 0o170000) != 0o100000:
            continue
        size = os.fstat(fd).st_size
        for to in (0, 1, max(size - 1, 0), far):
            tally.call("ftruncate", 77, fd, to, held=held)
        tally.call("fallocate", 285, fd, 0, far, 4096, held={*held, errno.EBADF})
        tally.call("writing beyond its end", 18, fd, b"x", 1, far, held={*held, errno.EBADF})
        tally.call("sealing it", 72, fd, 1033, 0x10, held=held)
        if os.fstat(fd).st_size != size:
            os.ftruncate(fd, size)


PROBES: Final[dict[str, Callable[[Tally], None]]] = {
    "memory-hoard": memory,
    "descriptor-hoard": descriptors,
    "kernel-objects": new_objects,
    "shared-files": file_sizes,
}
