"""Files and folders as a read-only disk: an ISO 9660 image with Rock Ridge and Joliet names, in a file of no
name. So a guest of any system reads what was dragged onto its pane.

Symbolic links are kept where they lead to something inside the same folder, and left out otherwise; so is
what is neither file nor folder. Sizes and numbers are bounded. A file that changes while it is read is the
user's to know: it is an error, and not half a file.

Left out: writing back, files of 4 GiB and more, owners and rights (everything may be read by everybody).
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from pocketvisor.errors import StorageError
from pocketvisor.storage.keep import unnamed_file
from pocketvisor.storage.opening import open_image

SIZE_MAX: Final = 8 << 30
"""Bytes of all files together."""
FILE_MAX: Final = (4 << 30) - 1
ENTRIES_MAX: Final = 20_000
DEPTH_MAX: Final = 7
"""Folders within folders: ISO 9660 knows eight levels, the root being one."""

_NAME_MAX: Final = 64
_LABEL_MAX: Final = 16
_MODE: Final = 0o444
_FOLDER_MODE: Final = 0o555

Progress = Callable[[str], None]
Cancelled = Callable[[], bool]


class MadeMedium(NamedTuple):
    """A descriptor, the caller's to close, and the image's size; what was left out, in a sentence or none."""

    fd: int
    size: int
    sentence: str = ""


class _Entry(NamedTuple):
    path: Path
    name: str
    inside: tuple[str, ...]
    """The folders it is in, by their names on the medium."""
    status: os.stat_result
    target: str = ""


def make_media(
    paths: Sequence[Path],
    label: str = "FILES",
    progress: Progress = lambda _: None,
    cancelled: Cancelled = lambda: False,
) -> MadeMedium:
    """Blocks. Raises StorageError with the sentence to show."""
    skipped: list[Path] = []
    entries = _gathered(paths, skipped, cancelled)
    if not entries:
        raise StorageError("There is nothing to put on a disk: give files or folders")
    fd = unnamed_file("medium")
    try:
        with _Files(cancelled) as files, open(os.dup(fd), "wb", buffering=1 << 20) as image:
            _write(entries, files, label, image, progress)
        size = os.fstat(fd).st_size
        size += -size % 2048
        os.ftruncate(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return MadeMedium(fd, size, _left_out(skipped))


def _gathered(paths: Sequence[Path], skipped: list[Path], cancelled: Cancelled) -> list[_Entry]:
    """Everything to be put in, folders before what is in them, with bounds on all of it."""
    entries: list[_Entry] = []
    size = 0
    for entry in _walk_all(paths, skipped):
        if cancelled():
            raise StorageError("Making the disk was given up")
        if stat.S_ISREG(entry.status.st_mode):
            if entry.status.st_size > FILE_MAX:
                raise StorageError(f"{entry.path}: is 4 GiB or larger, which this kind of disk cannot hold")
            size += entry.status.st_size
        if size > SIZE_MAX:
            raise StorageError(
                f"{entry.path}: with it there is more than {SIZE_MAX >> 30} GiB to put on a disk"
            )
        if len(entries) == ENTRIES_MAX:
            raise StorageError(f"{entry.path}: with it there are more than {ENTRIES_MAX} files and folders")
        entries.append(entry)
    return entries


def _walk_all(paths: Sequence[Path], skipped: list[Path]) -> Iterator[_Entry]:
    taken: set[str] = set()
    for given in paths:
        path = Path(os.path.realpath(given))  # what the user points at may be a link
        name = _free_name(given.absolute().name or "disk", taken)
        try:
            yield from _walk(path, name, (), path, skipped)
        except OSError as error:
            raise StorageError(f"{error.filename or path}: cannot be read: {error.strerror}") from error


def _walk(path: Path, name: str, inside: tuple[str, ...], top: Path, skipped: list[Path]) -> Iterator[_Entry]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(path)
        if os.path.isabs(target) or not _is_within(Path(os.path.normpath(path.parent / target)), top):
            skipped.append(path)
        else:
            yield _Entry(path, name, inside, status, target)
    elif stat.S_ISREG(status.st_mode):
        yield _Entry(path, name, inside, status)
    elif stat.S_ISDIR(status.st_mode):
        if len(inside) == DEPTH_MAX:
            raise StorageError(f"{path}: is too deep in its folders: {DEPTH_MAX} levels fit on the disk")
        yield _Entry(path, name, inside, status)
        taken: set[str] = set()
        for child in sorted(os.listdir(path)):
            yield from _walk(path / child, _free_name(child, taken), (*inside, name), top, skipped)
    else:
        skipped.append(path)


def _is_within(path: Path, top: Path) -> bool:
    return path == top or top in path.parents


def _free_name(name: str, taken: set[str]) -> str:
    """The name as the medium has it, unlike all others of its folder."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("/", "_")
    name = re.sub(r"[\x00-\x1f]", "_", name)
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if stem and len(suffix) < 16 else (name, "")
    stem = stem[: _NAME_MAX - len(suffix)]
    free, number = stem + suffix, 1
    while free.casefold() in taken:
        number += 1
        mark = f"-{number}"
        free = stem[: _NAME_MAX - len(suffix) - len(mark)] + mark + suffix
    taken.add(free.casefold())
    return free


def _write(entries: list[_Entry], files: "_Files", label: str, image: IO[bytes], progress: Progress) -> None:
    from pycdlib import PyCdlib
    from pycdlib.pycdlibexception import PyCdlibException

    iso = PyCdlib()
    told = -1

    def tell(done: int, total: int, _: object) -> None:
        nonlocal told
        percent = 100 * done // max(1, total)
        if percent // 10 != told // 10:
            told = percent
            progress(f"Making a disk of the files: {percent} %")

    try:
        # Level 3 keeps to names that every system reads; Joliet and Rock Ridge have the real ones.
        iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=_volume_name(label))
        plain: dict[tuple[str, ...], str] = {(): ""}
        for number, entry in enumerate(entries):
            whole = (*entry.inside, entry.name)
            mode = entry.status.st_mode
            folder = plain[entry.inside]
            if stat.S_ISDIR(mode):
                plain[whole] = f"{folder}/D{number:07d}"
                iso.add_directory(
                    plain[whole],
                    rr_name=entry.name,
                    joliet_path="/" + "/".join(whole),
                    file_mode=stat.S_IFDIR | _FOLDER_MODE,
                )
                continue
            place = f"{folder}/F{number:07d}.;1"
            if entry.target:
                iso.add_symlink(place, rr_symlink_name=entry.name, rr_path=entry.target)
                continue
            runs = mode & 0o111 and 0o111
            iso.add_fp(
                cast(Any, files.file(entry.path, entry.status)),
                entry.status.st_size,
                place,
                rr_name=entry.name,
                joliet_path="/" + "/".join(whole),
                file_mode=stat.S_IFREG | _MODE | runs,
            )
        iso.write_fp(cast(Any, image), blocksize=1 << 20, progress_cb=tell)
    except PyCdlibException as error:
        raise StorageError(f"No disk can be made of these files: {error}") from error
    except OSError as error:
        raise StorageError(f"No disk can be made of these files: {error.strerror or error}") from error
    finally:
        iso.close()


class _Files:
    """Opens each file when it is read, one at a time: thousands could not be open at once."""

    def __init__(self, cancelled: Cancelled) -> None:
        self._cancelled = cancelled
        self._open: tuple[_LazyFile, int] | None = None

    def file(self, path: Path, status: os.stat_result) -> "_LazyFile":
        return _LazyFile(self, path, status)

    def descriptor(self, file: "_LazyFile") -> int:
        if self._cancelled():
            raise StorageError("Making the disk was given up")
        if self._open is not None and self._open[0] is file:
            return self._open[1]
        self._close()
        fd = open_image(file.path, follow=False)
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino, found.st_size) != file.identity:
            os.close(fd)
            raise StorageError(f"{file.path}: has changed while a disk was made of it")
        self._open = (file, fd)
        return fd

    def _close(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def __enter__(self) -> "_Files":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


class _LazyFile:
    """What pycdlib reads from: seek and read."""

    mode = "rb"

    def __init__(self, files: _Files, path: Path, status: os.stat_result) -> None:
        self._files = files
        self._at = 0
        self.path = path
        self.identity = (status.st_dev, status.st_ino, status.st_size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.identity[2]}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.identity[2] - self._at)
        size = left if size < 0 else min(size, left)
        parts = []
        while size:
            data = os.pread(self._files.descriptor(self), size, self._at)
            if not data:
                raise StorageError(f"{self.path}: has become shorter while a disk was made of it")
            parts.append(data)
            self._at, size = self._at + len(data), size - len(data)
        return b"".join(parts)


def _volume_name(label: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", label.upper())[:_LABEL_MAX] or "FILES"


def _left_out(skipped: Iterable[Path]) -> str:
    names = [path.name for path in skipped]
    if not names:
        return ""
    shown = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    return f"Left out, since they lead elsewhere or are no files: {shown}"
