"""`pocketvisor sms` and `call`: messages and calls to a guest of the open workbench, and what it sends."""

import asyncio
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json

Guest = Annotated[str, typer.Argument(help="The guest's name or id.")]
Handset = Annotated[str, typer.Option("--handset", help="Its handset, where several have such a guest.")]
_NUMBER = "+12025550142"


def add_to(app: typer.Typer) -> None:
    app.command("sms")(sms)
    app.command("call")(call)


def sms(
    guest: Guest,
    text: Annotated[str | None, typer.Argument(help="The message; without one, list what it sent.")] = None,
    sender: Annotated[str, typer.Option("--from", help="The number or name that it comes from.")] = _NUMBER,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Send a message to a guest, or list those that it has sent."""
    from pocketvisor.control.modem_calls import AskModem, SendSms

    if text is None:
        shown = _ask(AskModem(guest=guest, handset=handset))
    else:
        shown = _ask(SendSms(guest=guest, number=sender, text=text, handset=handset))
    if json:
        print_json(shown.sent)
    elif text is not None:
        typer.echo(f"{shown.guest} gets a message of {sender}")
    elif not shown.sent:
        typer.echo(f"{shown.guest} has sent no message")
    for message in shown.sent if text is None and not json else ():
        typer.echo(f"To {message.number}: {message.text}")


def call(
    guest: Guest,
    number: Annotated[str | None, typer.Argument(help="Who calls it.")] = None,
    answer: Annotated[bool, typer.Option("--answer", help="Pick up, where the guest has called.")] = False,
    hang_up: Annotated[bool, typer.Option("--hang-up", help="End the call at the far end.")] = False,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Call a guest, answer its call, hang up, or tell whether it is on the phone."""
    from pocketvisor.control.modem_calls import AskModem, EndCall, Ring

    if sum((number is not None, answer, hang_up)) > 1:
        fail("Give a number, --answer or --hang-up")
        raise typer.Exit(EXIT_USAGE)
    if number is not None:
        shown = _ask(Ring(guest=guest, number=number, handset=handset))
    elif answer or hang_up:
        shown = _ask(EndCall(guest=guest, how="answer" if answer else "hang-up", handset=handset))
    else:
        shown = _ask(AskModem(guest=guest, handset=handset))
    if json:
        print_json(shown.call)
    elif hang_up:
        typer.echo(f"The call with {shown.guest} is hung up")
    elif shown.call is None:
        typer.echo(f"{shown.guest} is not on the phone")
    else:
        words = {"ringing": "is called by", "dialled": "calls", "active": "is on the phone with"}
        how = "is answered by" if answer else words[shown.call.state]
        typer.echo(f"{shown.guest} {how} {shown.call.number}")


def _ask(request: Any) -> Any:
    from pocketvisor.control import server
    from pocketvisor.control.modem_calls import ModemShown

    reply = asyncio.run(server.call(request))
    if not isinstance(reply, ModemShown):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    return reply
