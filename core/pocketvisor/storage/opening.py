"""Opening and locking what a user named as a disk's image."""

import errno
import fcntl
import os
import stat
from pathlib import Path

from pocketvisor.errors import StorageError


def open_image(path: Path, *, writable: bool = False, follow: bool = True) -> int:
    """A descriptor of a regular file; anything else is told in a sentence."""
    flags = (os.O_RDWR if writable else os.O_RDONLY) | (0 if follow else os.O_NOFOLLOW)
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise StorageError(f"{path}: is a folder") from error
        raise StorageError(f"{path}: cannot be opened: {error.strerror}") from error
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise StorageError(f"{path}: is {kind}")
    return fd


def lock(fd: int, path: Path, *, alone: bool) -> None:
    """For as long as this descriptor, or what inherited it, is open."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        how = "is in use by another guest" if alone else "is written to by another guest"
        raise StorageError(f"{path}: {how}") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be locked: {error.strerror}") from error
