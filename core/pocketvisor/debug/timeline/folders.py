"""Where recordings are while their guests are there: folders of their own, which nobody keeps."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_PREFIX: Final = "pocketvisor-recording-"


def recording_folder() -> Path:
    """A new one, for this user alone. Those of programs that were killed go. Blocks."""
    _sweep(Path(tempfile.gettempdir()))
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not number.isdigit() or Path(f"/proc/{number}").exists() or folder.is_symlink():
            continue
        try:
            if folder.lstat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
