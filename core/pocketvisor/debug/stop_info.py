"""Where a guest that a debugger stopped stands, and why."""

from typing import Final

from msgspec import Struct

from pocketvisor.debug.stops import Stop

_REASONS: Final = {"paused": "pause"}
_SENTENCES: Final = {
    "pause": "Paused",
    "step": "Stepped",
    "position": "At the place in its life that was asked for",
    "limit": "At its limit of ticks",
    "until": "Its script is through",
    "dead": "It waits for an interrupt that nothing can raise",
    "start-of-recording": "This is where the recording begins",
    "end-of-recording": "This is where the recording ends",
}


class StopInfo(Struct, frozen=True, kw_only=True):
    """`reason`: "pause", "breakpoint", "watchpoint", "step", "position", "limit", "until", "dead",
    "start-of-recording", "end-of-recording", or how its run ended, such as "power-off" or "crashed".
    `position` is of the instruction that comes next, `address` and `size` of the access that it is about to
    make at a watchpoint."""

    reason: str
    position: int
    pc: int
    stop: Stop | None = None
    address: int = 0
    size: int = 0
    write: bool = False
    sentence: str = ""


def stop_info(
    reason: str, position: int, pc: int, stop: Stop | None = None, *, detail: str = "", **access: int
) -> StopInfo:
    """`reason` as a guest's process has it."""
    reason = _REASONS.get(reason, reason)
    sentence = detail or _SENTENCES.get(reason, "")
    if stop is not None:
        sentence = stop.described()
        sentence = sentence[0].upper() + sentence[1:]
    return StopInfo(
        reason=reason,
        position=position,
        pc=pc,
        stop=stop,
        address=access.get("address", 0),
        size=access.get("size", 0),
        write=bool(access.get("write", 0)),
        sentence=sentence or f"It {reason}",
    )
