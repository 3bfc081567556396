"""Taking a guest of one's own into the catalogue: from a guest.toml, a folder, an archive or a single file.

What is given may come from anywhere, so nothing of it is believed: names that leave the folder, links and
devices are refused, what is unpacked is bounded, and only files that guest.toml names are taken. It is all
copied into a folder beside the others, with a digest of each file, and takes its place as the last step.

A single file is taken for what its first bytes surely say (ELF, zImage, uImage, Android); for anything else
its kind has to be said. Left out: archives within archives, firmware that has to be split into banks.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import tomlkit
from msgspec import Struct

from pocketvisor.errors import ImageError
from pocketvisor.images.archive import is_archive, unpack_archive
from pocketvisor.images.catalogue import FILE_FIELDS, GuestImage, Kind, load_guest, user_guests_path
from pocketvisor.images.intake import Intake
from pocketvisor.images.work_folder import OLD, work_folder

Tell = Callable[[str, float], None]
Cancelled = Callable[[], bool]

KINDS: tuple[str, ...] = (*get_args(Kind), "disk")

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LARGEST_TOML = 64 * 1024
_SIGNATURES = (
    (0, b"\x7fELF", "elf"),
    (0x24, (0x016F2818).to_bytes(4, "little"), "linux"),
    (0, (0x27051956).to_bytes(4, "big"), "uimage"),
    (0, b"ANDROID!", "android"),
)


class Single(Struct, frozen=True, kw_only=True):
    """What is said of a single file, which has no guest.toml. `kind` "disk": it is a disk, and `kernel` or
    `firmware` starts from it."""

    kind: str | None = None
    kernel: Path | None = None
    initrd: Path | None = None
    firmware: Path | None = None
    append: str = ""
    ram_mib: int = 256
    format: str | None = None


def add(
    path: Path,
    *,
    name: str | None = None,
    single: Single | None = None,
    force: bool = False,
    tell: Tell = lambda sentence, done: None,
    cancelled: Cancelled = lambda: False,
) -> GuestImage:
    """Take a guest in and return it as it is in the catalogue. ImageError says what is wrong with it.

    `name` is its id, by default that of its folder or file; `force` replaces one of that id. It is for a
    worker thread.
    """
    try:
        with work_folder(user_guests_path()) as work:
            tell(f"Reading {path.name}", 0.0)
            source, base, fields = _read(path, work, single, tell, cancelled)
            guest = _identifier(name or base)
            place = _place(guest, force)
            (work / "guest").mkdir()
            intake = Intake(source, work / "guest", tell, cancelled)
            document = _take(fields, intake)
            (work / "guest" / "guest.toml").write_text(tomlkit.dumps(document))
            _checked(work / "guest", path)
            _put(work / "guest", place, work)
            return load_guest(place)
    except OSError as error:
        raise ImageError(f"{error.filename or path}: {error.strerror or error}") from error


def own(guest: str) -> Path:
    """The folder of a guest of one's own, or of a fetched one; ImageError for any other name."""
    place = user_guests_path() / guest
    if not _ID.fullmatch(guest) or not place.is_dir():
        raise ImageError(f"'{guest}' is no guest of yours: `pocketvisor guests list` shows all")
    return place


def remove(guest: str) -> None:
    """Take it out of the catalogue, files and all."""
    place = own(guest)
    try:
        # Out of the catalogue in one step; what a guest that runs has open stays open for it.
        with work_folder(place.parent, removing=True) as work:
            place.rename(work / "guest")
    except OSError as error:
        raise ImageError(f"{error.filename or place}: cannot be removed: {error.strerror}") from error


def _read(
    path: Path, work: Path, single: Single | None, tell: Tell, cancelled: Cancelled
) -> tuple[Path | None, str, dict[str, Any]]:
    """The folder with the guest's files, a name, and the fields of guest.toml. No folder: paths are whole."""
    if not path.exists():
        raise ImageError(f"{path}: there is no such file")
    if path.is_dir() or path.name == "guest.toml":
        folder = path if path.is_dir() else path.parent
        return folder, folder.resolve().name, _fields(folder / "guest.toml")
    if not path.is_file():
        raise ImageError(f"{path}: is neither a file nor a folder")
    if is_archive(path):
        folder = unpack_archive(path, work / "unpacked", tell, cancelled)
        base = path.name.partition(".")[0] if folder == work / "unpacked" else folder.name
        return folder, base, _fields(folder / "guest.toml")
    if path.suffix == ".toml":
        raise ImageError(f"{path}: a guest's file is called guest.toml, in a folder of the guest's name")
    return None, path.stem, _single(path, single or Single())


def _fields(path: Path) -> dict[str, Any]:
    if path.is_symlink() or not path.is_file():
        raise ImageError(f"{path.parent}: holds no guest.toml, so it is no guest")
    with path.open("rb") as stream:
        text = stream.read(_LARGEST_TOML + 1)
    if len(text) > _LARGEST_TOML:
        raise ImageError(f"{path}: is larger than {_LARGEST_TOML // 1024} KiB, so it describes no guest")
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImageError(f"{path}: is no TOML file: {error}") from error


def _single(path: Path, said: Single) -> dict[str, Any]:
    kind = said.kind or _kind(path)
    if kind is None:
        raise ImageError(
            f"{path}: what it is cannot be told for certain: say it with --kind ({', '.join(KINDS)})"
        )
    if kind not in KINDS:
        raise ImageError(f"'{kind}' is no kind of guest; there are {', '.join(KINDS)}")
    fields: dict[str, Any] = {"name": path.stem[:64] or "Guest", "ram_mib": said.ram_mib}
    fields["least_ram_mib"] = min(16, said.ram_mib)
    fields["description"] = f"From {path.name}"[:200]
    if kind == "disk":
        if said.format not in ("raw", "qcow2"):
            raise ImageError(f"{path}: say the disk's format with --format raw or --format qcow2")
        if (said.kernel is None) == (said.firmware is None):
            raise ImageError(f"{path}: a disk is started by --kernel or by --firmware: give one of them")
        fields["kind"] = "linux" if said.kernel is not None else "firmware"
        fields["keep"] = True
        fields["disks"] = [{"file": str(path.absolute()), "format": said.format}]
    else:
        fields["kind"] = kind
        fields[kind if kind in ("elf", "firmware") else "kernel"] = str(path.absolute())
    for field in ("kernel", "initrd", "firmware"):
        if (other := getattr(said, field)) is not None:
            if field in fields:
                raise ImageError(f"{path}: is the guest's {field} already")
            fields[field] = str(other.absolute())
    if said.append:
        fields["append"] = said.append
    return fields


def _kind(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(64)
    return next((kind for at, magic, kind in _SIGNATURES if head[at : at + len(magic)] == magic), None)


def _take(fields: dict[str, Any], intake: Intake) -> tomlkit.TOMLDocument:
    """Copy all files that the fields name, and say in guest.toml where they are and what they hold."""
    digests = fields.get("digests", {})
    disks = fields.get("disks", [])
    if not isinstance(digests, dict) or not isinstance(disks, list):
        raise ImageError("guest.toml: digests: is no table, or disks: is no list of tables")
    document = tomlkit.document()
    found: dict[str, str] = {}
    for field, value in fields.items():
        if field in ("digests", "disks"):
            continue
        if field in FILE_FIELDS:
            value, found[field] = intake.copy(field, value, digests.get(field))
        document[field] = value
    tables = tomlkit.aot()
    for number, disk in enumerate(disks):
        if not isinstance(disk, dict):
            raise ImageError(f"guest.toml: disks[{number}]: is no table")
        table = tomlkit.table()
        for field, value in disk.items():
            table[field] = value
        table["file"], table["digest"] = intake.copy(f"disks[{number}]", disk.get("file"), disk.get("digest"))
        tables.append(table)
    if disks:
        document["disks"] = tables
    if found:
        document["digests"] = found
    return document


def _identifier(text: str) -> str:
    found = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:64]
    if not _ID.fullmatch(found):
        raise ImageError(f"'{text}' makes no name of a guest: give one with --name")
    return found


def _place(guest: str, force: bool) -> Path:
    from pocketvisor.images.catalogue import catalogue

    place = user_guests_path() / guest
    known = catalogue(lambda problem: None)
    if place.exists() and not force:
        raise ImageError(f"There is a guest '{guest}' already: give another --name, or --force to replace it")
    if guest in known and not place.exists():
        raise ImageError(f"'{guest}' is a guest of Pocketvisor's own: give another --name")
    return place


def _checked(folder: Path, path: Path) -> None:
    """The whole guest, read as the catalogue does; errors name what was given, not our folder."""
    try:
        load_guest(folder).check()
    except ImageError as error:
        raise ImageError(str(error).replace(str(folder / "guest.toml"), str(path))) from error


def _put(folder: Path, place: Path, work: Path) -> None:
    if place.exists():
        old = work / OLD / place.name  # where it is found again if this is as far as it comes
        old.parent.mkdir()
        place.rename(old)
        try:
            folder.rename(place)
        except OSError:
            old.rename(place)
            raise
    else:
        folder.rename(place)
