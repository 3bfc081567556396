"""`pocketvisor open`: a profile in the workbench, as a double click in a file manager does it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from pocketvisor.cli.output import Json, print_json


def add_to(app: typer.Typer) -> None:
    app.command("open")(open_file)


def open_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A profile: NAME.vphone.")],
    json: Json = False,
) -> None:
    """Run a profile in the workbench: in the one that is open, or in a new one."""
    from pocketvisor.cli.operations import ask_done
    from pocketvisor.cli.workbench import open_workbench_with
    from pocketvisor.control.server import NobodyListens
    from pocketvisor.control.workbench import RunFile
    from pocketvisor.profiles import find_profile, profile_info

    path = find_profile(os.fspath(file.expanduser().absolute()) if file.exists() else os.fspath(file))
    profile_info(path)  # what is no profile is told here
    sentence = ""
    with suppress(NobodyListens):
        sentence = ask_done(RunFile(str(path))).sentence
    if json:
        print_json({"name": path.stem, "path": str(path), "new_workbench": not sentence})
    elif sentence:
        typer.echo(sentence)
    if not sentence:
        raise typer.Exit(open_workbench_with(path))
