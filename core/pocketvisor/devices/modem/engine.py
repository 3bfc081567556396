"""The modem's command line (ITU-T V.250): characters in, answers out. What the commands do is in general.py,
calls.py and messages.py.

A line that does not begin with AT is ignored without a word, so that a tty that echoes our own answers back
does no harm. Left out: data calls, multiplexing (27.010), autobauding.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pocketvisor.devices.modem import calls, general, messages
from pocketvisor.devices.modem.modem import Identity, Modem
from pocketvisor.devices.modem.replies import NOT_SUPPORTED, Failed, Handler, Request, Silent
from pocketvisor.devices.modem.state import (
    LINE_MAX,
    Charge,
    FarAnswers,
    FarHangsUp,
    IncomingCall,
    IncomingMessage,
    Network,
    Order,
    Report,
)

COMMANDS: Final[Mapping[str, Handler]] = {**general.COMMANDS, **calls.COMMANDS, **messages.COMMANDS}

_BACKSPACE, _RETURN, _NEWLINE = 8, 13, 10
_COMMANDS_OF_LINE_MAX: Final = 40


class AtModem(Modem):
    """`now`: seconds since 1970 by the guest's clock. `report` takes what the handset should hear."""

    def __init__(
        self,
        now: Callable[[], float],
        report: Callable[[Report], None],
        identity: Identity | None = None,
    ) -> None:
        super().__init__(now, report, tuple(sorted(COMMANDS)), identity)

    # The guest's side

    def feed(self, data: bytes) -> None:
        """What the guest has written."""
        for octet in data:
            if self.state.typing:
                messages.typed(self, octet)
            else:
                self._command_character(octet)

    def take(self, size: int) -> bytes:
        """At most so much of what waits for the guest."""
        data, self.state.output = self.state.output[:size], self.state.output[size:]
        return data

    # The handset's side

    def hear(self, order: Order) -> None:
        match order:
            case Network():
                general.network_changed(self, order)
                messages.fetch_waiting(self)
            case Charge(percent, charging):
                self.state.battery, self.state.charging = percent, charging
            case IncomingMessage():
                messages.arrived(self, order)
            case IncomingCall(number):
                calls.arrived(self, number)
            case FarAnswers():
                calls.far_answers(self)
            case FarHangsUp():
                calls.far_hangs_up(self)

    def due(self) -> float | None:
        """When tick() should be called next, by the clock of now()."""
        return calls.due(self)

    def tick(self) -> None:
        calls.tick(self)

    # Lines

    def _command_character(self, octet: int) -> None:
        state = self.state
        if octet == _NEWLINE and not state.line:
            return
        if octet in (_RETURN, _NEWLINE):
            line, state.line = state.line, ""
            skipped, state.skips_line = state.skips_line, False
            if not skipped and line[:2].upper() == "AT":
                self.echo(b"\r")
                state.last_line = line
                self._execute(line[2:])
            return
        if octet in (_BACKSPACE, 127):
            state.line = state.line[:-1]
        elif octet >= 32 and len(state.line) < LINE_MAX:
            state.line += chr(octet)
        elif octet >= 32:
            state.skips_line = True
        if state.line in ("A/", "a/"):
            state.line = ""
            self._execute(state.last_line[2:])
        elif state.line[:2].upper() == "AT":
            self.echo(state.line.encode("latin-1") if len(state.line) == 2 else bytes((octet,)))

    def _execute(self, commands: str) -> None:
        result = "OK"
        left = commands
        try:
            for _ in range(_COMMANDS_OF_LINE_MAX):
                request, left = _next_command(left)
                if request is None:
                    break
                handler = COMMANDS.get(request.name)
                if handler is None:
                    raise Failed(NOT_SUPPORTED)
                handler(self, request)
        except Silent as silent:
            result = silent.result
        except Failed as failed:
            result = failed.result(self.state.errors)
        if result:
            self.result(result)
        messages.fetch_waiting(self)


def _next_command(text: str) -> tuple[Request | None, str]:
    """(the first of a line's commands, the rest). Raises Failed."""
    text = text.lstrip(" ;")
    if not text:
        return None, ""
    if text[0] in "+^$%*#":
        end = _end_of_extended(text)
        command, rest = text[:end], text[end + 1 :]
        name, sign, arguments = command.partition("=")
        if sign and arguments.strip() == "?":
            return Request(name.strip().upper(), "=?", ""), rest
        if sign:
            return Request(name.strip().upper(), "=", arguments), rest
        if name.endswith("?"):
            return Request(name[:-1].strip().upper(), "?", ""), rest
        return Request(name.strip().upper(), "", ""), rest
    if text[0] in "Dd":
        return Request("D", "", text[1:].strip()), ""
    length = 2 if text[0] == "&" else 1
    name, at = text[:length].upper(), length
    if name == "S":
        while at < len(text) and text[at].isdigit():
            at += 1
        name = text[:at].upper()
        number = name[1:]
        if text[at : at + 1] == "?":
            return Request("S", "?", number), text[at + 1 :]
        at += 1 if text[at : at + 1] == "=" else 0
        start = at
        while at < len(text) and text[at].isdigit():
            at += 1
        return Request("S", "=", f"{number},{text[start:at]}"), text[at:]
    start = at
    while at < len(text) and text[at].isdigit():
        at += 1
    return Request(name, "", text[start:at]), text[at:]


def _end_of_extended(text: str) -> int:
    """Where a command ends: at a semicolon that is in no string."""
    quoted = False
    for at, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            return at
    return len(text)
