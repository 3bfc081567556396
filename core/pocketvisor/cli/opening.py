"""`pocketvisor open`: a profile in the workbench, as a double click in a file manager does it."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, fail


def add_to(app: typer.Typer) -> None:
    app.command("open")(open_file)


def open_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A profile: NAME.vphone.")],
) -> None:
    """Run a profile in the workbench: in the one that is open, or in a new one."""
    from pocketvisor.cli.workbench import open_workbench_with
    from pocketvisor.control.server import NobodyListens, call
    from pocketvisor.control.workbench import Done, RunFile
    from pocketvisor.profiles import find_profile, profile_info

    path = find_profile(os.fspath(file.expanduser().absolute()) if file.exists() else os.fspath(file))
    profile_info(path)  # what is no profile is told here
    try:
        reply = asyncio.run(call(RunFile(str(path))))
    except NobodyListens:
        raise typer.Exit(open_workbench_with(path)) from None
    if not isinstance(reply, Done):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    typer.echo(reply.sentence)
