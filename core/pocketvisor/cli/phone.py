"""`pocketvisor battery`, `location`, `rotate`, `signal` and `key`: a handset of the open workbench, handled.

Without arguments each but `key` tells how it is.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from pocketvisor.cli.output import EXIT_ERROR, EXIT_USAGE, Json, fail, print_json

Handset = Annotated[str, typer.Option("--handset", help="The handset, where there are several.")]


def add_to(app: typer.Typer) -> None:
    app.command("battery")(battery)
    app.command("location", context_settings={"ignore_unknown_options": True})(location)
    app.command("rotate", context_settings={"ignore_unknown_options": True})(rotate)
    app.command("signal", context_settings={"ignore_unknown_options": True})(signal)
    app.command("key")(key)


def battery(
    level: Annotated[float | None, typer.Argument(help="Percent.")] = None,
    charging: Annotated[
        bool | None, typer.Option("--charging/--discharging", help="A charger is connected or not.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Degrees Celsius.")] = None,
    drain: Annotated[
        bool | None, typer.Option("--drain/--hold", help="Let the level follow the load, or hold it.")
    ] = None,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Set a handset's battery."""
    from pocketvisor.control.phone_calls import SetBattery

    shown = _ask(
        SetBattery(level=level, plugged=charging, temperature=temperature, draining=drain, handset=handset)
    )
    if json:
        print_json({**_plain(shown.state.battery), "draining": shown.draining, "handset": shown.handset})
        return
    is_ = shown.state.battery
    follows = ", following the load" if shown.draining else ""
    typer.echo(
        f"{shown.handset}: {is_.level:.0f} %, {is_.status}, {is_.voltage / 1000:.2f} V, "
        f"{is_.temperature:.1f} °C{follows}"
    )


def location(
    latitude: Annotated[float | None, typer.Argument(help="Degrees, north being positive.")] = None,
    longitude: Annotated[float | None, typer.Argument(help="Degrees, east being positive.")] = None,
    altitude: Annotated[float | None, typer.Option(help="Metres above the sea.")] = None,
    speed: Annotated[float, typer.Option(help="Metres a second; of a walk too.")] = 0.0,
    course: Annotated[float | None, typer.Option(help="Degrees from north.")] = None,
    none: Annotated[bool, typer.Option("--none", help="No satellites are seen.")] = False,
    gpx: Annotated[Path | None, typer.Option(help="Walk along a GPX file's track.", dir_okay=False)] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End a walk where it is.")] = False,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Set where a handset is."""
    from pocketvisor.control import phone_calls

    ways = [latitude is not None, none, gpx is not None, stop]
    if sum(ways) > 1 or (latitude is None) != (longitude is None):
        raise _usage("Give a latitude and a longitude, or one of --gpx, --stop and --none")
    request: Any
    if latitude is not None and longitude is not None:
        request = phone_calls.SetLocation(
            latitude=latitude,
            longitude=longitude,
            altitude=altitude,
            speed=speed,
            course=course,
            handset=handset,
        )
    elif gpx is not None:
        request = _walk(gpx, speed, handset)
    elif none:
        request = phone_calls.LoseFix(handset=handset)
    elif stop:
        request = phone_calls.StopWalking(handset=handset)
    else:
        request = phone_calls.AskPhone(handset=handset)
    shown = _ask(request)
    is_ = shown.state.location
    if json:
        print_json({**_plain(is_), "walking": shown.walking, "handset": shown.handset})
    elif not is_.fix:
        typer.echo(f"{shown.handset}: no fix")
    else:
        moves = f", {is_.speed:.1f} m/s towards {is_.course:.0f}°" if is_.speed else ""
        walks = ", on a walk" if shown.walking else ""
        typer.echo(
            f"{shown.handset}: {is_.latitude:.6f}, {is_.longitude:.6f}, {is_.altitude:.0f} m{moves}{walks}"
        )


def rotate(
    turn: Annotated[str | None, typer.Argument(help="'left', 'right', or degrees clockwise.")] = None,
    pitch: Annotated[float | None, typer.Option(help="Degrees leaned back; 90 is flat on a table.")] = None,
    roll: Annotated[float | None, typer.Option(help="Degrees clockwise besides, -45 to 45.")] = None,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Turn a handset, or lean it."""
    from pocketvisor.control.phone_calls import Hold

    degrees = None
    if turn is not None and turn not in ("left", "right"):
        try:
            degrees = int(turn)
        except ValueError:
            raise _usage(f"'{turn}' is neither 'left' nor 'right' nor a number of degrees") from None
    shown = _ask(
        Hold(
            turn=turn if turn in ("left", "right") else None,  # type: ignore[arg-type]
            orientation=degrees,
            pitch=pitch,
            roll=roll,
            handset=handset,
        )
    )
    is_ = shown.state.motion
    if json:
        x, y, z = (round(value, 3) for value in is_.acceleration)
        print_json({**_plain(is_), "acceleration": [x, y, z], "handset": shown.handset})
    else:
        held = f"turned {is_.orientation}° clockwise" if is_.orientation else "upright"
        leaned = f", leaned back {is_.pitch:.0f}°" if is_.pitch else ""
        rolled = f", rolled {is_.roll:.0f}°" if is_.roll else ""
        typer.echo(f"{shown.handset}: {held}{leaned}{rolled}")


def signal(
    strength: Annotated[int | None, typer.Argument(help="Bars from 0 to 4, or dBm from -120 to -30.")] = None,
    radio: Annotated[str | None, typer.Option(help="none, 2G, 3G or Wi-Fi, as the model has it.")] = None,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Set the network that a handset hears, and how strong it is."""
    from pocketvisor.control.phone_calls import SetSignal

    bars, dbm = (strength, None) if strength is not None and strength >= 0 else (None, strength)
    shown = _ask(SetSignal(bars=bars, dbm=dbm, radio=radio, handset=handset))
    is_ = shown.state.signal
    if json:
        print_json({**_plain(is_), "bars": is_.bars, "handset": shown.handset})
    elif is_.radio == "none":
        typer.echo(f"{shown.handset}: no network")
    else:
        typer.echo(f"{shown.handset}: {is_.radio}, {is_.bars} of 4 bars, {is_.dbm} dBm")


def key(
    name: Annotated[str, typer.Argument(help="power, volume-up, home, ... as the model has them.")],
    hold: Annotated[int, typer.Option(min=0, max=20_000, help="Milliseconds that it is held.")] = 100,
    handset: Handset = "",
    json: Json = False,
) -> None:
    """Press a key of a handset, for its guest in the foreground."""
    from pocketvisor.cli.operations import ask_done, tell_done
    from pocketvisor.control.phone_calls import PressKey

    reply = ask_done(PressKey(key=name, milliseconds=hold, handset=handset))
    tell_done(reply, json, key=name, milliseconds=hold)


def _walk(file: Path, speed: float, handset: str) -> Any:
    from pocketvisor.control.phone_calls import POINTS_MAX, Walk
    from pocketvisor.phone import WALKING_SPEED
    from pocketvisor.phone_route import read_gpx

    points = read_gpx(file).points
    every = -(-len(points) // POINTS_MAX)
    kept = [*points[:-1:every], points[-1]][-POINTS_MAX:]
    return Walk(
        points=[(point.latitude, point.longitude, point.altitude) for point in kept],
        speed=speed or WALKING_SPEED,
        handset=handset,
    )


def _plain(part: Any) -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(part)
    if "level" in fields:
        fields |= {"status": part.status, "millivolts": part.voltage, "milliamps": part.current}
    return fields


def _ask(request: Any) -> Any:
    from pocketvisor.control.phone_calls import PhoneShown
    from pocketvisor.control.server import call

    reply = asyncio.run(call(request))
    if not isinstance(reply, PhoneShown):
        raise _strange()
    return reply


def _strange() -> typer.Exit:
    fail("The open workbench gave an answer that makes no sense")
    return typer.Exit(EXIT_ERROR)


def _usage(sentence: str) -> typer.Exit:
    fail(sentence)
    return typer.Exit(EXIT_USAGE)
