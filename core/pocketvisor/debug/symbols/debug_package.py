"""The kernel with debug information out of a Debian debug package (linux-image-...-dbg), kept beside other
things that can be had again: it takes a minute to unpack, and only a second to read.

Left out: the modules in it, and packages of programs.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs

from pocketvisor.errors import DebugError
from pocketvisor.images.unpacking import pieces_of, tar_members

MAGIC: Final = b"!<arch>\n"
_KERNEL: Final = re.compile(r"\.?/?usr/lib/debug/(?:boot/|lib/modules/[^/]+/)(vmlinux[\w.+~-]{0,100})")
_SIZE_MAX: Final = 2 << 30
_SECONDS: Final = 300.0
_KEPT: Final = 2


async def kernel_in(package: Path) -> Path:
    """Where the kernel of this package is now. Raises DebugError."""
    return await asyncio.to_thread(_kernel_in, package)


def _kernel_in(package: Path) -> Path:
    folder = platformdirs.user_cache_path("pocketvisor") / "kernels"
    try:
        seen = package.stat()
        place = folder / f"{package.stem[:100]}-{seen.st_size}-{seen.st_mtime_ns}"
        for found in place.glob("vmlinux*"):
            os.utime(place)
            return found
        folder.mkdir(parents=True, exist_ok=True)
        unpacked = Path(tempfile.mkdtemp(dir=folder))
        try:
            name = _unpack(package, unpacked)
            unpacked.replace(place)
        except BaseException:
            shutil.rmtree(unpacked, ignore_errors=True)
            raise
    except OSError as error:
        raise DebugError(f"{package.name}: cannot be unpacked: {error.strerror or error}") from error
    _forget_oldest(folder)
    return place / name


def _unpack(package: Path, folder: Path) -> str:
    """The kernel's name. What comes behind it in the package is not looked at."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        guard = threading.Timer(_SECONDS, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            for member, content in tar_members(pieces_of(process.stdout)):
                match = _KERNEL.fullmatch(member.name)
                if match is None or content is None:
                    continue
                if member.size > _SIZE_MAX:
                    raise DebugError(f"{package.name}: its kernel is larger than {_SIZE_MAX >> 20} MiB")
                with (folder / match[1]).open("wb") as file:
                    shutil.copyfileobj(content, file, 1 << 20)
                return match[1]
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            raise DebugError(f"{package.name}: is no sound Debian package, or took too long") from error
        finally:
            guard.cancel()
            process.kill()
    raise DebugError(f"{package.name}: holds no kernel with debug information (vmlinux)")


def _forget_oldest(folder: Path) -> None:
    with suppress(OSError):  # somebody else may be about the same
        places = sorted(folder.iterdir(), key=lambda place: place.stat().st_mtime, reverse=True)
        for place in places[_KEPT:]:
            shutil.rmtree(place, ignore_errors=True)
