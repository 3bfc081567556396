"""`pocketvisor clipboard`: text from a guest of the open workbench, and into one."""

import asyncio
import sys
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json

ACTIONS = ("show", "get", "put", "phone")


def add_to(app: typer.Typer) -> None:
    app.command("clipboard")(clipboard)


def clipboard(
    guest: Annotated[str, typer.Argument(help="The guest's name or id.")],
    action: Annotated[str, typer.Argument(metavar="[ACTION]", help=", ".join(ACTIONS))] = "show",
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="'-' is standard input.")] = None,
    handset: Annotated[
        str, typer.Option("--handset", help="Its handset, where several have such a guest.")
    ] = "",
    json: Json = False,
) -> None:
    """Copy text from a guest, or into one, as far as its policy allows it.

    get prints what was copied in the guest last; put TEXT is what is pasted in it next; show tells what is on
    its phone's clipboard; phone TEXT puts something there, and nothing clears it.
    """
    from pocketvisor.control import clipboard_calls as calls
    from pocketvisor.control import server

    if action not in ACTIONS:
        raise _usage(f"'{action}' is none of {', '.join(ACTIONS)}")
    if (action == "put" and text is None) or (action in ("show", "get") and text is not None):
        raise _usage("'put' takes a text, or '-' to read it; 'show' and 'get' take none")
    who: dict[str, Any] = {"guest": guest, "handset": handset}
    request: Any = calls.AskClipboard(**who)
    if action == "get":
        request = calls.CopyFrom(**who)
    elif action == "put":
        request = calls.PasteInto(text=_read(text or ""), **who)
    elif action == "phone":
        request = calls.PutClipboard(text=_read(text or ""), **who)
    reply = asyncio.run(server.call(request))
    if not isinstance(reply, calls.ClipboardShown):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    if json:
        print_json(reply)
    elif action == "get":
        sys.stdout.write(reply.text)
    elif action == "put":
        typer.echo(f"{reply.guest} has it: it is what is pasted there next")
    elif not reply.text:
        typer.echo(reply.why_not or "Nothing is on the phone's clipboard")
    else:
        where = f"Copied in {reply.origin}" if reply.origin else "From outside"
        typer.echo(f"{where}; {reply.why_not or f'{reply.guest} may paste it'}:")
        typer.echo(reply.text)


def _read(text: str) -> str:
    """At most what a clipboard takes, and a byte to see that there is more."""
    from pocketvisor.guest.clipboard_wire import TEXT_MAX, problem

    if text == "-":
        try:
            text = sys.stdin.buffer.read(TEXT_MAX + 1).decode()
        except UnicodeDecodeError:
            raise _usage("What comes in is no text in UTF-8") from None
    if sentence := problem(text):
        raise _usage(sentence)
    return text


def _usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)
