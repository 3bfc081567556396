"""`pocketvisor guests`: the guests that can be put on a handset, and where to get more."""

import asyncio
from typing import Annotated

import msgspec
import typer

from pocketvisor.cli.output import Json, print_json, print_table


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(no_args_is_help=True, help="Guests that can be put on a handset.")
    verbs.command("list")(list_guests)
    verbs.command("info")(info)
    verbs.command("fetch")(fetch)
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
    from pocketvisor.service import find_image

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
) -> None:
    """Bring a guest's files with this machine's own package manager."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from pocketvisor.images.fetch import fetch as fetch_guest

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"Fetching {guest}", total=1.0)

        def tell(sentence: str, done: float) -> None:
            progress.update(task, description=sentence, completed=done)

        image = asyncio.run(fetch_guest(guest, progress=tell, force=force))
        progress.update(task, completed=1.0)
    typer.echo(f"{image.name} is ready: pocketvisor run {image.id}")


def _plain(image: object) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(image, enc_hook=str, builtin_types=())
    return plain
