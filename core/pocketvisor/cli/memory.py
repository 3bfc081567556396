"""`pocketvisor memory`: a handset's RAM among its guests, and what they have together."""

import asyncio
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json, print_table

_MIB = 1 << 20


def add_to(app: typer.Typer) -> None:
    app.command("memory")(memory)


def memory(
    share: Annotated[
        str, typer.Option("--share", help="on or off: whether guests have together what is the same.")
    ] = "",
    search: Annotated[
        bool, typer.Option("--search", help="Look for what is the same now, and not by and by.")
    ] = False,
    handset: Annotated[str, typer.Option("--handset", help="The handset, where there are several.")] = "",
    json: Json = False,
) -> None:
    """Show what each guest holds of a handset's RAM, and say whether what is the same is there once."""
    from pocketvisor.control.memory_calls import AskMemory, MemoryShown, SearchMemory, ShareMemory
    from pocketvisor.control.server import call

    if share not in ("", "on", "off"):
        fail(f"Sharing is on or off, not '{share}'")
        raise typer.Exit(EXIT_USAGE)
    if share == "off" and search:
        fail("What is not shared needs no search")
        raise typer.Exit(EXIT_USAGE)
    requests: list[Any] = [ShareMemory(on=share == "on", handset=handset)] if share else []
    requests += [SearchMemory(handset=handset)] if search else []
    reply: Any = None
    for request in requests or [AskMemory(handset=handset)]:
        reply = asyncio.run(call(request))
        if not isinstance(reply, MemoryShown):
            fail("The open workbench gave an answer that makes no sense")
            raise typer.Exit(EXIT_ERROR)
    if json:
        print_json(reply)
        return
    now = reply.memory
    over = f", {_mib(now.over)} MiB more than it has" if now.over else f", {_mib(now.free)} MiB free"
    shares = f"{_mib(now.saved)} MiB saved by sharing" if now.share else "nothing is shared"
    typer.echo(f"{reply.handset}: {_mib(now.held)} of {_mib(now.ram)} MiB held{over}; {shares}")
    print_table(
        ["GUEST", "RAM", "HELD", "PRIVATE", "IMAGE'S", "FOUND", "SAVED", "BALLOON", "ASKED TO KEEP"],
        [
            (
                one.name,
                *(_mib(size) for size in (one.ram, one.held, one.private, one.shared, one.merged, one.saved)),
                _mib(one.balloon),
                _mib(one.limit) if one.limit < one.ram else "-",
            )
            for one in now.guests
        ],
    )
    for one in now.guests:
        if one.alone and now.share:
            typer.echo(f"{one.name} shares nothing: {one.alone}")


def _mib(size: int) -> int:
    return round(size / _MIB)
