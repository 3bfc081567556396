"""Where phones that arrive are kept: the profiles' folder, by profile id.

A file here may be on its way (its lease says so); what is not whole yet has no head that could be run.
"""

import os
from pathlib import Path
from typing import Final

from pocketvisor.errors import MigrationError, PocketvisorError, ProfileError
from pocketvisor.profile.file import ProfileFile
from pocketvisor.profiles import SUFFIX, checked_name, profiles_path

_FORBIDDEN: Final = '/\\:*?"<>|'
_NAME_BYTES: Final = 80
_NAMES_MAX: Final = 1000
RESERVE: Final = 64 << 20
"""Bytes of the disk that what arrives does not take."""


class Shelf:
    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or profiles_path()
        self._known: dict[tuple[int, int, int], bytes] = {}

    def find(self, profile: bytes) -> Path | None:
        """The file of a profile, whatever it is called."""
        try:
            entries = sorted(path for path in self.folder.iterdir() if path.name.endswith(SUFFIX))
        except OSError:
            return None
        return next((path for path in entries if self._id(path) == profile), None)

    def _id(self, path: Path) -> bytes:
        try:
            status = path.lstat()
            key = (status.st_dev, status.st_ino, status.st_ctime_ns)
            if key not in self._known:
                file = ProfileFile.open(path, read_only=True)
                try:
                    self._known[key] = file.id
                finally:
                    file.close()
            return self._known[key]
        except (OSError, PocketvisorError):
            return b""  # whatever it is, it is not what is looked for

    def new(self, name: str) -> Path:
        """Where a phone of that name is put; a name from elsewhere can be anything. Raises MigrationError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise MigrationError(f"{self.folder}: {error.strerror}") from error
        plain = file_name(name)
        for number in range(1, _NAMES_MAX):
            path = self.folder / f"{plain}{f' {number}' if number > 1 else ''}{SUFFIX}"
            if not os.path.lexists(path):
                return path
        raise MigrationError(f"There are too many phones called {plain} already")

    def check_room(self, bytes_more: int = 0) -> None:
        """Raises MigrationError where the disk is nearly full."""
        try:
            status = os.statvfs(self.folder)
        except OSError as error:
            raise MigrationError(f"{self.folder}: {error.strerror}") from error
        if status.f_bavail * status.f_frsize < RESERVE + bytes_more:
            raise MigrationError("The disk of the other machine is full")


def file_name(name: str) -> str:
    """A name from elsewhere as a file can be called: it stays in its folder, and people can type it."""
    kept = "".join(" " if letter in _FORBIDDEN or not letter.isprintable() else letter for letter in name)
    kept = kept.encode(errors="replace")[:_NAME_BYTES].decode(errors="ignore")
    kept = " ".join(kept.split()).strip(".- ")
    try:
        return checked_name(kept)
    except ProfileError:
        return "Phone"
