"""What stays of a guest between its runs: a folder of its own, for one running guest at a time.

    ~/.local/share/pocketvisor/storage/IMAGE/    disk0.overlay, flash, ...

The folder is locked while a guest has it. A second guest of the same image gets files without a name
instead, which are gone when it ends, and a sentence that says so. Files without a name are in the user's
cache folder (which usually is a disk, not memory), or in memory where that file system has no such files.
"""

import fcntl
import os
import re
import stat
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from pocketvisor.errors import StorageError


class KeptFolder:
    """Made by keep(). `path` is None where nothing is kept; `sentence` says why, if somebody should know."""

    def __init__(self, path: Path | None, owner: str = "", lock_fd: int = -1, sentence: str = "") -> None:
        self.path = path
        self.owner = owner
        self.sentence = sentence
        self._lock_fd = lock_fd
        self._users = 1

    def file(self, name: str) -> tuple[int, bool]:
        """A descriptor for reading and writing, the caller's to close, and whether the file is new (empty).

        Raises StorageError."""
        if self.path is None:
            return unnamed_file(name), True
        path = self.path / name
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise StorageError(f"{path}: cannot be opened: {error.strerror}") from error
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            raise StorageError(f"{path}: is no regular file")
        return fd, status.st_size == 0

    def close(self) -> None:
        """Once for each keep(). After the last another guest may have it."""
        self._users -= 1
        if self._users == 0 and self._lock_fd >= 0:
            assert self.path is not None
            del _open_folders[self.path]
            os.close(self._lock_fd)
            self._lock_fd = -1


_open_folders: dict[Path, KeptFolder] = {}


def nothing_kept() -> KeptFolder:
    """For a guest that leaves nothing behind."""
    return KeptFolder(None)


def keep(image: str, owner: str, guest: str) -> KeptFolder:
    """The folder of an image's guests, by the image's id. One owner gets the same one each time; `guest` is a
    name for the sentence.

    Raises StorageError where it cannot be made."""
    path = storage_path() / folder_name(image)
    known = _open_folders.get(path)
    if known is not None and known.owner == owner:
        known._users += 1
        return known
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StorageError(f"{path}: cannot be used to keep what {guest} writes: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return KeptFolder(
            None,
            sentence="what it writes is not kept this time: another guest has its storage in use",
        )
    _open_folders[path] = KeptFolder(path, owner, fd)
    return _open_folders[path]


def storage_path() -> Path:
    return user_data_path("pocketvisor") / "storage"


def folder_name(image: str) -> str:
    """The id as a name that stays within its folder."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", image)[:100].lstrip(".")
    return name or "guest"


def unnamed_file(name: str) -> int:
    """An empty file for reading and writing that is gone when it is closed. Raises StorageError."""
    folder = user_cache_path("pocketvisor")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC | os.O_EXCL, 0o600)
    except OSError:
        pass
    try:
        return os.memfd_create(f"pocketvisor-{name}", os.MFD_CLOEXEC)
    except OSError as error:
        raise StorageError(f"There is no room for a guest's {name}: {error.strerror}") from error
