"""Who writes to a profile: flock on the file itself, which leaves nothing behind and ends with the program.

The descriptor stays open for as long as anything of this program has the file open: closing any descriptor of
a file takes away the locks that SQLite has on it (POSIX's rule). So one object stands for one file.
"""

import fcntl
import os
import stat
import threading
from pathlib import Path
from typing import Final

from pocketvisor.errors import ProfileError
from pocketvisor.storage.descriptors import let_go

_Key = tuple[int, int]


class FileLock:
    def __init__(self, fd: int, key: _Key) -> None:
        self.fd, self._key, self._users = fd, key, 0
        self._taken = False

    @classmethod
    def of(cls, path: Path) -> "FileLock":
        """One close() for each. Raises OSError, and ProfileError for what is no regular file."""
        with _guard:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                raise ProfileError(f"{path.name} is a symbolic link: open the profile that it leads to")
            if not stat.S_ISREG(status.st_mode):
                raise ProfileError(f"{path.name} is no regular file")
            lock = _locks.get((status.st_dev, status.st_ino))
            if lock is None:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
                status = os.fstat(fd)
                key = (status.st_dev, status.st_ino)
                lock = _locks.setdefault(key, cls(fd, key))
            lock._users += 1
            return lock

    def take(self) -> bool:
        """Whether the caller is the one that writes, from now on."""
        with _guard:
            if self._taken:
                return False
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            self._taken = True
            return True

    def give_back(self) -> None:
        with _guard:
            fcntl.flock(self.fd, fcntl.LOCK_UN)
            self._taken = False

    def close(self) -> None:
        with _guard:
            self._users -= 1
            if self._users == 0:
                _locks.pop(self._key, None)
                self.fd = let_go([self.fd])


_locks: Final[dict[_Key, FileLock]] = {}
_guard: Final = threading.Lock()
