"""From files to a plan: reads them, finds out what they are, and hands them to the loader for that.

Add a format: a file with boot(job, source), and a line in _RECOGNISED here.
"""

from collections.abc import Callable
from typing import Final

from pocketvisor.board.config import KINDS, BoardConfig, BootPlan, ImageFiles
from pocketvisor.board.loaders import android, elf, firmware, image, initrd, uimage, zimage
from pocketvisor.board.loaders.foreign import refuse_foreign
from pocketvisor.board.loaders.job import Job
from pocketvisor.board.loaders.layout import Layout
from pocketvisor.board.loaders.source import Source, read
from pocketvisor.board.loaders.unpack import UnpackError, compression, unpack
from pocketvisor.errors import ImageError

_Loader = Callable[[Job, Source], BootPlan]

_APPEND_MAX: Final = 4096
_RECOGNISED: Final[tuple[tuple[str, Callable[[Source], bool], _Loader], ...]] = (
    ("elf", lambda source: source.starts(elf.MAGIC), elf.boot),
    ("uimage", lambda source: source.starts(uimage.MAGIC), uimage.boot),
    ("android", lambda source: source.starts(android.MAGIC), android.boot),
    ("zimage", zimage.is_zimage, zimage.boot),
)
_WHAT: Final = {
    "linux": "a Linux kernel",
    "elf": "an ELF file",
    "raw": "a raw image",
    "uimage": "a uImage",
    "android": "an Android boot image",
    "firmware": "firmware",
}


def plan(files: ImageFiles, config: BoardConfig) -> BootPlan:
    """Raises ImageError with a sentence that names the file. Blocks while it reads and unpacks."""
    if files.kind not in KINDS:
        raise ImageError(f"{files.main}: '{files.kind}' is no kind of image; there are {', '.join(KINDS)}")
    _check_append(files.append)
    main = read(files.main, _WHAT[files.kind])
    job = Job(config, Layout(config.ram_size), append=files.append)
    if files.initrd is not None:
        job.initrd = initrd.check(read(files.initrd, "an initrd"), config.ram_size)
    if files.kernel is not None:
        job.kernel = read(files.kernel, "a kernel")
    if files.dtb is not None:
        job.dtb = read(files.dtb, "a device tree blob")
    return _boot(job, files.kind, main)


def _boot(job: Job, kind: str, main: Source) -> BootPlan:
    if kind == "firmware":
        refuse_foreign(main)
        return firmware.boot(job, main)
    packed = compression(main.data)
    if packed is not None and kind in ("linux", "raw"):
        main = _unpack(job, main, packed)
    for name, recognises, loader in _RECOGNISED:
        if kind in (name, "linux") and recognises(main):
            return loader(job, main)
    if kind not in ("linux", "raw"):
        refuse_foreign(main)
        main.fail(f"is not {_WHAT[kind]}")
    if kind == "raw" and zimage.is_zimage(main):  # its "MZ" is no program's
        return zimage.boot(job, main)
    refuse_foreign(main)
    return image.boot(job, main, "kernel" if kind == "linux" else "raw image")


def _unpack(job: Job, main: Source, packed: str) -> Source:
    try:
        return Source(main.name, unpack(packed, main.data, job.room))
    except UnpackError as error:
        main.fail(f"its content {error}")


def _check_append(append: str) -> None:
    try:
        length = len(append.encode())
    except UnicodeEncodeError:
        raise ImageError("The kernel command line holds what is no text") from None
    if "\0" in append:
        raise ImageError("The kernel command line holds a null character")
    if length > _APPEND_MAX:
        raise ImageError(f"The kernel command line is longer than {_APPEND_MAX} bytes")
