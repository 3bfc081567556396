"""`pocketvisor peers`: the machines that this one trusts to send phones here, and to take them."""

import time
from typing import Annotated

import typer

from pocketvisor.cli.output import Json, print_json, print_table


def add_to(app: typer.Typer) -> None:
    verbs = typer.Typer(
        help="Machines that this one trusts; 'pocketvisor receive' shows the code to pair with.",
        invoke_without_command=True,
    )
    verbs.callback()(peers)
    verbs.command("remove")(remove)
    app.add_typer(verbs, name="peers")


def peers(context: typer.Context, json: Json = False) -> None:
    """List the machines that this one trusts, and how others see it."""
    if context.invoked_subcommand is not None:
        return
    from pocketvisor.migration.identity import load_identity
    from pocketvisor.migration.peers import TrustedPeers, shown_fingerprint

    own, trusted = load_identity(), TrustedPeers().all()
    if json:
        print_json({"name": own.name, "fingerprint": own.fingerprint.hex(), "peers": trusted})
        return
    typer.echo(f"This machine is {own.name}, {shown_fingerprint(own.fingerprint)}")
    if trusted:
        rows = [
            (
                each.name,
                shown_fingerprint(each.fingerprint),
                time.strftime("%Y-%m-%d %H:%M", time.localtime(each.added)),
                each.address or "-",
            )
            for each in trusted
        ]
        print_table(("NAME", "FINGERPRINT", "PAIRED", "FOUND AT"), rows)
    else:
        typer.echo("It trusts no other machine yet")


def remove(
    machine: Annotated[str, typer.Argument(help="Its name, or the beginning of its fingerprint.")],
    json: Json = False,
) -> None:
    """Trust a machine no more."""
    from pocketvisor.migration.peers import TrustedPeers, shown_fingerprint

    gone = TrustedPeers().remove(machine)
    if json:
        print_json({"name": gone.name, "fingerprint": gone.fingerprint, "removed": True})
    else:
        typer.echo(f"{gone.name} ({shown_fingerprint(gone.fingerprint)}) is not trusted any more")
