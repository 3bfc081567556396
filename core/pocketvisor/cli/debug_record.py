"""Of `pocketvisor debug`: a guest's past, and gdb."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli.debug_reach import ask, usage
from pocketvisor.cli.output import Json, print_json

_ACTIONS = ("status", "start", "stop", "list", "keep", "export", "branch")


def add_to(app: typer.Typer) -> None:
    app.command("record")(record)
    app.command("gdb")(gdb)


def record(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="[ACTION]", help=", ".join(_ACTIONS))] = "status",
    value: Annotated[str, typer.Argument(metavar="[FILE|NAME]", help="Of export, and of branch.")] = "",
    json: Json = False,
) -> None:
    """Record a guest's life, to go back in it.

    start, stop; list: the moments that can be shown at once; keep: into its profile; export FILE: for
    'pocketvisor run --replay'; branch NAME: another guest goes on from the moment that is looked at.
    """
    from pocketvisor.control import debug_calls as calls

    if action not in _ACTIONS:
        raise usage(f"'{action}' is none of {', '.join(_ACTIONS)}")
    if bool(value) != (action in ("export", "branch")):
        raise usage(f"'{action}' takes {'one' if action in ('export', 'branch') else 'no'} value")
    words: dict[str, Any] = {"how": "status" if action == "list" else action}
    if action == "export":
        words["path"] = str(Path(value).absolute())
    elif action == "branch":
        words["name"] = value
    shown = ask(context, calls.Record, calls.RecordingShown, **words)
    if json:
        print_json(shown)
        return
    if shown.sentence:
        typer.echo(shown.sentence)
    if not shown.moments:
        typer.echo("recorded" if shown.recording else "not recorded")
        return
    seconds = (shown.moments[-1].clock_ns - shown.moments[0].clock_ns) / 1e9
    typer.echo(
        f"{'recorded' if shown.recording else 'no longer recorded'}: positions {shown.begin} to {shown.end}, "
        f"{len(shown.moments)} moments over {seconds:.1f} s, {shown.size_bytes / (1 << 20):.1f} MiB"
    )
    if shown.in_past:
        typer.echo(f"what is looked at is position {shown.position}, in the past")
    if action == "list":
        for moment in shown.moments:
            typer.echo(f"  position {moment.position}  {moment.clock_ns / 1e9:.6f} s")


def gdb(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="[PORT|PATH]", help="Where to listen; else at a free port.")
    ] = "",
    token: Annotated[str, typer.Option(help="What a gdb has to say first.")] = "",
    close: Annotated[bool, typer.Option("--close", help="Listen no longer; hang up.")] = False,
    json: Json = False,
) -> None:
    """Let gdb attach, and show the command to paste."""
    from pocketvisor.control import debug_calls as calls

    if close and (address or token):
        raise usage("--close takes nothing else")
    if "/" in address:
        address = str(Path(address).absolute())
    shown = ask(context, calls.SetGdb, calls.GdbShown, open=not close, address=address, token=token)
    if json:
        print_json(shown)
    else:
        typer.echo(shown.command or "No gdb can attach any more")
