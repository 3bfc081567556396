"""How the modem shows and takes the text of messages: in text mode by the character set that the guest chose
(3GPP TS 27.005, 3.1, <data>), in PDU mode as hexadecimal digits."""

from typing import Final

from pocketvisor.devices.modem import alphabet, pdu
from pocketvisor.devices.modem.modem import Modem

_NO_CENTRE: Final = "00"
_SUBMIT: Final = 1


def data_of(modem: Modem, tpdu: bytes) -> str:
    """What stands in the line below a message's header."""
    if not modem.state.text_mode:
        return _NO_CENTRE + tpdu.hex().upper()
    text, in_alphabet = _text(tpdu)
    charset = modem.state.charset
    if charset == "UTF-8":
        return text
    if charset == "UCS2" or not in_alphabet:
        return alphabet.to_ucs2(text).hex().upper()
    if charset == "HEX":
        return bytes(alphabet.to_septets(text)).hex().upper()
    if charset == "GSM":
        return bytes(alphabet.to_septets(text)).decode("latin-1")
    return text.encode("latin-1" if charset == "8859-1" else "ascii", "replace").decode("latin-1")


def text_of_typed(modem: Modem, data: bytes) -> str:
    """A text that the guest typed. Raises ValueError where it is not in its character set."""
    charset = modem.state.charset
    if charset == "UCS2":
        return alphabet.from_ucs2(bytes.fromhex(data.decode("ascii")))
    if charset == "HEX":
        return alphabet.from_septets(bytes.fromhex(data.decode("ascii")))
    if charset == "UTF-8":
        text = data.decode()
    elif charset == "GSM":
        return alphabet.from_septets(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    else:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def number_of(tpdu: bytes) -> tuple[str, str, int]:
    """(number, service centre's time or nothing, length of the text in characters)."""
    if tpdu[0] & 3 == _SUBMIT:
        message = pdu.read_submit(tpdu)
        return message.number, "", len(message.text)
    number, text, _ = pdu.read_deliver(tpdu)
    return number, pdu.shown_time(tpdu), len(text)


def _text(tpdu: bytes) -> tuple[str, bool]:
    """(text, whether it is in the 7-bit alphabet)."""
    text = pdu.read_submit(tpdu).text if tpdu[0] & 3 == _SUBMIT else pdu.read_deliver(tpdu)[1]
    return text, alphabet.is_basic(text)
