"""Probes for the kernel's own doors: interfaces, rights, and each call that is not on the list."""

import ctypes
import os
import struct
from collections.abc import Callable
from typing import Final

from pocketvisor.attack.probes.tally import LIBC, NOWHERE, Tally, close_if_open


def kernel_doors(tally: Tally) -> None:
    """Interfaces that were ways into the kernel before."""
    params = ctypes.create_string_buffer(128)
    for _ in range(16):
        close_if_open(tally.call("userfaultfd", 323, 1))
        close_if_open(tally.call("io_uring_setup", 425, 4, params))
        tally.call("io_uring_enter", 426, -1, 0, 0, 0, 0, 0)
        tally.call("bpf", 321, 0, params, 128)
        close_if_open(tally.call("perf_event_open", 298, params, 0, -1, -1, 0))
        tally.call("keyctl", 250, 0, -3, 0)
        tally.call("add_key", 248, b"user", b"attack", b"x", 1, -3)
        tally.call("request_key", 249, b"user", b"attack", 0, 0)
        tally.call("memfd_secret", 447, -1)
        tally.call("landlock_create_ruleset", 444, 0, 0, 1)
        tally.call("modify_ldt", 154, 0, params, 128)
        tally.call("iopl", 172, 0)


def mounts(tally: Tally) -> None:
    for _ in range(12):
        tally.call("unshare", 272, 0)
        tally.call("unshare, a namespace", 272, 0x7FFFFFFF)
        tally.call("setns", 308, -1, 0)
        tally.call("mount", 165, NOWHERE, NOWHERE, NOWHERE, 0, 0)
        tally.call("umount2", 166, NOWHERE, 0)
        tally.call("open_tree", 428, -1, NOWHERE, 0)
        tally.call("fsopen", 430, NOWHERE, 0)
        tally.call("move_mount", 429, -1, NOWHERE, -1, NOWHERE, 0)
        tally.call("pivot_root", 155, NOWHERE, NOWHERE)
        tally.call("chroot", 161, NOWHERE)


def privileges(tally: Tally) -> None:
    """Ways of having more rights, or of being another."""
    uid, gid = os.getuid(), os.getgid()
    data = ctypes.create_string_buffer(24)
    for _ in range(12):
        tally.call("setuid", 105, uid)
        tally.call("setgid", 106, gid)
        tally.call("setresuid", 117, uid, uid, uid)
        tally.call("setreuid", 113, uid, uid)
        tally.call("setfsuid", 122, uid)
        tally.call("capget", 125, struct.pack("<Ii", 0x20080522, 0), data)
        tally.call("capset", 126, struct.pack("<Ii", 0x20080522, 0), bytes(24))
        tally.call("personality", 135, 0xFFFFFFFF)
        tally.call("prctl, dumpable", 157, 3, 0, 0, 0, 0)
        tally.call("prctl, tracer", 157, 0x59616D61, 0, 0, 0, 0)
        tally.call("setpriority", 141, 0, 0, 0)
        tally.call("sched_setscheduler", 144, 0, 0, struct.pack("<i", 0))
        tally.call("sched_setaffinity", 203, 0, 8, struct.pack("<Q", 1))
        tally.call("ioprio_set", 251, 1, 0, 0)
        tally.call("arch_prctl", 158, 0x1003, data)


def limits(tally: Tally) -> None:
    room = ctypes.create_string_buffer(16)
    for resource in range(16):
        LIBC.syscall(97, resource, room)
        for _ in range(4):
            tally.call("setrlimit", 160, resource, room)
            tally.call("prlimit64", 302, 0, resource, room, 0)


def every_call(tally: Tally) -> None:
    """Each system call that is not on the filter's list, by each number there is room for, and those of the
    x32 ABI. Only behind the filter: some of them would do harm."""
    others = {56, 435}  # clone, clone3: another probe's
    deadly = {335, 336}  # uretprobe, uprobe: newer kernels end whoever makes them, before any filter
    allowed = {*tally.ask.allowed, *others, *deadly}
    for number in range(1024):
        for argument in (0, -1, NOWHERE):
            if number not in allowed:
                tally.call(f"system call {number}", number, *[argument] * 6)
            if number % 4 == 0:
                tally.call(f"system call {number} of x32", 0x40000000 | number, *[argument] * 6)


def harmless_calls(tally: Tally) -> None:
    """The same for a process without a filter: those that only tell something."""
    for number in (79, 111, 112, 115, 118, 121, 124, 142, 145, 146, 147, 186, 239, 140, 143):
        for argument in (0, -1, NOWHERE):
            tally.call(f"system call {number}", number, *[argument] * 6)


PROBES: Final[dict[str, Callable[[Tally], None]]] = {
    "kernel-doors": kernel_doors,
    "namespaces": mounts,
    "privileges": privileges,
    "limits": limits,
    "system-calls": every_call,
    "harmless-calls": harmless_calls,
}
