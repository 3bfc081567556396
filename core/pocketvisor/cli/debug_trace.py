"""Of `pocketvisor debug`: what a guest did, written down while it runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli.debug_reach import ask, usage
from pocketvisor.cli.output import Json, print_json, print_table

_KINDS = ("mmio", "exceptions", "coverage", "profile")
_FORMATS = {"coverage": ("drcov", "lcov"), "profile": ("folded", "svg", "html"), "exceptions": ("chrome",)}

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="The newest.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write it to a file.")]


def add_to(app: typer.Typer) -> None:
    app.command("trace")(trace)
    app.command("mmio")(mmio)
    app.command("exceptions")(exceptions)
    app.command("coverage")(coverage)
    app.command("profile")(profile)
    app.command("counters")(counters)


def trace(
    context: typer.Context,
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND...|off]", help=", ".join(_KINDS))
    ] = None,
    json: Json = False,
) -> None:
    """Begin to write down what a guest does, or end it with 'off'."""
    from pocketvisor.cli.debug import described_standing
    from pocketvisor.control import debug_calls as calls

    wanted = kinds or list(_KINDS)
    if wanted == ["off"]:
        wanted = []
    for kind in wanted:
        if kind not in _KINDS:
            raise usage(f"'{kind}' is none of {', '.join(_KINDS)}")
    shown = ask(context, calls.SetTracing, calls.Standing, kinds=wanted)
    print_json(shown) if json else typer.echo("\n".join(described_standing(shown)))


def mmio(context: typer.Context, limit: Limit = 100, json: Json = False) -> None:
    """Show accesses to devices, with the registers' names."""
    rows = _rows(context, "mmio", limit)
    if json:
        print_json(rows)
        return
    for row in rows:
        arrow = "<-" if row["write"] else "->"
        digits = 2 * row["size"]
        where = f"{row['device']} {row['register'] or format(row['offset'], '#x')}"
        typer.echo(f"{row['position']:>16}  {row['pc']:08x}  {where:<32} {arrow} {row['value']:0{digits}x}")


def exceptions(context: typer.Context, output: Output = None, limit: Limit = 100, json: Json = False) -> None:
    """Show exceptions and interrupts that were taken, or write them for Chrome's trace viewer."""
    if _written(context, "exceptions", output, "chrome", json):
        return
    rows = _rows(context, "exceptions", limit)
    if json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(
            f"{row['position']:>16}  {row['clock_ns'] / 1e9:12.6f} s  {row['pc']:08x}  {row['kind']}  "
            f"{row['text']}"
        )


def coverage(
    context: typer.Context,
    output: Output = None,
    form: Annotated[str, typer.Option("--format", help="drcov or lcov.")] = "drcov",
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show which functions were executed, or write all blocks to a file for other tools."""
    if _written(context, "coverage", output, form, json):
        return
    rows = _rows(context, "coverage", limit)
    if json:
        print_json(rows)
    else:
        print_table(("BLOCKS", "BYTES", "FUNCTION"), [(r["blocks"], r["bytes"], r["name"]) for r in rows])


def profile(
    context: typer.Context,
    output: Output = None,
    form: Annotated[str, typer.Option("--format", help="folded, svg or html.")] = "folded",
    limit: Limit = 30,
    json: Json = False,
) -> None:
    """Show where a guest spends its time, or write its stacks or a flame graph to a file."""
    if _written(context, "profile", output, form, json):
        return
    rows = _rows(context, "profile", limit)
    if json:
        print_json(rows)
    else:
        print_table(
            ("SELF", "TOTAL", "FUNCTION"),
            [(f"{r['self']:.1%}", f"{r['total']:.1%}", r["name"]) for r in rows],
        )


def counters(context: typer.Context, json: Json = False) -> None:
    """Show counts of exits, faults and accesses to devices."""
    rows = _rows(context, "counters", 10_000)
    if json:
        print_json(rows)
        return
    print_table(("COUNT", "OF"), [(row["count"], row["name"]) for row in rows if row["count"]])


def _rows(context: typer.Context, what: str, limit: int) -> list[dict[str, Any]]:
    from pocketvisor.control import debug_calls as calls

    rows = ask(context, calls.AskTrace, list[dict[str, Any]], what=what, limit=limit)
    if not rows:
        typer.echo(f"Nothing was written down: 'trace {what}' begins it", err=True)
    return rows


def _written(context: typer.Context, what: str, output: Path | None, form: str, json: bool) -> bool:
    """Whether it went to a file."""
    from pocketvisor.control import debug_calls as calls

    if form not in _FORMATS[what]:
        raise usage(f"--format: '{form}' is none of {', '.join(_FORMATS[what])}")
    if output is None:
        return False
    path = str(output.absolute())
    written = ask(context, calls.AskTrace, calls.Written, what=what, path=path, format=form)
    print_json(written) if json else typer.echo(f"{written.bytes} bytes in {written.path}")
    return True
