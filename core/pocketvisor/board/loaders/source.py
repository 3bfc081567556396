"""A guest's file in memory, and the sentences that say what is wrong with it."""

import struct
from pathlib import Path
from typing import NoReturn

from pocketvisor.errors import ImageError

LARGEST = 512 << 20


class Source:
    """A file's content, or a part of one. `name` is the file, for errors."""

    def __init__(self, name: str, data: bytes | memoryview) -> None:
        self.name = name
        self.data = memoryview(data)

    def __len__(self) -> int:
        return len(self.data)

    def fail(self, cause: str) -> NoReturn:
        raise ImageError(f"{self.name}: {cause}")

    def unpack(self, form: str, offset: int, what: str) -> tuple[int, ...]:
        """Fields of a header; `what` is what would be truncated."""
        size = struct.calcsize(form)
        if offset < 0 or offset + size > len(self.data):
            self.fail(f"{what} is truncated: the file has only {len(self.data)} bytes")
        return struct.unpack_from(form, self.data, offset)

    def part(self, offset: int, size: int, what: str) -> "Source":
        """Bytes of the file, as a source of their own with the same name."""
        if offset + size > len(self.data):
            there = max(0, len(self.data) - offset)
            self.fail(f"{what} is truncated: {there} of {size} bytes are there")
        return Source(self.name, self.data[offset : offset + size])

    def starts(self, magic: bytes, offset: int = 0) -> bool:
        return bytes(self.data[offset : offset + len(magic)]) == magic

    def bytes(self, size: int | None = None) -> bytes:
        """A copy of the content, or of its first bytes."""
        return bytes(self.data[:size])


def read(path: Path, what: str) -> Source:
    """A whole file. `what` says what it should be, in errors."""
    try:
        if not path.is_file():
            kind = (
                "is a folder"
                if path.is_dir()
                else "is no regular file"
                if path.exists()
                else "does not exist"
            )
            raise ImageError(f"{path}: {kind}")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{path}: cannot be read: {cause}") from error
    if not data:
        raise ImageError(f"{path}: is empty, not {what}")
    if len(data) > LARGEST:
        raise ImageError(f"{path}: is larger than {LARGEST >> 20} MiB, so it is not {what}")
    return Source(str(path), data)
