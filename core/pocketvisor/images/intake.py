"""Copying a guest's files in: each once, sparse, and with its digest, compared if one is said."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from blake3 import blake3

from pocketvisor.errors import ImageError

LARGEST = 64 << 30
"""Bytes of all files together; a disk of that size is sparse, or it does not fit."""
_PIECE = 1 << 20
_MARGIN = 64 << 20


class Intake:
    """Copies from one folder, or from anywhere if there is none, into another."""

    def __init__(
        self,
        source: Path | None,
        target: Path,
        tell: Callable[[str, float], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._source = source
        self._target = target
        self._tell = tell
        self._cancelled = cancelled
        self._taken: dict[str, tuple[str, str]] = {}
        self._total = 0

    def copy(self, field: str, value: object, expected: object = None) -> tuple[str, str]:
        """Copy the file that a field of guest.toml names; answers its new name and its digest."""
        if not isinstance(value, str) or not value or "\0" in value:
            raise ImageError(f"guest.toml: {field}: names no file")
        if value in self._taken:
            name, digest = self._taken[value]
        else:
            name = self._free_name(PurePosixPath(value).name)
            descriptor = self._open(field, value)
            try:
                digest = self._copy(field, value, descriptor, name)
            finally:
                os.close(descriptor)
            self._taken[value] = name, digest
        if expected is not None:
            self._compare(field, value, name, digest, expected)
        return name, digest

    def _open(self, field: str, value: str) -> int:
        """The file, each part of its path opened by itself and no link followed."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        if self._source is None:
            descriptor = os.open(value, flags)
        else:
            path = PurePosixPath(value)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ImageError(f"guest.toml: {field}: '{value}' is not within the guest's folder")
            descriptor = os.open(self._source, flags | os.O_DIRECTORY)
            for number, part in enumerate(path.parts):
                last = number == len(path.parts) - 1
                try:
                    inner = os.open(
                        part, flags | os.O_NOFOLLOW | (0 if last else os.O_DIRECTORY), dir_fd=descriptor
                    )
                except OSError as error:
                    raise ImageError(f"guest.toml: {field}: '{value}' is not there, or is a link") from error
                finally:
                    os.close(descriptor)
                descriptor = inner
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ImageError(f"guest.toml: {field}: '{value}' is no regular file")
        return descriptor

    def _copy(self, field: str, value: str, descriptor: int, name: str) -> str:
        size = os.fstat(descriptor).st_size
        self._total += size
        if self._total > LARGEST:
            raise ImageError(f"guest.toml: {field}: its files are larger than {LARGEST >> 30} GiB")
        status = os.statvfs(self._target)
        if os.fstat(descriptor).st_blocks * 512 > status.f_bavail * status.f_frsize - _MARGIN:
            raise ImageError(f"{value}: there is no room for it in {self._target.parent.parent}")
        digest = hashlib.sha256()
        done = 0
        with (self._target / name).open("wb") as stream, open(descriptor, "rb", closefd=False) as source:
            while piece := source.read(_PIECE):
                if self._cancelled():
                    raise ImageError("Adding the guest was cancelled")
                digest.update(piece)
                done += len(piece)
                if done > size:
                    raise ImageError(f"{value}: grew while it was copied")
                if piece.count(0) == len(piece):
                    stream.seek(len(piece), os.SEEK_CUR)  # a hole, as in the disk that it was
                else:
                    stream.write(piece)
                self._tell(f"Copying {name}", done / max(size, 1))
            stream.truncate(done)
            stream.flush()
            os.fsync(stream.fileno())
        return f"sha256:{digest.hexdigest()}"

    def _compare(self, field: str, value: str, name: str, digest: str, expected: object) -> None:
        if not isinstance(expected, str):
            raise ImageError(f"guest.toml: {field}: its digest is no text")
        if expected.startswith("blake3:"):
            found = blake3()
            with (self._target / name).open("rb") as stream:
                while piece := stream.read(_PIECE):
                    found.update(piece)
            digest = f"blake3:{found.hexdigest()}"
        if digest != expected:
            raise ImageError(f"{value}: is not the file that guest.toml means: its digest differs")

    def _free_name(self, wanted: str) -> str:
        """Not guest.toml, not hidden, and no other's."""
        wanted = wanted.lstrip(".")[-100:] or "file"
        names = {name for name, _ in self._taken.values()} | {"guest.toml"}
        number, name = 1, wanted
        while name in names:
            number += 1
            name = f"{number}-{wanted}"
        return name
