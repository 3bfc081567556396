"""What the Linux benchmarks run: Debian's kernel as fetched, and an initrd of its busybox and our init.

The same files go to Pocketvisor and to QEMU. Kernel and busybox are those of the fetched `debian` guest.
"""

import stat
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pocketvisor.errors import MissingImage
from pocketvisor.images.catalogue import catalogue

from . import cpio
from .vexpress import device_tree

JOBS = ("sha256sum", "gzip", "awk", "fork+exec", "dd", "shell loop")
"""The jobs of init.sh, by the names between its B-BEGIN and B-END."""

APPEND = "console=tty0 console=ttyAMA0"
PANEL = (480, 800)
_APPLETS = ("awk", "cat", "dd", "echo", "gzip", "md5sum", "mount", "sh", "sha256sum", "sleep", "true")


class LinuxFiles(NamedTuple):
    """Files to boot; dtb is for QEMU's vexpress-a9 alone, our board makes its own."""

    kernel: Path
    initrd: Path
    dtb: Path


def linux_files(folder: Path) -> LinuxFiles:
    """Put initrd and device tree into the folder; MissingImage says what to fetch."""
    image = catalogue()["debian"]
    image.check()
    if image.kernel is None or image.initrd is None:
        raise MissingImage("the debian guest lacks a kernel or an initrd: fetch it again")
    initrd, dtb = folder / "bench-initrd.gz", folder / "vexpress.dtb"
    initrd.write_bytes(_initrd(_busybox(image.initrd)))
    dtb.write_bytes(device_tree(*PANEL))
    return LinuxFiles(image.kernel, initrd, dtb)


@cache
def _busybox(initrd: Path) -> bytes:
    """The busybox of Debian's armhf package, out of the fetched guest's initrd."""
    import gzip

    for name, mode, content in cpio.entries(gzip.decompress(initrd.read_bytes())):
        if name.rpartition("/")[2] == "busybox" and stat.S_ISREG(mode):
            return content
    raise MissingImage(f"{initrd}: holds no busybox: fetch the guest again")


def rewind_files(folder: Path) -> LinuxFiles:
    """The same with rewind.sh for its init."""
    files = linux_files(folder)
    debian = catalogue()["debian"]
    assert debian.initrd is not None
    initrd = folder / "rewind-initrd.gz"
    initrd.write_bytes(_initrd(_busybox(debian.initrd), "rewind.sh"))
    return files._replace(initrd=initrd)


def _initrd(busybox: bytes, script: str = "init.sh") -> bytes:
    folders = [cpio.directory(name) for name in ("bin", "dev", "proc", "sys", "tmp")]
    applets = [cpio.link(f"bin/{name}", "busybox") for name in _APPLETS]
    init = Path(__file__).with_name(script).read_bytes()
    return cpio.pack(*folders, cpio.program("bin/busybox", busybox), *applets, cpio.program("init", init))
