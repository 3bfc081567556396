"""What SQLite would find beside a profile, looked at before it does: these files come from where the profile
came.

SQLite trusts them. A log that is a link is written to where it leads; a journal can name a file for SQLite to
delete when it was played back, and any file will do. No profile is ever saved with such a name in its
journal.
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from pocketvisor.errors import ProfileError

LEFT_OVER: Final = ("-wal", "-journal", "-shm")
_NAMES_ANOTHER: Final = bytes.fromhex("d9d505f920a163d7")
"""The last bytes of a journal that names a file (SQLite's file format, 'the super-journal')."""


def check_siblings(path: Path) -> None:
    """Raises ProfileError where one of them is not as a program that was interrupted left it, and OSError."""
    for suffix in LEFT_OVER:
        sibling = path.with_name(path.name + suffix)
        if suffix == "-shm":
            # Not opened: closing it would take away the locks that SQLite has on it in this program.
            with contextlib.suppress(FileNotFoundError):
                _check(path, sibling, os.lstat(sibling))
            continue
        try:
            fd = os.open(sibling, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        except OSError as error:  # a symbolic link is ELOOP
            raise _foreign(path, sibling) from error
        try:
            status = os.fstat(fd)
            _check(path, sibling, status)
            end = os.pread(fd, len(_NAMES_ANOTHER), max(0, status.st_size - len(_NAMES_ANOTHER)))
            if suffix == "-journal" and end == _NAMES_ANOTHER:
                raise _foreign(path, sibling)
        finally:
            os.close(fd)


def _check(path: Path, sibling: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise _foreign(path, sibling)


def _foreign(path: Path, sibling: Path) -> ProfileError:
    return ProfileError(
        f"{path.name} is not opened: {sibling.name} beside it was not made by Pocketvisor, and could do harm."
        " Delete that first"
    )
