"""Of `pocketvisor debug`: stopping a guest, going on, and going back."""

import asyncio
import re
from pathlib import Path

from pocketvisor.control import debug_calls as calls
from pocketvisor.debug.debugger import Debugger
from pocketvisor.debug.expression import Expression
from pocketvisor.debug.stop_info import StopInfo
from pocketvisor.debug.stops import Stop
from pocketvisor.errors import DebugError
from pocketvisor.guest.guest import Guest
from pocketvisor.services.debug_places import address_of, halt, moment, standing, thumb_at

_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]{1,9})?) *(s|ms)")


async def ask(guest: Guest, request: calls.AskDebug) -> calls.Standing:
    return await standing(guest)


async def stops(guest: Guest, request: calls.AskStops) -> list[Stop]:
    return list(guest.debugger.stops)


async def add_stop(guest: Guest, request: calls.AddStop) -> list[Stop]:
    debugger = guest.debugger
    where = await address_of(debugger, request.place)
    size = request.size
    if request.kind == "execute":
        registers = await debugger.registers()
        size = 2 if thumb_at(debugger, where, registers.get("cpsr", 0)) else 4
    return [
        debugger.stops.add(
            request.kind,
            where,
            size,
            physical=request.physical,
            condition=request.condition,
            ignore=request.ignore,
            temporary=request.temporary,
            place=request.place,
        )
    ]


async def change_stop(guest: Guest, request: calls.ChangeStop) -> list[Stop]:
    return [
        guest.debugger.stops.change(
            request.id, condition=request.condition, ignore=request.ignore, enabled=request.enabled
        )
    ]


async def remove_stop(guest: Guest, request: calls.RemoveStop) -> list[Stop]:
    stops = guest.debugger.stops
    if request.id:
        stops.remove(request.id)
    else:
        stops.clear("user")
    return list(stops)


async def move(guest: Guest, request: calls.Move) -> calls.Halt | calls.Standing:
    """Cancelled while the guest runs, it is paused: whoever waited has gone, or has had enough."""
    debugger = guest.debugger
    if request.how == "continue" and not request.wait:
        await debugger.resume()
        return await standing(guest)
    if request.how == "present":
        await debugger.return_to_present()
        return await standing(guest)
    return await halt(guest, await _moved(debugger, request))


async def _moved(debugger: Debugger, request: calls.Move) -> StopInfo:
    match request.how:
        case "pause":
            return await _paused(debugger)
        case "continue":
            return await _continued(debugger)
        case "step":
            return await debugger.step(request.count)
        case "until":
            return await debugger.run_to(await address_of(debugger, request.place))
        case "reverse-step":
            return await debugger.reverse_step(request.count)
        case "reverse-continue":
            return await debugger.reverse_resume()
        case "last-write":
            where = await address_of(debugger, request.place)
            return await debugger.last_write(where, request.size, physical=request.physical)
        case "goto":
            return await _gone_to(debugger, request.place)
    raise DebugError(f"'{request.how}' is not known here")


async def _gone_to(debugger: Debugger, place: str) -> StopInfo:
    time_ns = nanoseconds(place)
    if time_ns is not None:
        return await debugger.timeline.go_to_clock(time_ns)
    position = await Expression(place).value(await moment(debugger))
    if position < 0:
        raise DebugError(f"{position} is no position in a guest's life")
    return await debugger.go_to(position)


async def _paused(debugger: Debugger) -> StopInfo:
    return await (debugger.timeline.pause() if debugger.in_past else debugger.pause())


async def _continued(debugger: Debugger) -> StopInfo:
    stopped: asyncio.Future[StopInfo] = asyncio.get_running_loop().create_future()

    def note(info: StopInfo) -> None:
        if not stopped.done():
            stopped.set_result(info)

    await debugger.told()
    end = debugger.on("stopped", note)  # before it runs: it may stop at once
    try:
        await debugger.resume()
        info = await stopped
        return await debugger.wait_stopped() if debugger.timeline.returning else info
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.ensure_future(_paused(debugger)))
        raise
    finally:
        end()


async def record(guest: Guest, request: calls.Record) -> calls.RecordingShown:
    timeline, sentence = guest.debugger.timeline, ""
    match request.how:
        case "start":
            await timeline.start()
        case "stop":
            await timeline.stop()
        case "export":
            await timeline.export(Path(request.path))
            sentence = f"The recording is in {request.path}"
        case "keep":
            kept = await timeline.keep(request.name)
            sentence = f"The recording is in generation {kept.number} of its profile"
        case "branch":
            branch = await timeline.branch(request.name or None)
            sentence = f"{branch.name} goes on from there"
    return calls.RecordingShown(
        recording=timeline.recording,
        begin=timeline.begin,
        end=timeline.end,
        position=guest.debugger.position,
        in_past=timeline.in_past,
        size_bytes=timeline.size_bytes,
        moments=[calls.Moment(each.position, each.clock_ns) for each in timeline.moments],
        sentence=sentence or timeline.problem,
    )


def nanoseconds(text: str) -> int | None:
    """A time of the guest's, such as 2.5s or 40 ms; None where it is none."""
    found = _SECONDS.fullmatch(text.strip())
    if found is None:
        return None
    return round(float(found[1]) * (1_000_000_000 if found[2] == "s" else 1_000_000))
