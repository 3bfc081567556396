"""Of `pocketvisor debug`: call stack, symbols, what a Linux guest has in its memory, GIC and timers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli.debug_reach import ask, hexadecimal, parsed_bytes, usage
from pocketvisor.cli.output import Json, print_json, print_table


def add_to(app: typer.Typer) -> None:
    app.command("where")(where)
    app.command("symbols")(symbols)
    app.command("statics")(statics)
    app.command("print")(variables)
    app.command("find")(find)
    app.command("tasks")(tasks)
    app.command("modules")(modules)
    app.command("log")(log)
    app.command("board")(board)


def where(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 64,
    pid: Annotated[
        int | None, typer.Option(min=0, help="Of this task of a Linux guest, where it waits.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the call stack."""
    from pocketvisor.control import debug_calls as calls

    frames = ask(context, calls.AskStack, list[calls.StackFrame], limit=limit, pid=pid)
    if json:
        print_json(frames)
        return
    for number, frame in enumerate(frames):
        source = f"  {frame.file}:{frame.line}" if frame.file else ""
        typer.echo(f"#{number:<3} {frame.pc:08x} {frame.label or '?'}{source}")


def symbols(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="Names that begin so; without one, the files.")] = "",
    add: Annotated[
        Path | None, typer.Option("--add", help="ELF, System.map, a kernel's debug package.")
    ] = None,
    own: Annotated[
        bool,
        typer.Option("--own", help="The guest's own: its ELF file's, or a Linux kernel's, out of memory."),
    ] = False,
    bias: Annotated[str, typer.Option(help="How far the file's addresses are from those in memory.")] = "0",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:
    """Look for symbols, or add a file that has them."""
    from pocketvisor.control import debug_calls as calls

    if add is not None or own:
        if add is not None and own:
            raise usage("--add and --own do not go together")
        try:
            distance = int(bias, 0)
        except ValueError:
            raise usage(f"--bias: '{bias}' is no number") from None
        path = str(add.absolute()) if add is not None else ""
        layers = ask(context, calls.AddSymbols, list[calls.SymbolLayer], path=path, bias=distance)
        print_json(layers) if json else _show_layers(layers)
        return
    if not prefix:
        layers = ask(context, calls.AskLayers, list[calls.SymbolLayer])
        print_json(layers) if json else _show_layers(layers)
        return
    found = ask(context, calls.AskSymbols, list[calls.Symbol], prefix=prefix, limit=limit)
    if json:
        print_json(found)
        return
    for symbol in found:
        typer.echo(f"{symbol.address:08x} {symbol.size:8} {symbol.kind:<8} {symbol.name}")


def statics(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="Names that begin so.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:
    """Show variables of static storage, with types and values where debug information tells them."""
    from pocketvisor.control import debug_calls as calls

    found = ask(context, calls.AskStatics, list[calls.Static], prefix=prefix, limit=limit)
    if json:
        print_json(found)
        return
    for static in found:
        source = f"  ; {static.file}:{static.line}" if static.file else ""
        kind = f"{static.type} " if static.type else ""
        value = f" = {static.value}" if static.value else ""
        typer.echo(f"{static.address:08x} {kind}{static.name}{value}{source}")


def _show_layers(layers: list[Any]) -> None:
    if not layers:
        typer.echo("No symbols are known: add a file with --add, or the guest's own with --own")
    for layer in layers:
        span = f"{hexadecimal(layer.start)} to {hexadecimal(layer.end)}"
        typer.echo(f"{layer.name}: {layer.symbols} symbols, {span}")
        if layer.sentence:
            typer.echo(f"  {layer.sentence}")


def variables(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of a static variable; without one, all of them.")] = "",
    json: Json = False,
) -> None:
    """Show a static variable, as the debug information of its file tells its type."""
    from pocketvisor.control import debug_calls as calls

    found = ask(context, calls.AskVariables, list[calls.Variable], name=name)
    if json:
        print_json(found)
        return
    if not found:
        typer.echo("No file of symbols tells of variables: add one with debug information")
    for each in found:
        if name:
            typer.echo(f"{each.type} {each.name} = {each.value}  at {hexadecimal(each.address)}")
        else:
            typer.echo(f"{each.address:08x} {each.size:8} {each.type} {each.name}  {each.file}:{each.line}")


def find(
    context: typer.Context,
    values: Annotated[list[str], typer.Argument(metavar="VALUE...", help="As for 'write'.")],
    width: Annotated[int, typer.Option("--width", "-w", help="Bytes of each number: 1, 2, 4 or 8.")] = 4,
    start: Annotated[str, typer.Option("--from", help="An expression; else all of its RAM.")] = "",
    size: Annotated[int, typer.Option("--size", "-s", min=1, max=1 << 32, help="Bytes, with --from.")] = 1
    << 20,
    physical: Annotated[bool, typer.Option("--physical", "-p", help="By physical address.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 100,
    json: Json = False,
) -> None:
    """Look for numbers or a text in memory."""
    from pocketvisor.control import debug_calls as calls

    data = parsed_bytes(values, width)
    if not 1 <= len(data) <= 4096:
        raise usage("From 1 to 4096 bytes can be looked for")
    words: dict[str, Any] = {
        "data": data,
        "address": start,
        "size": size,
        "physical": physical,
        "limit": limit,
    }
    found = ask(context, calls.Find, list[calls.Found], **words)
    if json:
        print_json(found)
        return
    if not found:
        typer.echo("It is nowhere there")
    for each in found:
        typer.echo(f"{each.address:08x} {each.label}".rstrip())


def tasks(context: typer.Context, json: Json = False) -> None:
    """List a Linux guest's tasks, out of its memory."""
    from pocketvisor.control import debug_calls as calls

    found = ask(context, calls.AskLinux, list[calls.LinuxTask], what="tasks")
    if json:
        print_json(found)
        return
    rows = [
        (
            f"{'*' if task.current else ''}{task.pid}",
            task.parent,
            task.state,
            task.name,
            hexadecimal(task.address),
        )
        for task in found
    ]
    print_table(("PID", "PARENT", "STATE", "NAME", "AT"), rows)


def modules(context: typer.Context, json: Json = False) -> None:
    """List a Linux guest's modules, out of its memory."""
    from pocketvisor.control import debug_calls as calls

    found = ask(context, calls.AskLinux, list[calls.LinuxModule], what="modules")
    if json:
        print_json(found)
        return
    rows = [(module.name, hexadecimal(module.base), module.size) for module in found]
    print_table(("NAME", "BASE", "SIZE"), rows)


def log(context: typer.Context, json: Json = False) -> None:
    """Show a Linux guest's kernel log, out of its memory."""
    from pocketvisor.control import debug_calls as calls

    lines = ask(context, calls.AskLinux, list[calls.LogLine], what="log")
    if json:
        print_json(lines)
        return
    for line in lines:
        typer.echo(f"[{line.seconds:12.6f}] {line.text}")


def board(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", "-a", help="All interrupts.")] = False,
    json: Json = False,
) -> None:
    """Show the interrupt controller and the timers."""
    from pocketvisor.control import debug_calls as calls
    from pocketvisor.debug.board_state import BoardState

    state = ask(context, calls.AskBoard, BoardState)
    if json:
        print_json(state)
        return
    typer.echo(f"{state.clock_ns / 1e9:.6f} s of the guest's time; the counter is {state.count}")
    for timer in state.timers:
        how = (
            "off" if not timer.enabled else "rings" if timer.met else f"in {(timer.due_ns or 0) / 1e6:.3f} ms"
        )
        masked = ", masked" if timer.masked else ""
        typer.echo(
            f"  {timer.name} timer, interrupt {timer.interrupt}: {how}{masked}, compares {timer.compare}"
        )
    if state.gic is None:
        return
    gic = state.gic
    running = "none active" if gic.running_priority > 0xFF else f"running {gic.running_priority:#04x}"
    typer.echo(
        f"GIC: distributor {_on(gic.forwards)}, CPU interface {_on(gic.signals)}, "
        f"priority mask {gic.priority_mask:#04x}, {running}, IRQ {'raised' if gic.signalled else 'quiet'}"
    )
    rows = [
        (
            each.number,
            each.name,
            each.device,
            "on" if each.enabled else "off",
            "pending" if each.pending else "",
            "active" if each.active else "",
            "edge" if each.edge else "level",
            f"{each.priority:#04x}",
        )
        for each in gic.interrupts
        if every or (not each.quiet and each.number >= 16) or each.pending or each.active
    ]
    print_table(("NO", "NAME", "DEVICE", "STATE", "PENDING", "ACTIVE", "KIND", "PRIORITY"), rows)


def _on(value: bool) -> str:
    return "on" if value else "off"
