"""`pocketvisor services`: what the guests of the open workbench offer each other."""

import asyncio
from typing import Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json


def add_to(app: typer.Typer) -> None:
    app.command("services")(services)


def services(
    guest: Annotated[str, typer.Argument(help="With --offer or --none: whose offers to change.")] = "",
    offer: Annotated[
        list[str] | None,
        typer.Option("--offer", metavar="NAME=PORT", help="What the guest offers from now on; repeatable."),
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="The guest offers nothing from now on.")] = False,
    handset: Annotated[str, typer.Option("--handset", help="Of this handset alone.")] = "",
    json: Json = False,
) -> None:
    """Show the services that guests offer to the other guests of their handset, or change what one offers."""
    from pocketvisor.control import server
    from pocketvisor.control.service_calls import AskServices, ServicesShown, SetOffers
    from pocketvisor.images.offers import parse_offers

    if bool(guest) != bool(offer or none) or (offer and none):
        fail("Name a guest together with --offer or --none, or none of them to see all services")
        raise typer.Exit(EXIT_USAGE)
    if guest:
        offers = {offered.name: offered.port for offered in parse_offers(offer or [])}
        reply = asyncio.run(server.call(SetOffers(guest=guest, offers=offers, handset=handset)))
    else:
        reply = asyncio.run(server.call(AskServices(handset=handset)))
    if not isinstance(reply, ServicesShown):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    if json:
        print_json(reply)
        return
    if not reply.services:
        typer.echo("No guest offers a service")
    for service in reply.services:
        typer.echo(f"{service.name}: port {service.port}, {service.guest} on {service.handset}")
        if service.problem:
            typer.echo(f"  cannot be called: {service.problem}")
        callers = f", now by {', '.join(service.calling)}" if service.calling else ""
        typer.echo(
            f"  called {service.calls} times{callers}; {service.messages} messages, "
            f"{service.bytes >> 10} KiB; {service.refused} calls refused"
        )
