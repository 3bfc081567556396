"""Commands about the modem itself, the network and the battery: V.250 chapter 6, 3GPP TS 27.007 chapters 5, 7
and 8.

Left out: the SIM's lock (there is none), its files, packet data.
"""

import time
from collections.abc import Mapping
from typing import Final

from pocketvisor.devices.modem.alphabet import to_ucs2
from pocketvisor.devices.modem.modem import Modem
from pocketvisor.devices.modem.replies import (
    BAD_PARAMETERS,
    NOT_ALLOWED,
    Failed,
    Handler,
    Request,
    setting,
    telling,
)
from pocketvisor.devices.modem.state import HOME, ModemState, Network

CHARSETS: Final = ("GSM", "IRA", "8859-1", "UTF-8", "UCS2", "HEX")
_REGISTRATIONS: Final = ("+CREG", "+CGREG", "+CEREG")
_ROAMING: Final = 5
_NETWORK_NUMBER: Final = "00101"  # the one set aside for tests
_ON, _OFF, _FLIGHT = 1, 0, 4


def registration(modem: Modem) -> int:
    """As AT+CREG tells it, with the radio's own state."""
    return modem.state.registration if modem.state.functionality == _ON else 0


def has_service(modem: Modem) -> bool:
    return registration(modem) in (HOME, _ROAMING)


def network_changed(modem: Modem, order: Network) -> None:
    before = registration(modem)
    state = modem.state
    state.signal = order.signal if order.signal <= 31 else 99
    state.registration, state.operator = order.registration, order.operator
    report_registration(modem, before)


def report_registration(modem: Modem, before: int) -> None:
    now = registration(modem)
    if now == before:
        return
    for name in _REGISTRATIONS:
        if modem.state.registration_reports.get(name):
            modem.unasked(f"{name}: {_where(modem, name)}")


def text_in_charset(modem: Modem, text: str) -> str:
    """A string parameter as the guest wants to read it."""
    return to_ucs2(text).hex().upper() if modem.state.charset == "UCS2" else text


def _where(modem: Modem, name: str) -> str:
    told = str(registration(modem))
    if modem.state.registration_reports.get(name) == 2 and has_service(modem):
        told += ',"0001","00000001"'
    return told


def _set_registration_reports(modem: Modem, request: Request) -> None:
    (modem.state.registration_reports[request.name],) = request.numbers((0, 2))


def _registration(name: str) -> Handler:
    def read(modem: Modem) -> str:
        return f"{modem.state.registration_reports.get(name, 0)},{_where(modem, name)}"

    return setting(read, "(0-2)", _set_registration_reports)


def _set_functionality(modem: Modem, request: Request) -> None:
    value, _ = request.numbers((0, 4), (0, 1))
    if value not in (_OFF, _ON, _FLIGHT):
        raise Failed(BAD_PARAMETERS)
    if value != _ON and modem.state.call is not None:
        raise Failed(NOT_ALLOWED)
    before = registration(modem)
    modem.state.functionality = value
    report_registration(modem, before)


def _operator(modem: Modem) -> str:
    state = modem.state
    if not has_service(modem):
        return str(state.operator_mode)
    name = state.operator
    if state.operator_format == 2:
        name = _NETWORK_NUMBER
    return f'{state.operator_mode},{state.operator_format},"{text_in_charset(modem, name)}"'


def _operators(modem: Modem, request: Request) -> None:
    state = modem.state
    match request.sign:
        case "=?":
            name = text_in_charset(modem, state.operator)
            found = f'(2,"{name}","{name}","{_NETWORK_NUMBER}")' if has_service(modem) else ""
            modem.line(f"+COPS: {found},,(0-4),(0-2)")
        case "?":
            modem.line(f"+COPS: {_operator(modem)}")
        case "=":
            values = request.values()
            mode, kind, *_ = Request("", "=", ",".join(values[:2])).numbers(
                (0, 4), (0, 2), given=[state.operator_mode, state.operator_format]
            )
            if mode == 3:
                state.operator_format = kind
            elif mode == 2:
                raise Failed(NOT_ALLOWED)  # the network is not ours to leave: AT+CFUN=4 is
            else:
                state.operator_mode, state.operator_format = mode, kind
        case _:
            raise Failed(BAD_PARAMETERS)


def _set_charset(modem: Modem, request: Request) -> None:
    name = request.values()[0].upper()
    if name not in CHARSETS:
        raise Failed(BAD_PARAMETERS)
    modem.state.charset = name


def _set_errors(modem: Modem, request: Request) -> None:
    (modem.state.errors,) = request.numbers((0, 2))


def _identify(modem: Modem, request: Request) -> None:
    modem.line(modem.identity.maker)
    modem.line(modem.identity.model)


def _switch(name: str, *, inverted: bool = False) -> Handler:
    """A basic command that turns something on or off: E, V, Q."""

    def handle(modem: Modem, request: Request) -> None:
        if request.arguments not in ("", "0", "1"):
            raise Failed(BAD_PARAMETERS)
        setattr(modem.state, name, request.arguments == "1")

    return handle


def _accepted(modem: Modem, request: Request) -> None:
    """What has no meaning here, and is set by every dialler."""


def _default(modem: Modem, request: Request) -> None:
    """ATZ and AT&F: how the guest has set it up, not its messages or the world."""
    fresh, state = ModemState(), modem.state
    for name in (
        *("echo", "verbose", "quiet", "registers", "errors", "registration_reports", "operator_mode"),
        *("operator_format", "charset", "shows_caller", "long_ring", "text_mode", "shows_headers"),
        *("new_message", "parameters"),
    ):
        setattr(state, name, getattr(fresh, name))


_REGISTERS: Final = {"0": 0, "3": 13, "4": 10, "5": 8, "6": 2, "7": 60, "8": 2, "10": 1}


def _register(modem: Modem, request: Request) -> None:
    number, _, value = request.arguments.partition(",")
    if number not in _REGISTERS:
        raise Failed(BAD_PARAMETERS)
    if request.sign == "?":
        modem.line(f"{modem.state.registers.get(number, _REGISTERS[number]):03}")
        return
    (modem.state.registers[number],) = Request("", "=", value).numbers((0, 255))


def _clock(modem: Modem) -> str:
    return time.strftime('+CCLK: "%y/%m/%d,%H:%M:%S+00"', time.gmtime(modem.now()))


def _battery(modem: Modem) -> str:
    return f"+CBC: {int(modem.state.charging)},{modem.state.battery}"


def _signal(modem: Modem) -> str:
    return f"+CSQ: {modem.state.signal if modem.state.functionality == _ON else 99},99"


def _known(modem: Modem, request: Request) -> None:
    if request.sign != "=?":
        for name in modem.commands:
            modem.line(name if name[0] == "+" else f"AT{name}")


def _identity(field: str, prefix: str = "") -> Handler:
    def text(modem: Modem) -> str:
        return prefix + str(getattr(modem.identity, field))

    return telling(text)


COMMANDS: Final[Mapping[str, Handler]] = {
    "E": _switch("echo"),
    "V": _switch("verbose"),
    "Q": _switch("quiet"),
    "Z": _default,
    "&F": _default,
    "S": _register,
    "I": _identify,
    **dict.fromkeys(("X", "L", "M", "T", "P", "&C", "&D", "&W", "&K", "&S"), _accepted),
    "+GMI": _identity("maker"),
    "+CGMI": _identity("maker"),
    "+GMM": _identity("model"),
    "+CGMM": _identity("model"),
    "+GMR": _identity("revision"),
    "+CGMR": _identity("revision"),
    "+GSN": _identity("imei"),
    "+CGSN": _identity("imei"),
    "+CIMI": _identity("imsi"),
    "+CCID": _identity("card", "+CCID: "),
    "+ICCID": _identity("card", "+ICCID: "),
    "+CNUM": telling(lambda modem: f'+CNUM: ,"{modem.identity.number}",145'),
    "+GCAP": telling(lambda modem: "+GCAP: +CGSM,+DS"),
    "+CLAC": _known,
    "+CMEE": setting(lambda modem: str(modem.state.errors), "(0-2)", _set_errors),
    "+CSCS": setting(
        lambda modem: f'"{modem.state.charset}"',
        "(" + ",".join(f'"{name}"' for name in CHARSETS) + ")",
        _set_charset,
    ),
    "+CPIN": setting(lambda modem: "READY", ""),
    "+CFUN": setting(lambda modem: str(modem.state.functionality), "(0,1,4),(0,1)", _set_functionality),
    **{name: _registration(name) for name in _REGISTRATIONS},
    "+COPS": _operators,
    "+CGATT": setting(lambda modem: str(int(has_service(modem))), "(0,1)", _accepted),
    "+CSQ": telling(
        lambda modem: f"+CSQ: {modem.state.signal if modem.state.functionality == _ON else 99},99"
    ),
    "+CBC": telling(_battery),
    "+CCLK": telling(_clock),
}
