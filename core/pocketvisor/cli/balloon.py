"""`pocketvisor balloon`: ask a guest of the open workbench for memory, and what it says of its memory."""

import asyncio
from typing import Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail, print_json


def add_to(app: typer.Typer) -> None:
    app.command("balloon")(balloon)


def balloon(
    guest: Annotated[str, typer.Argument(help="The guest's name or id.")],
    mib: Annotated[
        int | None, typer.Argument(min=0, max=4096, help="MiB that it should give back in all; 0: none.")
    ] = None,
    handset: Annotated[
        str, typer.Option("--handset", help="Its handset, where several have such a guest.")
    ] = "",
    json: Json = False,
) -> None:
    """Ask a guest to give memory back, or show what it has given and says of its memory."""
    from pocketvisor.control import server
    from pocketvisor.control.balloon_calls import AskBalloon, BalloonShown, SetBalloon

    if mib is None:
        reply = asyncio.run(server.call(AskBalloon(guest=guest, handset=handset)))
    else:
        reply = asyncio.run(server.call(SetBalloon(guest=guest, mib=mib, handset=handset)))
    if not isinstance(reply, BalloonShown):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    if json:
        print_json(reply)
        return
    if mib is not None:
        typer.echo(f"{reply.guest} is asked for {reply.target_mib} MiB")
        return
    typer.echo(
        f"{reply.guest}: {reply.actual_mib:.0f} MiB in its balloon, asked for {reply.target_mib}; "
        f"{reply.touched_mib:.0f} of {reply.ram_mib} MiB take memory of this computer's"
    )
    for name, value in reply.statistics.items():
        shown = f"{value >> 20} MiB" if name in ("free", "total", "available", "disk_caches") else str(value)
        typer.echo(f"  {name.replace('_', ' ')}: {shown}")
