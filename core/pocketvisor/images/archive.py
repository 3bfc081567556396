"""Unpacking a guest that comes as a zip or tar archive: files and folders alone, bounded, never outside.

Left out: links, devices, owners and rights, encrypted archives, zip archives with another packing than
deflate: of those, zipfile unpacks gibibytes at once, whatever it is asked for.
"""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pocketvisor.errors import ImageError
from pocketvisor.images.unpacking import ZipFileIn, tar_members, tar_pieces

MOST_FILES = 1000
LARGEST = 16 << 30
"""Bytes unpacked, and never more than there is room for."""
_MARGIN = 256 << 20
_PIECE = 1 << 20
_UNSOUND = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)


class _Member(NamedTuple):
    name: str
    folder: bool
    size: int
    content: IO[bytes] | None


def is_archive(path: Path) -> bool:
    """Whether it is called a zip or tar archive; what it is then has to hold."""
    name = path.name.lower()
    return name.endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2"))


def unpack_archive(
    path: Path, folder: Path, tell: Callable[[str, float], None], cancelled: Callable[[], bool]
) -> Path:
    """Unpack into the folder, which is made. Answers the folder that holds guest.toml: that one, or the only
    one in it."""
    folder.mkdir()
    status = os.statvfs(folder)
    room = min(LARGEST, status.f_bavail * status.f_frsize - _MARGIN)
    taken = files = 0
    members = _zip(path) if path.suffix.lower() == ".zip" else _tar(path)
    try:
        for member in members:
            files += 1
            if files > MOST_FILES:
                raise ImageError(f"{path}: holds more than {MOST_FILES} files, so it is no guest")
            place = _place(path, folder, member.name)
            if member.folder:
                place.mkdir(parents=True, exist_ok=True)
                continue
            assert member.content is not None
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as stream:
                while piece := member.content.read(_PIECE):
                    if cancelled():
                        raise ImageError("Adding the guest was cancelled")
                    taken += len(piece)
                    if taken > room:
                        raise ImageError(
                            f"{path}: unpacks to more than the {room >> 20} MiB there is room for"
                        )
                    if piece.count(0) == len(piece):
                        stream.seek(len(piece), os.SEEK_CUR)
                    else:
                        stream.write(piece)
                stream.truncate(stream.tell())
            tell(f"Unpacking {place.name}", 0.0)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ImageError(
            f"{path}: holds '{member.name}' twice, as file and folder or as two files"
        ) from error
    except (*_UNSOUND, EOFError, RuntimeError, OverflowError) as error:
        raise ImageError(f"{path}: is no sound archive: {error}") from error
    except (ValueError, NotImplementedError) as error:
        raise ImageError(f"{path}: cannot be unpacked: {error}") from error
    except OSError as error:
        if error.errno is None:  # not the system's: gzip and bz2 say so of damaged content
            raise ImageError(f"{path}: is no sound archive: {error}") from error
        raise
    if (folder / "guest.toml").is_file():
        return folder
    inside = [entry for entry in folder.iterdir() if entry.is_dir()]
    if len(inside) == 1 and (inside[0] / "guest.toml").is_file():
        return inside[0]
    raise ImageError(f"{path}: holds no guest.toml, neither at its top nor in its only folder")


def _place(path: Path, folder: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    unfit = not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name
    if unfit or len(parts) > 16 or any(len(part.encode(errors="replace")) > 255 for part in parts):
        raise ImageError(f"{path}: holds '{name[:100]}', which is no path within a guest's folder")
    return folder.joinpath(*parts)


def _zip(path: Path) -> Iterator[_Member]:
    with ZipFileIn(path) as file, zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if info.is_dir():
                yield _Member(info.filename, True, 0, None)
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise ImageError(f"{path}: '{info.filename}' is neither file nor folder; links are not taken")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ImageError(
                    f"{path}: '{info.filename}' is packed in another way than zip's own, deflate"
                )
            with archive.open(info) as content:
                yield _Member(info.filename, False, info.file_size, content)


def _tar(path: Path) -> Iterator[_Member]:
    for info, content in tar_members(tar_pieces(path)):
        if info.isdir():
            if info.name not in (".", "./"):
                yield _Member(info.name, True, 0, None)
            continue
        if content is None:
            raise ImageError(f"{path}: '{info.name}' is neither file nor folder; links are not taken")
        with content:
            yield _Member(info.name, False, info.size, content)
