"""What is dragged: a guest image or a handset model by id, a guest of this process; files come as URLs."""

import os
import secrets
from pathlib import Path

from PySide6.QtCore import QMimeData

IMAGE = "application/x-pocketvisor-image"
MODEL = "application/x-pocketvisor-model"
GUEST = "application/x-pocketvisor-guest"
"""A guest that runs: its id means something in one process only, which is therefore named too."""

PROFILE_SUFFIX = ".vphone"

_HERE = f"{os.getpid()}-{secrets.token_hex(8)}"


def dragged(kind: str, ident: str) -> QMimeData:
    data = QMimeData()
    data.setData(kind, ident.encode())
    return data


def ident_of(data: QMimeData, kind: str) -> str | None:
    """The id that is carried, None where this kind is not."""
    if not data.hasFormat(kind):
        return None
    return bytes(data.data(kind).data()).decode("utf-8", "replace")


def add_guest(data: QMimeData, ident: str) -> None:
    data.setData(GUEST, f"{_HERE}:{ident}".encode())


def guest_of(data: QMimeData) -> str | None:
    """The id of a guest that was dragged in this process; another's are not known here."""
    where, _, ident = (ident_of(data, GUEST) or "").partition(":")
    return ident if where == _HERE and ident else None


def files_of(data: QMimeData) -> list[Path]:
    """Files dragged in from a file manager."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def profiles_of(data: QMimeData) -> list[Path]:
    """Profiles among the files, where all of them are."""
    files = files_of(data)
    return files if files and all(file.name.endswith(PROFILE_SUFFIX) for file in files) else []
