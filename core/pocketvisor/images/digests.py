"""Digests of image files, computed once for each version of a file."""

import hashlib
from pathlib import Path

from blake3 import blake3

from pocketvisor.errors import ImageError

_PIECE = 1 << 20
_known: dict[tuple[str, str, int, int, int], str] = {}


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """`ALGORITHM:HEX` of a file, remembered until its size, time or inode change."""
    try:
        with path.open("rb") as stream:
            status = path.stat()
            key = (algorithm, str(path), status.st_size, status.st_mtime_ns, status.st_ino)
            if key not in _known:
                digest = blake3() if algorithm == "blake3" else hashlib.new(algorithm)
                while piece := stream.read(_PIECE):
                    digest.update(piece)
                _known[key] = f"{algorithm}:{digest.hexdigest()}"
            return _known[key]
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error


def check_digest(path: Path, expected: str) -> None:
    """Raise ImageError unless the file has this digest."""
    algorithm = expected.partition(":")[0]
    if file_digest(path, algorithm) != expected:
        raise ImageError(f"{path}: was changed or damaged: its {algorithm} digest is not the recorded one")
