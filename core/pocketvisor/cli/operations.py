"""`pocketvisor pause`, `resume` and so on: one operation on a guest of the open workbench."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail, print_json

if TYPE_CHECKING:
    from pocketvisor.control.workbench import Done

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


def _operation(name: str) -> Callable[[str, str, bool], None]:
    def operate(guest: Guest, handset: Handset = "", json: Json = False) -> None:
        from pocketvisor.control.workbench import Operate

        tell_done(ask_done(Operate(name, guest, handset)), json)  # type: ignore[arg-type]

    return operate


def start(
    image: Annotated[str, typer.Argument(help="A guest of the catalogue.")],
    handset: Annotated[str, typer.Option("--handset", help="The handset, where there are several.")] = "",
    name: Annotated[str, typer.Option("--name", help="What to call it.")] = "",
    json: Json = False,
) -> None:
    """Start a guest on a handset of the open workbench."""
    from pocketvisor.control.workbench import StartGuest

    tell_done(ask_done(StartGuest(image, handset, name)), json)


def tell(
    guest: Guest,
    device: Annotated[str, typer.Argument(help="One of its devices of your own (--device).")],
    text: Annotated[str, typer.Argument(help="What its event() is to get.")],
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Tell a device of your own something, as if from outside the phone."""
    from pocketvisor.control.workbench import Tell

    reply = ask_done(Tell(guest, device, text.encode()[:4096], handset))
    tell_done(reply, json, device=device)


def screenshot(
    guest: Guest,
    file: Annotated[Path, typer.Argument(help="The PNG file to write.", dir_okay=False)],
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Write a picture of a guest's panel to a PNG file."""
    from pocketvisor.control.server import call
    from pocketvisor.control.workbench import Picture, Screenshot

    reply = asyncio.run(call(Screenshot(guest, handset)))
    if not isinstance(reply, Picture):
        raise _strange()
    file.write_bytes(reply.png)
    if json:
        print_json({"guest": reply.guest, "file": str(file), "bytes": len(reply.png)})


def ask_done(request: Any) -> "Done":
    """For verbs that something is done by, and no more."""
    from pocketvisor.control.server import call
    from pocketvisor.control.workbench import Done

    reply = asyncio.run(call(request))
    if not isinstance(reply, Done):
        raise _strange()
    return reply


def tell_done(reply: "Done", json: bool, **more: Any) -> None:
    """In JSON the guest as it is then, and what else there is to say."""
    if json:
        print_json({**msgspec.to_builtins(reply.guest or {}), **more})
    else:
        typer.echo(reply.sentence)


def _strange() -> typer.Exit:
    fail("The open workbench gave an answer that makes no sense")
    return typer.Exit(EXIT_ERROR)
