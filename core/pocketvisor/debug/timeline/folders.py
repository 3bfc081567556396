"""Where recordings are while their guests are there: folders of their own, which nobody keeps."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, Final

from platformdirs import user_cache_path

from pocketvisor.errors import DebugError

_PREFIX: Final = "recording-"


def recording_folder() -> Path:
    """A new one, for this user alone, on a disk. Those of programs that were killed go. Blocks; raises
    DebugError."""
    parent = user_cache_path("pocketvisor")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    except OSError as error:
        raise DebugError(f"There is no room for a recording in {parent}: {error.strerror}") from error


def new_file(path: Path) -> BinaryIO:
    """For this user alone: it will have a guest's memory. Raises OSError, also where it is there already."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not Path(f"/proc/{number}").exists() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
