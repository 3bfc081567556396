"""`pocketvisor bench`: the project's benchmarks, side by side with QEMU. They come with a clone alone."""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from pocketvisor.cli.output import EXIT_ERROR, Json, fail


def add_to(app: typer.Typer) -> None:
    app.command("bench")(bench)


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones; all if none is named.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repeats.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write all figures to a file, in JSON.")
    ] = None,
    json: Json = False,
) -> None:
    """Measure this machine's guests beside QEMU's."""
    import pocketvisor

    tests = Path(pocketvisor.__file__).resolve().parents[2] / "tests"
    if not (tests / "benchmarks" / "run.py").is_file():
        fail("The benchmarks come with a clone of Pocketvisor's repository, and this is none")
        raise typer.Exit(EXIT_ERROR)
    sys.path.insert(0, str(tests))
    code = importlib.import_module("benchmarks.run").run(
        names or [], quick=quick, json_file=out, printed=json
    )
    raise typer.Exit(code)
