"""The command line. One file a verb (verbs.py); this one turns errors into sentences.

Exit codes: 0 all went well, 1 an error that is told in one sentence, 2 wrong usage, 16 out of time, 130
interrupted.
"""

import io
import os
import sys
from typing import Annotated

import typer

from pocketvisor.cli.output import shown_errors, write_out
from pocketvisor.cli.verbs import Verbs

app = typer.Typer(
    cls=Verbs,
    name="pocketvisor",
    help="Virtual phones on the desktop: several guests on one emulated ARM handset.",
    epilog="With --json a verb answers with JSON alone on standard output; errors and questions are "
    "sentences on standard error. Exit codes: 0 all went well, 1 an error, 2 wrong usage, 16 out of time, "
    "130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from pocketvisor import __version__

        typer.echo(f"pocketvisor {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if debug:
        os.environ["POCKETVISOR_DEBUG"] = "1"


def main() -> None:
    """The `pocketvisor` command."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be any bytes
    try:
        with shown_errors():
            app()
    finally:
        with shown_errors():
            write_out()


if __name__ == "__main__":
    main()
