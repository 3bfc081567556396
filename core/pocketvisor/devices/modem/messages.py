"""Short messages (3GPP TS 27.005), in PDU and in text mode. All are kept in one store, the SIM's.

Left out: acknowledgement to the network (+CNMA), messages that are shown at once and not stored (class 0).
Cell broadcasts and status reports can be asked for, and never come.
"""

from collections.abc import Mapping
from typing import Final

from pocketvisor.devices.modem import alphabet, general, pdu
from pocketvisor.devices.modem.calls import number_type
from pocketvisor.devices.modem.message_text import data_of, number_of, text_of_typed
from pocketvisor.devices.modem.modem import Modem
from pocketvisor.devices.modem.replies import (
    CMS_BAD_INDEX,
    CMS_BAD_PDU,
    CMS_BAD_TEXT,
    CMS_CONGESTION,
    CMS_FULL,
    CMS_NO_SERVICE,
    CMS_NOT_ALLOWED,
    Failed,
    Handler,
    Request,
    Silent,
    setting,
)
from pocketvisor.devices.modem.state import (
    MESSAGES_MAX,
    REC_READ,
    REC_UNREAD,
    STO_SENT,
    STO_UNSENT,
    TYPED_MAX,
    WAITING_MAX,
    IncomingMessage,
    MessageLost,
    MessageSent,
    StoredMessage,
)

_STATUSES: Final = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL")
_ALL: Final = 4
_END, _CANCEL, _BACKSPACE = 0x1A, 0x1B, 8
_STORE: Final = '"SM"'


# From the handset


def arrived(modem: Modem, order: IncomingMessage) -> None:
    """One text, in as many messages as it takes."""
    seconds = int(modem.now()) if order.seconds is None else order.seconds
    parts = pdu.split(order.text)
    ucs2 = not alphabet.is_basic(order.text)
    if len(parts) > 1:
        modem.state.concatenation = (modem.state.concatenation + 1) & 0xFF
    lost = False
    for number, text in enumerate(parts, 1):
        part = pdu.Part(modem.state.concatenation, len(parts), number) if len(parts) > 1 else None
        tpdu = pdu.deliver(pdu.sender(order.number), text, seconds, part, ucs2)
        lost |= not _arrived(modem, tpdu)
    if lost:
        modem.report(MessageLost(order.number[:40]))


def fetch_waiting(modem: Modem) -> None:
    """What the network keeps comes, once there is room and service."""
    state = modem.state
    while state.waiting and general.has_service(modem) and len(state.messages) < MESSAGES_MAX:
        _arrived_now(modem, state.waiting.pop(0))


def _arrived(modem: Modem, tpdu: bytes) -> bool:
    state = modem.state
    fetch_waiting(modem)
    if general.has_service(modem) and (len(state.messages) < MESSAGES_MAX or state.new_message[1] == 2):
        _arrived_now(modem, tpdu)
    elif len(state.waiting) < WAITING_MAX:
        state.waiting.append(tpdu)
    else:
        return False
    return True


def _arrived_now(modem: Modem, tpdu: bytes) -> None:
    mode, kind = modem.state.new_message[:2]
    if mode and kind == 2:
        shown = data_of(modem, tpdu)
        if modem.state.text_mode:
            modem.unasked(f"+CMT: {_header(modem, tpdu)}\r\n{shown}")
        else:
            modem.unasked(f"+CMT: ,{len(tpdu)}\r\n{shown}")
        return
    place = _store(modem, REC_UNREAD, tpdu)
    if mode and kind == 1:
        modem.unasked(f"+CMTI: {_STORE},{place}")


def _store(modem: Modem, status: int, tpdu: bytes) -> int:
    messages = modem.state.messages
    if len(messages) >= MESSAGES_MAX:
        raise Failed(CMS_FULL, sms=True)
    place = next(place for place in range(1, MESSAGES_MAX + 1) if str(place) not in messages)
    messages[str(place)] = StoredMessage(status, tpdu)
    return place


# Reading


def _header(modem: Modem, tpdu: bytes) -> str:
    """Number, name in the phone book (none) and the service centre's time, with +CSDH=1 the rest."""
    number, stamp, length = number_of(tpdu)
    shown = f'"{general.text_in_charset(modem, number)}",'
    shown += f',"{stamp}"' if stamp else ","
    if modem.state.shows_headers:
        shown += f",{number_type(number)},{length}"
    return shown


def _list(modem: Modem, request: Request) -> None:
    state = modem.state
    if request.sign == "=?":
        shown = ",".join(f'"{name}"' for name in _STATUSES) if state.text_mode else "0-4"
        modem.line(f"+CMGL: ({shown})")
        return
    wanted = (
        request.values()[0].upper() if request.sign == "=" else ("REC UNREAD" if state.text_mode else "0")
    )
    names = _STATUSES if state.text_mode else ("0", "1", "2", "3", "4")
    if wanted not in names:
        raise Failed(CMS_NOT_ALLOWED, sms=True)
    status = names.index(wanted)
    for place in sorted(state.messages, key=int):
        message = state.messages[place]
        if status not in (message.status, _ALL):
            continue
        if state.text_mode:
            head = f'{place},"{_STATUSES[message.status]}",{_header(modem, message.tpdu)}'
        else:
            head = f"{place},{message.status},,{len(message.tpdu)}"
        modem.line(f"+CMGL: {head}\r\n{data_of(modem, message.tpdu)}")
        _was_read(message)


def _read(modem: Modem, request: Request) -> None:
    if request.sign == "=?":
        return
    message = modem.state.messages.get(request.values()[0].lstrip("0"))
    if message is None:
        raise Failed(CMS_BAD_INDEX, sms=True)
    if modem.state.text_mode:
        head = f'"{_STATUSES[message.status]}",{_header(modem, message.tpdu)}'
    else:
        head = f"{message.status},,{len(message.tpdu)}"
    modem.line(f"+CMGR: {head}\r\n{data_of(modem, message.tpdu)}")
    _was_read(message)


def _was_read(message: StoredMessage) -> None:
    if message.status == REC_UNREAD:
        message.status = REC_READ


def _delete(modem: Modem, request: Request) -> None:
    messages = modem.state.messages
    if request.sign == "=?":
        modem.line(f"+CMGD: ({','.join(sorted(messages, key=int))}),(0-4)")
        return
    place, flag = request.numbers((0, 999), (0, 4))
    gone = {0: (), 1: (1,), 2: (1, 3), 3: (1, 2, 3), 4: (0, 1, 2, 3)}[flag]
    if flag:
        for key in [key for key, message in messages.items() if message.status in gone]:
            del messages[key]
    elif messages.pop(str(place), None) is None:
        raise Failed(CMS_BAD_INDEX, sms=True)


# Writing


def _begin(modem: Modem, request: Request) -> None:
    """AT+CMGS or AT+CMGW: a text or PDU follows, after a prompt."""
    if request.sign == "=?":
        return
    values = request.values()
    if modem.state.text_mode:
        if request.name == "+CMGS" and not pdu.clean_number(_number(modem, values[0])):
            raise Failed(CMS_BAD_TEXT, sms=True)
        argument = _number(modem, values[0])[:40]
    else:
        (length,) = Request("", "=", values[0]).numbers((8, 180))
        argument = str(length)
    modem.state.typing = f"{request.name}={argument}"
    modem.state.typed = b""
    modem.put(b"\r\n> ")
    raise Silent


def _number(modem: Modem, text: str) -> str:
    """A number parameter; in the UCS2 alphabet it comes as hexadecimal digits."""
    if modem.state.charset == "UCS2" and len(text) >= 4 and len(text) % 4 == 0:
        try:
            return alphabet.from_ucs2(bytes.fromhex(text))
        except ValueError:
            return text
    return text


def typed(modem: Modem, octet: int) -> None:
    """A character of the text that _begin() waits for."""
    state = modem.state
    if octet == _BACKSPACE:
        state.typed = state.typed[:-1]
    elif octet not in (_END, _CANCEL):
        if len(state.typed) < TYPED_MAX:
            state.typed += bytes((octet,))
        modem.echo_typed(octet)
        return
    else:
        (name, _, argument), data = state.typing.partition("="), state.typed
        state.typing, state.typed = "", b""
        if octet == _CANCEL:
            modem.result("OK")
            return
        try:
            _finish(modem, name, argument, data)
            modem.result("OK")
        except Failed as failed:
            modem.result(failed.result(state.errors))


def _finish(modem: Modem, name: str, argument: str, data: bytes) -> None:
    try:
        if modem.state.text_mode:
            number = pdu.clean_number(argument)
            text = text_of_typed(modem, data)
            if len(pdu.split(text)) > 1:
                raise Failed(CMS_BAD_TEXT, sms=True)
            tpdu = pdu.submit(number, text)
        else:
            tpdu = _read_typed_pdu(data, int(argument))
        message = pdu.read_submit(tpdu)
    except ValueError as error:
        raise Failed(CMS_BAD_TEXT if modem.state.text_mode else CMS_BAD_PDU, sms=True) from error
    if name == "+CMGW":
        modem.line(f"+CMGW: {_store(modem, STO_UNSENT, tpdu)}")
        return
    modem.line(f"+CMGS: {_send(modem, message)}")


def _read_typed_pdu(data: bytes, length: int) -> bytes:
    """The service centre's address is before it, and not counted. Raises ValueError."""
    octets = bytes.fromhex(data.decode("ascii"))
    start = octets[0] + 1 if octets else 0
    if len(octets) - start != length:
        raise ValueError("it is not as long as was said")
    return octets[start:]


def _send(modem: Modem, message: pdu.Submitted) -> int:
    if not general.has_service(modem):
        raise Failed(CMS_NO_SERVICE, sms=True)
    if not message.number:
        raise Failed(CMS_BAD_PDU, sms=True)
    if not modem.network_takes():
        raise Failed(CMS_CONGESTION, sms=True)
    part = message.part or pdu.Part(0, 1, 1)
    modem.state.reference = (modem.state.reference + 1) & 0xFF
    modem.report(
        MessageSent(message.number, message.text, part.reference & 0xFF, part.number, max(1, part.count))
    )
    return modem.state.reference


def _send_stored(modem: Modem, request: Request) -> None:
    if request.sign == "=?":
        return
    values = request.values()
    message = modem.state.messages.get(values[0].lstrip("0"))
    if message is None or message.status not in (STO_UNSENT, STO_SENT):
        raise Failed(CMS_BAD_INDEX, sms=True)
    submitted = pdu.read_submit(message.tpdu)
    if len(values) > 1 and values[1]:
        submitted = pdu.Submitted(pdu.clean_number(_number(modem, values[1])), submitted.text, submitted.part)
    modem.line(f"+CMSS: {_send(modem, submitted)}")
    message.status = STO_SENT


# Settings


def _set_text_mode(modem: Modem, request: Request) -> None:
    (value,) = request.numbers((0, 1))
    modem.state.text_mode = bool(value)


def _set_headers_shown(modem: Modem, request: Request) -> None:
    (value,) = request.numbers((0, 1))
    modem.state.shows_headers = bool(value)


def _set_new_message(modem: Modem, request: Request) -> None:
    modem.state.new_message = request.numbers(
        (0, 2), (0, 2), (0, 2), (0, 2), (0, 1), given=modem.state.new_message
    )


def _set_parameters(modem: Modem, request: Request) -> None:
    modem.state.parameters = request.numbers(*[(0, 255)] * 4, given=modem.state.parameters)


def _set_centre(modem: Modem, request: Request) -> None:
    modem.state.centre = pdu.clean_number(_number(modem, request.values()[0]))


def _stores(modem: Modem) -> str:
    return ",".join([f"{_STORE},{len(modem.state.messages)},{MESSAGES_MAX}"] * 3)


def _set_stores(modem: Modem, request: Request) -> None:
    if any(value not in ("SM", "") for value in request.values()[:3]):
        raise Failed(CMS_NOT_ALLOWED, sms=True)
    filled = f"{len(modem.state.messages)},{MESSAGES_MAX}"
    modem.line(f"+CPMS: {filled},{filled},{filled}")


def _set_service(modem: Modem, request: Request) -> None:
    request.numbers((0, 0))
    modem.line("+CSMS: 1,1,0")


def _centre(modem: Modem) -> str:
    number = modem.state.centre
    return f'"{general.text_in_charset(modem, number)}",{number_type(number)}'


def _joined(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


COMMANDS: Final[Mapping[str, Handler]] = {
    "+CSMS": setting(lambda modem: "0,1,1,0", "(0)", _set_service),
    "+CPMS": setting(_stores, f"({_STORE}),({_STORE}),({_STORE})", _set_stores),
    "+CMGF": setting(lambda modem: str(int(modem.state.text_mode)), "(0,1)", _set_text_mode),
    "+CSCA": setting(_centre, "", _set_centre),
    "+CSMP": setting(lambda modem: _joined(modem.state.parameters), "", _set_parameters),
    "+CSDH": setting(lambda modem: str(int(modem.state.shows_headers)), "(0,1)", _set_headers_shown),
    "+CNMI": setting(
        lambda modem: _joined(modem.state.new_message), "(0-2),(0-2),(0,2),(0,2),(0,1)", _set_new_message
    ),
    "+CMGL": _list,
    "+CMGR": _read,
    "+CMGD": _delete,
    "+CMGS": _begin,
    "+CMGW": _begin,
    "+CMSS": _send_stored,
}
