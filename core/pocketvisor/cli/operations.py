"""`pocketvisor pause`, `resume` and so on: one operation on a guest of the open workbench."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, fail

OPERATIONS = (
    ("pause", "Let a guest of the open workbench stand still."),
    ("resume", "Let a paused guest run on."),
    ("reset", "Power a guest off and on again."),
    ("restart", "Start a guest again that is off or crashed."),
    ("power-off", "Power a guest off."),
    ("kill", "End the process of a guest that does not respond."),
    ("remove", "Take a guest off its handset."),
    ("foreground", "Give a guest the phone's panel, touch and keys."),
)

Guest = Annotated[str, typer.Argument(help="The guest's name or id.")]
Handset = Annotated[str, typer.Option("--handset", help="Its handset, where several have such a guest.")]


def add_to(app: typer.Typer) -> None:
    for name, sentence in OPERATIONS:
        app.command(name, help=sentence)(_operation(name))
    app.command("start")(start)
    app.command("tell")(tell)
    app.command("screenshot")(screenshot)


def _operation(name: str) -> Callable[[str, str], None]:
    def operate(guest: Guest, handset: Handset = "") -> None:
        from pocketvisor.control.workbench import Operate

        _ask(Operate(name, guest, handset))  # type: ignore[arg-type]

    return operate


def start(
    image: Annotated[str, typer.Argument(help="A guest of the catalogue.")],
    handset: Annotated[str, typer.Option("--handset", help="The handset, where there are several.")] = "",
    name: Annotated[str, typer.Option("--name", help="What to call it.")] = "",
) -> None:
    """Start a guest on a handset of the open workbench."""
    from pocketvisor.control.workbench import StartGuest

    _ask(StartGuest(image, handset, name))


def tell(
    guest: Guest,
    device: Annotated[str, typer.Argument(help="One of its devices of your own (--device).")],
    text: Annotated[str, typer.Argument(help="What its event() is to get.")],
    handset: Handset = "",
) -> None:
    """Tell a device of your own something, as if from outside the phone."""
    from pocketvisor.control.workbench import Tell

    _ask(Tell(guest, device, text.encode()[:4096], handset))


def screenshot(
    guest: Guest,
    file: Annotated[Path, typer.Argument(help="The PNG file to write.", dir_okay=False)],
    handset: Handset = "",
) -> None:
    """Write a picture of a guest's panel to a PNG file."""
    from pocketvisor.control.server import call
    from pocketvisor.control.workbench import Picture, Screenshot

    reply = asyncio.run(call(Screenshot(guest, handset)))
    if isinstance(reply, Picture):
        file.write_bytes(reply.png)
    else:
        _strange()


def _ask(request: object) -> None:
    from pocketvisor.control.server import call
    from pocketvisor.control.workbench import Done

    reply = asyncio.run(call(request))  # type: ignore[arg-type]
    if isinstance(reply, Done):
        typer.echo(reply.sentence)
    else:
        _strange()


def _strange() -> None:
    fail("The open workbench gave an answer that makes no sense")
    raise typer.Exit(EXIT_ERROR)
