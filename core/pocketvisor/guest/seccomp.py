"""The filter on a guest process's system calls: a list of what it may ask of the kernel, and nothing else.

Each call on the list was seen to be needed by a guest with all its devices, captures, debugger and moves, or
only tells the process something about itself. What is not on it answers EPERM and does nothing: a C library
knows that answer, so that a user's device that tries ends in an error of its own and not in a dead guest.

Left out: other machines than x86-64, which have other numbers.
"""

import ctypes
import errno
import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

_SECCOMP: Final = 317
_SET_MODE_FILTER: Final = 1
_FLAG_ALL_THREADS: Final = 1
_FLAG_SPEC_ALLOW: Final = 4  # else some kernels slow the just-in-time compiler's code down
_ARCH_X86_64: Final = 0xC000003E
_X32: Final = 0x40000000
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CLONE, _CLONE3, _CLONE_THREAD = 56, 435, 0x10000
_ARGUMENTS: Final = 16  # offset of the first in struct seccomp_data

ALLOWED: Final = {
    # By far the most frequent first: the kernel goes through this in order.
    "futex": 202,
    "mprotect": 10,
    "read": 0,
    "write": 1,
    "epoll_wait": 232,
    "recvfrom": 45,
    "clock_gettime": 228,
    "pread64": 17,
    "pwrite64": 18,
    # Descriptors that it was handed
    "close": 3,
    "fstat": 5,
    "poll": 7,
    "lseek": 8,
    "readv": 19,
    "writev": 20,
    "select": 23,
    "dup": 32,
    "recvmsg": 47,
    "sendmsg": 46,
    "getsockname": 51,
    "getpeername": 52,
    "getsockopt": 55,
    "fsync": 74,
    "fdatasync": 75,
    "epoll_ctl": 233,
    "pselect6": 270,
    "ppoll": 271,
    "epoll_pwait": 281,
    "fallocate": 285,
    "eventfd2": 290,
    "epoll_create1": 291,
    "preadv": 295,
    "pwritev": 296,
    "preadv2": 327,
    "pwritev2": 328,
    # Its own memory
    "mmap": 9,
    "munmap": 11,
    "brk": 12,
    "mremap": 25,
    "msync": 26,
    "mincore": 27,
    # Its own threads and signals
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "sched_yield": 24,
    "nanosleep": 35,
    "getpid": 39,
    "exit": 60,
    "getpgrp": 111,
    "sigaltstack": 131,
    "gettid": 186,
    "sched_getaffinity": 204,
    "set_tid_address": 218,
    "restart_syscall": 219,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "set_robust_list": 273,
    "membarrier": 324,
    "rseq": 334,
    # What it may know
    "uname": 63,
    "gettimeofday": 96,
    "getrlimit": 97,
    "getrusage": 98,
    "sysinfo": 99,
    "times": 100,
    "getuid": 102,
    "getgid": 104,
    "geteuid": 107,
    "getegid": 108,
    "getppid": 110,
    "time": 201,
    "clock_getres": 229,
    "getcpu": 309,
    "getrandom": 318,
}
"""Whatever their arguments, by x86-64's numbers."""


ASKS_PATHS: Final = {"newfstatat": 262}


class Rule(NamedTuple):
    """A call that goes through when `argument` is one of `values`, or is a null pointer."""

    number: int
    argument: int
    values: Sequence[int]
    pointer: bool = False


_FD_DUPLICATES = (0, 1030)  # F_DUPFD, F_DUPFD_CLOEXEC
_FD_FLAGS = (1, 2, 3, 4, 1034)  # F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GET_SEALS
# None that merges pages or poisons them; the last two are guard pages, which newer C libraries make.
_MEMORY_ADVICE = (0, 1, 2, 3, 4, 8, 9, 14, 15, 16, 17, 18, 19, 20, 21, 102, 103)
RULES: Final = {
    "sendto": Rule(44, 4, (), pointer=True),  # an address would be somebody else's
    "ioctl": Rule(16, 1, (0x5401, 0x5421, 0x541B, 0x5451)),  # TCGETS, FIONBIO, FIONREAD, FIOCLEX
    "madvise": Rule(28, 2, _MEMORY_ADVICE),
    "fcntl": Rule(72, 1, (*_FD_DUPLICATES, *_FD_FLAGS)),
    "prctl": Rule(157, 0, (15,)),  # PR_SET_NAME
    "seccomp": Rule(317, 0, (1,)),  # SECCOMP_SET_MODE_FILTER: to give up more
    "prlimit64": Rule(302, 2, (), pointer=True),  # to look, not to set
}
"""Those that depend on an argument; `tgkill`, to itself, and `clone`, of a thread, besides."""


def calls_allowed() -> int:
    return len(ALLOWED) + len(RULES) + 2


def allow_only(own: int, *, asks_paths: bool = False, own_limits: bool = False) -> bool:
    """For the calling thread and those that it starts; False where the kernel refuses. `own`: its process.
    `asks_paths`: its C library's fstat() is a call that takes a path; see core/native/stat_descriptor.c.
    `own_limits`: it may set bounds of its own."""
    rules = RULES | ({"prlimit64": Rule(302, 0, (0,))} if own_limits else {})
    return _install(_program(own, ALLOWED | (ASKS_PATHS if asks_paths else {}), rules), _FLAG_SPEC_ALLOW)


def no_more_threads() -> bool:
    """For all of the process's threads; False where the kernel refuses."""
    program = [
        _op(_LOAD, 0),
        _op(_JUMP_EQUAL, _CLONE, 0, 1),
        _refuse(errno.EAGAIN),
        _op(_RETURN, _ALLOW),
    ]
    return _install(program, _FLAG_SPEC_ALLOW | _FLAG_ALL_THREADS)


def _install(instructions: Sequence[bytes], flags: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    program = b"".join(instructions)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    return bool(libc.syscall(_SECCOMP, _SET_MODE_FILTER, flags, header) == 0)


def _op(code: int, value: int, when: int = 0, otherwise: int = 0) -> bytes:
    """Jumps count instructions to skip."""
    return struct.pack("<HBBI", code, when, otherwise, value)


def _refuse(number: int) -> bytes:
    return _op(_RETURN, _ERRNO | number)


def _argument(index: int, half: int = 0) -> bytes:
    return _op(_LOAD, _ARGUMENTS + 8 * index + 4 * half)


def _program(own: int, allowed: Mapping[str, int], rules: Mapping[str, Rule]) -> list[bytes]:
    program = [
        _op(_LOAD, 4),  # architecture
        _op(_JUMP_EQUAL, _ARCH_X86_64, 1, 0),
        _refuse(errno.EPERM),
        _op(_LOAD, 0),  # number
        _op(_JUMP_AT_LEAST, _X32, 0, 1),
        _refuse(errno.EPERM),
    ]
    for number in allowed.values():
        program += [_op(_JUMP_EQUAL, number, 0, 1), _op(_RETURN, _ALLOW)]
    for rule in rules.values():
        program += _when(rule.number, _rule(rule))
    program += _when(234, _rule(Rule(234, 0, (own,))))  # tgkill: abort() and its like
    threads = [_argument(0), _op(_JUMP_SET, _CLONE_THREAD, 0, 1), _op(_RETURN, _ALLOW), _refuse(errno.EPERM)]
    program += _when(_CLONE, threads)
    program += _when(_CLONE3, [_refuse(errno.ENOSYS)])  # libc then takes clone(), whose flags can be seen
    program.append(_refuse(errno.EPERM))
    return program


def _when(number: int, then: list[bytes]) -> list[bytes]:
    """`then` ends in a return."""
    return [_op(_JUMP_EQUAL, number, 0, len(then)), *then]


def _rule(rule: Rule) -> list[bytes]:
    if rule.pointer:
        return [
            _argument(rule.argument),
            _op(_JUMP_EQUAL, 0, 0, 3),
            _argument(rule.argument, 1),
            _op(_JUMP_EQUAL, 0, 0, 1),
            _op(_RETURN, _ALLOW),
            _refuse(errno.EPERM),
        ]
    checks: list[bytes] = []
    for value in rule.values:
        checks += [_op(_JUMP_EQUAL, value, 0, 1), _op(_RETURN, _ALLOW)]
    return [_argument(rule.argument), *checks, _refuse(errno.EPERM)]
