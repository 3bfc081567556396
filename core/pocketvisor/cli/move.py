"""`pocketvisor move` and `clone`: guests between the handsets of the open workbench."""

from typing import Annotated

import typer

from pocketvisor.cli.operations import Guest
from pocketvisor.cli.output import Json, print_json

FromHandset = Annotated[
    str, typer.Option("--from", help="The handset it is on, where several have such a guest.")
]


def add_to(app: typer.Typer) -> None:
    app.command("move")(move)
    app.command("clone")(clone)


def move(
    guest: Guest,
    handset: Annotated[str, typer.Argument(metavar="HANDSET", help="Where it is to go.")],
    source: FromHandset = "",
    json: Json = False,
) -> None:
    """Move a guest to another handset of the open workbench, while it runs. Ctrl+C leaves it where it is."""
    from pocketvisor.cli.reach import ask_workbench
    from pocketvisor.control.profile_calls import Moved, MoveGuest

    request = MoveGuest(guest=guest, handset=source, target=handset)
    moved = ask_workbench(request, f"Moving {guest}", Moved, shown=not json)
    if json:
        print_json(moved)
    else:
        typer.echo(
            f"{moved.guest} is on {moved.handset}: it stood still for {moved.downtime_ms:.1f} ms, in process "
            f"{moved.pid_after} instead of {moved.pid_before}"
        )


def clone(
    guest: Guest,
    handset: Annotated[str, typer.Argument(metavar="[HANDSET]", help="Where to; else the same one.")] = "",
    name: Annotated[str, typer.Option("--name", help="What to call it.")] = "",
    source: FromHandset = "",
    json: Json = False,
) -> None:
    """Make a second guest of one that runs in the open workbench, from this moment on. They share memory."""
    from pocketvisor.cli.reach import ask_workbench
    from pocketvisor.control.profile_calls import CloneGuest, GuestMade

    request = CloneGuest(guest=guest, handset=source, target=handset, name=name)
    made = ask_workbench(request, f"Cloning {guest}", GuestMade, shown=not json)
    if json:
        print_json(made)
    else:
        typer.echo(f"{made.guest} runs on {made.handset}, made in {made.seconds * 1000:.0f} ms")
