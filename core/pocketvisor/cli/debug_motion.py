"""Of `pocketvisor debug`: breakpoints, stopping, going on, going back."""

from typing import Annotated, Any

import typer

from pocketvisor.cli.debug_reach import ask, hexadecimal, usage
from pocketvisor.cli.output import Json, print_json, print_table

_KINDS = {"w": "write", "r": "read", "a": "access"}

Place = Annotated[str, typer.Argument(help="An expression: an address, a symbol.")]
Condition = Annotated[str, typer.Option("--if", help="Only where this expression is not 0.")]
Ignore = Annotated[int, typer.Option("--ignore", min=0, help="Pass so many hits first.")]
Temporary = Annotated[bool, typer.Option("--once", help="Gone once it has stopped.")]
Physical = Annotated[bool, typer.Option("--physical", "-p", help="A guest physical address.")]
Size = Annotated[int, typer.Option("--size", "-s", min=1, max=1 << 20, help="Bytes.")]


def add_to(app: typer.Typer) -> None:
    app.command("break")(break_at)
    app.command("watch")(watch)
    app.command("stops")(stops)
    app.command("delete")(delete)
    app.command("change")(change)
    app.command("pause")(_mover("pause", "Let it stand still, at an exact instruction."))
    app.command("continue")(continue_)
    app.command("step")(_counting("step", "Run so many instructions."))
    app.command("until")(until)
    app.command("reverse-step")(_counting("reverse-step", "Go so many instructions back."))
    app.command("reverse-continue")(_mover("reverse-continue", "Go back to the last breakpoint it passed."))
    app.command("last-write")(last_write)
    app.command("goto")(goto)
    app.command("present")(present)


def break_at(
    context: typer.Context,
    place: Place,
    condition: Condition = "",
    ignore: Ignore = 0,
    temporary: Temporary = False,
    physical: Physical = False,
    json: Json = False,
) -> None:
    """Stop before an instruction."""
    _add(context, "execute", place, 4, condition, ignore, temporary, physical, json)


def watch(
    context: typer.Context,
    place: Place,
    size: Size = 4,
    mode: Annotated[str, typer.Option("--mode", "-m", help="w: writes, r: reads, a: both.")] = "w",
    condition: Condition = "",
    ignore: Ignore = 0,
    temporary: Temporary = False,
    physical: Physical = False,
    json: Json = False,
) -> None:
    """Stop before an access to memory."""
    if mode not in _KINDS:
        raise usage(f"--mode: '{mode}' is none of w, r and a")
    _add(context, _KINDS[mode], place, size, condition, ignore, temporary, physical, json)


def _add(
    context: typer.Context,
    kind: str,
    place: str,
    size: int,
    condition: str,
    ignore: int,
    temporary: bool,
    physical: bool,
    json: bool,
) -> None:
    from pocketvisor.control import debug_calls as calls

    made = ask(
        context,
        calls.AddStop,
        list[dict[str, Any]],
        kind=kind,
        place=place,
        size=size,
        condition=condition,
        ignore=ignore,
        temporary=temporary,
        physical=physical,
    )
    print_json(made) if json else _table(made)


def stops(context: typer.Context, json: Json = False) -> None:
    """List breakpoints and watchpoints."""
    from pocketvisor.control import debug_calls as calls

    found = ask(context, calls.AskStops, list[dict[str, Any]])
    print_json(found) if json else _table(found)


def delete(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER|all")],
    json: Json = False,
) -> None:
    """Remove a breakpoint or watchpoint, or all of them."""
    from pocketvisor.control import debug_calls as calls

    if number != "all" and not (number.isascii() and number.isdigit() and 0 < int(number) < 1 << 31):
        raise usage(f"'{number}' is neither the number of a breakpoint nor 'all'")
    left = ask(context, calls.RemoveStop, list[dict[str, Any]], id=0 if number == "all" else int(number))
    print_json(left) if json else _table(left)


def change(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1)],
    enabled: Annotated[bool | None, typer.Option("--enable/--disable")] = None,
    condition: Annotated[str | None, typer.Option("--if", help="Another condition; '' for none.")] = None,
    ignore: Annotated[int | None, typer.Option("--ignore", min=0, help="Pass so many hits.")] = None,
    json: Json = False,
) -> None:
    """Change a breakpoint or watchpoint."""
    from pocketvisor.control import debug_calls as calls

    changed = ask(
        context,
        calls.ChangeStop,
        list[dict[str, Any]],
        id=number,
        enabled=enabled,
        condition=condition,
        ignore=ignore,
    )
    print_json(changed) if json else _table(changed)


def _table(found: list[dict[str, Any]]) -> None:
    if not found:
        typer.echo("No breakpoints or watchpoints")
        return
    rows = []
    for stop in found:
        where = hexadecimal(stop["address"]) + (" physical" if stop["physical"] else "")
        if stop["place"] and stop["place"] != hexadecimal(stop["address"]):
            where += f" {stop['place']}"
        state = ("on" if stop["enabled"] else "off") + (" once" if stop["temporary"] else "")
        more = f"if {stop['condition']}" if stop["condition"] else ""
        more += f" (ignores {stop['ignore']})" if stop["ignore"] else ""
        more += f" ({stop['problem']})" if stop["problem"] else ""
        rows.append(
            (stop["id"], stop["kind"], where, stop["size"], state, stop["hits"], stop["origin"], more)
        )
    print_table(("NO", "KIND", "ADDRESS", "SIZE", "STATE", "HITS", "BY", "CONDITION"), rows)


def _mover(how: str, sentence: str) -> Any:
    def verb(context: typer.Context, json: Json = False) -> None:
        _move(context, json, how=how)

    verb.__doc__ = sentence
    return verb


def _counting(how: str, sentence: str) -> Any:
    def verb(
        context: typer.Context,
        count: Annotated[int, typer.Argument(min=1, max=1_000_000)] = 1,
        json: Json = False,
    ) -> None:
        _move(context, json, how=how, count=count)

    verb.__doc__ = sentence
    return verb


def continue_(
    context: typer.Context,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it stops again.")] = False,
    json: Json = False,
) -> None:
    """Let it run on. With --wait, Ctrl+C pauses it again."""
    from pocketvisor.control import debug_calls as calls

    if wait:
        _move(context, json, how="continue")
        return
    _stand(ask(context, calls.Move, calls.Standing, how="continue", wait=False), json)


def present(context: typer.Context, json: Json = False) -> None:
    """Leave the past: look at the guest as it is. It runs on if it did."""
    from pocketvisor.control import debug_calls as calls

    _stand(ask(context, calls.Move, calls.Standing, how="present"), json)


def _stand(shown: Any, json: bool) -> None:
    from pocketvisor.cli.debug import described_standing

    print_json(shown) if json else typer.echo("\n".join(described_standing(shown)))


def until(context: typer.Context, place: Place, json: Json = False) -> None:
    """Run to an instruction, or to a breakpoint before it."""
    _move(context, json, how="until", place=place)


def last_write(
    context: typer.Context, place: Place, size: Size = 4, physical: Physical = False, json: Json = False
) -> None:
    """Go back to the instruction that wrote these bytes last."""
    _move(context, json, how="last-write", place=place, size=size, physical=physical)


def goto(
    context: typer.Context,
    moment: Annotated[str, typer.Argument(help="A position, or a time of the guest's such as 12.5s.")],
    json: Json = False,
) -> None:
    """Look at the guest as it was at a moment that was recorded."""
    _move(context, json, how="goto", place=moment)


def _move(context: typer.Context, json: bool, **words: Any) -> None:
    from pocketvisor.control import debug_calls as calls

    halt = ask(context, calls.Move, calls.Halt, **words)
    if json:
        print_json(halt)
        return
    typer.echo(f"{halt.sentence}; position {halt.position}{', in the past' if halt.in_past else ''}")
    if halt.code:
        label = f" {halt.label}" if halt.label else ""
        typer.echo(f"=> {halt.pc:08x}{label}  {halt.code}")
