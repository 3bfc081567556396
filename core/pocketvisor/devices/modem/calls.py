"""Voice calls: V.250 6.3, 3GPP TS 27.007 chapters 6 and 7. One call at a time; a second one finds it busy.

Nobody answers a guest's call by itself: the handset says when. Left out: data calls, call waiting, hold and
conferences, and the voice.
"""

from collections.abc import Mapping
from typing import Final

from pocketvisor.devices.modem import general
from pocketvisor.devices.modem.modem import Modem
from pocketvisor.devices.modem.pdu import clean_number
from pocketvisor.devices.modem.replies import (
    BAD_PARAMETERS,
    NOT_ALLOWED,
    Failed,
    Handler,
    Request,
    Silent,
    setting,
    telling,
)
from pocketvisor.devices.modem.state import (
    ACTIVE,
    ALERTING,
    INCOMING,
    Answered,
    Call,
    CallEnded,
    Dialled,
)

RING_SECONDS: Final = 5.0
RINGS_MAX: Final = 12
"""After so many the network gives up."""

_READY, _RINGING, _IN_CALL = 0, 3, 4


def number_type(number: str) -> int:
    """3GPP TS 24.008, 10.5.4.7: international, or unknown."""
    return 145 if number.startswith("+") else 129


# From the handset


def arrived(modem: Modem, number: str) -> None:
    state = modem.state
    number = clean_number(number)
    if not general.has_service(modem) or state.call is not None:
        modem.report(CallEnded(number, "network"))
        return
    state.call = Call(number, INCOMING, outgoing=False)
    state.rings = 0
    _ring(modem)


def far_answers(modem: Modem) -> None:
    call = modem.state.call
    if call is not None and call.outgoing and call.state == ALERTING:
        call.state = ACTIVE
        modem.report(Answered(call.number, "far"))


def far_hangs_up(modem: Modem) -> None:
    if modem.state.call is not None:
        _ended(modem, "far")


def due(modem: Modem) -> float | None:
    call = modem.state.call
    return modem.state.ring_at if call is not None and call.state == INCOMING else None


def tick(modem: Modem) -> None:
    """Ring again, where it is time."""
    at = due(modem)
    if at is None or modem.now() < at:
        return
    if modem.state.rings >= RINGS_MAX:
        _ended(modem, "nobody")
    else:
        _ring(modem)


def _ring(modem: Modem) -> None:
    state = modem.state
    assert state.call is not None
    if state.long_ring:
        modem.unasked("+CRING: VOICE")
    elif not state.quiet:
        modem.result("RING")
    if state.shows_caller:
        modem.unasked(f'+CLIP: "{state.call.number}",{number_type(state.call.number)}')
    state.rings += 1
    state.ring_at = modem.now() + RING_SECONDS
    rings_to_answer = state.registers.get("0", 0)
    if rings_to_answer and state.rings >= rings_to_answer:
        _answer(modem)


def _ended(modem: Modem, by: str) -> None:
    call, modem.state.call = modem.state.call, None
    if call is None:
        return
    if by != "guest":
        modem.result("NO CARRIER")
    modem.report(CallEnded(call.number, by))  # type: ignore[arg-type]


# From the guest


def _dial(modem: Modem, request: Request) -> None:
    """ATD: with a semicolon at its end a voice call, for which OK comes at once (27.007, 6.2)."""
    text = request.arguments.upper().lstrip("TP ")
    number = clean_number(text)
    if not text.endswith(";"):
        raise Silent("NO CARRIER")  # a data call
    if not number or ">" in text:
        raise Failed(BAD_PARAMETERS)
    if modem.state.call is not None:
        raise Failed(NOT_ALLOWED)
    if not general.has_service(modem) or not modem.network_takes():
        raise Silent("NO CARRIER")
    modem.state.call = Call(number, ALERTING, outgoing=True)
    modem.report(Dialled(number))


def _answer(modem: Modem) -> None:
    call = modem.state.call
    if call is None or call.state != INCOMING:
        raise Silent("NO CARRIER")
    call.state = ACTIVE
    modem.report(Answered(call.number, "guest"))


def _hang_up(modem: Modem, request: Request) -> None:
    _ended(modem, "guest")


def _hold(modem: Modem, request: Request) -> None:
    """+CHLD: what of it ends calls."""
    if request.sign == "=?":
        modem.line("+CHLD: (0,1)")
    elif request.sign == "=" and request.arguments.strip() in ("0", "1"):
        _ended(modem, "guest")
    else:
        raise Failed(NOT_ALLOWED)


def _calls(modem: Modem, request: Request) -> None:
    call = modem.state.call
    if call is not None and request.sign != "=?":
        direction = 0 if call.outgoing else 1
        number = general.text_in_charset(modem, call.number)
        modem.line(f'+CLCC: 1,{direction},{call.state},0,0,"{number}",{number_type(call.number)}')


def _activity(modem: Modem) -> str:
    call = modem.state.call
    if call is None:
        return f"+CPAS: {_READY}"
    return f"+CPAS: {_RINGING if call.state == INCOMING else _IN_CALL}"


def _set_caller_shown(modem: Modem, request: Request) -> None:
    (value,) = request.numbers((0, 1))
    modem.state.shows_caller = bool(value)


def _set_long_ring(modem: Modem, request: Request) -> None:
    (value,) = request.numbers((0, 1))
    modem.state.long_ring = bool(value)


COMMANDS: Final[Mapping[str, Handler]] = {
    "D": _dial,
    "A": lambda modem, _: _answer(modem),
    "H": _hang_up,
    "+CHUP": _hang_up,
    "+CHLD": _hold,
    "+CLCC": _calls,
    "+CPAS": telling(_activity),
    "+CLIP": setting(lambda modem: f"{int(modem.state.shows_caller)},1", "(0,1)", _set_caller_shown),
    "+CRC": setting(lambda modem: str(int(modem.state.long_ring)), "(0,1)", _set_long_ring),
}
