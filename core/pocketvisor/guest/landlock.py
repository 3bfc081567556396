"""Landlock: no path at all, no port, no signal to others, no abstract socket, as far as the kernel has it."""

import ctypes
import struct
from typing import Final

_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_RULESET_VERSION = 1
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # by version of Landlock: how many rights it knows
_NET_SINCE, _NET_RIGHTS = 4, 0x3
_SCOPES_SINCE, _SCOPES = 6, 0x3  # abstract sockets, signals


def version() -> int:
    """0 where this kernel has no Landlock, or does not use it."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _RULESET_VERSION)))


def allow_nothing() -> int:
    """For the calling thread and those that it starts; needs no_new_privs. The version that holds, or 0."""
    found = version()
    if not found:
        return 0
    handled = struct.pack(
        "<QQQ",
        (1 << _FILE_RIGHTS.get(found, 16)) - 1,
        _NET_RIGHTS if found >= _NET_SINCE else 0,
        _SCOPES if found >= _SCOPES_SINCE else 0,
    )
    size = 24 if found >= _SCOPES_SINCE else 16 if found >= _NET_SINCE else 8
    libc = _libc()
    ruleset = libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return 0
    held = libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    libc.close(ruleset)
    return found if held else 0


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc
