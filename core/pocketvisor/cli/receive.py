"""`pocketvisor receive`: a handset without a window that waits for phones from other machines, and runs what
arrives."""

from typing import Annotated

import typer

from pocketvisor.cli.output import Json, print_json
from pocketvisor.cli.run import DEFAULT_MODEL

DEFAULT_LISTEN = "127.0.0.1:7010"


def add_to(app: typer.Typer) -> None:
    app.command("receive")(receive)


def receive(
    listen: Annotated[
        str, typer.Option(metavar="ADDR:PORT", help="Where to wait; port 0: any that is free.")
    ] = DEFAULT_LISTEN,
    model: Annotated[str, typer.Option("--model", help="The handset: a model, or its file.")] = DEFAULT_MODEL,
    pair: Annotated[
        bool, typer.Option("--pair/--no-pair", help="Show a code by which another machine gets trusted.")
    ] = True,
    handset: Annotated[
        str, typer.Option("--handset", help="A handset of the open workbench waits, in its window.")
    ] = "",
    stop: Annotated[bool, typer.Option("--stop", help="That handset waits no more.")] = False,
    json: Json = False,
) -> None:
    """Wait for phones from other machines and run them on a handset without a window.

    Only machines that were paired are let in, and only from this machine unless --listen says an address
    that others reach. Ctrl+] or Ctrl+C ends it: phones that run here are saved before.
    """
    from pocketvisor.cli.plan import chosen_model
    from pocketvisor.cli.receiving import ReceivePlan, run_receive
    from pocketvisor.migration.greeting import parse_address

    host, port = parse_address(listen)
    if handset or stop:
        _in_workbench(handset, host, port, pair, stop, json)
        return
    raise typer.Exit(
        run_receive(ReceivePlan(model=chosen_model(model), host=host, port=port, pair=pair, json=json))
    )


def _in_workbench(handset: str, host: str, port: int, pair: bool, stop: bool, json: bool) -> None:
    from pocketvisor.cli.reach import interruptible, strange
    from pocketvisor.control.migration_calls import ReceivePhones, WaitsForPhones
    from pocketvisor.control.server import call

    request = ReceivePhones(handset=handset, host=host, port=port, pair=pair, stop=stop)
    reply = interruptible(call(request))
    if not isinstance(reply, WaitsForPhones):
        raise strange()
    if json:
        print_json(reply)
    elif not reply.address:
        typer.echo(f"{reply.handset} waits for phones no more")
    else:
        typer.echo(f"{reply.handset} waits for phones at {reply.address}, as {reply.name}")
        if reply.code:
            typer.echo(f"A machine that is not trusted yet pairs with the code {reply.code}")
