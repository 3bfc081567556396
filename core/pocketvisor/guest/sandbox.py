"""What a guest's process can no longer do once its board is built: open files, make sockets, start programs,
look into other processes or signal them. It goes on working on the descriptors that it inherited.

Two layers: Landlock (no path at all) and a seccomp deny list (on x86-64). Where the kernel lacks one the
other still holds: this is a second wall behind the process boundary, and a guest runs without it too.

Left out: bounds on memory and CPU time, which the handset keeps.
"""

import ctypes
import errno
import platform
import struct
from typing import Final

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# linux/landlock.h
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_RULESET_VERSION = 1
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # by version of Landlock: how many rights it knows
_NET_SINCE, _NET_RIGHTS = 4, 0x3
_SCOPES_SINCE, _SCOPES = 6, 0x3  # abstract sockets, signals

# linux/seccomp.h, linux/filter.h
_SECCOMP: Final = 317
_SET_MODE_FILTER = 1
_FLAG_SPEC_ALLOW = 4  # else some kernels slow the just-in-time compiler's code down
_ARCH_X86_64 = 0xC000003E
_X32 = 0x40000000
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CLONE, _CLONE3, _CLONE_THREAD = 56, 435, 0x10000

DENIED: Final = {
    "socket": 41,
    "connect": 42,
    "accept": 43,
    "bind": 49,
    "listen": 50,
    "socketpair": 53,
    "fork": 57,
    "vfork": 58,
    "execve": 59,
    "kill": 62,
    "ptrace": 101,
    "chroot": 161,
    "mount": 165,
    "umount2": 166,
    "reboot": 169,
    "init_module": 175,
    "delete_module": 176,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "accept4": 288,
    "perf_event_open": 298,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "execveat": 322,
    "userfaultfd": 323,
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "pidfd_open": 434,
    "pidfd_getfd": 438,
}
"""System calls that answer EPERM, by x86-64's numbers."""


def enter() -> None:
    """For the calling thread and those that it starts from now on; needs PR_SET_NO_NEW_PRIVS before."""
    _restrict_paths()
    if platform.machine() == "x86_64":
        _deny_calls()


def landlock_version() -> int:
    """0 where this kernel has no Landlock, or does not use it."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _RULESET_VERSION)))


def _restrict_paths() -> None:
    version = landlock_version()
    if not version:
        return
    handled = struct.pack(
        "<QQQ",
        (1 << _FILE_RIGHTS.get(version, 16)) - 1,
        _NET_RIGHTS if version >= _NET_SINCE else 0,
        _SCOPES if version >= _SCOPES_SINCE else 0,
    )
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NET_SINCE else 8
    ruleset = _libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(size), 0)
    if ruleset >= 0:
        _libc.syscall(_RESTRICT_SELF, ruleset, 0)
        _libc.close(ruleset)


def _deny_calls() -> None:
    program = b"".join(_instructions())
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    _libc.syscall(_SECCOMP, _SET_MODE_FILTER, _FLAG_SPEC_ALLOW, header)


def _instructions() -> list[bytes]:
    """Numbers are compared one after another; jumps count instructions to skip."""

    def op(code: int, value: int, when: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("<HBBI", code, when, otherwise, value)

    def refuse(number: int) -> bytes:
        return op(_RETURN, _ERRNO | number)

    program = [
        op(_LOAD, 4),  # architecture
        op(_JUMP_EQUAL, _ARCH_X86_64, 1, 0),
        refuse(errno.EPERM),
        op(_LOAD, 0),  # number
        op(_JUMP_AT_LEAST, _X32, 0, 1),
        refuse(errno.EPERM),
        op(_JUMP_EQUAL, _CLONE3, 0, 1),
        refuse(errno.ENOSYS),  # libc then takes clone(), whose flags can be looked at
    ]
    for number in DENIED.values():
        program += [op(_JUMP_EQUAL, number, 0, 1), refuse(errno.EPERM)]
    program += [
        op(_JUMP_EQUAL, _CLONE, 0, 3),
        op(_LOAD, 16),  # its flags
        op(_JUMP_SET, _CLONE_THREAD, 1, 0),
        refuse(errno.EPERM),
        op(_RETURN, _ALLOW),
    ]
    return program
