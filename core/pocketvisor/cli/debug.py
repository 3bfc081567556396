"""`pocketvisor debug GUEST VERB`: a guest of the open workbench, of `pocketvisor run --headless` or of a
profile's run, seen from inside. This file has the group and the verbs that look and change."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli import debug_inside, debug_motion, debug_record, debug_trace
from pocketvisor.cli.debug_reach import Target, ask, hexadecimal, parsed_bytes, usage
from pocketvisor.cli.output import Json, print_json, print_table

debug_app = typer.Typer(
    name="debug",
    help="""See inside a guest: registers, memory, breakpoints, symbols, its past.

    GUEST is a guest's name or id, or a profile's file. Addresses and values are expressions, such as
    0xc0008000, '$sp + 8', printk, or '*(u32*)$r1'. See docs/debugging.md.""",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_SIGNED = {"ignore_unknown_options": True}
"""-1 is a value, not an option."""

Physical = Annotated[bool, typer.Option("--physical", "-p", help="A guest physical address.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(debug_app)
    for part in (debug_motion, debug_inside, debug_trace, debug_record):
        part.add_to(debug_app)


@debug_app.callback()
def _guest(
    context: typer.Context,
    guest: Annotated[str, typer.Argument(metavar="GUEST", help="Its name or id, or a profile's file.")],
    handset: Annotated[str, typer.Option("--handset", help="Its handset, where several have it.")] = "",
) -> None:
    context.obj = Target(guest, handset)


@debug_app.command("status")
def status(context: typer.Context, json: Json = False) -> None:
    """Whether it runs, where it stands, and whether it is recorded."""
    from pocketvisor.control import debug_calls as calls

    shown = ask(context, calls.AskDebug, calls.Standing)
    if json:
        print_json(shown)
    else:
        typer.echo("\n".join(described_standing(shown)))


def described_standing(shown: Any) -> list[str]:
    """For people."""
    where = f"at position {shown.position}" if shown.position is not None else f"at tick {shown.ticks}"
    lines = [f"{shown.guest} is {shown.state}, {where}, {shown.clock_ns / 1e9:.6f} s of its time"]
    if shown.in_past:
        lines.append("  what is looked at is its past")
    if shown.recording:
        lines.append("  it is recorded")
    if shown.gdb:
        lines.append(f"  gdb: {shown.gdb}")
    if shown.sentence:
        lines.append(f"  {shown.sentence}")
    return lines


@debug_app.command("regs")
def regs(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Only these.")] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="Banked, VFP and CP15 registers too.")] = False,
    json: Json = False,
) -> None:
    """Show registers."""
    from pocketvisor.control import debug_calls as calls

    registers = ask(context, calls.AskRegisters, dict[str, int])
    wanted = [name.removeprefix("$").lower() for name in names or ()]
    for name in wanted:
        if name not in registers:
            raise usage(f"There is no register '{name}'")
    if not wanted:
        wanted = list(registers) if every else [name for name in registers if name in _CORE]
    if json:
        print_json({name: registers[name] for name in wanted})
        return
    for at in range(0, len(wanted), 4):
        cells = (f"{name:>10} {_shown(name, registers[name])}" for name in wanted[at : at + 4])
        typer.echo(" ".join(cells).rstrip())
    if "cpsr" in wanted:
        typer.echo(f"{'':>10} {described_cpsr(registers['cpsr'])}")


_CORE = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc", "cpsr", "spsr")
_MODES = {
    0x10: "user",
    0x11: "FIQ",
    0x12: "IRQ",
    0x13: "supervisor",
    0x17: "abort",
    0x1B: "undefined",
    0x1F: "system",
}


def _shown(name: str, value: int) -> str:
    return f"0x{value:016x}" if name[0] == "d" and name[1:].isdigit() else hexadecimal(value)


def described_cpsr(value: int) -> str:
    """Flags in capitals where they are set, the state and the mode."""
    flags = "".join(
        letter if value >> bit & 1 else letter.lower()
        for letter, bit in (("N", 31), ("Z", 30), ("C", 29), ("V", 28), ("Q", 27))
    )
    masked = [name for name, bit in (("IRQ", 7), ("FIQ", 6), ("abort", 8)) if value >> bit & 1]
    state = "Thumb" if value >> 5 & 1 else "ARM"
    return (
        f"{flags} {state} {_MODES.get(value & 0x1F, 'impossible')} mode"
        f"{', masked: ' + ', '.join(masked) if masked else ''}"
    )


@debug_app.command("set", context_settings=_SIGNED)
def set_register(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A register.")],
    value: Annotated[str, typer.Argument(help="An expression.")],
    json: Json = False,
) -> None:
    """Change a register of a guest that stands still."""
    from pocketvisor.control import debug_calls as calls

    shown = ask(context, calls.SetRegister, calls.Value, name=name, value=value)
    print_json(shown) if json else typer.echo(f"{name} {hexadecimal(shown.value)}")


@debug_app.command("eval", context_settings=_SIGNED)
def evaluate(
    context: typer.Context,
    expression: Annotated[list[str], typer.Argument(help="Registers, memory, symbols, C's operators.")],
    json: Json = False,
) -> None:
    """Work out an expression."""
    from pocketvisor.control import debug_calls as calls

    shown = ask(context, calls.Evaluate, calls.Value, text=" ".join(expression))
    if json:
        print_json(shown)
    else:
        typer.echo(f"{shown.value} {hexadecimal(shown.value)} {shown.label}".rstrip())


@debug_app.command("read")
def read(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An expression.")],
    size: Annotated[int, typer.Argument(min=1, max=1 << 20, help="Bytes.")] = 64,
    physical: Physical = False,
    raw: Annotated[Path | None, typer.Option("--output", "-o", help="Write the bytes to a file.")] = None,
    json: Json = False,
) -> None:
    """Show memory."""
    from pocketvisor.control import debug_calls as calls

    shown = ask(context, calls.ReadMemory, calls.Memory, address=address, size=size, physical=physical)
    if raw is not None:
        raw.write_bytes(shown.data)
        typer.echo(f"{len(shown.data)} bytes in {raw}")
    elif json:
        print_json({"address": shown.address, "physical": shown.physical, "data": shown.data.hex()})
    else:
        typer.echo("\n".join(dumped(shown.address, shown.data)))
        if len(shown.data) < size:
            typer.echo(f"{shown.address + len(shown.data):08x}  nothing is mapped from here on")


def dumped(address: int, data: bytes) -> list[str]:
    """As `hexdump -C`, in words."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        words = " ".join(row[word : word + 4].hex(" ") for word in range(0, len(row), 4))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{(address + at) & 0xFFFFFFFF:08x}  {words:<47}  {text}")
    return lines


@debug_app.command("write", context_settings=_SIGNED)
def write(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An expression.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VALUE...]", help="Numbers, or a text in quotes ('\"text\"')."),
    ] = None,
    width: Annotated[int, typer.Option("--width", "-w", help="Bytes of each number: 1, 2, 4 or 8.")] = 4,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="The content of a file instead.")] = None,
    physical: Physical = False,
    json: Json = False,
) -> None:
    """Change memory of a guest that stands still."""
    from pocketvisor.control import debug_calls as calls

    if (file is None) == (not values):
        raise usage("Give values, or --file")
    data = file.read_bytes() if file is not None else parsed_bytes(values or [], width)
    if not 1 <= len(data) <= 1 << 20:
        raise usage("From 1 byte to 1 MiB can be written at once")
    shown = ask(context, calls.WriteMemory, calls.Memory, address=address, data=data, physical=physical)
    if json:
        print_json({"address": shown.address, "size": len(data)})
    else:
        typer.echo("\n".join(dumped(shown.address, shown.data[:64])))


@debug_app.command("disas")
def disas(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An expression.")] = "$pc",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000)] = 10,
    before: Annotated[int, typer.Option("--before", "-b", min=0, max=1000)] = 0,
    thumb: Annotated[bool | None, typer.Option("--thumb/--arm", help="Else as symbols and CPSR say.")] = None,
    json: Json = False,
) -> None:
    """Show instructions, with symbols and source lines."""
    from pocketvisor.control import debug_calls as calls

    lines = ask(
        context,
        calls.Disassemble,
        list[calls.CodeLine],
        address=address,
        count=count,
        before=before,
        thumb=thumb,
    )
    if json:
        print_json(lines)
        return
    function, source = "", ("", 0)
    for line in lines:
        if line.label and line.label.partition("+")[0] != function:
            function = line.label.partition("+")[0]
            typer.echo(f"{line.label}:")
        if line.file and (line.file, line.line) != source:
            source = (line.file, line.line)
            typer.echo(f"    {line.file}:{line.line}")
        mark = ("*" if line.stop else " ") + ("=>" if line.here else "  ")
        typer.echo(f"{mark} {line.address:08x}  {line.raw:<9}  {line.text}")


@debug_app.command("page")
def page(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An expression; without one, all that is mapped.")] = "",
    json: Json = False,
) -> None:
    """Show what maps an address, with which rights; or all that is mapped."""
    from pocketvisor.control import debug_calls as calls

    if not address:
        ranges = ask(context, calls.AskPages, list[calls.PageRange])
        if json:
            print_json(ranges)
            return
        rows = [
            (
                f"{each.address:08x}-{each.address + each.size - 1:08x}",
                f"{each.physical:08x}",
                f"{each.size >> 10} KiB",
                f"{each.page >> 10} KiB",
                each.privileged,
                each.user,
                each.memory,
            )
            for each in ranges
        ]
        print_table(("VIRTUAL", "PHYSICAL", "SIZE", "PAGES", "KERNEL", "USER", "MEMORY"), rows)
        return
    walk = ask(context, calls.AskPages, calls.PageWalk, address=address)
    if json:
        print_json(walk)
        return
    typer.echo(walk.tables)
    for step in walk.steps:
        typer.echo(
            f"  level {step.level}  at {step.address:08x}  descriptor {step.descriptor:08x}  {step.meaning}"
        )
    if walk.physical is None:
        typer.echo(f"{walk.address:08x}: {walk.sentence}")
        return
    typer.echo(
        f"{walk.address:08x} is physical {walk.physical:08x}, in {walk.size >> 10} KiB: {walk.sentence}"
    )
    typer.echo(f"  kernel {walk.privileged}, user {walk.user}, {walk.memory}")
    if walk.domain is not None:
        typer.echo(f"  domain {walk.domain}: {walk.domain_access}")
