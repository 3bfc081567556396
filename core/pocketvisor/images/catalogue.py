"""The catalogue of guests: the samples that come along, Debian once it is fetched, and the user's own.

A guest is a folder with a `guest.toml` and its files. The samples' folders come with the program; fetched
guests and the user's own are in the user's data folder (`guests/NAME/guest.toml`), in the same format:

    name = "Personal"
    kind = "elf"                # elf, linux, firmware, android, raw or uimage
    elf = "personal.elf"        # or kernel (with initrd, dtb, append) or firmware; beside guest.toml
    ram_mib = 64
    least_ram_mib = 32
    accent = "#4f8cff"
    description = "One line for the library."
    display = "gpu"             # framebuffer if not said, gpu or ramfb
    network = "user"            # none, user or switch:NAME; without it there is no network card
    phone = true                # it has a phone's own parts: battery, GPS, accelerometer
    parts = ["rng", "balloon"]  # what it has to know of: rng, balloon, console, modem, clipboard (phones have
                                # the last two by themselves)
    keep = true                 # what it writes to its disks and flash outlives it
    offers = {keys = 7000}      # services for the other guests of its handset: name and port
    media = true                # it has a drive: files that are dropped on it come as a disk
    [[disks]]                   # any number up to seven
    file = "system.img"
    format = "raw"              # or qcow2; never guessed
    mode = "overlay"            # or read-only; direct: the guest changes the file itself
    keep = true                 # as `keep` above if not said
    digest = "sha256:..."       # optional; of the file as it comes
    [digests]                   # optional: sha256:HEX or blake3:HEX for each of the files
    elf = "sha256:..."

Left out: reading the images themselves, which the board's loaders do.
"""

import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct
from platformdirs import user_data_path

from pocketvisor.errors import ImageError, MissingImage
from pocketvisor.images.digests import check_digest
from pocketvisor.images.offers import OFFERS_MAX, Offer, ServiceName, ServicePort
from pocketvisor.models import field_sentence
from pocketvisor.network.spec import NETWORK_PATTERN
from pocketvisor.storage.disk import DiskSpec, Format, Mode

Kind = Literal["elf", "linux", "firmware", "android", "raw", "uimage"]
Display = Literal["framebuffer", "gpu", "ramfb"]
Part = Literal["rng", "balloon", "console", "modem", "clipboard", "vsock"]
PARTS: tuple[Part, ...] = get_args(Part)
"""Random numbers, memory balloon, virtio console, modem and clipboard on it."""
FILE_FIELDS = ("elf", "kernel", "firmware", "initrd", "dtb")

_LARGEST_FILE = 64 * 1024
_MAIN_FIELD: dict[str, str] = {"elf": "elf", "firmware": "firmware"}  # of the other kinds: kernel

_RamMiB = Annotated[int, Meta(ge=1, le=2048)]
_Colour = Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")]
_Digest = Annotated[str, Meta(pattern="^(sha256|blake3):[0-9a-f]{64}$")]


class GuestImage(Struct, frozen=True, kw_only=True):
    """Everything a guest is started from. `missing` says in a sentence how to get what is not there."""

    id: str
    name: str
    kind: Kind
    elf: Path | None = None
    kernel: Path | None = None
    firmware: Path | None = None
    initrd: Path | None = None
    dtb: Path | None = None
    append: str = ""
    ram_mib: int = 64
    least_ram_mib: int = 16
    accent: str = "#7f8c99"
    description: str = ""
    available: bool = True
    missing: str = ""
    digests: dict[str, str] = msgspec.field(default_factory=dict)
    display: Display = "framebuffer"
    phone: bool = False
    keep: bool = False
    media: bool = False
    network: str = ""
    parts: tuple[Part, ...] = ()
    offers: tuple[Offer, ...] = ()
    disks: tuple[DiskSpec, ...] = ()
    recipe: int = 0  # of fetched guests: which version of what made them
    source: str = ""  # of fetched guests: the packages they were made of

    @property
    def main_file(self) -> Path:
        """The file that the guest is loaded from: its ELF file, kernel or firmware."""
        path: Path | None = getattr(self, _MAIN_FIELD.get(self.kind, "kernel"))
        if path is None:
            raise MissingImage(self.missing or f"{self.name}: has no file to start from")
        return path

    @property
    def files(self) -> dict[str, Path]:
        """All files by field."""
        return {field: path for field in FILE_FIELDS if (path := getattr(self, field)) is not None}

    def check(self) -> None:
        """Raise MissingImage if a file is not there, ImageError if it is not the one that was meant."""
        if not self.available:
            raise MissingImage(self.missing)
        _ = self.main_file
        for field, path in self.files.items():
            if not path.is_file():
                raise MissingImage(f"{path}: there is no such file")
            if field in self.digests:
                check_digest(path, self.digests[field])


class _DiskTable(Struct, frozen=True, forbid_unknown_fields=True):
    """A disk in guest.toml."""

    file: Annotated[str, Meta(min_length=1, max_length=4096)]
    format: Format = "raw"
    mode: Mode = "overlay"
    serial: Annotated[str, Meta(max_length=20, pattern="^[ -~]*$")] = ""
    keep: bool | None = None
    digest: _Digest | None = None


class _GuestFile(Struct, frozen=True, forbid_unknown_fields=True):
    """guest.toml as it is written."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Kind
    elf: str | None = None
    kernel: str | None = None
    firmware: str | None = None
    initrd: str | None = None
    dtb: str | None = None
    append: Annotated[str, Meta(max_length=2047)] = ""
    ram_mib: _RamMiB = 64
    least_ram_mib: _RamMiB = 16
    accent: _Colour = "#7f8c99"
    description: Annotated[str, Meta(max_length=200)] = ""
    digests: dict[str, _Digest] = {}
    display: Display = "framebuffer"
    phone: bool = False
    keep: bool = False
    media: bool = False
    network: Annotated[str, Meta(pattern=NETWORK_PATTERN)] = ""
    parts: Annotated[list[Part], Meta(max_length=len(PARTS))] = []
    offers: Annotated[dict[ServiceName, ServicePort], Meta(max_length=OFFERS_MAX)] = {}
    disks: Annotated[list[_DiskTable], Meta(max_length=7)] = []
    recipe: int = 0
    source: Annotated[str, Meta(max_length=500)] = ""


def user_guests_path() -> Path:
    """Where fetched guests and the user's own are."""
    return user_data_path("pocketvisor") / "guests"


def load_guest(folder: str | Path) -> GuestImage:
    """The guest of one folder, its id being the folder's name; ImageError names the file and the field."""
    folder = Path(folder)
    path = folder / "guest.toml"
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST_FILE + 1)
        if len(text) > _LARGEST_FILE:
            raise ImageError(f"{path}: is larger than {_LARGEST_FILE // 1024} KiB, so it describes no guest")
        fields: dict[str, Any] = tomllib.loads(text.decode("utf-8"))
        guest = msgspec.convert(fields, _GuestFile, strict=True)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImageError(f"{path}: is no TOML file: {error}") from error
    except msgspec.ValidationError as error:
        raise ImageError(f"{path}: {field_sentence(str(error))}") from error
    main = _MAIN_FIELD.get(guest.kind, "kernel")
    if getattr(guest, main) is None:
        raise ImageError(f"{path}: {main}: is missing, a guest of kind {guest.kind} is started from it")
    if guest.least_ram_mib > guest.ram_mib:
        raise ImageError(f"{path}: least_ram_mib: is more than ram_mib")
    if len(set(guest.offers.values())) < len(guest.offers):
        raise ImageError(f"{path}: offers: two services have the same port")
    for field in guest.digests:
        if field not in FILE_FIELDS or getattr(guest, field) is None:
            raise ImageError(f"{path}: digests.{field}: names no file of this guest")
    paths = {field: folder / value for field in FILE_FIELDS if (value := getattr(guest, field)) is not None}
    disks = tuple(
        DiskSpec(
            path=folder / table.file,
            format=table.format,
            mode=table.mode,
            serial=table.serial,
            keep=guest.keep if table.keep is None else table.keep,
        )
        for table in guest.disks
    )
    wanted = [*paths.values(), *(disk.path for disk in disks)]
    absent = [str(file) for file in wanted if not file.is_file()]
    return GuestImage(
        id=folder.name,
        name=guest.name,
        kind=guest.kind,
        append=guest.append,
        ram_mib=guest.ram_mib,
        least_ram_mib=guest.least_ram_mib,
        accent=guest.accent,
        description=guest.description,
        digests=guest.digests,
        display=guest.display,
        phone=guest.phone,
        network=guest.network,
        parts=tuple(guest.parts),
        offers=tuple(Offer(name, port) for name, port in guest.offers.items()),
        keep=guest.keep,
        media=guest.media,
        disks=disks,
        recipe=guest.recipe,
        source=guest.source,
        available=not absent,
        missing=f"{guest.name}: {', '.join(absent)} is not there" if absent else "",
        **paths,
    )


def image_from_files(
    *,
    kernel: Path | None = None,
    elf: Path | None = None,
    firmware: Path | None = None,
    initrd: Path | None = None,
    dtb: Path | None = None,
    append: str = "",
    kind: Kind | None = None,
    name: str | None = None,
    ram_mib: int = 256,
) -> GuestImage:
    """A guest from files of one's own. What a kernel's file is, the loader finds out."""
    given = [
        (field, path) for field, path in (("firmware", firmware), ("kernel", kernel), ("elf", elf)) if path
    ]
    if len(given) != 1 and (firmware is None or elf is not None):  # firmware may have a kernel to boot
        raise ImageError("Give one of a kernel, an ELF file or a firmware to start from")
    field, path = given[0]
    kind = kind or {"kernel": "linux", "elf": "elf", "firmware": "firmware"}[field]  # type: ignore[assignment]
    image = GuestImage(
        id=path.name,
        name=name or path.stem,
        kind=kind,  # type: ignore[arg-type]
        kernel=kernel,
        elf=elf,
        firmware=firmware,
        initrd=initrd,
        dtb=dtb,
        append=append,
        ram_mib=ram_mib,
        description=f"From {path}",
    )
    for file in image.files.values():
        if not file.exists():
            raise MissingImage(f"{file}: there is no such file")
        if not file.is_file():
            raise ImageError(f"{file}: is no regular file")
    return image


def catalogue(on_problem: Callable[[ImageError], None] | None = None) -> dict[str, GuestImage]:
    """All guests by id: samples first, then Debian, then the user's own.

    A user's guest.toml that is wrong raises, or is handed to `on_problem` and left out.
    """
    from pocketvisor.images import firmware
    from pocketvisor.images.debian import UNFETCHED
    from pocketvisor.images.unbuilt import PHONE, UNBUILT

    absent = {**UNFETCHED, **firmware.UNFETCHED, PHONE: UNBUILT}
    found = {folder.name: load_guest(folder) for folder in _folders(_samples_path())}
    found.update(absent)
    for folder in _folders(user_guests_path()):
        try:
            image = load_guest(folder)
        except ImageError as problem:
            if not (folder / "guest.toml").exists():
                continue  # removed meanwhile
            if on_problem is None:
                raise
            on_problem(problem)
            continue
        if not image.available and folder.name in absent:
            image = absent[folder.name]
        found[folder.name] = image
    return found


def _samples_path() -> Path:
    return Path(str(files("pocketvisor.sample_guests").joinpath("")))


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    named = [entry for entry in path.iterdir() if not entry.name.startswith(".")]  # others are in the making
    folders = [entry for entry in named if (entry / "guest.toml").is_file()]
    return sorted(folders, key=lambda entry: (entry.name not in ("personal", "work"), entry.name))
