"""Building Debian's phone: packages by apt, unpacked into a disk here, configured in a guest of ours.

Nothing of it needs rights: the packages are unpacked without running any of them, e2fsprogs makes the disk,
and the packages' own programs run where they belong, on Debian's kernel in one of our guests. It is all done
in a folder beside the guests that takes its place as the last step: what is stopped leaves nothing.

Left out: updating a phone that is built (apt in the guest does that), other architectures and desktops.
"""

import gzip
import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import tomlkit
from platformdirs import user_cache_path

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images import debian, ext4, phone_root
from pocketvisor.images.apt import Apt, Progress
from pocketvisor.images.catalogue import GuestImage, load_guest, user_guests_path
from pocketvisor.images.configure import configure
from pocketvisor.images.fetch import alone, in_thread, part
from pocketvisor.images.root_files import RootFiles
from pocketvisor.images.unbuilt import PHONE, UNBUILT
from pocketvisor.storage.keep import folder_name, storage_path

RECIPE = 4
"""Counted up when what is built here changes."""

SIZE_MIB = 2048
LEAST_MIB, MOST_MIB = 768, 16384
_ROOM = 700 << 20
"""What a build takes on the host's disk, as files and as the disk made of them."""


async def build(
    *,
    progress: Progress | None = None,
    force: bool = False,
    size_mib: int = SIZE_MIB,
    packages: Sequence[str] = (),
) -> GuestImage:
    """Build the phone and return it; one that is there already is left as it is, unless `force`. So is one of
    an older recipe that has been written to, with a sentence.

    `packages`: more of Debian's to put on it. It stops where its task is cancelled; packages that were
    downloaded stay for the next time.
    """
    tell = progress or (lambda sentence, done: None)
    if not LEAST_MIB <= size_mib <= MOST_MIB:
        raise ImageError(f"A phone's disk has {LEAST_MIB} to {MOST_MIB} MiB, not {size_mib}")
    for package in packages:
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package):
            raise ImageError(f"'{package}' is no name of a Debian package")
    image = built()
    if image is None or force:
        if not force and _is_older_and_used():
            raise ImageError(
                f"{user_guests_path() / PHONE}: is an older phone that has been written to, and what was "
                "written does not fit onto a new one. It runs as ever; --force builds a new one and throws "
                "that away"
            )
        check_tools()
        with alone():
            await _build(size_mib, [*phone_root.PACKAGES, *packages], tell)
        image = built()
    if image is None:
        raise ImageError(f"{user_guests_path() / PHONE}: was changed by someone else while it was built")
    tell(f"{image.name} is ready", 1.0)
    return image


def built() -> GuestImage | None:
    """The phone as it was built, or None if it is absent, changed or made by an older recipe."""
    try:
        image = load_guest(user_guests_path() / PHONE)
        image.check()
    except ImageError:
        return None
    return image if image.recipe == RECIPE else None


def _is_older_and_used() -> bool:
    try:
        older = load_guest(user_guests_path() / PHONE).recipe < RECIPE
    except ImageError:
        return False
    return older and (storage_path() / folder_name(PHONE)).is_dir()


def check_tools() -> None:
    """MissingImage with a sentence that says what to install."""
    if not Apt.present():
        raise MissingImage(
            "Building Debian's phone needs Debian's apt and dpkg, on Debian or a system that derives from it"
        )
    if absent := ext4.missing_tools():
        raise MissingImage(
            f"Building Debian's phone needs {', '.join(absent)}: `apt-get install e2fsprogs` brings them"
        )


async def _build(size_mib: int, names: list[str], tell: Progress) -> None:
    guests = user_guests_path()
    try:
        guests.mkdir(parents=True, exist_ok=True)
        _sweep(guests)
        free = shutil.disk_usage(guests).free
    except OSError as error:
        raise ImageError(f"{error.filename or guests}: cannot be written: {error.strerror}") from error
    if free < _ROOM:
        raise ImageError(
            f"{guests}: has {free >> 20} MiB of room; building Debian's phone takes {_ROOM >> 20} MiB"
        )
    paths, kernel, sources = await _packages(names, part(tell, 0.0, 0.3))
    folder = Path(tempfile.mkdtemp(prefix=f".{PHONE}.", dir=guests))
    stop = threading.Event()
    try:
        packages = [paths[name] for name in sorted(paths) if name != kernel]
        fields = await in_thread(
            stop, _assemble, folder, packages, paths[kernel], sources, size_mib, part(tell, 0.3, 0.4), stop
        )
        await configure(
            folder, kernel=fields["kernel"], initrd=fields["initrd"], disk=fields["disk"],
            packages=len(packages), progress=part(tell, 0.4, 0.97),
        )  # fmt: skip
        tell("Checking the disk", 0.97)
        await in_thread(stop, ext4.check_file_system, folder / fields["disk"])
        await in_thread(stop, _describe, folder, fields, paths[kernel].name)
        await in_thread(stop, _take_place, folder, guests / PHONE)
    except OSError as error:
        raise ImageError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    finally:
        stop.set()
        await in_thread(stop, shutil.rmtree, folder, ignore_errors=True)


async def _packages(names: list[str], tell: Progress) -> tuple[dict[str, Path], str, list[str]]:
    """All packages' files by name, the kernel's package, and lines for apt in the guest."""
    apt = Apt(user_cache_path("pocketvisor") / "apt", debian.ARCHITECTURE)
    await apt.update(part(tell, 0.0, 0.2))
    kernel = debian.real_kernel(await apt.needed_by(debian.KERNEL))
    wanted = await apt.closure(names)
    paths = await apt.download(await apt.find([kernel, *wanted]), part(tell, 0.2, 1.0))
    return paths, kernel, phone_root.source_lines(await apt.sources())


def _assemble(
    folder: Path,
    packages: list[Path],
    kernel_package: Path,
    sources: list[str],
    size_mib: int,
    tell: Progress,
    stop: threading.Event,
) -> dict[str, str]:
    """Make kernel, first disk and disk in the folder, the packages unpacked; answers the files' names."""
    root = RootFiles(folder / "root", left_out=phone_root.LEFT_OUT)
    for number, package in enumerate(packages):
        tell(f"Unpacking packages: {number} of {len(packages)}", 0.8 * number / len(packages))
        root.add_package(package, stop.is_set)
    root.finish()
    kernels, release, modules = debian.kernel_and_modules(kernel_package, stop.is_set)
    busybox = root.folder / "usr" / "bin" / "busybox"
    if len(kernels) != 1 or not busybox.is_file():
        raise ImageError(f"{kernel_package.name}: the packages do not hold one kernel and one busybox")
    phone_root.add_phone_files(root, release, modules, sources)
    [(path, kernel)] = kernels.items()
    initrd = gzip.compress(phone_root.first_disk(busybox.read_bytes(), release, modules), mtime=0)
    fields = {"kernel": PurePosixPath(path).name, "initrd": "initrd.gz", "disk": "system.img"}
    (folder / fields["kernel"]).write_bytes(kernel)
    (folder / fields["initrd"]).write_bytes(initrd)
    tell("Making the disk", 0.85)
    ext4.make_file_system(root.folder, folder / fields["disk"], size_mib << 20, root.owners, "phone")
    shutil.rmtree(root.folder)
    return fields


def _describe(folder: Path, fields: dict[str, str], source: str) -> None:
    document = tomlkit.document()
    for field in (
        *("name", "kind", "append", "ram_mib", "least_ram_mib", "accent", "description"),
        *("display", "phone", "keep", "media"),
    ):
        document[field] = getattr(UNBUILT, field)
    document["parts"] = list(UNBUILT.parts)
    document["recipe"], document["source"] = RECIPE, source
    digests = tomlkit.table()
    for field in ("kernel", "initrd"):
        document[field] = fields[field]
        digests[field] = f"sha256:{_sha256(folder / fields[field])}"
    disk = tomlkit.table()
    disk["file"], disk["format"] = fields["disk"], "raw"
    disks = tomlkit.aot()
    disks.append(disk)
    document["disks"] = disks
    document["digests"] = digests
    (folder / "guest.toml").write_text(tomlkit.dumps(document))
    for path in folder.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _take_place(folder: Path, place: Path) -> None:
    """The new folder for the old one, whose kept changes go with it, since they are of that disk alone. What
    a guest that runs has open stays open for it."""
    folder.chmod(0o755)
    old = None
    if place.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{PHONE}.", dir=place.parent))
        place.rename(old / "old")
    try:
        folder.rename(place)
    except OSError:
        if old is not None:
            (old / "old").rename(place)
        raise
    finally:
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
            shutil.rmtree(storage_path() / folder_name(PHONE), ignore_errors=True)
    place_folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(place_folder)
    finally:
        os.close(place_folder)


def _sweep(guests: Path) -> None:
    """What a build that was killed has left. One builds at a time, so that it is nobody's."""
    for left in guests.glob(f".{PHONE}.*"):
        shutil.rmtree(left, ignore_errors=True)
