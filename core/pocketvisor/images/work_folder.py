"""A folder beside the guests in which one is got ready, or goes; and what a killed program left of it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PREFIXES: Final = (".adding.", ".removing.")
OLD: Final = "old"
"""In it, under its name, is a guest that is being replaced."""


@contextlib.contextmanager
def work_folder(guests: Path, *, removing: bool = False) -> Iterator[Path]:
    """Locked for as long as it is there. Raises OSError."""
    guests.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        with _locked(guests, wait=True):  # until its lock is there, others would take it for left over
            settle(guests)
            work = Path(tempfile.mkdtemp(prefix=_PREFIXES[removing], dir=guests))
            held.callback(shutil.rmtree, work, ignore_errors=True)
            held.enter_context(_locked(work))
        yield work


def settle(guests: Path) -> None:
    """What nobody works in any more goes. A guest that was to be replaced, and was not, is there again."""
    for work in [path for prefix in _PREFIXES for path in guests.glob(f"{prefix}*")]:
        with contextlib.suppress(OSError), _locked(work):
            for old in (work / OLD).glob("*"):
                if not (guests / old.name).exists():
                    old.rename(guests / old.name)
            shutil.rmtree(work)


@contextlib.contextmanager
def _locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Raises OSError where another program has it, and nobody wants to wait for that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
