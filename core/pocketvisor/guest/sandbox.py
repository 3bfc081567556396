"""What a guest's process can no longer do once its board is built: open files, make sockets, start programs,
look into other processes or signal them, take memory without bound. It goes on working on the descriptors
that it inherited.

Four layers: no capabilities, bounds on its resources, Landlock (landlock.py) and a filter on its system calls
(seccomp.py, on x86-64). What the kernel lacks is said in the answer: this is a second wall behind the
process boundary, and a guest runs without it too.

Left out: the time of the host's processors. A guest keeps to its handset's rate as long as its engine does;
what an engine that was taken over takes, its handset bounds from outside (scheduler/host_bound.py).
"""

import ctypes
import os
import platform
import resource
import struct
from typing import Final

from pocketvisor.control.isolation import Isolation
from pocketvisor.guest import landlock, seccomp
from pocketvisor.guest.landlock import version as landlock_version

__all__ = ["enter", "landlock_version", "seal_threads"]

_CAPABILITY_VERSION: Final = 0x20080522
_PR_GET_NO_NEW_PRIVS: Final = 39

ADDRESS_ROOM: Final = 4 << 30
"""Beyond what it has mapped: stacks and arenas of its threads, and the layers and shadows of captures."""
DATA_ROOM: Final = 1 << 30
"""Private memory beyond what it has: the engine's books, devices, and a saved state on its way."""
FILE_ROOM: Final = 1 << 30
"""What a file may grow to, beyond the largest that it was handed."""
DESCRIPTORS_ROOM: Final = 256
_NOTHING: Final = ("CORE", "MEMLOCK", "MSGQUEUE", "RTPRIO", "NICE")


def enter(*, own_limits: bool = False) -> Isolation:
    """For the calling thread and those that it starts from now on; needs PR_SET_NO_NEW_PRIVS before.
    Bounds that its caller has set are kept where they are lower; `own_limits`: it may set more of its own."""
    lacks = []
    _bound()
    capabilities = _drop_capabilities()
    if capabilities:
        lacks.append(f"It has {capabilities} capabilities left, which this kernel does not take back")
    held = landlock.allow_nothing()
    if not held:
        lacks.append("This kernel has no Landlock: what is left of paths is the system call filter's alone")
    no_new = ctypes.CDLL(None).prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
    filtered = False
    if platform.machine() == "x86_64":
        asks_paths = not hasattr(ctypes.CDLL(None), "pocketvisor_stat_descriptor")
        filtered = seccomp.allow_only(os.getpid(), asks_paths=asks_paths, own_limits=own_limits)
    if not filtered:
        lacks.append("This kernel or processor has no filter for its system calls")
    return Isolation(
        no_new_privileges=no_new,
        capabilities=capabilities,
        calls_allowed=seccomp.calls_allowed() if filtered else 0,
        landlock=held,
        limits=_limits(),
        lacks=tuple(lacks),
    )


def seal_threads() -> bool:
    """From now on it has the threads that it has. False where this cannot be had."""
    return platform.machine() == "x86_64" and seccomp.no_more_threads()


def _bound() -> None:
    """Bounds that are there are not raised."""
    mapped, data = _in_use()
    largest = 0
    highest = 2
    for name in os.listdir("/proc/self/fd"):
        try:
            largest = max(largest, os.fstat(int(name)).st_size)
            highest = max(highest, int(name))
        except OSError:  # the folder's own
            continue
    _lower("AS", mapped + ADDRESS_ROOM)
    _lower("DATA", data + DATA_ROOM)
    _lower("FSIZE", largest + FILE_ROOM)
    _lower("NOFILE", highest + 1 + DESCRIPTORS_ROOM)
    for name in _NOTHING:
        _lower(name, 0)


def _in_use() -> tuple[int, int]:
    """Bytes of address space, and of private memory that can be written."""
    with open("/proc/self/statm") as file:
        fields = [int(field) for field in file.read().split()]
    page = resource.getpagesize()
    return fields[0] * page, fields[5] * page


def _lower(name: str, value: int) -> None:
    kind = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _limits() -> dict[str, int]:
    """Those that are bounded."""
    names = ("AS", "DATA", "FSIZE", "NOFILE", "CPU", *_NOTHING)
    found = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in names}
    return {name: value for name, value in found.items() if value != resource.RLIM_INFINITY}


def _drop_capabilities() -> int:
    """How many are left: none, unless the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("<Ii", _CAPABILITY_VERSION, 0)
    none = ctypes.create_string_buffer(24)
    libc.capset(header, none)
    left = ctypes.create_string_buffer(24)
    if libc.capget(header, left) != 0:
        return 0
    permitted: tuple[int, int] = struct.unpack_from("<4xI8xI", left.raw)
    return sum(word.bit_count() for word in permitted)
