"""Probes for the network and for other processes: reached, read, begun."""

import ctypes
import errno
import os
import signal
import struct
import threading
from collections.abc import Callable
from typing import Final

from pocketvisor.attack.probes.tally import LIBC, REFUSALS, Tally, close_if_open, open_descriptors


def sockets(tally: Tally) -> None:
    pair = (ctypes.c_int * 2)()
    for family in (1, 2, 10, 16, 17, 38, 40, 44):  # Unix, IPv4, IPv6, netlink, packet, crypto, vsock, XDP
        for kind in (1, 2, 3, 5):
            close_if_open(tally.call(f"a socket of family {family}", 41, family, kind, 0))
            if tally.call(f"a pair of sockets of family {family}", 53, family, kind, 0, pair) == 0:
                close_if_open(pair[0])
                close_if_open(pair[1])


def connect_out(tally: Tally) -> None:
    """Through the sockets that it was handed, and one that it tries to make."""
    made = int(LIBC.syscall(ctypes.c_long(41), ctypes.c_long(1), ctypes.c_long(2), ctypes.c_long(0)))
    addresses = [struct.pack("<HHI8x", 2, 0x0900, 0x0100007F), b"\x01\x00\x00pocketvisor-attack"]
    addresses.append(b"\x01\x00/run/nothing/of/that/name\0")
    for fd in [*open_descriptors(), *([made] if made >= 0 else [])]:
        for address in addresses:
            size = len(address)
            tally.call("connect", 42, fd, address, size)
            tally.call("bind", 49, fd, address, size)
            tally.call("a datagram to an address", 44, fd, b"x", 1, 0x4000, address, size)
        tally.call("listen", 50, fd, 1)
        tally.call("accept", 43, fd, 0, 0)
        tally.call("accept4", 288, fd, 0, 0, 0)
        tally.call("setsockopt", 54, fd, 1, 1, 0, 0)
    close_if_open(made)


def signals(tally: Tally) -> None:
    """Signal 0 asks whether it might send another."""
    for pid in [*tally.ask.targets, 1, os.getppid(), -1, 0]:
        for _ in range(8):
            tally.call("a signal", 62, pid, 0)
            tally.call("tkill", 200, pid, 0)
            if pid != os.getpid():
                tally.call("tgkill", 234, pid, pid, 0)
            tally.call("rt_sigqueueinfo", 129, pid, 0, ctypes.create_string_buffer(128))
        close_if_open(tally.call("pidfd_open", 434, pid, 0))
        tally.call("pidfd_send_signal", 424, 0, 0, 0, 0)


def other_memory(tally: Tally) -> None:
    buffer = ctypes.create_string_buffer(64)
    here = struct.pack("<QQ", ctypes.addressof(buffer), 64)
    for pid in [*tally.ask.targets, 1, os.getppid()]:
        for address in (0x400000, 0x7F0000000000, 0x555555554000, 0x10000):
            there = struct.pack("<QQ", address, 64)
            tally.call("process_vm_readv", 310, pid, here, 1, there, 1, 0)
            tally.call("process_vm_writev", 311, pid, here, 0, there, 0, 0)
        for request in (0x420E, 1, 3, 12):  # GET_SYSCALL_INFO, PEEKTEXT, PEEKUSER, GETREGS
            tally.call("ptrace", 101, request, pid, 0, buffer)
        for kind in range(4):
            tally.call("kcmp", 312, os.getpid(), pid, kind, 0, 0)
        for fd in range(3, 12):
            close_if_open(tally.call("pidfd_getfd", 438, fd, 3, 0))
        tally.call("process_madvise", 440, 3, here, 1, 20, 0)
        tally.call("migrate_pages", 256, pid, 0, 0, 0)
        tally.call("move_pages", 279, pid, 0, 0, 0, 0, 0)


def other_proc(tally: Tally) -> None:
    for pid in [*tally.ask.targets, 1, os.getppid()]:
        names = [
            "mem",
            "maps",
            "environ",
            "cmdline",
            "root",
            "cwd",
            "exe",
            "task",
            "status",
            "syscall",
            "auxv",
        ]
        names += [f"fd/{fd}" for fd in range(40)]
        for name in names:
            path = f"/proc/{pid}/{name}".encode()
            close_if_open(tally.call(f"/proc/PID/{name}", 257, -100, path, os.O_RDONLY | os.O_CLOEXEC, 0))


def fork(tally: Tally) -> None:
    held = {*REFUSALS, errno.EAGAIN}
    for _ in range(16):
        # fork; clone, plain, with shared memory alone, and into namespaces of its own
        for number, arguments in (
            (57, ()),
            (56, (17, 0, 0, 0, 0)),
            (56, (0x10000000 | 17, 0, 0, 0, 0)),
            (56, (0x20000000 | 17, 0, 0, 0, 0)),
            (56, (0x40000000 | 17, 0, 0, 0, 0)),
        ):
            _end(tally.call("fork", number, *arguments, held=held))
        plain = ctypes.create_string_buffer(88)
        _end(tally.call("clone3", 435, plain, 88, held={*held, errno.ENOSYS}))


def _end(process: int) -> None:
    """A process that could be made, in both of the two. It is ended from here: without its parent's other
    threads it would wait for ever where one of them had Python's lock."""
    if process == 0:
        LIBC.syscall(231, 0)
    if process > 0:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0x40000000)  # __WALL: whatever it says at its end


def programs(tally: Tally) -> None:
    """Of a name that nothing has: a kernel that looks for it has let the call in."""
    array = (ctypes.c_char_p * 2)(b"none", None)
    for path in (b"/nothing/of/that/name", b"/etc/hostname", b"", b"/proc/self/fd/0", b"/tmp"):
        for _ in range(8):
            tally.call("execve", 59, path, array, array)
            tally.call("execveat", 322, -100, path, array, array, 0)
        tally.call("uselib", 134, path, held={*REFUSALS, errno.ENOSYS})
    tally.call("memfd_create", 319, b"program", 3)


def threads(tally: Tally) -> None:
    for _ in range(64):
        tally.attempts += 1
        thread = threading.Thread(target=int)
        try:
            thread.start()
        except RuntimeError:
            tally.stopped["EAGAIN"] += 1
        else:
            thread.join()
            tally.got("a new thread began")


PROBES: Final[dict[str, Callable[[Tally], None]]] = {
    "sockets": sockets,
    "connections": connect_out,
    "signals": signals,
    "neighbour-memory": other_memory,
    "neighbour-proc": other_proc,
    "forks": fork,
    "programs": programs,
    "threads": threads,
}
