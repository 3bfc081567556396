"""qcow2 images, through a raw copy that the machine's own qemu-img makes once for each state of the image.

The image is taken for hostile. Its header is read here first: one that names a backing file or a data file
elsewhere, or that is encrypted, is refused before qemu-img sees it, and refused again by what qemu-img finds.
The format is passed on as it was said; nobody looks for another. Copies are kept in the user's cache folder
by the image's path, size and time, up to COPIES_MAX bytes together.

Left out: snapshots inside an image, writing qcow2, and a reader of our own.
"""

import contextlib
import fcntl
import json
import os
import selectors
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from blake3 import blake3
from platformdirs import user_cache_path

from pocketvisor.errors import StorageError
from pocketvisor.storage.opening import open_image

PROGRAM: Final = "qemu-img"
RAW_MAX: Final = 64 << 30
"""The largest disk that is copied."""
COPIES_MAX: Final = 64 << 30
"""What all copies together may take of the host's disk."""

_HEADER: Final = struct.Struct(">4sIQIIQI")  # up to crypt_method
_FEATURES_AT: Final = 72
_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED = (1 << bit for bit in range(5))
_MAKING, _PART = "making-", ".part"
_INFO_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1
_ANSWER_MAX: Final = 1 << 20
_PIECE: Final = 4096
_FIGURE_MAX: Final = 64

Progress = Callable[[str], None]
Cancelled = Callable[[], bool]


def open_raw_copy(path: Path, progress: Progress, cancelled: Cancelled) -> int:
    """A descriptor of the raw copy, for reading, made if there is none yet. Raises StorageError."""
    image = open_image(path)
    try:
        size = check_header(image, path)
        copy = _copy_of(image, path)
        try:
            fd = os.open(copy, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            _convert(image, path, copy, size, progress, cancelled)
            fd = os.open(copy, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        os.utime(fd, ns=(time.time_ns(), os.fstat(fd).st_mtime_ns))  # used last, thrown away last
        return fd
    except OSError as error:
        raise StorageError(f"{path}: its raw copy cannot be made: {error.strerror or error}") from error
    finally:
        os.close(image)


def copies_path() -> Path:
    return user_cache_path("pocketvisor") / "disks"


def check(path: Path) -> None:
    """Raises StorageError for what open_raw_copy() would refuse at first sight; copies nothing."""
    image = open_image(path)
    try:
        check_header(image, path)
        if not _copy_of(image, path).exists():
            _program(path)
    finally:
        os.close(image)


def _copy_of(image: int, path: Path) -> Path:
    """Where the raw copy of this state of the image is."""
    status = os.fstat(image)
    name = f"{os.path.realpath(path)}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    return copies_path() / f"{blake3(name.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.raw"


def _program(path: Path) -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise StorageError(
            f"{path}: qcow2 needs {PROGRAM}, which is not installed: `apt-get install qemu-utils` brings it"
        )
    return program


def check_header(image: int, path: Path) -> int:
    """The disk's size, from the header of an image that stands alone. Raises StorageError for any other."""
    head = os.pread(image, 104, 0)
    if len(head) < 72 or not head.startswith(b"QFI\xfb"):
        raise StorageError(f"{path}: is no qcow2 image")
    size: int
    _, version, backing, _, _, size, encryption = _HEADER.unpack_from(head)
    if version not in (2, 3):
        raise StorageError(f"{path}: is of version {version} of qcow2, which is not known here")
    features = 0
    if version == 3:
        if len(head) < 104:
            raise StorageError(f"{path}: is a damaged qcow2 image")
        (features,) = struct.unpack_from(">Q", head, _FEATURES_AT)
    if backing:
        raise StorageError(f"{path}: lies over another image, and only images that stand alone are taken")
    if encryption:
        raise StorageError(f"{path}: is encrypted")
    if features & _DATA_FILE:
        raise StorageError(f"{path}: keeps its data in another file")
    if features & _CORRUPT or features & ~(_DIRTY | _COMPRESSION | _EXTENDED):
        raise StorageError(f"{path}: is marked as damaged, or needs a newer reader")
    if not 0 < size <= RAW_MAX:
        raise StorageError(f"{path}: holds a disk of {size} bytes; up to {RAW_MAX >> 30} GiB are taken")
    return size


def _convert(image: int, path: Path, copy: Path, size: int, progress: Progress, cancelled: Cancelled) -> None:
    program = _program(path)
    copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    source = f"/proc/self/fd/{image}"  # the very file whose header was looked at
    _check_info(program, image, source, path)
    with _turn(copy.parent):
        _forget_unfinished(copy.parent)
        _make_room(copy.parent, size)
        descriptor, name = tempfile.mkstemp(prefix=_MAKING, suffix=_PART, dir=copy.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # it is being made, for as long as that is held
    try:
        progress(f"Unpacking {path.name}")
        _run_convert(program, image, source, name, path, progress, cancelled)
        if os.stat(name).st_size != size:
            raise StorageError(f"{path}: its raw copy came out with another size")
        os.replace(name, copy)
    finally:
        if os.path.exists(name):
            os.unlink(name)
        os.close(descriptor)


def _check_info(program: str, image: int, source: str, path: Path) -> None:
    command = (program, "info", "-f", "qcow2", "--output=json", source)
    try:
        done = subprocess.run(
            command, pass_fds=(image,), stdin=subprocess.DEVNULL, capture_output=True, timeout=_INFO_SECONDS
        )
        found: dict[str, Any] = json.loads(done.stdout[:_ANSWER_MAX]) if done.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise StorageError(f"{path}: {PROGRAM} makes nothing of it") from error
    if done.returncode != 0 or found.get("format") != "qcow2":
        raise StorageError(f"{path}: {_last_line(done.stderr, source, path)}")
    special = found.get("format-specific", {}).get("data", {})
    if found.get("encrypted") or "backing-filename" in found or "data-file" in special:
        raise StorageError(
            f"{path}: is encrypted or needs other files, and only images that stand alone are taken"
        )


def _run_convert(
    program: str,
    image: int,
    source: str,
    target: str,
    path: Path,
    progress: Progress,
    cancelled: Cancelled,
) -> None:
    command = (program, "convert", "-p", "-f", "qcow2", "-O", "raw", source, target)
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, pass_fds=(image,), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints
        )
        try:
            _follow(process, path, progress, cancelled)
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        if process.returncode != 0:
            complaints.seek(0)
            raise StorageError(f"{path}: {_last_line(complaints.read(_ANSWER_MAX), source, path)}")


def _follow(process: subprocess.Popen[bytes], path: Path, progress: Progress, cancelled: Cancelled) -> None:
    """Until it has ended, telling how far it is."""
    assert process.stdout is not None
    told = -1
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if cancelled():
                raise StorageError(f"{path}: unpacking was given up")
            if not selector.select(_POLL_SECONDS):
                continue
            data = os.read(process.stdout.fileno(), _PIECE)
            if not data:
                process.wait()
                return
            said = (said + data)[-max(_FIGURE_MAX, len(data)) :]  # a figure may come in two pieces
            percent = _percent(said)
            if percent is not None and percent // 5 != told // 5:
                told = percent
                progress(f"Unpacking {path.name}: {percent} %")


def _percent(said: bytes) -> int | None:
    """The last figure of qemu-img's "    (12.34/100%)"."""
    text, _, _ = said.rpartition(b"/100%")
    try:
        return int(float(text.rpartition(b"(")[2]))
    except ValueError:
        return None


def _last_line(said: bytes, source: str, path: Path) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    line = lines[-1].removeprefix(f"{PROGRAM}: ")[:300] if lines else f"{PROGRAM} failed without a word"
    return line.replace(source, path.name)


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One program at a time: what is new and not locked yet would be taken for unfinished."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _forget_unfinished(folder: Path) -> None:
    """What programs that were killed have left: nobody holds its lock."""
    for part in folder.glob(f"{_MAKING}*{_PART}"):
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


def _make_room(folder: Path, size: int) -> None:
    """Throw copies away, those used longest ago first. One that a guest has open stays until it is closed."""
    copies = sorted(folder.glob("*.raw"), key=lambda copy: copy.stat().st_atime_ns)
    taken = sum(copy.stat().st_blocks * 512 for copy in copies)
    for copy in copies:
        if taken + size <= COPIES_MAX:
            return
        taken -= copy.stat().st_blocks * 512
        copy.unlink()
