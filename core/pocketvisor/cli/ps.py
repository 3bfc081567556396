"""`pocketvisor ps`: what runs in the open workbench."""

import asyncio

import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail, print_json, print_table


def add_to(app: typer.Typer) -> None:
    app.command("ps")(ps)


def ps(json: Json = False) -> None:
    """List the handsets and guests of the open workbench."""
    from pocketvisor.control.server import call
    from pocketvisor.control.workbench import List, Listing

    listing = asyncio.run(call(List()))
    if not isinstance(listing, Listing):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    if json:
        print_json(listing.handsets)
        return
    print_table(
        ["HANDSET", "GUEST", "ID", "STATE", "FRONT", "RAM MiB", "USED MiB", "CPU s", "TICKS", "PID"],
        [
            (
                handset.name,
                guest.name,
                guest.id,
                guest.state,
                "*" if guest.foreground else "",
                guest.ram_mib,
                guest.ram_bytes >> 20,
                round(guest.cpu_ns / 1e9, 1),
                guest.ticks,
                guest.pid,
            )
            for handset in listing.handsets
            for guest in handset.guests
        ],
    )
