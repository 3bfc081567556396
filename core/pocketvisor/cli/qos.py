"""`pocketvisor qos` and `power`: how a handset's CPU is split among its guests, and what they take from its
battery. Without options both tell how it is."""

import asyncio
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json, print_table

Handset = Annotated[str, typer.Option("--handset", help="The handset, where there are several.")]


def add_to(app: typer.Typer) -> None:
    app.command("qos")(qos)
    app.command("power")(power)


def qos(
    guest: Annotated[str, typer.Argument(help="The guest's name or id.")] = "",
    shares: Annotated[
        int | None, typer.Option(help="Its weight where several want more; 1000 at first.")
    ] = None,
    reservation: Annotated[int | None, typer.Option(help="MIPS that it has before others; 0: none.")] = None,
    limit: Annotated[int | None, typer.Option(help="MIPS that it never gets more of; 0: none.")] = None,
    boost: Annotated[
        float | None, typer.Option(help="What the foreground's shares are multiplied with; 1: nothing.")
    ] = None,
    response: Annotated[
        float | None,
        typer.Option(help="Milliseconds that the foreground may wait for this computer's CPU; 0: no matter."),
    ] = None,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Say what guests are promised of a handset's CPU, or show what they get."""
    from pocketvisor.control.qos_calls import AskQos, QosShown, SetQos, SetSplit

    of_guest = [shares, reservation, limit]
    if any(value is not None for value in of_guest) and not guest:
        raise _usage("Shares, a reservation and a limit are a guest's: name one")
    if (boost is not None or response is not None) and guest:
        raise _usage("A boost and a response time are the handset's: leave the guest out")
    request: Any = AskQos(handset=handset)
    if guest:
        request = SetQos(guest=guest, shares=shares, reservation=reservation, limit=limit, handset=handset)
    elif boost is not None or response is not None:
        request = SetSplit(boost=boost, response_ms=response, handset=handset)
    shown = _ask(request, QosShown)
    if json:
        print_json(shown)
        return
    cpu = shown.cpu
    typer.echo(
        f"{shown.handset}: {cpu.used:.0f} of {cpu.total} MIPS used, {cpu.reserved} reserved, "
        f"boost {cpu.boost:g}, {_response(cpu)}"
    )
    print_table(
        ["GUEST", "SHARES", "RESERVED", "LIMIT", "USED", "GRANTED", "SHARE %", "HELD BACK BY"],
        [
            (
                each.name + (" *" if each.foreground else ""),
                each.qos.shares,
                each.qos.reservation,
                each.qos.limit or "-",
                round(each.used),
                round(each.granted),
                round(100 * each.share, 1),
                each.limited_by,
            )
            for each in shown.guests
        ],
    )


def _response(cpu: Any) -> str:
    waited = f"the foreground waited up to {cpu.waited_ms:.1f} ms"
    return f"{waited} of {cpu.response_ms:g} allowed" if cpu.response_ms is not None else waited


def power(
    low: Annotated[
        int | None, typer.Option(help="Percent from which on the background gets less; 0: never.")
    ] = None,
    background: Annotated[int | None, typer.Option(help="MIPS that it is left then.")] = None,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Show what guests take from a handset's battery, or say what a low one leaves the background."""
    from pocketvisor.control.power_calls import AskPower, PowerShown, SetLowBattery

    request: Any = AskPower(handset=handset)
    if low is not None or background is not None:
        request = SetLowBattery(percent=low, background_mips=background, handset=handset)
    shown = _ask(request, PowerShown)
    if json:
        print_json(shown)
        return
    is_ = shown.power
    left = f", {is_.hours_left:.1f} h left" if is_.hours_left is not None else ""
    saves = ""
    if is_.low.percent:
        saves = f"; at {is_.low.percent} % the background is left {is_.low.background_mips} MIPS"
    typer.echo(f"{shown.handset}: {is_.level:.0f} %, {is_.ma:.0f} mA{left}{saves}")
    rows = [
        (
            one.name,
            *(round(part) for part in (one.ma, one.cpu_ma, one.panel_ma, one.radio_ma)),
            one.mah,
            one.share,
        )
        for one in is_.guests
    ]
    print_table(
        ["GUEST", "mA", "CPU", "PANEL", "RADIO", "mAh", "SHARE %"],
        [(*row[:5], round(row[5], 2), round(100 * row[6])) for row in rows]
        + [("(the phone)", round(is_.base_ma), 0, 0, 0, round(is_.base_mah, 2), 0)],
    )


def _ask(request: Any, answer: type) -> Any:
    from pocketvisor.control.server import call

    reply = asyncio.run(call(request))
    if not isinstance(reply, answer):
        fail("The open workbench gave an answer that makes no sense")
        raise typer.Exit(EXIT_ERROR)
    return reply


def _usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)
