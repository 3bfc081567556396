"""What the network benchmark runs: the fetched `debian` guest, with Debian's own armhf iperf3 beside it.

The first disk is the guest's with a second archive behind it, which Linux unpacks over the first: iperf3 and
the libraries that it loads, out of Debian's packages by the machine's apt client. The same files go to
Pocketvisor and to QEMU.
"""

import asyncio
import io
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from platformdirs import user_cache_path

from pocketvisor.errors import MissingImage
from pocketvisor.images.apt import Apt
from pocketvisor.images.catalogue import catalogue
from pocketvisor.images.package import read_package

from . import cpio

_PACKAGES = ["iperf3", "libiperf0", "libssl3", "libsctp1", "libc6", "libgcc-s1"]
_LOADER = "ld-linux-armhf.so.3"


class NetworkFiles(NamedTuple):
    kernel: Path
    initrd: Path


async def network_files(folder: Path) -> NetworkFiles:
    """Put the first disk into the folder. MissingImage says what is not to be had."""
    image = catalogue()["debian"]
    image.check()
    if image.kernel is None or image.initrd is None:
        raise MissingImage("the debian guest lacks a kernel or an initrd: fetch it again")
    if not Apt.present():
        raise MissingImage("this machine has no apt client to fetch iperf3 for armhf with")
    apt = Apt(user_cache_path("pocketvisor") / "apt", "armhf")
    packages = await apt.find(_PACKAGES)
    paths = await apt.download(packages, lambda sentence, done: None)
    archive = await asyncio.to_thread(_archive, paths)
    initrd = folder / "network-initrd.gz"
    initrd.write_bytes(image.initrd.read_bytes() + archive)
    return NetworkFiles(image.kernel, initrd)


def _archive(paths: dict[str, Path]) -> bytes:
    """iperf3 and what it needs, in one folder that the loader looks into."""
    libraries: dict[str, bytes] = {}
    program = b""
    for path in paths.values():
        for name, content in read_package(path, _is_wanted).items():
            if name.endswith("bin/iperf3"):
                program = content
            else:
                libraries.setdefault(_dynamic(content, "soname") or PurePosixPath(name).name, content)
    if not program:
        raise MissingImage("the package iperf3 holds no iperf3")
    needed, wanted = {}, [*_dynamic_all(program), _LOADER]
    while wanted:
        name = wanted.pop()
        if name not in needed and name in libraries:
            needed[name] = libraries[name]
            wanted += _dynamic_all(libraries[name])
    return cpio.pack(
        cpio.program("bin/iperf3", program),
        cpio.directory("lib"),
        *(cpio.program(f"lib/{name}", content) for name, content in sorted(needed.items())),
    )


def _is_wanted(path: str) -> bool:
    name = PurePosixPath(path).name
    return path.endswith("bin/iperf3") or (".so" in name and "/gconv/" not in path)


def _dynamic(content: bytes, tag: str) -> str:
    return next(iter(_tags(content, f"DT_{tag.upper()}", tag)), "")


def _dynamic_all(content: bytes) -> list[str]:
    return _tags(content, "DT_NEEDED", "needed")


def _tags(content: bytes, tag: str, attribute: str) -> list[str]:
    if not content.startswith(b"\x7fELF"):
        return []
    for section in ELFFile(io.BytesIO(content)).iter_sections():
        if isinstance(section, DynamicSection):
            return [str(getattr(entry, attribute)) for entry in section.iter_tags(tag)]
    return []
