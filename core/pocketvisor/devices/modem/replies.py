"""What commands are given and how they end: 3GPP TS 27.007 chapter 9 (+CME ERROR), TS 27.005 3.2.5
(+CMS ERROR), V.250 5.7 (numeric results)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from pocketvisor.devices.modem.modem import Modem

NUMERIC: Final = {
    "OK": "0",
    "CONNECT": "1",
    "RING": "2",
    "NO CARRIER": "3",
    "ERROR": "4",
    "NO DIALTONE": "6",
    "BUSY": "7",
    "NO ANSWER": "8",
}

_CME: Final = {
    3: "operation not allowed",
    4: "operation not supported",
    30: "no network service",
    50: "Incorrect parameters",
    100: "unknown",
}


class Failed(Exception):
    """A command cannot be done: a +CME ERROR, or with `sms` a +CMS ERROR."""

    def __init__(self, code: int, *, sms: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self._sms = sms

    def result(self, errors: int) -> str:
        """`errors` is what AT+CMEE says."""
        if self._sms:
            return f"+CMS ERROR: {self.code}"
        if errors == 1:
            return f"+CME ERROR: {self.code}"
        if errors == 2:
            return f"+CME ERROR: {_CME.get(self.code, 'unknown')}"
        return "ERROR"


class Silent(Exception):
    """The line ends with another result than OK, or with none yet."""

    def __init__(self, result: str = "") -> None:
        super().__init__(result)
        self.result = result


NOT_ALLOWED: Final = 3
NOT_SUPPORTED: Final = 4
NO_SERVICE: Final = 30
BAD_PARAMETERS: Final = 50

CMS_CONGESTION: Final = 42
CMS_NOT_ALLOWED: Final = 302
CMS_BAD_PDU: Final = 304
CMS_BAD_TEXT: Final = 305
CMS_BAD_INDEX: Final = 321
CMS_FULL: Final = 322
CMS_NO_SERVICE: Final = 331


class Request(Struct, frozen=True):
    """A command. sign is "" (do), "?" (read), "=?" (test) or "=" (set)."""

    name: str
    sign: str
    arguments: str

    def values(self) -> list[str]:
        """The parameters, strings without their quotes."""
        values, current, quoted = [], "", False
        for character in self.arguments:
            if character == '"':
                quoted = not quoted
            elif character == "," and not quoted:
                values.append(current.strip())
                current = ""
            else:
                current += character
        return [*values, current.strip()]

    def numbers(self, *bounds: tuple[int, int], given: list[int] | None = None) -> list[int]:
        """The parameters as numbers within their bounds; one left out is as `given`. Raises Failed."""
        values = self.values()
        given = given or [low for low, _ in bounds]
        if len(values) > len(bounds):
            raise Failed(BAD_PARAMETERS)
        numbers = list(given)
        for index, value in enumerate(values):
            if not value:
                continue
            low, high = bounds[index]
            if not value.isascii() or not value.isdigit() or len(value) > 9 or not low <= int(value) <= high:
                raise Failed(BAD_PARAMETERS)
            numbers[index] = int(value)
        return numbers


Handler = Callable[["Modem", Request], None]


def setting(
    read: Callable[["Modem"], str],
    test: str,
    write: Callable[["Modem", Request], None] | None = None,
) -> Handler:
    """A command with the usual forms: read?, test=?, set=. Without `write` it cannot be set."""

    def handle(modem: "Modem", request: Request) -> None:
        match request.sign:
            case "=?":
                if test:
                    modem.line(f"{request.name}: {test}")
            case "=" if write is not None:
                write(modem, request)
            case "=":
                raise Failed(NOT_ALLOWED)
            case "?":
                modem.line(f"{request.name}: {read(modem)}")
            case _:
                raise Failed(BAD_PARAMETERS)

    return handle


def telling(text: Callable[["Modem"], str]) -> Handler:
    """A command that tells one thing, asked by its name or with a question mark."""

    def handle(modem: "Modem", request: Request) -> None:
        if request.sign == "=":
            raise Failed(NOT_ALLOWED)
        if request.sign != "=?":
            modem.line(text(modem))

    return handle
