"""What a guest's process gives up before it runs a guest.

Unicorn promises no isolation of the host from the guest, so this process is the wall: it dies with its
handset, gains no rights by executing anything, and leaves no memory image of the guest behind when it dies.
"""

import ctypes
import os
import resource

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9


def confine(parent_pid: int) -> None:
    """Raises OSError where the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_PDEATHSIG, _SIGKILL), (_PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"prctl {option}: {os.strerror(error)}")
    if os.getppid() != parent_pid:  # it died before PR_SET_PDEATHSIG
        raise OSError("the handset's process is gone")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
