"""The file of a film: under a hidden name beside its place while it is written. Whether it can be made is
known before a window is opened: nothing here needs one."""

from pathlib import Path
from typing import Final

from pocketvisor.api import PocketvisorError

_CODECS: Final = {".mp4": ("libx264", "mpeg4"), ".mkv": ("libx264", "mpeg4"), ".webm": ("libvpx-vp9",)}


class FilmError(PocketvisorError):
    """A video cannot be written: the sentence says why."""


def part_of(path: Path) -> Path:
    """Where it is until it is whole."""
    return path.with_name(f".{path.name}.part")


def check_film(path: Path) -> str:
    """The codec for it. Raises FilmError where the file cannot be made; leaves nothing."""
    try:
        import av
    except ImportError as error:
        raise FilmError(f"A video needs the library 'av': {error}") from error
    codec = next((codec for codec in _CODECS.get(path.suffix, ()) if codec in av.codecs_available), None)
    if codec is None:
        known = ", ".join(_CODECS)
        raise FilmError(f"'{path.suffix}' is no kind of video that can be written here; known are {known}")
    if path.is_dir():
        raise FilmError(f"{path}: a folder is there, and no video can be written in its place")
    try:
        part_of(path).touch()  # the library opens it only when the first picture comes
        part_of(path).unlink()
    except OSError as error:
        raise FilmError(f"{path.parent}: no video can be written there: {error.strerror}") from error
    return codec
