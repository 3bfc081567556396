"""`pocketvisor run`: guests on a handset, without a window or in the workbench. Its options are those of all
verbs that start guests."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from pocketvisor.cli.options import with_options_of
from pocketvisor.cli.output import EXIT_USAGE, Json, fail

if TYPE_CHECKING:
    from pocketvisor.cli.plan import RunPlan

DEFAULT_MODEL = "nexus-one"


def add_to(app: typer.Typer) -> None:
    app.command("run")(run)


def asked_plan(
    guests: Annotated[list[str] | None, typer.Argument(metavar="GUEST...", help="By id or name.")] = None,
    handset: Annotated[str, typer.Option("--handset", help="A model, or a model's file.")] = DEFAULT_MODEL,
    until: Annotated[str | None, typer.Option(help="End when this comes behind the last typed line.")] = None,
    typed: Annotated[
        list[str] | None, typer.Option("--type", help="Type a line at the next prompt; may be repeated.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="What a prompt is; else '# ', '$ ' or '=> ' at a line's end.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0.0, help="Seconds to give up after (16).")] = None,
    screenshot: Annotated[Path | None, typer.Option(help="Write the panel to a PNG at the end.")] = None,
    ticks: Annotated[int | None, typer.Option(min=0, help="End at the first block at or after it.")] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="The same run every time.")] = False,
    rate: Annotated[str, typer.Option(help="'model', 'max' or a number of MIPS.")] = "model",
    record: Annotated[Path | None, typer.Option(help="Write all that enters the guest to a file.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Run a recording again, compare the end.")] = None,
    digest: Annotated[bool, typer.Option("--digest", help="Print ticks and RAM digest at the end.")] = False,
    json: Json = False,
    display: Annotated[
        str | None, typer.Option(help="'framebuffer', 'gpu' or 'ramfb'; else as the guest wants it.")
    ] = None,
    device: Annotated[
        list[Path] | None, typer.Option("--device", help="A device of your own, a Python file; repeatable.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            help="'rng', 'balloon', 'console', 'modem', 'clipboard' (phones have both), 'vsock'; repeatable.",
        ),
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(
            "--port",
            metavar="NAME=unix:PATH",
            help="A channel of the virtio console, to a socket made there; repeatable.",
        ),
    ] = None,
    vsock: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A virtio socket device: its sockets are in DIR.")
    ] = None,
    offer: Annotated[
        list[str] | None,
        typer.Option(
            "--offer",
            metavar="NAME=PORT",
            help="A service for the handset's other guests: they connect to that vsock port; repeatable.",
        ),
    ] = None,
    disk: Annotated[
        list[str] | None,
        typer.Option(
            "--disk",
            metavar="FILE[,format=raw|qcow2][,mode=overlay|read-only|direct][,keep=yes]",
            help="A disk's image, which the guest does not change unless its mode is 'direct'; repeatable.",
        ),
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="none|user|switch:NAME", help="A network card, and what it is on.")
    ] = None,
    forward: Annotated[
        list[str] | None,
        typer.Option("--forward", metavar="tcp:8080:80", help="A port of this machine's; repeatable."),
    ] = None,
    radio: Annotated[
        str | None, typer.Option(help="What its link is like: none, 2g, 3g, wifi or off.")
    ] = None,
    capture: Annotated[
        Path | None, typer.Option(help="Write all frames to a file that Wireshark reads.")
    ] = None,
    mac: Annotated[str | None, typer.Option(help="The card's address; else one made of its name.")] = None,
    reach_host: Annotated[
        bool, typer.Option("--reach-host", help="This machine's services are at the gateway's address.")
    ] = False,
    legacy_virtio: Annotated[
        bool, typer.Option("--legacy-virtio", help="For guests from before VIRTIO 1.0.")
    ] = False,
    phone: Annotated[
        bool | None,
        typer.Option("--phone/--no-phone", help="With battery, GPS and accelerometer or without."),
    ] = None,
    battery: Annotated[float | None, typer.Option(help="The handset's battery, percent.")] = None,
    charging: Annotated[
        bool | None, typer.Option("--charging/--discharging", help="A charger is connected or not.")
    ] = None,
    location: Annotated[
        str | None, typer.Option(metavar="LAT,LON[,ALT]", help="Where the handset is.")
    ] = None,
    rotate: Annotated[int | None, typer.Option(help="Degrees that it is turned clockwise.")] = None,
    signal: Annotated[int | None, typer.Option(help="Bars from 0 to 4, or dBm below 0.")] = None,
    ram: Annotated[int | None, typer.Option(min=1, max=2048, help="RAM in MiB, of each guest.")] = None,
    kernel: Annotated[Path | None, typer.Option(help="A kernel: zImage, Image, uImage, ...")] = None,
    initrd: Annotated[Path | None, typer.Option(help="Its initial RAM disk.")] = None,
    append: Annotated[str | None, typer.Option(help="Its command line.")] = None,
    dtb: Annotated[Path | None, typer.Option(help="Its device tree, instead of the board's.")] = None,
    elf: Annotated[Path | None, typer.Option(help="A bare-metal ELF file.")] = None,
    firmware: Annotated[Path | None, typer.Option(help="Firmware, in flash at 0.")] = None,
    semihosting: Annotated[bool, typer.Option("--semihosting", help="Answer ARM semihosting calls.")] = False,
    flash: Annotated[Path | None, typer.Option(help="Keeps what firmware writes to flash.")] = None,
) -> "RunPlan":
    """What these options come to. Raises typer.Exit where they contradict each other; PocketvisorError."""
    for name, expression in (("--until", until), ("--prompt", prompt)):
        _check_expression(name, expression)
    if record is not None and replay is not None:
        raise _usage("--record and --replay do not go together")
    own = [path for path in (kernel, elf, firmware) if path is not None]
    if not guests and not own:
        raise _usage("Name a guest ('pocketvisor guests list') or give --kernel, --elf or --firmware")
    if len(own) > 1 and (firmware is None or elf is not None):  # firmware may be handed a kernel to boot
        raise _usage("Give one of --kernel, --elf and --firmware; only --firmware goes with --kernel")
    if not own and (initrd is not None or dtb is not None):
        raise _usage("--initrd and --dtb go with --kernel, --elf or --firmware")
    from pocketvisor.guest import nursery

    nursery.warm()  # while all that this process needs is loaded

    from pocketvisor.board.config import DISPLAYS
    from pocketvisor.cli.held import Held
    from pocketvisor.cli.network import chosen_network
    from pocketvisor.cli.plan import RunPlan, chosen_images, chosen_model, chosen_parts, parse_rate
    from pocketvisor.images.offers import parse_offers
    from pocketvisor.storage.disk import parse_disk

    parsed_rate = parse_rate(rate)
    if parsed_rate is None:
        raise _usage(f"--rate: '{rate}' is neither 'model' nor 'max' nor a number of MIPS from 1 to 20000")
    if display not in (None, *DISPLAYS):
        raise _usage(f"--display: '{display}' is none of {', '.join(DISPLAYS)}")
    parts, ports = chosen_parts(part or [], port or [])
    images = chosen_images(
        guests or [],
        kernel=kernel,
        elf=elf,
        firmware=firmware,
        initrd=initrd,
        dtb=dtb,
        append=append,
        ram=ram,
    )
    if replay is not None and len(images) > 1:
        raise _usage("--replay runs one guest")
    if (capture is not None or mac is not None) and len(images) > 1:
        raise _usage("--capture and --mac are for one guest")
    if offer and len(images) > 1:
        raise _usage("--offer is for one guest")
    if replay is not None and network is not None:
        raise _usage("--replay takes the network as it was recorded: leave out --network")
    held = Held(battery=battery, charging=charging, location=location, rotate=rotate, signal=signal)
    if replay is not None and (held.given or phone is not None):
        raise _usage("--replay takes the handset as it was recorded: leave out how it is")
    return RunPlan(
        phone=phone,
        held=held,
        model=chosen_model(handset),
        images=images,
        until=until,
        lines=tuple(typed or ()),
        prompt=prompt,
        timeout=timeout,
        screenshot=screenshot,
        ticks=ticks,
        deterministic=deterministic,
        rate=parsed_rate,
        record=record,
        replay=replay,
        digest=digest,
        json=json,
        ram_mib=ram,
        display=display,
        flash=flash,
        semihosting=semihosting,
        devices=tuple(device or ()),
        legacy_virtio=legacy_virtio,
        network=chosen_network(network, forward, radio, capture, mac, reach_host),
        parts=parts,
        ports=ports,
        vsock=vsock.absolute() if vsock is not None else None,
        offers=parse_offers(offer) if offer else None,
        disks=tuple(parse_disk(text) for text in disk or ()),
    )


@with_options_of(asked_plan)
def run(
    plan: "RunPlan",
    headless: Annotated[bool, typer.Option("--headless", help="No window: consoles on stdout.")] = False,
    gdb: Annotated[
        str | None,
        typer.Option(metavar="PORT|PATH", help="A gdb may attach here; 0: a free port of this machine."),
    ] = None,
    gdb_token: Annotated[str | None, typer.Option(help="What a gdb has to say first.")] = None,
    wait_gdb: Annotated[
        bool, typer.Option("--wait-gdb", help="Stand still before the first instruction until gdb goes on.")
    ] = False,
) -> None:
    """Run guests on a handset; without --headless, in the workbench.

    Each --type is typed when the console shows a prompt; --until looks at what comes after the last of them.
    Standard input goes to the guest where it is a terminal; Ctrl+] ends the run.
    """
    if gdb is None and (wait_gdb or gdb_token is not None):
        raise _usage("--wait-gdb and --gdb-token go with --gdb")
    if gdb is not None and len(plan.images) > 1:
        raise _usage("--gdb is for one guest")
    if headless:
        from pocketvisor.cli.headless import run_headless

        plan = structs.replace(plan, gdb=gdb, gdb_token=gdb_token, wait_gdb=wait_gdb)
        raise typer.Exit(run_headless(plan))
    unfit = [
        option
        for option, given in (
            ("--until", plan.until),
            ("--type", plan.lines),
            ("--timeout", plan.timeout),
            ("--screenshot", plan.screenshot),
            ("--ticks", plan.ticks),
            ("--record", plan.record),
            ("--replay", plan.replay),
            ("--digest", plan.digest),
            ("--json", plan.json),
            ("--gdb", gdb),
            ("--battery, --charging, --location, --rotate, --signal", plan.held.given),
        )
        if given not in (None, False, ())
    ]
    if unfit:
        raise _usage(f"{', '.join(unfit)}: only with --headless")
    from pocketvisor.cli.workbench import open_workbench

    raise typer.Exit(open_workbench(plan))


def _check_expression(option: str, expression: str | None) -> None:
    if expression is not None:
        try:
            re.compile(expression)
        except re.error as error:
            raise _usage(f"{option}: '{expression}' is no regular expression: {error}") from None


def _usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)
