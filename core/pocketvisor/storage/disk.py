"""The disks of a guest, opened by its handset: the image is checked, locked and never changed unasked.

Modes: `overlay`, what the guest writes goes to a file of its own beside the image's content; `read-only`; and
`direct`, where it goes into the image itself, for those who say so. An overlay is kept in the guest's folder
if it has one, else it is a file without a name in the user's cache folder, gone with the guest.

What an image's format is, is said and never guessed: a guest that writes a header into a raw disk could
otherwise name any file of this computer as its base. An image whose size is no whole number of sectors ends
in zeros up to the next, but cannot be written to directly.

Left out: images on block devices, images in parts.
"""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from pocketvisor.errors import StorageError
from pocketvisor.storage import overlay, qcow2
from pocketvisor.storage.files import SECTOR, padded
from pocketvisor.storage.keep import unnamed_file
from pocketvisor.storage.opening import lock, open_image

Format = Literal["raw", "qcow2"]
Mode = Literal["overlay", "read-only", "direct"]
FORMATS: Final = ("raw", "qcow2")
MODES: Final = ("overlay", "read-only", "direct")
_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "format": FORMATS,
    "mode": MODES,
    "keep": ("yes", "no"),
    "serial": (),
}

Progress = Callable[[str], None]
Cancelled = Callable[[], bool]


class DiskSpec(Struct, frozen=True, kw_only=True):
    """A disk that is wanted. `keep`: its overlay stays, where the guest has a folder to keep it in."""

    path: Path
    format: Format = "raw"
    mode: Mode = "overlay"
    serial: Annotated[str, Meta(max_length=20, pattern="^[ -~]*$")] = ""
    keep: bool = False


class OpenDisk(Struct, kw_only=True):
    """An open disk: descriptors (-1 where it has none), sizes in bytes."""

    base: int
    base_size: int
    size: int
    overlay: int = -1
    temporary: bool = False
    direct: bool = False
    serial: str = ""


class OpenDisks:
    """Disks in their order. close() lets the images go."""

    def __init__(self) -> None:
        self.disks: list[OpenDisk] = []

    @property
    def descriptors(self) -> list[int]:
        return [fd for disk in self.disks for fd in (disk.base, disk.overlay) if fd >= 0]

    def close(self) -> None:
        for fd in self.descriptors:
            os.close(fd)
        self.disks = []


def parse_disk(text: str) -> DiskSpec:
    """`FILE[,format=raw|qcow2][,mode=overlay|read-only|direct][,keep=yes|no][,serial=TEXT]`

    A file's name may have commas. Raises StorageError."""
    name, fields = text, {}
    while True:
        rest, comma, option = name.rpartition(",")
        key, equals, value = option.partition("=")
        if not comma or not equals or key not in _OPTIONS:
            break
        if value not in (_OPTIONS[key] or (value,)):
            raise StorageError(f"{key}={value}: {key} is one of {', '.join(_OPTIONS[key])}")
        fields[key], name = value, rest
    keep = {"keep": fields.pop("keep") == "yes"} if "keep" in fields else {}
    try:
        return msgspec.convert({"path": name, **fields, **keep}, DiskSpec, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise StorageError(f"{text}: {error}") from error


def _path(kind: type, value: object) -> Path:
    return Path(str(value))


def open_disks(
    specs: Sequence[DiskSpec],
    folder: Path | None,
    progress: Progress = lambda _: None,
    cancelled: Cancelled = lambda: False,
) -> OpenDisks:
    """All or none. Blocks; raises StorageError with the sentence to show.

    `folder`: where kept overlays are, locked by the caller; None where nothing is kept."""
    opened = OpenDisks()
    try:
        for number, spec in enumerate(specs):
            disk = _open_base(spec, progress, cancelled)
            opened.disks.append(disk)
            disk.serial = spec.serial or f"disk{number}"
            if spec.mode == "overlay":
                kept = folder / f"disk{number}.overlay" if folder is not None and spec.keep else None
                _add_overlay(disk, spec.path, kept, progress)
    except BaseException:
        opened.close()
        raise
    return opened


def check_disk(spec: DiskSpec) -> None:
    """Raises StorageError for what open_disks() would refuse at first sight; copies and locks nothing."""
    if spec.format == "qcow2":
        _refuse_direct(spec)
        qcow2.check(spec.path)
        return
    fd = open_image(spec.path, writable=spec.mode == "direct")
    try:
        _check_size(spec, os.fstat(fd).st_size)
    finally:
        os.close(fd)


def _refuse_direct(spec: DiskSpec) -> None:
    if spec.mode == "direct":
        raise StorageError(
            f"{spec.path}: a qcow2 image is read from a raw copy, so it cannot be written to directly"
        )


def _check_size(spec: DiskSpec, size: int) -> None:
    if not 0 < size <= overlay.DISK_MAX:
        raise StorageError(
            f"{spec.path}: holds {size} bytes: a disk has one sector at least, and at most 1 TiB"
        )
    if spec.mode == "direct" and size % SECTOR:
        raise StorageError(
            f"{spec.path}: its size is no multiple of {SECTOR} bytes: `truncate -s %{SECTOR}` makes it so"
        )


def _open_base(spec: DiskSpec, progress: Progress, cancelled: Cancelled) -> OpenDisk:
    direct = spec.mode == "direct"
    if spec.format == "qcow2":
        _refuse_direct(spec)
        base = qcow2.open_raw_copy(spec.path, progress, cancelled)
    else:
        base = open_image(spec.path, writable=direct)
    try:
        size = os.fstat(base).st_size
        _check_size(spec, size)
        lock(base, spec.path, alone=direct)
    except BaseException:
        os.close(base)
        raise
    return OpenDisk(base=base, base_size=size, size=padded(size), direct=direct)


def _add_overlay(disk: OpenDisk, path: Path, kept: Path | None, progress: Progress) -> None:
    try:
        if kept is None:
            disk.overlay, disk.temporary = unnamed_file("overlay"), True
            overlay.create(disk.overlay, disk.size, durable=False)
        else:
            _add_kept_overlay(disk, path, kept, progress)
    except OSError as error:
        raise StorageError(f"{kept or path}: its overlay cannot be made: {error.strerror}") from error


def _add_kept_overlay(disk: OpenDisk, path: Path, kept: Path, progress: Progress) -> None:
    disk.overlay = os.open(kept, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    lock(disk.overlay, kept, alone=True)
    if not stat.S_ISREG(os.fstat(disk.overlay).st_mode):
        raise StorageError(f"{kept}: is no regular file")
    if os.fstat(disk.overlay).st_size == 0:
        progress(f"Looking through {path.name} once")
        overlay.create(disk.overlay, disk.size, overlay.base_of(disk.base))
        _sync_folder(kept.parent)
        return
    try:
        header = overlay.read_header(disk.overlay)
    except StorageError as error:
        raise StorageError(f"{kept}: {error}") from error
    if not overlay.is_base(disk.base, header.base) or header.size != disk.size:
        raise StorageError(
            f"{kept}: was made for another {path.name}: remove it to begin anew, or put that image back"
        )


def _sync_folder(folder: Path) -> None:
    """The new file's name is durable then as well."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
