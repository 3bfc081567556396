"""Single files out of a Debian package, by dpkg-deb and in memory: nothing is unpacked to a disk.

Left out: control files and scripts, of which none is run.
"""

import subprocess
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

from pocketvisor.errors import ImageError
from pocketvisor.images.unpacking import pieces_of, tar_members

_TIMEOUT = 300.0


def read_package(
    path: Path,
    wanted: Callable[[str], bool],
    *,
    largest: int = 128 << 20,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, bytes]:
    """The wanted regular files by their paths, without a leading "./". It is for a worker thread.

    ImageError if the package is damaged, holds too large a file, or takes too long.
    """
    process = subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    guard = threading.Timer(_TIMEOUT, process.kill)
    guard.start()
    found: dict[str, bytes] = {}
    try:
        for member, content in tar_members(pieces_of(process.stdout)):
            if cancelled():
                raise ImageError(f"{path.name}: reading it was cancelled")
            name = member.name.removeprefix("./")
            if content is None or not wanted(name):
                continue
            if member.size > largest:
                raise ImageError(f"{path.name}: {name} is larger than {largest >> 20} MiB")
            found[name] = content.read()
        while process.stdout.read(1 << 20):  # what tar leaves after its end, so that dpkg-deb can finish
            pass
        if process.wait():
            raise ImageError(f"{path}: is damaged, or dpkg-deb took more than {_TIMEOUT:.0f} s")
    except (tarfile.TarError, EOFError, ValueError, OverflowError, OSError) as error:
        raise ImageError(f"{path}: is no sound Debian package: {error}") from error
    finally:
        guard.cancel()
        guard.join()
        process.kill()
        process.stdout.close()
        process.wait()
    return found
