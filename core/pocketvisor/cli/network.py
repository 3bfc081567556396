"""`pocketvisor network`: the network of a guest in the open workbench; and what `run` is told of one."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json
from pocketvisor.control.network_calls import NetworkShown

ACTIONS = ("status", "attach", "radio", "forward", "capture", "reconnect")
_FAILED = ("dropped", "lost", "malformed", "flooded", "refused")


def add_to(app: typer.Typer) -> None:
    app.command("network")(network)


def network(
    guest: Annotated[str, typer.Argument(help="The guest's name or id.")],
    action: Annotated[str, typer.Argument(metavar="[ACTION]", help=", ".join(ACTIONS))] = "status",
    values: Annotated[list[str] | None, typer.Argument(metavar="[VALUE...]")] = None,
    up: Annotated[str | None, typer.Option(help="radio: bits a second, as 384k or 2M; 0: no bound.")] = None,
    down: Annotated[str | None, typer.Option(help="radio: the same towards the guest.")] = None,
    delay: Annotated[float | None, typer.Option(help="radio: milliseconds, one way.")] = None,
    jitter: Annotated[float | None, typer.Option(help="radio: milliseconds more or less.")] = None,
    loss: Annotated[float | None, typer.Option(help="radio: percent of packets.")] = None,
    handset: Annotated[str, typer.Option("--handset", help="Its handset, where several have it.")] = "",
    json: Json = False,
) -> None:
    """Show or change a guest's network.

    attach none|user|switch:NAME; radio none|2g|3g|wifi|off, or values; forward tcp:8080:80..., or nothing
    for none; capture FILE, or off; reconnect.
    """
    from pocketvisor.control import network_calls as calls

    given = values or []
    radio_given = any(value is not None for value in (up, down, delay, jitter, loss))
    if action not in ACTIONS:
        raise _usage(f"'{action}' is none of {', '.join(ACTIONS)}")
    if radio_given and action != "radio":
        raise _usage("--up, --down, --delay, --jitter and --loss go with 'radio'")
    counts = {
        "status": range(1),
        "reconnect": range(1),
        "attach": range(1, 2),
        "capture": range(1, 2),
        "radio": range(0 if radio_given else 1, 2),
    }
    if len(given) not in counts.get(action, range(calls.FORWARDS_MAX + 1)):
        raise _usage(f"'{action}' takes another number of values: see --help")
    who: dict[str, Any] = {"guest": guest, "handset": handset}
    request: Any = calls.AskNetwork(**who)
    if action == "attach":
        request = calls.Attach(network=given[0], **who)
    elif action == "radio":
        request = calls.SetRadio(
            preset=given[0] if given else None,
            up=_rate(up),
            down=_rate(down),
            delay_ms=delay,
            jitter_ms=jitter,
            loss=loss,
            **who,
        )
    elif action == "forward":
        request = calls.SetForwards(forwards=given, **who)
    elif action == "capture":
        path = "" if given[0] == "off" else str(Path(given[0]).absolute())
        request = calls.Capture(path=path, **who)
    elif action == "reconnect":
        request = calls.Reconnect(**who)
    shown = _ask(request)
    if json:
        print_json(shown)
    else:
        for line in described(shown):
            typer.echo(line)


def described(shown: NetworkShown) -> list[str]:
    """For people."""
    lines = [f"{shown.guest}: {shown.network}, link {'up' if shown.link else 'down'}, {shown.mac}"]
    if shown.sentence:
        lines.append(f"  {shown.sentence}")
    if shown.address:
        lines.append(f"  address {shown.address}, gateway {shown.gateway}, DNS {shown.dns or 'none'}")
    radio = shown.radio
    if radio["name"] != "none":
        rates = f"{_shown_rate(radio['up'])} up, {_shown_rate(radio['down'])} down"
        lines.append(f"  radio {radio['name']}: {rates}, {radio['delay_ms']} ms, {radio['loss']} % lost")
    lines += [f"  forwards {forward}" for forward in shown.forwards]
    if shown.capture:
        lines.append(f"  captured in {shown.capture}")
    counters = shown.counters
    lines.append(
        f"  sent {counters['sent_frames']} frames, {counters['sent_bytes']} bytes; received "
        f"{counters['received_frames']} frames, {counters['received_bytes']} bytes"
    )
    failed = {name: counters[name] for name in _FAILED if counters[name]}
    if failed:
        lines.append("  " + ", ".join(f"{count} {name}" for name, count in failed.items()))
    return lines


def chosen_network(
    network: str | None,
    forwards: list[str] | None,
    radio: str | None,
    capture: Path | None,
    mac: str | None,
    reach_host: bool,
) -> Any:
    """The NetworkSpec that `run` was asked for, None where it was not. Raises NetworkError."""
    from pocketvisor.errors import NetworkError
    from pocketvisor.network.radio import NO_RADIO, radio_named
    from pocketvisor.network.spec import NetworkSpec, parse_forward, parse_mac, parse_network

    if network is None:
        if forwards or radio is not None or capture is not None or mac is not None or reach_host:
            raise NetworkError("--forward, --radio, --capture, --mac and --reach-host go with --network")
        return None
    mode, switch = parse_network(network)
    if (forwards or reach_host) and mode != "user":
        raise NetworkError("--forward and --reach-host go with --network user")
    return NetworkSpec(
        mode=mode,
        switch=switch,
        forwards=tuple(parse_forward(text) for text in forwards or ()),
        radio=radio_named(radio) if radio is not None else NO_RADIO,
        capture=capture,
        mac=parse_mac(mac) if mac is not None else None,
        reach_host=reach_host,
    )


def _rate(text: str | None) -> int | None:
    if text is None:
        return None
    factor = {"k": 1000, "m": 1_000_000, "g": 1_000_000_000}.get(text[-1:].lower(), 1)
    try:
        value = float(text[:-1] if factor > 1 else text) * factor
        if not 0 <= value <= 1e11:
            raise ValueError
    except ValueError:
        raise _usage(f"'{text}' is no rate: it is bits a second, as 384k or 2M") from None
    return int(value)


def _shown_rate(rate: Any) -> str:
    return "unbounded" if not rate else f"{rate / 1e6:g} Mbit/s" if rate >= 1e6 else f"{rate / 1e3:g} kbit/s"


def _ask(request: Any) -> NetworkShown:
    from pocketvisor.control.server import call

    reply = asyncio.run(call(request))
    if not isinstance(reply, NetworkShown):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    return reply


def _usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)
