"""Fetching guests: Debian's packages by the machine's own apt client, made into guests of the catalogue.

Everything is done in steps that can be stopped at any point: packages stay in the cache once they are whole,
and a guest's new files are beside its old ones until its guest.toml is replaced, in one step, as the last.
"""

import asyncio
import fcntl
import hashlib
import os
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import tomlkit
from platformdirs import user_cache_path

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images import debian, firmware
from pocketvisor.images.apt import Apt, Progress
from pocketvisor.images.catalogue import GuestImage, load_guest, user_guests_path
from pocketvisor.images.unbuilt import PHONE
from pocketvisor.to_the_end import to_the_end

P = ParamSpec("P")
T = TypeVar("T")


def fetchable() -> tuple[str, ...]:
    """The guests that can be fetched."""
    return (*debian.UNFETCHED, *firmware.UNFETCHED)


async def fetch(guest: str, *, progress: Progress | None = None, force: bool = False) -> GuestImage:
    """Bring a guest's files and return it. `debian` brings the installer too; `debian-phone` is built.

    What is here and whole is not fetched again, and then no network is needed, unless `force`. It stops where
    its task is cancelled; what was downloaded stays for the next time.
    """
    tell = progress or (lambda sentence, done: None)
    if guest == PHONE:
        from pocketvisor.images.phone import build

        return await build(progress=tell, force=force)
    if guest not in fetchable():
        raise ImageError(f"'{guest}' is nothing to fetch; there are {', '.join(fetchable())}")
    guests = tuple(debian.UNFETCHED) if guest == "debian" else (guest,)
    by_hand = firmware.BY_HAND if guest in firmware.UNFETCHED else debian.BY_HAND
    absent = [name for name in guests if force or fetched(name) is None]
    if absent:
        if not Apt.present():
            raise MissingImage(f"This machine has no apt client to fetch {guest} with. {by_hand}")
        with alone():
            if guest in firmware.UNFETCHED:
                await _fetch_firmware(guest, tell)
            else:
                await _fetch_debian(absent, tell)
    image = fetched(guest)
    if image is None:
        raise ImageError(f"{user_guests_path() / guest}: was changed by someone else while it was fetched")
    tell(f"{image.name} is ready", 1.0)
    return image


def fetched(guest: str) -> GuestImage | None:
    """The guest as it was fetched, or None if it is absent, changed or made by an older recipe."""
    try:
        image = load_guest(user_guests_path() / guest)
        image.check()
    except ImageError:
        return None
    return image if image.recipe == _recipe(guest) else None


def _recipe(guest: str) -> int:
    return firmware.RECIPE if guest in firmware.UNFETCHED else debian.RECIPE


async def _fetch_debian(guests: list[str], tell: Progress) -> None:
    apt = Apt(user_cache_path("pocketvisor") / "apt", debian.ARCHITECTURE)
    try:
        await apt.update(part(tell, 0.0, 0.2))
        kernel, installer, names = "", "", []
        if "debian" in guests:
            kernel = debian.real_kernel(await apt.needed_by(debian.KERNEL))
            names += [kernel, debian.BUSYBOX]
        if "debian-installer" in guests:
            offered = await apt.names("debian-installer-")
            installer = debian.installer_package(offered, _release())
            names.append(installer)
        packages = await apt.find(names)
    except MissingImage as problem:
        raise MissingImage(f"{problem}. {debian.BY_HAND}") from problem
    paths = await apt.download(packages, part(tell, 0.2, 0.9))

    stop = threading.Event()
    try:
        if kernel:
            tell("Making Debian's first disk", 0.9)
            found = await in_thread(
                stop, debian.debian_files, paths[kernel], paths[debian.BUSYBOX], stop.is_set
            )
            source = f"{paths[kernel].name}, {paths[debian.BUSYBOX].name}"
            await in_thread(stop, _keep, debian.UNFETCHED["debian"], found, source)
        if installer:
            tell("Unpacking the installer", 0.95)
            found = await in_thread(stop, debian.installer_files, paths[installer], stop.is_set)
            image = debian.UNFETCHED["debian-installer"]
            await in_thread(stop, _keep, image, found, paths[installer].name)
    finally:
        stop.set()


async def _fetch_firmware(guest: str, tell: Progress) -> None:
    apt = Apt(user_cache_path("pocketvisor") / "apt", debian.ARCHITECTURE)
    name = firmware.package_of(guest)
    try:
        await apt.update(part(tell, 0.0, 0.5))
        packages = await apt.find([name])
    except MissingImage as problem:
        raise MissingImage(f"{problem}. {firmware.BY_HAND}") from problem
    paths = await apt.download(packages, part(tell, 0.5, 0.9))
    stop = threading.Event()
    try:
        found = await in_thread(stop, firmware.firmware_files, guest, paths[name], stop.is_set)
        await in_thread(stop, _keep, firmware.UNFETCHED[guest], found, paths[name].name)
    finally:
        stop.set()


def _keep(image: GuestImage, found: debian.Files, source: str) -> None:
    """Make the guest's folder hold these files and a guest.toml for them."""
    folder = user_guests_path() / image.id
    document = tomlkit.document()
    for field in ("name", "kind", "append", "ram_mib", "least_ram_mib", "accent", "description"):
        document[field] = getattr(image, field)
    if image.phone:
        document["phone"] = True
    if image.display != "framebuffer":
        document["display"] = image.display
    if image.keep:
        document["keep"] = True
    if image.parts:
        document["parts"] = list(image.parts)
    document["recipe"], document["source"] = _recipe(image.id), source
    digests = tomlkit.table()
    names = {"guest.toml"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for field, (name, content) in found.items():
            digest = hashlib.sha256(content).hexdigest()
            stem, dot, suffix = name.rpartition(".gz")
            unique = f"{stem or suffix}-{digest[:12]}{dot}"
            _write(folder / unique, content)
            names.add(unique)
            document[field] = unique
            digests[field] = f"sha256:{digest}"
        document["digests"] = digests
        _write(folder / "guest.toml", tomlkit.dumps(document).encode())
        for path in folder.iterdir():
            if path.name not in names and path.is_file():
                path.unlink(missing_ok=True)
    except OSError as error:
        raise ImageError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    """The whole file or none of it, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def alone() -> Iterator[None]:
    """One fetch at a time for a user: apt's lists and the guests' folders are shared."""
    folder = user_cache_path("pocketvisor")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "fetch.lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ImageError("Guests are being fetched by another program of yours already") from error
            yield
    except OSError as error:
        raise ImageError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error


async def in_thread(stop: threading.Event, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """On a thread. Who is cancelled says `stop`, and waits until the thread has seen it: it writes to folders
    that are somebody else's afterwards."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        with suppress(Exception):
            await to_the_end(task)
        raise


def _release() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_ID", "")
    except OSError:
        return ""


def part(tell: Progress, start: float, end: float) -> Callable[[str, float], None]:
    """Progress of a part, as progress of the whole."""
    return lambda sentence, done: tell(sentence, start + done * (end - start))
