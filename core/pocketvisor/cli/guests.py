"""`pocketvisor guests`: the guests that can be put on a handset, and where to get more."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pocketvisor.cli.output import Json, confirmed, print_json, print_table

if TYPE_CHECKING:
    from pocketvisor.images.catalogue import GuestImage

Tell = Callable[[str, float], None]


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(no_args_is_help=True, help="Guests that can be put on a handset.")
    verbs.command("list")(list_guests)
    verbs.command("info")(info)
    verbs.command("fetch")(fetch)
    verbs.command("build")(build)
    verbs.command("add")(add)
    verbs.command("remove")(remove)
    app.add_typer(verbs, name="guests")


def list_guests(json: Json = False) -> None:
    """List all guests, those that have to be fetched first included."""
    from pocketvisor.images.catalogue import catalogue

    images = list(catalogue().values())
    if json:
        print_json([_plain(image) for image in images])
        return
    print_table(
        ["GUEST", "NAME", "KIND", "RAM MiB", "STATE", "DESCRIPTION"],
        [
            (
                image.id,
                image.name,
                image.kind,
                image.ram_mib,
                "ready" if image.available else "missing",
                image.description,
            )
            for image in images
        ],
    )


def info(guest: Annotated[str, typer.Argument(help="Its id or name.")], json: Json = False) -> None:
    """Show all that is known of a guest."""
    from pocketvisor.images.catalogue import catalogue
    from pocketvisor.services.workbench import find_image

    image = find_image(catalogue(), guest)
    plain = _plain(image)
    if json:
        print_json(plain)
        return
    for field, value in plain.items():
        if value not in (None, "", {}):
            typer.echo(f"{field:14} {value}")


def fetch(
    guest: Annotated[str, typer.Argument(help="What to fetch, for instance debian.")],
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there already.")] = False,
    json: Json = False,
) -> None:
    """Bring a guest's files with this machine's own package manager."""
    from pocketvisor.images.fetch import fetch as fetch_guest

    image = _with_progress(
        f"Fetching {guest}", lambda tell: fetch_guest(guest, progress=tell, force=force), shown=not json
    )
    _ready(image, json)


def build(
    guest: Annotated[str, typer.Argument(help="What to build: debian-phone.")] = "debian-phone",
    force: Annotated[bool, typer.Option("--force", help="Build again what is there already.")] = False,
    size: Annotated[int, typer.Option("--size", help="Its disk in MiB; sparse, so it takes less.")] = 2048,
    package: Annotated[
        list[str] | None, typer.Option("--package", help="A further package of Debian's; repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Build a guest from Debian's packages: a graphical phone, in some minutes.

    It needs apt, dpkg and e2fsprogs of this machine, no rights, and 700 MiB of room.
    """
    from pocketvisor.errors import ImageError
    from pocketvisor.images import phone
    from pocketvisor.images.unbuilt import PHONE

    if guest != PHONE:
        raise ImageError(f"'{guest}' is nothing to build; there is {PHONE}")
    image = _with_progress(
        f"Building {guest}",
        lambda tell: phone.build(progress=tell, force=force, size_mib=size, packages=package or ()),
        shown=not json,
    )
    _ready(image, json)


def add(
    file: Annotated[
        Path, typer.Argument(help="A guest.toml, its folder, a .zip or .tar of it, or one image.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="Its id in the catalogue.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Of one image: elf, linux, firmware, android, raw, uimage, disk."),
    ] = None,
    kernel: Annotated[
        Path | None, typer.Option("--kernel", help="What starts a disk, or a firmware.")
    ] = None,
    initrd: Annotated[Path | None, typer.Option("--initrd", help="The kernel's first disk.")] = None,
    firmware: Annotated[Path | None, typer.Option("--firmware", help="What starts a disk.")] = None,
    append: Annotated[str, typer.Option("--append", help="The kernel's command line.")] = "",
    format: Annotated[str | None, typer.Option("--format", help="Of a disk: raw or qcow2.")] = None,
    ram: Annotated[int, typer.Option("--ram", help="MiB of RAM, of one image.")] = 256,
    force: Annotated[bool, typer.Option("--force", help="Replace a guest of this name.")] = False,
    json: Json = False,
) -> None:
    """Take a guest of your own into the catalogue: its files are copied, with their digests."""
    from pocketvisor.images.add import Single
    from pocketvisor.images.add import add as add_guest

    single = Single(
        kind=kind, kernel=kernel, initrd=initrd, firmware=firmware, append=append, ram_mib=ram, format=format
    )

    async def work(tell: Tell) -> "GuestImage":
        stop = threading.Event()
        try:
            return await asyncio.to_thread(
                add_guest, file, name=name, single=single, force=force, tell=tell, cancelled=stop.is_set
            )
        finally:
            stop.set()

    _ready(_with_progress(f"Adding {file.name}", work, shown=not json), json)


def remove(
    guest: Annotated[str, typer.Argument(help="Its id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Take a guest of your own out of the catalogue; its files are deleted."""
    from pocketvisor.images.add import own
    from pocketvisor.images.add import remove as remove_guest

    place = own(guest)
    if not yes and not confirmed(f"Delete {guest} with all files in {place}?", json):
        raise typer.Exit(1)
    remove_guest(guest)
    if json:
        print_json({"id": guest, "removed": True})
    else:
        typer.echo(f"{guest} is removed")


def _ready(image: "GuestImage", json: bool) -> None:
    if json:
        print_json(_plain(image))
    else:
        typer.echo(f"{image.name} is ready: pocketvisor run {image.id}")


def _with_progress(
    title: str, work: Callable[[Tell], Coroutine[None, None, "GuestImage"]], *, shown: bool
) -> "GuestImage":
    """Run it with a bar on a terminal, and with a line for each tenth elsewhere."""
    if not shown:
        return asyncio.run(work(lambda *_: None))
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        return asyncio.run(work(_lines()))
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=1.0)
        image = asyncio.run(
            work(lambda sentence, done: progress.update(task, description=sentence, completed=done))
        )
        progress.update(task, completed=1.0)
    return image


def _lines() -> Tell:
    told = -1

    def tell(sentence: str, done: float) -> None:
        nonlocal told
        if int(done * 10) > told:
            told = int(done * 10)
            typer.echo(f"{done:4.0%} {sentence}", err=True)

    return tell


def _plain(image: object) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(image, enc_hook=str, builtin_types=())
    return plain
