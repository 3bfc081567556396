"""What all verbs share: exit codes, errors as one sentence, tables and JSON.

With --json the answer is the one JSON value on standard output; what comes by and by ('receive', 'policy log
--follow', the steps of 'demo') is one a line. Errors, questions and consoles are on standard error, in words
as ever: where a verb failed, standard output is empty, unless what was found is the answer ('verify',
'attack').
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Final

import msgspec
import typer

from pocketvisor.errors import PocketvisorError

EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2
EXIT_TIMEOUT: Final = 16

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@contextmanager
def shown_errors() -> Iterator[None]:
    """One sentence on standard error for what the user can know, and exit code 1."""
    try:
        yield
    except (PocketvisorError, OSError) as error:
        if os.environ.get("POCKETVISOR_DEBUG"):
            raise
        if not isinstance(error, BrokenPipeError):  # else nobody reads: no complaint
            fail(str(error))
        try:
            write_out()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_ERROR)


def write_out() -> None:
    """What standard output still holds. Python would do it at its end, and complain there in its own way."""
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def fail(sentence: str) -> None:
    """Tells an error on standard error, if anybody is there; the exit code is the caller's."""
    with suppress(OSError):
        print(f"pocketvisor: {sentence}", file=sys.stderr)


def confirmed(question: str, in_json: bool) -> bool:
    """Whether it is meant. Raises typer.Abort where nobody answers."""
    if not in_json:
        return typer.confirm(question)
    return asked(f"{question} [y/N]").lower() in ("y", "yes")


def asked(question: str) -> str:
    """A line of whoever sits there. Raises typer.Abort where nobody answers."""
    # confirm(err=True) and prompt(err=True) would still put a space on standard output.
    typer.echo(f"{question}: ", nl=False, err=True)
    if not (line := sys.stdin.readline() if sys.stdin is not None else ""):
        raise typer.Abort()
    return line.strip()


def print_json(value: Any) -> None:
    try:
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    except UnicodeEncodeError:  # a file's name may be any bytes: escaped, they come out as they went in
        import json

        text = json.dumps(msgspec.to_builtins(value), indent=2)
    typer.echo(text)


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as they have to be; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(header), *cells]) for at in range(len(header))]
    right = [
        all(isinstance(row[at], int | float) for row in rows) and bool(rows) for at in range(len(header))
    ]
    for row in [list(header), *cells]:
        line = "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        typer.echo(line.rstrip())
